package registry

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
)

// TestBlobFrom: what is asked for from the middle is the rest, whether the
// registry knows ranges or not, and also where it breaks off.
func TestBlobFrom(t *testing.T) {
	data := randomBytes(100_000)
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request, n int) bool{
		"ranges": nil,
		"none": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			r.Header.Del("Range")
			return false
		},
		"broken once": func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n > 1 {
				return false
			}
			w.Header().Set("Content-Range", "bytes 40000-99999/100000")
			w.Header().Set("Content-Length", "60000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[40_000:41_000])
			cut(w)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				return fault != nil && bytes.Contains([]byte(r.URL.Path), []byte("/blobs/")) && fault(w, r, n)
			}
			s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
			r, err := s.BlobFrom(t.Context(), d, 40_000)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data[40_000:]) {
				t.Errorf("%d bytes: %v", len(got), err)
			}
			for _, offset := range []int64{-1, d.Size + 1} {
				if _, err := s.BlobFrom(t.Context(), d, offset); !errors.Is(err, ErrResponse) {
					t.Errorf("from %d: %v", offset, err)
				}
			}
		})
	}
}
