package registry

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRetry(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	status := func(code, times int, retryAfter string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n > times {
				return false
			}
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(code)
			return true
		}
	}
	for _, tc := range []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request, int) bool
		want  error
		says  string
		tries int
		first time.Duration // the first wait, 0: a back-off
	}{
		{name: "500 twice", fault: status(500, 2, ""), tries: 3},
		{name: "503 with seconds", fault: status(503, 2, "7"), tries: 3, first: 7 * time.Second},
		{name: "429 with a date", fault: status(429, 1, at.Add(9*time.Second).Format(http.TimeFormat)), tries: 2, first: 9 * time.Second},
		{name: "429 with a past date", fault: status(429, 1, at.Add(-9*time.Second).Format(http.TimeFormat)), tries: 2},
		{name: "429 negative", fault: status(429, 1, "-5"), tries: 2},
		{name: "429 garbage", fault: status(429, 1, "soon"), tries: 2},
		{name: "408", fault: status(408, 1, ""), tries: 2},
		{name: "reset", fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				panic(http.ErrAbortHandler)
			}
			return false
		}, tries: 2},
		{name: "429 for a day", fault: status(429, 99, "86400"), tries: 1, want: ErrRateLimited, says: `"86400"`},
		{name: "429 for ages", fault: status(429, 99, strings.Repeat("9", 30)), tries: 1, want: ErrRateLimited, says: "99999"},
		{name: "429 always", fault: status(429, 99, ""), tries: 5, want: ErrRateLimited},
		{name: "429 always, each a minute", fault: status(429, 99, "60"), tries: 2, want: ErrUnreachable},
		{name: "500 always", fault: status(500, 99, ""), tries: 5, want: ErrResponse, says: "500"},
		{name: "501 is final", fault: status(501, 99, ""), tries: 1, want: ErrResponse},
		{name: "403 is final", fault: status(403, 99, ""), tries: 1, want: ErrUnauthorized},
		{name: "404 is final", fault: status(404, 99, ""), tries: 1, want: ErrNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			f.putManifest("v1", typeOCIManifest, []byte("{}"))
			f.fault = tc.fault
			var w waits
			cfg := testConfig(&w)
			cfg.classify = nil
			clock := at
			cfg.Now = func() time.Time { return clock }
			cfg.IdleTimeout = 100 * 365 * 24 * time.Hour // the clock stands in the past
			_, err := openStore(t, cfg, f.host()+"/"+repo+":v1").Resolve(t.Context())
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if tc.says != "" && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v does not say %s", err, tc.says)
			}
			if n := f.requests("/manifests/"); n != tc.tries {
				t.Errorf("%d requests, want %d", n, tc.tries)
			}
			var total time.Duration
			for i, d := range w.list {
				total += d
				if d <= 0 {
					t.Errorf("wait %v", d)
				}
				if i == 0 && tc.first != 0 && d != tc.first {
					t.Errorf("first wait %v, want %v", d, tc.first)
				}
				if i == 0 && tc.first == 0 && d > time.Minute {
					t.Errorf("first wait %v is no back-off", d)
				}
			}
			if total > maxWaits {
				t.Errorf("waited %v", total)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	f := newFake(t)
	host := f.host()
	f.Close()
	s := openStore(t, testConfig(nil), host+"/"+repo+":v1")
	if _, err := s.Resolve(t.Context()); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotFound) {
		t.Errorf("resolving: error %v, want ErrUnreachable", err)
	}
	if _, err := s.Blob(t.Context(), describe("", []byte("x"))); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrIncomplete) {
		t.Errorf("blob: error %v, want ErrUnreachable", err)
	}
	if list, err := s.Referrers(t.Context(), describe("", nil).Digest); !errors.Is(err, ErrUnreachable) {
		t.Errorf("referrers: %v, error %v, want ErrUnreachable and never none", list, err)
	}
}

// A registry that says nothing, before or in the middle of a small body.
func TestSilence(t *testing.T) {
	for _, head := range []bool{false, true} {
		f := newFake(t)
		done := make(chan struct{})
		t.Cleanup(func() { close(done) })
		f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if head {
				w.Write([]byte("{"))
				http.NewResponseController(w).Flush()
			}
			select {
			case <-done:
			case <-r.Context().Done():
			}
			return true
		}
		cfg := testConfig(nil)
		cfg.IdleTimeout = 100 * time.Millisecond
		want := ErrUnreachable
		if head {
			want = ErrIncomplete
		}
		_, err := openStore(t, cfg, f.host()+"/"+repo+":v1").Resolve(t.Context())
		if !errors.Is(err, want) {
			t.Errorf("head %v: error %v, want %v", head, err, want)
		}
		if n := f.requests("/"); n != 2 {
			t.Errorf("head %v: %d requests, want 2: three time-outs in all are the bound", head, n)
		}
	}
}

