package registry

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// partOf answers like a registry that knows ranges, with whatever it says of
// them and whatever it sends.
func partOf(w http.ResponseWriter, contentRange string, body []byte) bool {
	w.Header().Set("Content-Range", contentRange)
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(body)
	return true
}

// TestUnverifiedRange: the part that was asked for comes, or an error that says
// why not; a registry that sends another part is not believed.
func TestUnverifiedRange(t *testing.T) {
	data := randomBytes(100_000)
	for name, tc := range map[string]struct {
		fault func(w http.ResponseWriter, r *http.Request, n int) bool
		want  error
	}{
		"honest": {func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Header.Get("Range") != "bytes=5000-5999" {
				return false
			}
			return partOf(w, "bytes 5000-5999/100000", data[5000:6000])
		}, nil},
		"broken once": {func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Length", "1000")
			if n == 1 {
				w.Header().Set("Content-Range", "bytes 5000-5999/100000")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(data[5000:5500])
				cut(w)
				return true
			}
			return partOf(w, "bytes 5000-5999/100000", data[5000:6000])
		}, nil},
		"whole": {func(w http.ResponseWriter, r *http.Request, _ int) bool {
			r.Header.Del("Range")
			return false
		}, ErrNoRange},
		"other place": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			return partOf(w, "bytes 5001-6000/100000", data[5001:6001])
		}, ErrResponse},
		"other total": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			return partOf(w, "bytes 5000-5999/100001", data[5000:6000])
		}, ErrResponse},
		"not said": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[5000:6000])
			return true
		}, ErrResponse},
		"more": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			return partOf(w, "bytes 5000-5999/100000", data[5000:6001])
		}, ErrResponse},
		"beyond": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}, ErrResponse},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				return strings.Contains(r.URL.Path, "/blobs/") && tc.fault(w, r, n)
			}
			s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
			got := make([]byte, 1000)
			err := s.UnverifiedRange(t.Context(), d, 5000, got)
			if tc.want == nil && (err != nil || !bytes.Equal(got, data[5000:6000])) {
				t.Errorf("%v", err)
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
			before := f.requests("/blobs/")
			for _, from := range []int64{-1, 99_001, 1 << 62} {
				if err := s.UnverifiedRange(t.Context(), d, from, got); !errors.Is(err, ErrResponse) {
					t.Errorf("from %d: %v", from, err)
				}
			}
			if f.requests("/blobs/") != before {
				t.Error("asked for what cannot be")
			}
		})
	}
}

func TestUnverifiedRangeOfFiles(t *testing.T) {
	dir := t.TempDir()
	data := []byte("0123456789")
	d := artifact.Descriptor{Digest: artifact.SumSHA256(data), Size: 10}
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := errors.Join(os.MkdirAll(blobs, 0o755), os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644),
		os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"schemaVersion":2,"manifests":[]}`), 0o644),
		os.WriteFile(filepath.Join(blobs, d.Digest.Hex()), data, 0o644)); err != nil {
		t.Fatal(err)
	}
	l, err := openLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{src: l}
	defer s.Close()
	tree, err := OpenTree(blobs)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	p := make([]byte, 3)
	for what, read := range map[string]func(size, offset int64) error{
		"layout": func(size, offset int64) error {
			return s.UnverifiedRange(t.Context(), artifact.Descriptor{Digest: d.Digest, Size: size}, offset, p)
		},
		"tree": func(size, offset int64) error { return tree.UnverifiedRange(d.Digest.Hex(), size, offset, p) },
	} {
		if err := read(10, 7); err != nil || string(p) != "789" {
			t.Errorf("%s: %q %v", what, p, err)
		}
		for _, bad := range [][2]int64{{10, 8}, {10, -1}, {11, 0}, {9, 0}} {
			if err := read(bad[0], bad[1]); err == nil {
				t.Errorf("%s: read %s", what, fmt.Sprint(bad))
			}
		}
	}
}
