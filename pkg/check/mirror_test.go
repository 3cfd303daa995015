package check_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A mirror is asked for blobs and nothing else, and whatever it does, the
// verdict is about what the registry has.
func TestMirror(t *testing.T) {
	big, small := bigWeights("a.safetensors", 9), namedFile{"config.json", good.data}
	l := newLayoutWriter()
	subject := l.files(t, "v1", big, small)
	name := artifact.SumSHA256(big.data).String()
	for what, c := range map[string]struct {
		spoil func(m *pullServer)
		from  bool // the registry is asked for blobs too
	}{
		"it has all":             {func(*pullServer) {}, false},
		"it lacks a blob":        {func(m *pullServer) { delete(m.blobs, name) }, true},
		"it has other bytes":     {func(m *pullServer) { m.blobs[name] = flipped(big.data) }, true},
		"it has fewer bytes":     {func(m *pullServer) { m.blobs[name] = big.data[:1<<20] }, true},
		"it has more bytes":      {func(m *pullServer) { m.blobs[name] = append(flipped(big.data), 0) }, true},
		"it breaks off":          {func(m *pullServer) { m.cuts, m.cutAfter = 3, 1<<20 }, false},
		"it breaks off for good": {func(m *pullServer) { m.cuts, m.cutAfter = 1, 1<<20 }, true},
		"it is not there":        {func(m *pullServer) { m.Close() }, true},
	} {
		for _, verb := range []string{"verify", "pull"} {
			t.Run(what+" "+verb, func(t *testing.T) {
				origin, m := servePulls(t, l), servePulls(t, l)
				m.blobs = maps.Clone(m.blobs)
				var mu sync.Mutex
				var asked []*http.Request
				front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					asked = append(asked, r.Clone(t.Context()))
					mu.Unlock()
					if what == "it breaks off for good" && r.Header.Get("Range") != "" {
						w.WriteHeader(http.StatusNotFound)
						return
					}
					m.ServeHTTP(w, r)
				}))
				t.Cleanup(front.Close)
				address := front.URL
				c.spoil(m)
				if what == "it is not there" {
					address = m.URL
				}
				ref := origin.reference(t, subject)
				checker := mirroring(t, unsigned(t), ref.Host()+"="+address)
				var r *check.Report
				var err error
				if dir := filepath.Join(t.TempDir(), "out"); verb == "pull" {
					r, err = checker.Pull(t.Context(), ref, check.Destination{Dir: dir})
					if err == nil {
						holds(t, dir, big, small)
					}
				} else {
					r, err = checker.Examine(t.Context(), ref)
				}
				if err != nil || !r.Verdict.Allowed() {
					t.Fatalf("%v: %v", r.Verdict, err)
				}
				if (origin.bytesSent() > 0) != c.from {
					t.Errorf("%d bytes from the registry", origin.bytesSent())
				}
				for _, r := range asked {
					if !strings.HasPrefix(r.URL.Path, "/v2/m/blobs/") || r.URL.Query().Get("ns") != ref.Host() || r.Header.Get("Authorization") != "" {
						t.Errorf("asked for %s %v", r.URL, r.Header)
					}
				}
			})
		}
	}
}

func mirroring(t *testing.T, p *policy.Policy, mirrors ...string) *check.Checker {
	t.Helper()
	cfg := check.Config{Policy: p, Version: "test"}
	for _, s := range mirrors {
		m, err := check.ParseMirror(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Mirrors = append(cfg.Mirrors, m)
	}
	c, err := check.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Where the registry has other bytes the model is denied, whatever a mirror has.
func TestMirrorOfWrongBytes(t *testing.T) {
	big := bigWeights("a.safetensors", 3)
	l := newLayoutWriter()
	subject := l.files(t, "v1", big)
	name := artifact.SumSHA256(big.data).String()
	origin, m := servePulls(t, l), servePulls(t, l)
	origin.blobs[name], m.blobs[name] = flipped(big.data), flipped(big.data)
	ref := origin.reference(t, subject)
	r, err := mirroring(t, unsigned(t), ref.Host()+"="+m.URL).Examine(t.Context(), ref)
	if err != nil || r.Verdict.Outcome != policy.Deny || r.Verdict.Reasons[0].Code != "digest-mismatch" {
		t.Errorf("%v: %v", r.Verdict, err)
	}
}

// A mirror of another registry is not asked.
func TestMirrorOfAnother(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", weights(t))
	origin, m := servePulls(t, l), servePulls(t, l)
	r, err := mirroring(t, unsigned(t), "registry.example="+m.URL).Examine(t.Context(), origin.reference(t, subject))
	if err != nil || !r.Verdict.Allowed() || m.bytesSent() != 0 {
		t.Errorf("%v, %d bytes from the mirror: %v", r.Verdict, m.bytesSent(), err)
	}
}

func TestParseMirror(t *testing.T) {
	for _, s := range []string{"", "ghcr.io", "ghcr.io=", "=http://127.0.0.1", "ghcr.io=127.0.0.1:5000", "ghcr.io=ftp://host", "ghcr.io=http://user:pw@host", "ghcr.io=http://host?ns=x", "ghcr.io/acme=http://host"} {
		if m, err := check.ParseMirror(s); err == nil {
			t.Errorf("%q: %+v", s, m)
		}
	}
	if m, err := check.ParseMirror("ghcr.io=http://127.0.0.1:5000"); err != nil || m.Host != "ghcr.io" || m.URL != "http://127.0.0.1:5000" {
		t.Errorf("%+v: %v", m, err)
	}
}

// Of all that is read together, no more comes in a second than was asked for.
func TestBandwidth(t *testing.T) {
	big := bigWeights("a.safetensors", 3)
	l := newLayoutWriter()
	subject := l.files(t, "v1", big)
	s := servePulls(t, l)
	c, err := check.New(check.Config{Policy: unsigned(t), Version: "test", Bandwidth: int64(len(big.data)) * 4})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if r, err := c.Examine(t.Context(), s.reference(t, subject)); err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("a quarter of a second's worth came in %v", took)
	}
}
