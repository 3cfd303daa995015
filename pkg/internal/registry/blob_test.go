package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const blobSize = 300_000

// half writes the head of an answer and half of the body.
func half(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b[:len(b)/2])
}

func TestBlobFaults(t *testing.T) {
	data := randomBytes(blobSize)
	for _, tc := range []struct {
		name  string
		fault func(w http.ResponseWriter, r *http.Request, n int) bool
		size  int64 // as the descriptor says; 0: right
		want  error
		short bool // ends early without error: whoever hashes sees it
		long  bool // one byte more than promised
		tries int  // requests at most
	}{
		{name: "clean", tries: 1},
		{name: "cut once, resumed", tries: 2, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			return false
		}},
		{name: "short content length, resumed", tries: 2, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				w.Write(data[:1000])
				return true
			}
			return false
		}},
		{name: "cut nine times with progress", tries: 10, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n <= 9 {
				serveBlob(limited{w, 1000}, r, data)
				cut(w)
			}
			return false
		}},
		{name: "cut at the same place for ever", tries: 6, want: ErrIncomplete, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", blobSize/2, blobSize-1, blobSize))
			w.Header().Set("Content-Length", strconv.Itoa(blobSize/2))
			w.WriteHeader(http.StatusPartialContent)
			cut(w)
			return true
		}},
		{name: "range ignored", tries: 2, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			w.Write(data)
			return true
		}},
		{name: "another range than asked for", tries: 2, want: ErrResponse, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", blobSize-1, blobSize))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data)
			return true
		}},
		{name: "partial content without a range", tries: 2, want: ErrResponse, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data)
			return true
		}},
		{name: "partial content that nobody asked for", tries: 1, want: ErrResponse, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", blobSize-1, blobSize))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data[5:])
			return true
		}},
		{name: "ranges refused", tries: 3, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		}},
		{name: "descriptor too large", tries: 3, size: blobSize + 7, short: true},
		{name: "descriptor too small", tries: 1, size: blobSize - 7, long: true},
		{name: "not found", tries: 1, want: ErrNotFound, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.WriteHeader(http.StatusNotFound)
			return true
		}},
		{name: "no content", tries: 1, want: ErrResponse, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.WriteHeader(http.StatusNoContent)
			return true
		}},
		{name: "forbidden in the middle", tries: 2, want: ErrUnauthorized, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				half(w, data)
				cut(w)
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}},
		{name: "endless", tries: 1, long: true, fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			for {
				if _, err := w.Write(data); err != nil {
					return true
				}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			if tc.size != 0 {
				d.Size = tc.size
			}
			f.fault = tc.fault
			got, err := readBlob(t, openStore(t, testConfig(nil), f.host()+"/"+repo+":v1"), d)
			if n := f.requests("/blobs/"); n > tc.tries {
				t.Errorf("%d requests, want at most %d", n, tc.tries)
			}
			if tc.want != nil {
				if !errors.Is(err, tc.want) {
					t.Fatalf("error %v, want %v", err, tc.want)
				}
				if !bytes.HasPrefix(data, got) {
					t.Error("what was read before the error is no prefix of the blob")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tc.short:
				if !bytes.Equal(got, data) {
					t.Errorf("%d bytes, want %d", len(got), len(data))
				}
			case tc.long:
				if int64(len(got)) != d.Size+1 {
					t.Errorf("%d bytes, want one more than %d", len(got), d.Size)
				}
			default:
				if !bytes.Equal(got, data) {
					t.Errorf("%d bytes that differ from the %d of the blob", len(got), len(data))
				}
			}
		})
	}
}

// limited lets only so many bytes of a body through.
type limited struct {
	http.ResponseWriter
	n int
}

func (l limited) Write(p []byte) (int, error) {
	return l.ResponseWriter.Write(p[:min(len(p), l.n)])
}

// A message for people: where it stopped, and that it was not silence.
func TestBlobIncompleteMessage(t *testing.T) {
	f := newFake(t)
	data := randomBytes(blobSize)
	d := f.putBlob(data)
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			half(w, data)
		}
		cut(w)
		return true
	}
	_, err := readBlob(t, openStore(t, testConfig(nil), f.host()+"/"+repo+":v1"), d)
	if want := "connection closed at 150000 of 300000 bytes"; err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrIncomplete) {
		t.Fatalf("error %v, want one with %q", err, want)
	}
}

