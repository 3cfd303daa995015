package registry

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/modelcheck/modelcheck/pkg/artifact"
)

var theSubject = describe(typeOCIManifest, []byte("subject"))

// The whole way in somebody else's registry: attached, found, and the same
// again changes nothing.
func TestAttachOtherRegistry(t *testing.T) {
	for name, api := range map[string]bool{"API without OCI-Subject": true, "no API": false} {
		t.Run(name, func(t *testing.T) {
			var writes atomic.Int32
			reg := registry.New(registry.WithReferrersSupport(api), registry.Logger(log.New(io.Discard, "", 0)))
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut || r.Method == http.MethodPost {
					writes.Add(1)
				}
				reg.ServeHTTP(w, r)
			}))
			defer srv.Close()
			open := func() *Store { return openStore(t, testConfig(nil), srv.Listener.Addr().String()+"/"+repo+":v1") }
			one, two := attachmentOf(theSubject, "1"), attachmentOf(theSubject, "2")
			var digests []artifact.Digest
			for _, a := range []Attachment{one, two} {
				got, err := open().Attach(t.Context(), a)
				must(t, err)
				if want := (Attached{Digest: artifact.SumSHA256(a.Manifest), Layout: layoutTag}); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
				digests = append(digests, got.Digest)
			}
			checkListed(t, open(), theSubject.Digest, digests...)
			for _, b := range two.Blobs {
				got, err := open().Bytes(t.Context(), b.Descriptor, 100)
				if err != nil || string(got) != string(b.Content) {
					t.Errorf("blob %q, error %v", got, err)
				}
			}
			before := writes.Load()
			got, err := open().Attach(t.Context(), one)
			must(t, err)
			if want := map[bool]string{true: layoutAPI, false: layoutTag}[api]; !got.Existed || got.Layout != want || writes.Load() != before {
				t.Errorf("again: %+v, %d writes", got, writes.Load()-before)
			}
			checkListed(t, open(), theSubject.Digest, digests...)
		})
	}
}