func TestRedirects(t *testing.T) {
	data := randomBytes(1000)
	var mu sync.Mutex
	var authorization []string
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		authorization = append(authorization, r.Header.Get("Authorization"))
		serveBlob(w, r, data)
	}))
	defer cdn.Close()
	for _, tc := range []struct {
		name   string
		target func(f *fake, r *http.Request, n int) string
		want   error
		says   string
		hops   int
	}{
		{name: "to another port", target: func(*fake, *http.Request, int) string { return cdn.URL + "/blob?signature=geheim" }, hops: 1},
		{name: "away and back again", target: func(f *fake, r *http.Request, n int) string {
			return cdn.URL + "/blob"
		}, hops: 1},
		{name: "loop", target: func(f *fake, r *http.Request, n int) string { return f.URL + r.URL.Path }, want: ErrResponse, says: "10 redirects", hops: 11},
		{name: "to a file", target: func(*fake, *http.Request, int) string { return "file:///etc/passwd" }, want: ErrResponse, says: `"file"`, hops: 1},
		{name: "to nowhere", target: func(*fake, *http.Request, int) string { return "http://127.0.0.1:1/blob?signature=geheim" }, want: ErrUnreachable, hops: 99},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mu.Lock()
			authorization = nil
			mu.Unlock()
			f := newFake(t)
			d := f.putBlob(data)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if r.Header.Get("Authorization") != "Basic bWU6Z2VoZWlt" {
					w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
					w.WriteHeader(http.StatusUnauthorized)
					return true
				}
				http.Redirect(w, r, tc.target(f, r, n), http.StatusTemporaryRedirect)
				return true
			}
			cfg := testConfig(nil)
			cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+f.host()+`":{"auth":"bWU6Z2VoZWlt"}}}`)
			got, err := readBlob(t, openStore(t, cfg, f.host()+"/"+repo+":v1"), d)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "geheim")) {
				t.Errorf("error %v: want %q in it and no secret", err, tc.says)
			}
			if tc.want == nil && string(got) != string(data) {
				t.Error("other bytes")
			}
			if n := f.requests("/blobs/"); n > tc.hops+1 {
				t.Errorf("%d requests", n)
			}
			mu.Lock()
			defer mu.Unlock()
			if tc.want == nil && len(authorization) == 0 {
				t.Error("the other host was not asked")
			}
			for _, a := range authorization {
				if a != "" {
					t.Errorf("another host was sent Authorization %q", a)
				}
			}
		})
	}
}

// The header must not come back when a chain returns to where it started.
func TestRedirectThereAndBack(t *testing.T) {
	f := newFake(t)
	data := randomBytes(10)
	d := f.putBlob(data)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.URL+"/back", http.StatusFound)
	}))
	defer away.Close()
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		switch {
		case r.URL.Path == "/back":
			w.Write(data)
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			http.Redirect(w, r, away.URL, http.StatusFound)
		}
		return true
	}
	cfg := testConfig(nil)
	cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+f.host()+`":{"auth":"bWU6Z2VoZWlt"}}}`)
	if _, err := readBlob(t, openStore(t, cfg, f.host()+"/"+repo+":v1"), d); err != nil {
		t.Fatal(err)
	}
	for _, a := range f.header("/back", "Authorization") {
		if a != "" {
			t.Errorf("Authorization %q came back", a)
		}
	}
}

