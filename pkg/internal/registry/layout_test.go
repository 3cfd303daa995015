package registry

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// A folder builds a layout.
type folder struct {
	t    *testing.T
	path string
	list []artifact.Descriptor
}

func newFolder(t *testing.T) *folder {
	f := &folder{t: t, path: t.TempDir()}
	f.write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	f.index()
	return f
}

func (f *folder) write(name string, b []byte) {
	f.t.Helper()
	name = filepath.Join(f.path, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) blob(b []byte) artifact.Descriptor {
	d := describe(typeOCIManifest, b)
	f.write(blobPath(d.Digest), b)
	return d
}

// add writes a manifest and lists it in index.json.
func (f *folder) add(tag string, b []byte) artifact.Descriptor {
	d := f.blob(b)
	f.list = append(f.list, tagged(d, tag))
	f.index()
	return d
}

func (f *folder) index() { f.write("index.json", indexOf(f.list...)) }

func tagged(d artifact.Descriptor, tag string) artifact.Descriptor {
	if tag != "" {
		d.Annotations = map[string]string{refName: tag}
	}
	return d
}

func TestLayoutResolve(t *testing.T) {
	one, two := manifestOf(describe("", []byte("1"))), manifestOf(describe("", []byte("2")))
	subject := artifact.SumSHA256(one)
	for _, tc := range []struct {
		name  string
		setup func(f *folder)
		ref   string
		want  error
		says  string
		tag   artifact.Digest
	}{
		{name: "by tag", setup: func(f *folder) { f.add("v1", one); f.add("v2", two) }, ref: ":v1"},
		{name: "by digest", setup: func(f *folder) { f.add("v1", one); f.add("v2", two) }, ref: "@" + subject.String()},
		{name: "by digest, not in index.json", setup: func(f *folder) { f.blob(one); f.add("v2", two) }, ref: "@" + subject.String()},
		{name: "by tag and digest", setup: func(f *folder) { f.add("v1", one) }, ref: ":v1@" + subject.String()},
		{name: "tag elsewhere", setup: func(f *folder) { f.add("v1", one); f.add("v2", two) }, ref: ":v2@" + subject.String(), tag: artifact.SumSHA256(two)},
		{name: "the only one", setup: func(f *folder) { f.add("v1", one) }},
		{name: "the only one, with two tags", setup: func(f *folder) { f.add("v1", one); f.add("v2", one) }},
		{name: "the only one beside its referrers", setup: func(f *folder) {
			f.add("", one)
			sig := f.add("", referrerOf(subject, "1"))
			f.add("sha256-"+subject.Hex(), indexOf(sig))
			f.add("sha256-"+subject.Hex()+".sig", two)
		}},
		{name: "which of two", setup: func(f *folder) { f.add("v1", one); f.add("v2", two) }, want: ErrAmbiguous, says: `"v1", "v2"`},
		{name: "empty", setup: func(f *folder) {}, want: ErrNotFound},
		{name: "no such tag", setup: func(f *folder) { f.add("v1", one) }, ref: ":v9", want: ErrNotFound, says: `"v1"`},
		{name: "no such digest", setup: func(f *folder) { f.add("v1", one) }, ref: "@" + digestOf(nil), want: ErrNotFound},
		{name: "one tag twice", setup: func(f *folder) { f.add("v1", one); f.add("v1", two) }, ref: ":v1", want: ErrResponse},
		{name: "blob missing", setup: func(f *folder) {
			f.add("v1", one)
			os.Remove(filepath.Join(f.path, filepath.FromSlash(blobPath(subject))))
		}, ref: ":v1", want: ErrNotFound},
		{name: "blob altered", setup: func(f *folder) { f.add("v1", one); f.write(blobPath(subject), two) }, ref: ":v1", want: artifact.ErrDigestMismatch},
		{name: "blob altered, by digest", setup: func(f *folder) { f.add("v1", one); f.write(blobPath(subject), two) }, ref: "@" + subject.String(), want: artifact.ErrDigestMismatch},
		{name: "blob altered, not in index.json", setup: func(f *folder) { f.write(blobPath(subject), two) }, ref: "@" + subject.String(), want: artifact.ErrDigestMismatch},
		{name: "size wrong", setup: func(f *folder) {
			d := f.blob(one)
			d.Size++
			f.list = append(f.list, tagged(d, "v1"))
			f.index()
		}, ref: ":v1", want: artifact.ErrSizeMismatch},
		{name: "blob is a link", setup: func(f *folder) {
			f.add("v1", one)
			f.write("elsewhere", one)
			name := filepath.Join(f.path, filepath.FromSlash(blobPath(subject)))
			os.Remove(name)
			if err := os.Symlink("../../elsewhere", name); err != nil {
				f.t.Fatal(err)
			}
		}, ref: ":v1", want: ErrResponse, says: "symlink"},
		{name: "blob is a pipe", setup: func(f *folder) {
			f.add("v1", one)
			name := filepath.Join(f.path, filepath.FromSlash(blobPath(subject)))
			os.Remove(name)
			if err := syscall.Mkfifo(name, 0o644); err != nil {
				f.t.Skip(err)
			}
		}, ref: ":v1", want: ErrResponse, says: "fifo"},
		{name: "digest that is a path", setup: func(f *folder) {
			f.write("index.json", []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../oci-layout","size":1}]}`))
		}, want: artifact.ErrBadDigest},
		{name: "index.json with duplicate names", setup: func(f *folder) {
			f.write("index.json", []byte(`{"schemaVersion":2,"manifests":[],"manifests":[]}`))
		}, want: ErrResponse},
		{name: "index.json too large", setup: func(f *folder) {
			f.write("index.json", bytes.Repeat([]byte(" "), maxManifest+1))
		}, want: ErrLimit},
		{name: "no index.json", setup: func(f *folder) { os.Remove(filepath.Join(f.path, "index.json")) }, want: ErrNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFolder(t)
			tc.setup(f)
			r, err := openStore(t, testConfig(nil), "oci-layout:"+f.path+tc.ref).Resolve(t.Context())
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v does not say %s", err, tc.says)
				}
				return
			}
			if !bytes.Equal(r.Body, one) || r.Descriptor.Digest != subject || r.Descriptor.MediaType != typeOCIManifest || r.TagDigest != tc.tag {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestLayoutOpen(t *testing.T) {
	open := func(path string) error {
		c, err := New(testConfig(nil))
		if err != nil {
			t.Fatal(err)
		}
		ref, err := artifact.ParseReference("oci-layout:" + path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Open(ref)
		if err == nil {
			s.Close()
		}
		return err
	}
	for name, tc := range map[string]struct {
		file []byte
		want error
	}{
		"good":        {[]byte(`{"imageLayoutVersion":"1.0.0"}`), nil},
		"new version": {[]byte(`{"imageLayoutVersion":"2.0.0"}`), ErrResponse},
		"no version":  {[]byte(`{}`), ErrResponse},
		"malformed":   {[]byte(`{"imageLayoutVersion":"1.0.0"}x`), ErrResponse},
		"no file":     {nil, ErrResponse},
	} {
		f := newFolder(t)
		if f.write("oci-layout", tc.file); tc.file == nil {
			os.Remove(filepath.Join(f.path, "oci-layout"))
		}
		if err := open(f.path); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
	if err := open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNotFound) {
		t.Errorf("no folder: error %v, want ErrNotFound", err)
	}
}

func TestLayoutReferrers(t *testing.T) {
	one := manifestOf(describe("", []byte("1")))
	subject := artifact.SumSHA256(one)
	f := newFolder(t)
	f.add("v1", one)
	f.add("v2", manifestOf(describe("", []byte("2")))) // about nothing
	open := func() *Store { return openStore(t, testConfig(nil), "oci-layout:"+f.path+":v1") }
	if found, err := open().Referrers(t.Context(), subject); err != nil || len(found) != 0 {
		t.Fatalf("none: %v, error %v", found, err)
	}
	listed := f.add("", referrerOf(subject, "listed"))
	f.add("", referrerOf(artifact.SumSHA256(nil), "of another"))
	lone := f.add("", referrerOf(subject, "in index.json only"))
	under := f.blob(referrerOf(subject, "under the tag"))
	foreign := f.blob(referrerOf(artifact.SumSHA256(nil), "foreign"))
	f.add("sha256-"+subject.Hex(), indexOf(listed, under, foreign))
	check := func(want map[artifact.Digest]error) {
		t.Helper()
		found, err := open().Referrers(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != len(want) {
			t.Errorf("%d referrers, want %d", len(found), len(want))
		}
		for _, r := range found {
			w, ok := want[r.Descriptor.Digest]
			if !ok || !errors.Is(r.Err, w) || (w == nil) != (r.Err == nil) {
				t.Errorf("%s %v: error %v, want %v", r.Layout, r.Descriptor.Digest, r.Err, w)
			}
		}
	}
	check(map[artifact.Digest]error{listed.Digest: nil, lone.Digest: nil, under.Digest: nil, foreign.Digest: ErrForeignSubject})
	// An altered or missing signature is not "no signature".
	f.write(blobPath(under.Digest), referrerOf(subject, "under the tog"))
	os.Remove(filepath.Join(f.path, filepath.FromSlash(blobPath(listed.Digest))))
	f.write(blobPath(lone.Digest), []byte("{}"))
	check(map[artifact.Digest]error{listed.Digest: ErrNotFound, lone.Digest: artifact.ErrSizeMismatch, under.Digest: artifact.ErrDigestMismatch, foreign.Digest: ErrForeignSubject})
}

func TestLayoutBlob(t *testing.T) {
	f := newFolder(t)
	data := randomBytes(1000)
	d := f.blob(data)
	s := openStore(t, testConfig(nil), "oci-layout:"+f.path+":v1")
	if got, err := s.Bytes(t.Context(), d, 1000); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	d.Size = 10
	r, err := s.Blob(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || len(got) != 11 {
		t.Errorf("%d bytes, error %v: want one more than promised", len(got), err)
	}
	r.Close()
	if _, err := s.Bytes(t.Context(), d, 1000); !errors.Is(err, artifact.ErrSizeMismatch) {
		t.Errorf("error %v, want ErrSizeMismatch", err)
	}
	if _, err := s.Blob(t.Context(), describe("", []byte("missing"))); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

// Every layout that a real tool wrote is read, and all of its blobs match.
func TestLayoutFixtures(t *testing.T) {
	dir := fixtures.Dir(t, "oci", "layouts")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		n++
		path := filepath.Join(dir, e.Name())
		l, err := openLayout(path)
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		list, err := l.entries()
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		}
		for _, x := range list {
			if _, _, err := l.manifest(x); err != nil {
				t.Errorf("%s: %v", e.Name(), err)
			}
		}
		l.close()
	}
	if n == 0 {
		t.Error("no layouts")
	}
}