// A registry that confirms the subject lists it by itself.
func TestAttachAPI(t *testing.T) {
	f := newFake(t)
	f.acks = true
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	a := attachmentOf(theSubject, "1")
	a.Blobs = append(a.Blobs, a.Blobs[0]) // twice the same is once
	f.putBlob(a.Blobs[0].Content)
	got, err := s.Attach(t.Context(), a)
	must(t, err)
	if want := (Attached{Digest: artifact.SumSHA256(a.Manifest), Layout: layoutAPI}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	checkListed(t, s, theSubject.Digest, got.Digest)
	want := []string{"POST /blobs/uploads/", "PUT /blobs/uploads/1", "PUT /manifests/" + got.Digest.String()}
	if w := f.writes(); !slices.Equal(w, want) {
		t.Errorf("writes %q, want %q: only what is missing", w, want)
	}
	if got, err = s.Attach(t.Context(), a); err != nil || !got.Existed || got.Layout != layoutAPI || len(f.writes()) != 3 {
		t.Errorf("again: %+v, error %v, %d writes", got, err, len(f.writes()))
	}
}

func TestAttachRefuses(t *testing.T) {
	f := newFake(t)
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	edit := func(old, new string) func(*Attachment) {
		return func(a *Attachment) {
			if !strings.Contains(string(a.Manifest), old) {
				t.Fatalf("no %q in %s", old, a.Manifest)
			}
			a.Manifest = []byte(strings.Replace(string(a.Manifest), old, new, 1))
		}
	}
	for _, tc := range []struct {
		name string
		edit func(a *Attachment)
		want error
	}{
		{"no subject", func(a *Attachment) { a.Subject = artifact.Descriptor{} }, artifact.ErrBadDigest},
		{"another subject", func(a *Attachment) { a.Subject = describe("", []byte("x")) }, ErrForeignSubject},
		{"no manifest", func(a *Attachment) { a.Manifest = nil }, ErrResponse},
		{"malformed manifest", edit(`{`, `{{`), ErrResponse},
		{"duplicate names", edit(`{`, `{"subject":{},`), ErrResponse},
		{"an index", edit(typeOCIManifest, typeOCIIndex), ErrAttachment},
		{"schema version 1", edit(`"schemaVersion":2`, `"schemaVersion":1`), ErrAttachment},
		{"too large", edit(`{`, `{"x":"`+strings.Repeat("x", maxManifest)+`",`), ErrLimit},
		{"blob missing", func(a *Attachment) { a.Blobs = a.Blobs[:1] }, ErrAttachment},
		{"blob too many", func(a *Attachment) { a.Blobs = append(a.Blobs, Blob{describe("", nil), nil}) }, ErrAttachment},
		{"blob altered", func(a *Attachment) { a.Blobs[1].Content = []byte("bundle 2") }, artifact.ErrDigestMismatch},
		{"blob cut", func(a *Attachment) { a.Blobs[1].Content = []byte("bundle") }, artifact.ErrSizeMismatch},
		{"blob without digest", func(a *Attachment) { a.Blobs[1].Descriptor.Digest = artifact.Digest{} }, artifact.ErrBadDigest},
		{"size in the manifest wrong", edit(`"size":2}`, `"size":3}`), ErrAttachment},
	} {
		a := attachmentOf(theSubject, "1")
		tc.edit(&a)
		_, err := s.Attach(t.Context(), a)
		if !errors.Is(err, ErrAttachment) || !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
		var pending *PendingError
		if errors.As(err, &pending) {
			t.Errorf("%s: %v: nothing was begun", tc.name, err)
		}
	}
	if n := f.requests("/"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Tokens for pushing are asked for by Attach alone, whatever the challenge
// says, and what reads goes on reading with its own.
func TestAttachScope(t *testing.T) {
	g := newGuarded(t)
	g.acks = true
	cfg := testConfig(nil)
	cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+g.host()+`":{"auth":"bWU6Z2VoZWlt"}}}`)
	s := openStore(t, cfg, g.host()+"/"+repo+":v1")
	a := attachmentOf(theSubject, "1")
	checkListed(t, s, theSubject.Digest)
	got, err := s.Attach(t.Context(), a)
	must(t, err)
	checkListed(t, s, theSubject.Digest, got.Digest)
	var scopes []string
	for _, q := range g.asked {
		scopes = append(scopes, q["scope"]...)
	}
	pull, push := "repository:"+repo+":pull", "repository:"+repo+":pull,push"
	if scopes[0] != pull || !slices.Contains(scopes, push) || slices.ContainsFunc(scopes, func(s string) bool { return s != pull && s != push }) {
		t.Errorf("scopes %q", scopes)
	}
	if last := scopes[len(scopes)-1]; last != pull {
		t.Errorf("what came after Attach asked for %q", last)
	}
}

func TestAttachDenied(t *testing.T) {
	for _, at := range []string{"/blobs/", "/manifests/"} {
		for _, status := range []int{401, 403} {
			f := newFake(t)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if r.Method == http.MethodGet || r.Method == http.MethodHead || !strings.Contains(r.URL.Path, at) {
					return false
				}
				w.WriteHeader(status)
				return true
			}
			_, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Attach(t.Context(), attachmentOf(theSubject, "1"))
			var pending *PendingError
			if !errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrReadBack) || !errors.As(err, &pending) {
				t.Fatalf("%s %d: error %v, want ErrUnauthorized", at, status, err)
			}
			want := []string{"blobs", "manifest", "listing"}
			if at == "/manifests/" {
				want = want[1:]
			}
			if !slices.Equal(pending.Pending, want) {
				t.Errorf("%s %d: pending %q, want %q", at, status, pending.Pending, want)
			}
		}
	}
}

// A registry whose HEAD remembers a blob that is gone.
func TestAttachBlobGone(t *testing.T) {
	f := newFake(t)
	f.api = false
	a := attachmentOf(theSubject, "1")
	layer := a.Blobs[1].Descriptor
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		f.mu.Lock()
		_, there := f.blobs[layer.Digest.String()]
		f.mu.Unlock()
		switch {
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", strconv.FormatInt(layer.Size, 10))
		case isPut(r, "/manifests/") && !there:
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`)
		default:
			return false
		}
		return true
	}
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	got, err := s.Attach(t.Context(), a)
	must(t, err)
	checkListed(t, s, theSubject.Digest, got.Digest)
	b, err := s.Bytes(t.Context(), layer, 100)
	if err != nil || string(b) != "bundle 1" {
		t.Errorf("blob %q, error %v", b, err)
	}
}
