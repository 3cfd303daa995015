package check_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An earlyServer is a registry that notes which blobs it is asked for.
type earlyServer struct {
	*pullServer
	before func(w http.ResponseWriter, r *http.Request) bool // true: it has answered

	mu    sync.Mutex
	asked []string
	first chan struct{} // closed when a blob is asked for
}

func serveEarly(t *testing.T, l *layoutWriter) *earlyServer {
	t.Helper()
	s := &earlyServer{pullServer: servePulls(t, l), first: make(chan struct{})}
	inner := s.pullServer
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := strings.CutPrefix(r.URL.Path, "/v2/m/blobs/"); ok {
			s.mu.Lock()
			if s.asked = append(s.asked, name); len(s.asked) == 1 {
				close(s.first)
			}
			s.mu.Unlock()
		}
		if s.before == nil || !s.before(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	inner.Server = front
	return s
}

func (s *earlyServer) blobsAsked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *earlyServer) times(data []byte) int {
	name := artifact.SumSHA256(data).String()
	n := 0
	for _, a := range s.blobsAsked() {
		if a == name {
			n++
		}
	}
	return n
}

// filler is a text file of n bytes.
func filler(path string, n int) namedFile {
	return namedFile{path, []byte(strings.Repeat("a line of text.\n", n/16+1)[:n])}
}

// fillers are n text files of other contents each.
func fillers(n int) []namedFile {
	out := make([]namedFile, n)
	for i := range out {
		out[i] = filler(fmt.Sprintf("part-%02d.txt", i), 100+i)
	}
	return out
}

// The blobs of a small artifact are asked for while its signatures are: the
// list of these is not given before.
func TestEarlyBlobs(t *testing.T) {
	config := len("{}")
	for what, c := range map[string]struct {
		files   []namedFile
		workers int
		early   bool
	}{
		"two files":                {[]namedFile{good, weights(t)}, 0, true},
		"at the limit of bytes":    {[]namedFile{filler("a.txt", 256<<10-config)}, 0, true},
		"over it":                  {[]namedFile{filler("a.txt", 256<<10-config+1)}, 0, false},
		"over it together":         {[]namedFile{filler("a.txt", 200<<10), filler("b.txt", 100<<10)}, 0, false},
		"at the limit of number":   {fillers(15), 0, true},
		"over the limit of number": {fillers(16), 0, false},
		"one at a time":            {[]namedFile{good, weights(t)}, 1, false},
	} {
		t.Run(what, func(t *testing.T) {
			l := newLayoutWriter()
			subject := l.files(t, "v1", c.files...)
			s := serveEarly(t, l)
			wait := 10 * time.Second
			if !c.early {
				wait = 200 * time.Millisecond
			}
			var early bool
			s.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/v2/m/referrers/") {
					select {
					case <-s.first:
						early = true
					case <-time.After(wait):
					}
				}
				return false
			}
			checker, err := check.New(check.Config{Policy: unsigned(t), Version: "test", Workers: c.workers})
			if err != nil {
				t.Fatal(err)
			}
			r, err := checker.Examine(t.Context(), s.reference(t, subject))
			if err != nil || !r.Verdict.Allowed() {
				t.Fatalf("%v: %v", r.Verdict, err)
			}
			if early != c.early {
				t.Errorf("asked for early: %v", early)
			}
			if asked := s.blobsAsked(); len(asked) != len(c.files)+1 || r.Bytes.Blobs != len(asked) {
				t.Errorf("%d blobs were hashed; asked for %v", r.Bytes.Blobs, asked)
			}
		})
	}
}

