package registry

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func TestResolve(t *testing.T) {
	body := manifestOf(describe("", []byte("layer")))
	other := manifestOf(describe("", []byte("other")))
	digest := artifact.SumSHA256(body)
	answer := func(mediaType, dcd string, body []byte) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Set("Content-Type", mediaType)
			if dcd != "" {
				w.Header().Set("Docker-Content-Digest", dcd)
			}
			w.Write(body)
			return true
		}
	}
	sha512 := func() string { return sum(artifact.SHA512, body).String() }()
	for _, tc := range []struct {
		name, ref string
		fault     func(http.ResponseWriter, *http.Request, int) bool
		want      error
		mediaType string // default: OCI manifest
		tag       artifact.Digest
	}{
		{name: "by tag", ref: ":v1"},
		{name: "by digest", ref: "@" + digest.String()},
		{name: "by tag and digest", ref: ":v1@" + digest.String()},
		{name: "by SHA-512", ref: "@" + sha512, fault: answer(typeOCIManifest, "", body)},
		{name: "by SHA-512, other bytes", ref: "@" + sha512, fault: answer(typeOCIManifest, "", other), want: artifact.ErrSizeMismatch},
		{name: "tag elsewhere", ref: ":v2@" + digest.String(), tag: artifact.SumSHA256(other)},
		{name: "tag missing", ref: ":v9@" + digest.String()},
		{name: "no such tag", ref: ":v9", want: ErrNotFound},
		{name: "no such digest", ref: "@" + digestOf([]byte("x")), want: ErrNotFound},
		{name: "another manifest", ref: "@" + digest.String(), fault: answer(typeOCIManifest, digest.String(), other), want: artifact.ErrDigestMismatch},
		{name: "no digest header", ref: ":v1", fault: answer(typeOCIManifest, "", body)},
		{name: "digest header lies", ref: ":v1", fault: answer(typeOCIManifest, digestOf(other), body), want: artifact.ErrDigestMismatch},
		{name: "digest header is SHA-512", ref: ":v1", fault: answer(typeOCIManifest, sha512, body)},
		{name: "digest header is a path", ref: ":v1", fault: answer(typeOCIManifest, "sha256:../../etc/passwd", body)},
		{name: "digest header is MD5", ref: ":v1", fault: answer(typeOCIManifest, "md5:d41d8cd98f00b204e9800998ecf8427e", body)},
		{name: "type with parameter", ref: ":v1", fault: answer("Application/vnd.oci.image.manifest.v1+json; charset=utf-8", "", body)},
		{name: "odd type, but JSON", ref: ":v1", fault: answer("application/json", "", body), mediaType: "application/json"},
		{name: "log-in page", ref: ":v1", fault: answer("text/html", "", []byte("<html>")), want: ErrResponse},
		{name: "log-in page by digest", ref: "@" + digest.String(), fault: answer("text/html", "", []byte("<html>")), want: ErrResponse},
		{name: "oversize, declared", ref: ":v1", fault: answer(typeOCIManifest, "", make([]byte, maxManifest+1)), want: ErrLimit},
		{name: "endless", ref: ":v1", want: ErrLimit, fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return true
				}
			}
		}},
		{name: "no content", ref: ":v1", want: ErrResponse, fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.WriteHeader(http.StatusNoContent)
			return true
		}},
		{name: "cut once", ref: ":v1", fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, body)
				cut(w)
			}
			return false
		}},
		{name: "cut always", ref: ":v1", want: ErrIncomplete, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			half(w, body)
			cut(w)
			return true
		}},
		{name: "gzip that nobody asked for", ref: "@" + digest.String(), want: artifact.ErrDigestMismatch, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", typeOCIManifest)
			z := gzip.NewWriter(w)
			z.Write(body)
			z.Close()
			return true
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			f.putManifest("v1", typeOCIManifest, body)
			f.putManifest("v2", typeOCIManifest, other)
			f.fault = tc.fault
			r, err := openStore(t, testConfig(nil), f.host()+"/"+repo+tc.ref).Resolve(t.Context())
			if errors.Is(tc.want, artifact.ErrDigestMismatch) || errors.Is(tc.want, artifact.ErrSizeMismatch) {
				var m *artifact.MismatchError
				if !errors.As(err, &m) {
					t.Fatalf("error %v, want a mismatch", err)
				}
				return
			}
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err != nil {
				if strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "<html") {
					t.Errorf("error %q repeats the page", err)
				}
				return
			}
			if tc.mediaType == "" {
				tc.mediaType = typeOCIManifest
			}
			d := r.Descriptor
			if !bytes.Equal(r.Body, body) || d.Size != int64(len(body)) || d.MediaType != tc.mediaType || sum(d.Digest.Algorithm(), r.Body) != d.Digest {
				t.Errorf("%+v with %d bytes", d, len(r.Body))
			}
			if r.TagDigest != tc.tag {
				t.Errorf("tag digest %v, want %v", r.TagDigest, tc.tag)
			}
			for _, a := range f.header("/manifests/", "Accept") {
				for _, want := range []string{typeOCIManifest, typeOCIIndex, typeDockerManifest, typeDockerList} {
					if !strings.Contains(a, want) {
						t.Errorf("Accept %q lacks %s", a, want)
					}
				}
			}
			for _, r := range f.log {
				if r.Method != http.MethodGet {
					t.Errorf("%s is not trusted and must not be asked", r.Method)
				}
			}
		})
	}
}

// A tag that moves with every request must not mix two artifacts: it is asked
// for once.
func TestResolveMovingTag(t *testing.T) {
	f := newFake(t)
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if strings.HasSuffix(r.URL.Path, "/v1") {
			w.Header().Set("Content-Type", typeOCIManifest)
			w.Write(manifestOf(describe("", []byte{byte(n)})))
			return true
		}
		return false
	}
	r, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Resolve(t.Context())
	if err != nil || sum(artifact.SHA256, r.Body) != r.Descriptor.Digest {
		t.Fatalf("%v, error %v", r.Descriptor, err)
	}
	if n := f.requests("/manifests/v1"); n != 1 {
		t.Errorf("the tag was asked for %d times", n)
	}
}

func TestManifest(t *testing.T) {
	f := newFake(t)
	body := manifestOf(describe("", []byte("layer")))
	d := f.putManifest("", typeOCIManifest, body)
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	if got, err := s.Manifest(t.Context(), d); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, error %v", len(got), err)
	}
	for name, tc := range map[string]struct {
		change func(*artifact.Descriptor)
		want   error
	}{
		"size too small": {func(d *artifact.Descriptor) { d.Size-- }, artifact.ErrSizeMismatch},
		"size too large": {func(d *artifact.Descriptor) { d.Size++ }, artifact.ErrSizeMismatch},
		"over the limit": {func(d *artifact.Descriptor) { d.Size = maxManifest + 1 }, ErrLimit},
		"missing":        {func(d *artifact.Descriptor) { d.Digest = artifact.SumSHA256(nil) }, ErrNotFound},
	} {
		bad := d
		tc.change(&bad)
		if _, err := s.Manifest(t.Context(), bad); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
}