func TestCheckRedirect(t *testing.T) {
	request := func(u string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, u, nil)
		must(t, err)
		r.Header.Set("Authorization", "secret")
		return r
	}
	for _, tc := range []struct {
		hops []string
		keep bool
		ok   bool
	}{
		{[]string{"https://a.example/x", "https://a.example/y"}, true, true},
		{[]string{"https://a.example/x", "https://A.example:443/y"}, true, true},
		{[]string{"https://a.example/x", "https://a.example:444/y"}, false, true},
		{[]string{"https://a.example/x", "https://b.example/y"}, false, true},
		{[]string{"https://a.example/x", "https://sub.a.example/y"}, false, true},
		{[]string{"https://a.example/x", "https://b.example/y", "https://a.example/z"}, false, true},
		{[]string{"http://a.example/x", "https://a.example/y"}, false, true},
		{[]string{"https://a.example/x", "http://a.example/y"}, false, false},
		{[]string{"https://a.example/x", "file:///etc/passwd"}, false, false},
	} {
		var via []*http.Request
		for _, u := range tc.hops {
			via = append(via, request(u))
		}
		last := via[len(via)-1]
		err := checkRedirect(last, via[:len(via)-1])
		if (err == nil) != tc.ok {
			t.Errorf("%q: error %v", tc.hops, err)
		}
		if kept := last.Header.Get("Authorization") != ""; err == nil && kept != tc.keep {
			t.Errorf("%q: Authorization kept: %v", tc.hops, kept)
		}
	}
}

func TestTLS(t *testing.T) {
	f := newFake(t)
	d := f.putBlob(randomBytes(10))
	var clear int
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { clear++ }))
	defer plain.Close()
	downgrade := false
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if downgrade {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		f.ServeHTTP(w, r)
	}))
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := secure.Listener.Addr().String() + "/" + repo + ":v1"
	cfg := testConfig(nil)
	cfg.CAFile = ca
	s := openStore(t, cfg, ref)
	if _, err := readBlob(t, s, d); err != nil {
		t.Fatal(err)
	}
	downgrade = true
	if _, err := readBlob(t, s, d); !errors.Is(err, ErrResponse) || !strings.Contains(err.Error(), "https to http") {
		t.Errorf("error %v, want a refusal", err)
	}
	if clear != 0 {
		t.Errorf("%d requests in the clear", clear)
	}
	// The same server under an authority that nobody trusts.
	other := testConfig(nil)
	c, err := New(other)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.scheme("registry.example"); got != "https" {
		t.Errorf("scheme %s for a host that is not loopback", got)
	}
	if got := c.scheme("localhost:5000"); got != "http" {
		t.Errorf("scheme %s for localhost", got)
	}
	for _, bad := range []string{filepath.Join(t.TempDir(), "none"), authFileOf(t, "no certificate")} {
		cfg := testConfig(nil)
		cfg.CAFile = bad
		if _, err := New(cfg); err == nil {
			t.Error("an unusable CA file is accepted")
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1": true, "127.1.2.3:80": true, "[::1]:5000": true, "[::1]": true,
		"localhost.example:80": false, "127.0.0.1.example": false, "10.0.0.1:5000": false, "registry.example": false, "[::2]:1": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestStatusError(t *testing.T) {
	f := newFake(t)
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.WriteHeader(http.StatusForbidden)
		switch r.URL.Path {
		case "/v2/" + repo + "/manifests/html":
			w.Write([]byte("<html>log in</html>"))
		case "/v2/" + repo + "/manifests/endless":
			for range 1000 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return true
				}
			}
			t.Error("a gigabyte of error page was read")
		case "/v2/" + repo + "/manifests/code":
			w.Write([]byte(`{"errors":[{"code":"\u001b[31mDENIED"}]}`))
		default:
			w.Write([]byte(`{"errors":[{"code":"DENIED","message":"\u001b[31m` + strconv.Itoa(1<<20) + strings.Repeat("x", 1000) + `","detail":{"a":1}}]}`))
		}
		return true
	}
	for tag, says := range map[string]string{"json": "(DENIED)", "html": "403 Forbidden", "code": "403 Forbidden", "endless": "403 Forbidden"} {
		_, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":"+tag).Resolve(t.Context())
		if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v", tag, err)
		}
		if s := err.Error(); strings.Contains(s, "<html") || strings.Contains(s, "\x1b") || len(s) > 600 {
			t.Errorf("%s: error %q repeats the page", tag, s)
		}
	}
}

// Endless headers end, and no memory is spent on them.
func TestHeaderLimit(t *testing.T) {
	f := newFake(t)
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		for i := range 40 {
			w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", 10<<10))
		}
		return false
	}
	f.putManifest("v1", typeOCIManifest, []byte("{}"))
	if _, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Resolve(t.Context()); err == nil {
		t.Error("400 KiB of headers are accepted")
	}
}
