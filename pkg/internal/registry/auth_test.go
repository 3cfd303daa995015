package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func challengeBasic(w http.ResponseWriter, r *http.Request, _ int) bool {
	if r.Header.Get("Authorization") == "Basic bWU6Z2VoZWlt" { // me:geheim
		return false
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

func TestBasic(t *testing.T) {
	f := newFake(t)
	f.putManifest("v1", typeOCIManifest, []byte("{}"))
	f.fault = challengeBasic
	for _, tc := range []struct {
		name, auths string
		want        error
	}{
		{"right", `"` + f.host() + `":{"auth":"bWU6Z2VoZWlt"}`, nil},
		{"for this repository", `"` + f.host() + `":{"auth":"YTox"},"` + f.host() + `/acme":{"auth":"bWU6Z2VoZWlt"}`, nil},
		{"wrong", `"` + f.host() + `":{"auth":"YTox"}`, ErrUnauthorized},
		{"for another repository", `"` + f.host() + `/other":{"auth":"bWU6Z2VoZWlt"}`, ErrUnauthorized},
		{"for another host", `"other.example":{"auth":"bWU6Z2VoZWlt"}`, ErrUnauthorized},
		{"none", ``, ErrUnauthorized},
	} {
		cfg := testConfig(nil)
		cfg.RegistryConfig = authFileOf(t, `{"auths":{`+tc.auths+`}}`)
		before := f.requests("/")
		_, err := openStore(t, cfg, f.host()+"/"+repo+":v1").Resolve(t.Context())
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
		if n := f.requests("/") - before; n > 2 {
			t.Errorf("%s: %d requests: an account can be locked", tc.name, n)
		}
	}
}

// A guarded registry hands out tokens, by its own token service, that are
// good for a number of requests.
type guarded struct {
	*fake
	realm string
	body  string // of the token service; %d is the number of the token
	uses  int    // requests per token; 0: no limit
	extra string // in the challenge

	mu     sync.Mutex
	tokens int
	used   map[string]int
	asked  []url.Values
	basic  []string
}

func newGuarded(t *testing.T) *guarded {
	g := &guarded{fake: newFake(t), used: map[string]int{}, body: `{"token":"t%d"}`}
	g.realm = g.URL + "/token"
	g.fake.fault = g.guard
	return g
}

func (g *guarded) guard(w http.ResponseWriter, r *http.Request, _ int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/token" {
		g.tokens++
		g.asked = append(g.asked, r.URL.Query())
		g.basic = append(g.basic, r.Header.Get("Authorization"))
		fmt.Fprintf(w, strings.ReplaceAll(g.body, "%d", "%[1]d"), g.tokens)
		return true
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g.used[token]++
	if !g.valid(token) || (g.uses > 0 && g.used[token] > g.uses) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+g.realm+`",service="reg",scope="repository:*:pull,push,delete"`+g.extra)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	return false
}

// valid: what was asked for last is not refused to those who asked for the same
// at the same time.
func (g *guarded) valid(token string) bool {
	if token == fmt.Sprintf("t%d", g.tokens) {
		return true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(token, "t"))
	return err == nil && 1 <= n && n <= len(g.asked) && slices.Equal(g.asked[n-1]["scope"], g.asked[len(g.asked)-1]["scope"])
}

// Tokens are asked for with the scope of reading this repository only, and
// renewed when they run out, also in the middle of a blob.
func TestBearer(t *testing.T) {
	g := newGuarded(t)
	g.uses = 1
	data := randomBytes(blobSize)
	d := g.putBlob(data)
	guard := g.fake.fault
	cuts := 0
	g.fake.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if guard(w, r, n) {
			return true
		}
		if cuts++; cuts <= 3 && strings.Contains(r.URL.Path, "/blobs/") {
			serveBlob(limited{w, 1000}, r, data)
			cut(w)
		}
		return false
	}
	cfg := testConfig(nil)
	cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+g.host()+`":{"auth":"bWU6Z2VoZWlt"}}}`)
	got, err := readBlob(t, openStore(t, cfg, g.host()+"/"+repo+":v1"), d)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, error %v", len(got), err)
	}
	if g.tokens != 4 {
		t.Errorf("%d tokens, want 4", g.tokens)
	}
	for i, q := range g.asked {
		if s := q["scope"]; len(s) != 1 || s[0] != "repository:"+repo+":pull" || q.Get("service") != "reg" {
			t.Errorf("token %d was asked for with %v", i, q)
		}
		if g.basic[i] != "Basic bWU6Z2VoZWlt" {
			t.Errorf("token %d was asked for by %q", i, g.basic[i])
		}
	}
}

func TestBearerFaults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(g *guarded)
		want  error
	}{
		{"tokens that never work", func(g *guarded) { g.body = `{"token":"useless%d"}` }, ErrUnauthorized},
		{"html", func(g *guarded) { g.body = `<html>%d</html>` }, ErrResponse},
		{"no token", func(g *guarded) { g.body = `{"n":%d}` }, ErrResponse},
		{"a token that is a header injection", func(g *guarded) { g.body = `{"token":"t%d\r\nX-Evil: 1"}` }, ErrResponse},
		{"an endless token", func(g *guarded) { g.body = `{"n":%d,"token":"` + strings.Repeat("x", 1<<20) + `"}` }, ErrResponse},
		{"no realm", func(g *guarded) { g.realm = "" }, ErrResponse},
		{"a file as realm", func(g *guarded) { g.realm = "file:///etc/passwd" }, ErrResponse},
		{"a realm with a password", func(g *guarded) { g.realm = "http://a:b@" + g.host() + "/token" }, ErrResponse},
		{"a realm that is not ASCII", func(g *guarded) { g.realm += "\xc3\xa9" }, ErrResponse},
		{"garbage", func(g *guarded) { g.realm = "\x00://" }, ErrResponse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGuarded(t)
			g.putManifest("v1", typeOCIManifest, []byte("{}"))
			tc.setup(g)
			_, err := openStore(t, testConfig(nil), g.host()+"/"+repo+":v1").Resolve(t.Context())
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if n := g.requests("/manifests/"); n > 2 {
				t.Errorf("%d requests, want at most 2", n)
			}
			if strings.Contains(err.Error(), "Evil") {
				t.Errorf("error %v shows the token", err)
			}
		})
	}
}