// What came early is no more than bytes: where the signatures deny, nothing was
// hashed, and where the bytes are others, they are as wrong as later.
func TestEarlyBlobsDenied(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", good, weights(t))
	name := artifact.SumSHA256(good.data).String()
	for what, c := range map[string]struct {
		policy *policy.Policy
		spoil  func(s *earlyServer)
		code   string
		hashed bool
	}{
		"nobody signed":   {byDemoKey(t), func(*earlyServer) {}, provenance.CodeSignatureMissing, false},
		"other bytes":     {unsigned(t), func(s *earlyServer) { s.blobs[name] = flipped(good.data) }, provenance.CodeDigestMismatch, true},
		"fewer bytes":     {unsigned(t), func(s *earlyServer) { s.blobs[name] = good.data[1:] }, provenance.CodeSizeMismatch, true},
		"more bytes":      {unsigned(t), func(s *earlyServer) { s.blobs[name] = append(slices.Clone(good.data), ' ') }, provenance.CodeSizeMismatch, true},
		"it is not there": {unsigned(t), func(s *earlyServer) { delete(s.blobs, name) }, provenance.CodeNotFound, true},
	} {
		t.Run(what, func(t *testing.T) {
			s := serveEarly(t, l)
			c.spoil(s)
			checker := puller(t, c.policy, nil)
			r, err := checker.Examine(t.Context(), s.reference(t, subject))
			if r.Verdict.Allowed() {
				t.Fatalf("%v: %v", r.Verdict, err)
			}
			if (r.Bytes.Hashed > 0) != c.hashed || r.Manifest != nil && !c.hashed {
				t.Errorf("hashed: %+v", r.Bytes)
			}
			if !has(r, c.code) && (r.Error == nil || r.Error.Code != c.code) {
				t.Errorf("want %s: %v %+v", c.code, r.Verdict, r.Error)
			}
		})
	}
}

// What did not come early is asked for again by whoever reads it.
func TestEarlyBlobsFailed(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", good, weights(t))
	name := "/v2/m/blobs/" + artifact.SumSHA256(good.data).String()
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code) }
	}
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", itoa(len(good.data)))
		_, _ = w.Write(good.data[:len(good.data)/2])
	}
	for what, answers := range map[string][]func(w http.ResponseWriter){
		"not found":         {status(http.StatusNotFound)},
		"refused":           {status(http.StatusForbidden)},
		"cut off":           {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		"cut off, and gone": {half, status(http.StatusNotFound)},
	} {
		t.Run(what, func(t *testing.T) {
			s := serveEarly(t, l)
			next := make(chan func(http.ResponseWriter), len(answers))
			for _, a := range answers {
				next <- a
			}
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/v2/m/referrers/") {
					<-s.first
				}
				if r.URL.Path != name {
					return false
				}
				select {
				case answer := <-next:
					answer(w)
					return true
				default:
					return false
				}
			}
			dir := filepath.Join(t.TempDir(), "out")
			r, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir})
			if err != nil || !r.Verdict.Allowed() {
				t.Fatalf("%v: %v", r.Verdict, err)
			}
			holds(t, dir, good, weights(t))
			if n := s.times(good.data); n != len(answers)+1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// A mirror that gave other bytes early is not asked when they are read again.
func TestEarlyBlobsOfMirror(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", good, weights(t))
	origin, mirror := serveEarly(t, l), serveEarly(t, l)
	mirror.blobs[artifact.SumSHA256(good.data).String()] = flipped(good.data)
	ref := origin.reference(t, subject)
	r, err := mirroring(t, unsigned(t), ref.Host()+"="+mirror.URL).Examine(t.Context(), ref)
	if err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
	if mirror.times(good.data) != 1 || origin.times(good.data) != 1 {
		t.Errorf("asked the mirror for %v, the registry for %v", mirror.blobsAsked(), origin.blobsAsked())
	}
}

// What the cache has is not asked for.
func TestEarlyBlobsInCache(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", good, weights(t))
	cache, err := check.OpenCache(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	for _, want := range []int{3, 0} {
		s := serveEarly(t, l)
		checker, err := check.New(check.Config{Policy: unsigned(t), Version: "test", Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		r, err := checker.Examine(t.Context(), s.reference(t, subject))
		if err != nil || !r.Verdict.Allowed() {
			t.Fatalf("%v: %v", r.Verdict, err)
		}
		if asked := s.blobsAsked(); len(asked) != want {
			t.Errorf("asked for %v, want %d", asked, want)
		}
	}
}

// Nobody waits for a blob that is no longer wanted.
func TestEarlyBlobsGivenUp(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", good, weights(t))
	s := serveEarly(t, l)
	gone := make(chan struct{}, 8)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v2/m/referrers/"):
			<-s.first
		case strings.HasPrefix(r.URL.Path, "/v2/m/blobs/"):
			<-r.Context().Done()
			gone <- struct{}{}
			return true
		}
		return false
	}
	began := time.Now()
	r, err := puller(t, byDemoKey(t), nil).Examine(t.Context(), s.reference(t, subject))
	if err != nil || r.Verdict.Allowed() || !has(r, provenance.CodeSignatureMissing) || r.Stopped != "signatures" {
		t.Fatalf("%v, stopped %q: %v", r.Verdict, r.Stopped, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("waited for %v", took)
	}
	<-gone
}
