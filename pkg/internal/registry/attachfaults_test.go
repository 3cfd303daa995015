package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// What was stored while the answer was lost is finished, in the same run or in
// the next one, and nothing comes twice (SO-06).
func TestAttachAnswerLost(t *testing.T) {
	lose := map[string]func(w http.ResponseWriter){
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"connection closed": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	}
	for name, lose := range lose {
		for _, at := range []string{"/blobs/uploads/", "/manifests/sha256:", "/manifests/sha256-"} {
			for _, times := range []int32{1, 1000} {
				for _, api := range []bool{true, false} {
					f := newFake(t)
					f.api, f.acks = api, api
					var lost atomic.Int32
					f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
						if !isPut(r, at) || lost.Add(1) > times {
							return false
						}
						f.commit(r)
						lose(w)
						return true
					}
					a := attachmentOf(theSubject, "1")
					open := func() *Store { return openStore(t, testConfig(nil), f.host()+"/"+repo+":v1") }
					got, err := open().Attach(t.Context(), a)
					if want := map[bool]string{true: layoutAPI, false: layoutTag}[api]; err != nil || got.Layout != want {
						t.Fatalf("%s at %s, %d times: %+v, error %v", name, at, times, got, err)
					}
					if again, err := open().Attach(t.Context(), a); err != nil || !again.Existed {
						t.Errorf("%s at %s, again: %+v, error %v", name, at, again, err)
					}
					checkListed(t, open(), theSubject.Digest, got.Digest)
				}
			}
		}
	}
}

// A run that ended anywhere is finished by the next one.
func TestAttachInterrupted(t *testing.T) {
	for _, api := range []bool{true, false} {
		for stop := 1; ; stop++ {
			f := newFake(t)
			f.api, f.acks = api, api
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				f.mu.Lock()
				n++
				now := n == stop
				f.mu.Unlock()
				if now {
					cancel()
					if r.Method != http.MethodGet {
						f.commit(r)
					}
					<-r.Context().Done()
				}
				return now
			}
			a := attachmentOf(theSubject, "1")
			open := func() *Store { return openStore(t, testConfig(nil), f.host()+"/"+repo+":v1") }
			got, err := open().Attach(ctx, a)
			cancel()
			if err == nil {
				if stop < 8 {
					t.Errorf("done after %d requests", stop)
				}
				break // as many requests as it takes
			}
			var pending *PendingError
			if !errors.Is(err, context.Canceled) || !errors.As(err, &pending) || len(pending.Pending) == 0 {
				t.Errorf("stopped at request %d: %+v, error %v", stop, got, err)
			}
			if got, err = open().Attach(t.Context(), a); err != nil {
				t.Errorf("stopped at request %d, then: error %v", stop, err)
			}
			checkListed(t, open(), theSubject.Digest, got.Digest)
		}
	}
}

// A registry that wants to be asked much later is not waited for.
func TestAttachAskedToWait(t *testing.T) {
	for _, at := range []string{"/blobs/", "/manifests/sha256:", "/manifests/sha256-"} {
		for after, want := range map[string]int{"3600": 0, "30": 3, "": 5} {
			f := newFake(t)
			f.api = false
			f.putBlob([]byte("{}")) // one blob, so that the waits are one after another
			f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !isPut(r, at) {
					return false
				}
				w.Header().Set("Retry-After", after)
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			w := new(waits)
			_, err := openStore(t, testConfig(w), f.host()+"/"+repo+":v1").Attach(t.Context(), attachmentOf(theSubject, "1"))
			if !errors.Is(err, ErrRateLimited) || errors.Is(err, ErrReadBack) {
				t.Errorf("%s %q: error %v, want ErrRateLimited", at, after, err)
			}
			if len(w.list) != want {
				t.Errorf("%s %q: waited %v, want %d times", at, after, w.list, want)
			}
		}
	}
}