func TestTokenServiceRetried(t *testing.T) {
	g := newGuarded(t)
	g.putManifest("v1", typeOCIManifest, []byte("{}"))
	guard := g.fake.fault
	g.fake.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.URL.Path == "/token" && n <= 2 {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return guard(w, r, n)
	}
	if _, err := openStore(t, testConfig(nil), g.host()+"/"+repo+":v1").Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.fake.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.URL.Path == "/token" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return guard(w, r, n)
	}
	if _, err := openStore(t, testConfig(nil), g.host()+"/"+repo+":v1").Resolve(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("a refusing token service: error %v, want ErrUnauthorized", err)
	}
}

// Stored credentials never go to a token service of another party; without
// any, it may be asked.
func TestForeignRealm(t *testing.T) {
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("Authorization")+string(body))
		io.WriteString(w, `{"token":"t1","access_token":"t1"}`)
	}))
	defer other.Close()
	for _, entry := range []string{`{"auth":"bWU6Z2VoZWlt"}`, `{"identitytoken":"geheim"}`, ``} {
		seen = nil
		g := newGuarded(t)
		g.tokens = 1
		g.putManifest("v1", typeOCIManifest, []byte("{}"))
		g.realm = strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
		cfg := testConfig(nil)
		if entry != "" {
			cfg.RegistryConfig = authFileOf(t, `{"auths":{"`+g.host()+`":`+entry+`}}`)
		}
		_, err := openStore(t, cfg, g.host()+"/"+repo+":v1").Resolve(t.Context())
		if entry == "" {
			if err != nil || len(seen) != 1 || seen[0] != "" {
				t.Errorf("anonymous: error %v, sent %q", err, seen)
			}
			continue
		}
		if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "refusing to send the credentials") {
			t.Errorf("%s: error %v", entry, err)
		}
		if len(seen) != 0 {
			t.Errorf("%s: sent %q", entry, seen)
		}
	}
}

func TestSameParty(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"registry-1.docker.io", "auth.docker.io", true},
		{"registry.gitlab.com", "gitlab.com", true},
		{"ghcr.io", "GHCR.io", true},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"reg.co.uk", "evil.co.uk", false},
		{"acme.github.io", "evil.github.io", false},
		{"registry.example.com", "registry.example.com.evil.net", false},
		{"localhost", "127.0.0.1", false},
		{"registry", "auth", false},
	} {
		if got := sameParty(tc.a, tc.b); got != tc.want {
			t.Errorf("%s and %s: %v", tc.a, tc.b, got)
		}
	}
}

func TestParseChallenges(t *testing.T) {
	for _, tc := range []struct {
		in   []string
		want string
	}{
		{[]string{`Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"`}, `[{bearer map[realm:https://a/t scope:repository:x:pull,push service:s]}]`},
		{[]string{`basic Realm=x`}, `[{basic map[realm:x]}]`},
		{[]string{`Negotiate`, `Bearer realm="a"`}, `[{negotiate map[]} {bearer map[realm:a]}]`},
		{[]string{`Negotiate abc==, Bearer realm="a", Basic realm="b"`}, `[{negotiate map[]} {bearer map[realm:a]} {basic map[realm:b]}]`},
		{[]string{`Bearer realm="a\"b", realm="second"`}, `[{bearer map[realm:a"b]}]`},
		{[]string{`Bearer realm="open`}, `[{bearer map[]}]`},
		{[]string{``, `,,`, `"`}, `[]`},
		{[]string{strings.Repeat("x", maxChallenge+1)}, `[]`},
	} {
		if got := fmt.Sprint(parseChallenges(tc.in)); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.in, got, tc.want)
		}
	}
}

// A challenge that this package writes is read as the same realm by itself and
// by Go's string syntax, which the authentication client uses: the realm that
// was judged is the one that is asked.
func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="https://a/t",service="s"`)
	f.Add(`Negotiate abc==, Bearer realm="a\"b\\", Basic`)
	f.Add(`Basic`)
	f.Fuzz(func(t *testing.T, header string) {
		for _, c := range parseChallenges([]string{header}) {
			if c.scheme == "" || c.scheme != strings.ToLower(c.scheme) {
				t.Fatalf("scheme %q", c.scheme)
			}
			realm := c.params["realm"]
			printable := strings.IndexFunc(realm, func(r rune) bool { return r < 0x20 || r >= 0x7f }) < 0
			if back, err := strconv.Unquote(quote(realm)); err != nil || (printable && back != realm) {
				t.Fatalf("realm %q is unquoted as %q, error %v", realm, back, err)
			}
			again := parseChallenges([]string{"Bearer realm=" + quote(realm)})
			if len(again) != 1 || (printable && again[0].params["realm"] != realm) {
				t.Fatalf("realm %q is read again as %v", realm, again)
			}
		}
	})
}