func TestBlobStall(t *testing.T) {
	data := randomBytes(blobSize)
	for _, tc := range []struct {
		name   string
		stalls int // how many answers fall silent
		want   error
		tries  int
	}{
		{"once", 1, nil, 2},
		{"for ever", 99, ErrIncomplete, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			done := make(chan struct{})
			t.Cleanup(func() { close(done) })
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n > tc.stalls {
					return false
				}
				if n == 1 {
					half(w, data)
				}
				http.NewResponseController(w).Flush()
				select {
				case <-done:
				case <-r.Context().Done():
				}
				return true
			}
			cfg := testConfig(nil)
			cfg.IdleTimeout = 100 * time.Millisecond
			got, err := readBlob(t, openStore(t, cfg, f.host()+"/"+repo+":v1"), d)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if tc.want == nil && !bytes.Equal(got, data) {
				t.Error("other bytes")
			}
			if tc.want != nil && !strings.Contains(err.Error(), "no data for 100ms") {
				t.Errorf("error %v does not say what happened", err)
			}
			if n := f.requests("/blobs/"); n != tc.tries {
				t.Errorf("%d requests, want %d", n, tc.tries)
			}
		})
	}
}

func TestPacedBody(t *testing.T) {
	for _, tc := range []struct {
		name string
		step time.Duration // per byte
		rate int64
		want error
	}{
		{"fast enough", time.Millisecond / 2, 1024, nil},
		{"too slow", time.Second, 1024, errSlow},
		{"too slow, but allowed", time.Second, -1, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			calls := 0
			b := &pacedBody{ReadCloser: io.NopCloser(bytes.NewReader(make([]byte, 200_000))), minRate: tc.rate, now: func() time.Time {
				if calls++; calls%2 == 0 {
					now = now.Add(tc.step)
				}
				return now
			}}
			_, err := io.Copy(io.Discard, oneByte{b})
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
		})
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

// Asking again a server that sends too slowly would only take longer.
func TestPatience(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int // how often it is asked again
	}{
		{&brokenError{err: io.ErrUnexpectedEOF, body: true}, 5},
		{&brokenError{err: io.ErrUnexpectedEOF}, 2},
		{&brokenError{err: os.ErrDeadlineExceeded, body: true}, 1},
		{&brokenError{err: errSlow, body: true}, 0},
		{ErrNotFound, 0},
	} {
		var p patience
		n := 0
		for p.again(tc.err) {
			n++
		}
		if n != tc.want {
			t.Errorf("%v: asked again %d times, want %d", tc.err, n, tc.want)
		}
	}
}

func TestBlobRefusesBeforeAsking(t *testing.T) {
	f := newFake(t)
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	good := artifact.SumSHA256(nil)
	for _, tc := range []struct {
		name string
		d    artifact.Descriptor
		want error
	}{
		{"no digest", artifact.Descriptor{Size: 1}, artifact.ErrBadDigest},
		{"negative size", artifact.Descriptor{Digest: good, Size: -1}, ErrResponse},
		{"huge", artifact.Descriptor{Digest: good, Size: 1<<63 - 1}, ErrLimit},
	} {
		if _, err := s.Blob(t.Context(), tc.d); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
	}
	if _, err := s.Bytes(t.Context(), artifact.Descriptor{Digest: good, Size: 11}, 10); !errors.Is(err, ErrLimit) {
		t.Errorf("over the caller's limit: error %v, want ErrLimit", err)
	}
	if n := f.requests("/"); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

// A transfer that was damaged once is asked for once more (RP-06).
func TestBytes(t *testing.T) {
	data := randomBytes(1000)
	wrong := append([]byte(nil), data...)
	wrong[500] ^= 1
	for _, tc := range []struct {
		name  string
		flips int
		want  error
	}{
		{"clean", 0, nil},
		{"damaged once", 1, nil},
		{"other bytes", 9, artifact.ErrDigestMismatch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n > tc.flips {
					return false
				}
				w.Write(wrong)
				return true
			}
			got, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Bytes(t.Context(), d, 2000)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if tc.want == nil && !bytes.Equal(got, data) {
				t.Error("other bytes")
			}
			if tc.want != nil && got != nil {
				t.Error("bytes beside an error")
			}
		})
	}
}
