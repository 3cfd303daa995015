package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// parts answers requests for "bytes=A-B" as a registry that knows ranges does.
func serveParts(w http.ResponseWriter, r *http.Request, data []byte) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func bounded(r *http.Request) bool {
	v := r.Header.Get("Range")
	return v != "" && !strings.HasSuffix(v, "-")
}

// looked is a clock whose time depends on how often somebody looked at it; by
// default ever more seems to be done in the same time.
func looked(clock func(n int64) time.Duration) func() time.Time {
	if clock == nil {
		const all = time.Duration(1 << 60)
		clock = func(n int64) time.Duration { return all - all>>n }
	}
	var looks atomic.Int64
	start := time.Now()
	return func() time.Time { return start.Add(clock(looks.Add(1))) }
}

// TestWide: whatever way a slow blob is read by, its bytes come in order; a
// registry that cannot do ranges, or lies about them, is read by one connection.
func TestWide(t *testing.T) {
	data := randomBytes(blobSize)
	slow := wideness{after: 10_000, below: 1 << 62, parts: 4, part: 3000}
	for name, tc := range map[string]struct {
		width  wideness
		rate   int64
		clock  func(n int64) time.Duration // of the n-th look
		fault  func(w http.ResponseWriter, r *http.Request, ranges int64) bool
		ranges [2]int64 // at least, at most
	}{
		"by ranges":  {width: slow, ranges: [2]int64{95, 97}},
		"fast alone": {width: wideness{after: 10_000, below: 1, parts: 4, part: 3000}, clock: func(int64) time.Duration { return 0 }},
		"small":      {width: wideness{after: blobSize/2 + 1, below: 1 << 62, parts: 4, part: 3000}},
		"one part":   {width: wideness{after: 10_000, below: 1 << 62, parts: 1, part: 3000}},
		"throttled":  {width: slow, rate: 1 << 40},
		"no faster together": {width: slow, clock: func(n int64) time.Duration { return time.Duration(n*n) * time.Millisecond },
			ranges: [2]int64{4, 12}},
		"whole blobs only": {width: slow, ranges: [2]int64{1, 4}, fault: func(w http.ResponseWriter, _ *http.Request, _ int64) bool {
			w.Write(data)
			return true
		}},
		"another place": {width: slow, ranges: [2]int64{20, 28}, fault: func(w http.ResponseWriter, _ *http.Request, n int64) bool {
			return n > 20 && partOf(w, fmt.Sprintf("bytes 0-2999/%d", blobSize), data[:3000])
		}},
		"gone": {width: slow, ranges: [2]int64{20, 28}, fault: func(w http.ResponseWriter, r *http.Request, n int64) bool {
			if n > 20 {
				http.NotFound(w, r)
			}
			return n > 20
		}},
		"cut once": {width: slow, ranges: [2]int64{96, 98}, fault: func(w http.ResponseWriter, r *http.Request, n int64) bool {
			if n == 30 {
				serveParts(limited{w, 1000}, r, data)
				cut(w)
			}
			return false
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			d := f.putBlob(data)
			var ranges atomic.Int64
			f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !strings.Contains(r.URL.Path, "/blobs/") || !bounded(r) {
					return false
				}
				n := ranges.Add(1)
				if tc.fault == nil || !tc.fault(w, r, n) {
					serveParts(w, r, data)
				}
				return true
			}
			cfg := testConfig(nil)
			cfg.width, cfg.Bandwidth, cfg.MinRate = tc.width, tc.rate, -1
			cfg.Now = looked(tc.clock)
			got, err := readBlob(t, openStore(t, cfg, f.host()+"/"+repo+":v1"), d)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, right ones: %t, error %v", len(got), bytes.Equal(got, data), err)
			}
			if n := ranges.Load(); n < tc.ranges[0] || n > tc.ranges[1] {
				t.Errorf("%d ranges, want %d to %d", n, tc.ranges[0], tc.ranges[1])
			}
		})
	}
}

// TestWideEnds: a blob that shrinks under way, and a reading that is given up,
// end with errors, and nobody writes afterwards.
func TestWideEnds(t *testing.T) {
	data := randomBytes(blobSize)
	f := newFake(t)
	d := f.putBlob(data)
	var short atomic.Bool
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		if short.Load() {
			serveParts(w, r, data[:200_000])
		} else {
			serveParts(w, r, data)
		}
		return true
	}
	cfg := testConfig(nil)
	cfg.width = wideness{after: 10_000, below: 1 << 62, parts: 4, part: 3000}
	cfg.Now, cfg.MinRate = looked(nil), -1
	s := openStore(t, cfg, f.host()+"/"+repo+":v1")
	read := func(ctx context.Context, first int64, then func()) (int64, error) {
		r, err := s.Blob(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, first); err != nil {
			t.Fatal(err)
		}
		then()
		n, err := io.Copy(io.Discard, r)
		return first + n, err
	}
	if n, err := read(t.Context(), 50_000, func() { short.Store(true) }); n == d.Size && err == nil {
		t.Errorf("a blob that became shorter: %d bytes and no error", n)
	}
	short.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	if n, err := read(ctx, 50_000, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %d bytes, error %v", n, err)
	}
}

// TestAheadFails: what failed once fails again, and nobody waits for it.
func TestAheadFails(t *testing.T) {
	f := newFake(t) // has no such blob
	s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
	d := describe("application/octet-stream", randomBytes(blobSize))
	a := s.src.(*remote).readAhead(t.Context(), d, 0, 2)
	defer a.close()
	for range 2 {
		if n, err := a.read(make([]byte, 1)); n != 0 || !errors.Is(err, ErrNotFound) {
			t.Fatalf("%d bytes, error %v, want ErrNotFound", n, err)
		}
	}
}