// A registry that says it took something and did not (SO-07).
func TestAttachReadBack(t *testing.T) {
	taken := func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }
	other := []byte("other")
	for _, tc := range []struct {
		name  string
		fault func(f *fake, w http.ResponseWriter, r *http.Request) bool
		want  error
		left  int // steps
	}{
		{"blob dropped", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/blobs/") {
				return false
			}
			taken(w)
			return true
		}, ErrNotFound, 3},
		{"blob altered", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/blobs/") {
				return false
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.blobs[r.URL.Query().Get("digest")] = other
			taken(w)
			return true
		}, artifact.ErrSizeMismatch, 3},
		{"manifest dropped", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256:") {
				return false
			}
			taken(w)
			return true
		}, ErrNotFound, 2},
		{"manifest altered", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256:") {
				return false
			}
			f.putManifest("", typeOCIManifest, other)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.manifests[strings.TrimPrefix(r.URL.Path, "/v2/"+repo+"/manifests/")] = stored{typeOCIManifest, other}
			taken(w)
			return true
		}, artifact.ErrDigestMismatch, 2},
		{"another digest", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256:") {
				return false
			}
			f.commit(r)
			w.Header().Set("Docker-Content-Digest", digestOf(other))
			taken(w)
			return true
		}, ErrReadBack, 2},
		{"confirmed and not listed", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256:") {
				return false
			}
			f.commit(r)
			f.mu.Lock()
			defer f.mu.Unlock()
			clear(f.listed)
			w.Header().Set("OCI-Subject", theSubject.Digest.String())
			taken(w)
			return true
		}, ErrReadBack, 1},
		{"fallback tag dropped", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256-") {
				return false
			}
			taken(w)
			return true
		}, ErrReadBack, 1},
		{"fallback tag always overwritten", func(f *fake, w http.ResponseWriter, r *http.Request) bool {
			if !isPut(r, "/manifests/sha256-") {
				return false
			}
			f.putManifest(fallbackTag(theSubject.Digest), typeOCIIndex,
				indexOf(f.putManifest("", typeOCIManifest, referrerOf(theSubject.Digest, time.Now().String()))))
			taken(w)
			return true
		}, ErrReadBack, 1},
	} {
		f := newFake(t)
		f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool { return tc.fault(f, w, r) }
		s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
		_, err := s.Attach(t.Context(), attachmentOf(theSubject, "1"))
		var pending *PendingError
		if !errors.Is(err, ErrReadBack) || !errors.Is(err, tc.want) || !errors.As(err, &pending) {
			t.Errorf("%s: error %v, want ErrReadBack and %v", tc.name, err, tc.want)
			continue
		}
		if len(pending.Pending) != tc.left || !strings.Contains(err.Error(), "listing of sha256:") {
			t.Errorf("%s: %v: pending %q, want %d", tc.name, err, pending.Pending, tc.left)
		}
		most := 6 + maxTries
		if strings.Contains(tc.name, "always") {
			most += maxRounds
		}
		if n := len(f.writes()); n > most {
			t.Errorf("%s: %d writes", tc.name, n)
		}
	}
}

// Wherever an answer points, content and credentials go to the registry alone
// (SO-08, CVE-2026-50151).
func TestAttachElsewhere(t *testing.T) {
	var got []*http.Request
	var body bytes.Buffer
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		io.Copy(&body, r.Body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer other.Close()
	ou, err := url.Parse(other.URL)
	must(t, err)
	location := func(l string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Location", l)
			w.WriteHeader(http.StatusAccepted)
			return true
		}
	}
	redirect := func(method, at string, status int) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || !strings.Contains(r.URL.Path, at) {
				return false
			}
			w.Header().Set("Location", other.URL+"/x")
			w.WriteHeader(status)
			return true
		}
	}
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"location at another host":     location(other.URL + "/upload"),
		"location without scheme":      location("//" + ou.Host + "/upload"),
		"location in another scheme":   location("https://" + ou.Host + "/upload"),
		"location at metadata service": location("http://169.254.169.254/latest/meta-data"),
		"location with user":           location("/x@" + ou.Host + "/"), // a path: stays, is unknown there
		"no location":                  location(""),
		"malformed location":           location("http://[/"),
		"post redirected, 307":         redirect(http.MethodPost, "/blobs/", 307),
		"post redirected, 302":         redirect(http.MethodPost, "/blobs/", 302),
		"blob redirected, 307":         redirect(http.MethodPut, "/blobs/", 307),
		"blob redirected, 308":         redirect(http.MethodPut, "/blobs/", 308),
		"blob redirected, 303":         redirect(http.MethodPut, "/blobs/", 303),
		"manifest redirected, 307":     redirect(http.MethodPut, "/manifests/sha256:", 307),
		"manifest redirected, 301":     redirect(http.MethodPut, "/manifests/sha256:", 301),
		"fallback redirected, 308":     redirect(http.MethodPut, "/manifests/sha256-", 308),
	} {
		f := newFake(t)
		f.api = false
		f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
			return challengeBasic(w, r, n) || fault(w, r)
		}
		cfg := testConfig(nil)
		cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+f.host()+`":{"auth":"bWU6Z2VoZWlt"}}}`)
		_, err := openStore(t, cfg, f.host()+"/"+repo+":v1").Attach(t.Context(), attachmentOf(theSubject, "1"))
		want := ErrResponse
		if name == "location with user" {
			want = ErrNotFound
		}
		var pending *PendingError
		if !errors.Is(err, want) || !errors.As(err, &pending) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	if len(got) != 0 || body.Len() != 0 {
		t.Errorf("the other host got %d requests and %q", len(got), body.String())
	}
}
