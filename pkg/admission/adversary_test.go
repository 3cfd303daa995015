package admission_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestManyReferences: ten thousand different models are each judged, and no
// more is kept of them than was said. One object cannot name as many.
func TestManyReferences(t *testing.T) {
	h := newHook(t, "", func(c *admission.ServerConfig) { c.Cache = admission.NewCache(admission.CacheConfig{Entries: 500}) })
	for i := range 10_000 { // each by an object of its own
		d := artifact.SumSHA256(fmt.Append(nil, i))
		if i%2 == 0 {
			h.registry.allowed[d] = true
		}
		got := h.review(t, "/validate", ask(string(volumes(fmt.Sprintf("r%d.io/m@%v", i%700, d))), ""))
		if got.Response.Allowed != (i%2 == 0) || i%2 == 1 && !strings.Contains(got.Response.Status.Message, provenance.CodeSummaryMissing) {
			t.Fatalf("%d: %+v", i, got)
		}
	}
	if n := h.cfg.Cache.Len(); n != 500 || h.registry.judged != 10_000 {
		t.Errorf("%d kept, %d judged", n, h.registry.judged)
	}
	refs := make([]string, 10_000)
	for i := range refs {
		refs[i] = fmt.Sprintf("r.io/m%d@%v", i, good)
	}
	got := h.review(t, "/validate", ask(string(volumes(refs...)), ""))
	if got.Response.Allowed || !strings.Contains(got.Response.Status.Message, provenance.CodeLimitExceeded) {
		t.Errorf("%+v", got.Response)
	}
}

// TestRegistries: whatever a registry does, no model comes in by it.
func TestRegistries(t *testing.T) {
	manifest := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`)
	right := fmt.Sprintf("sha256:%x", sha256.Sum256(manifest))
	for name, tt := range map[string]struct {
		serve func(w http.ResponseWriter, r *http.Request)
		code  string
	}{
		"another manifest than was asked for": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			_, _ = w.Write([]byte(strings.Replace(string(manifest), `"layers":[]`, `"layers": []`, 1)))
		}, provenance.CodeDigestMismatch},
		"nothing attached": {func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.Contains(r.URL.Path, "/referrers/"):
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				_, _ = w.Write([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
			case strings.HasSuffix(r.URL.Path, right):
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = w.Write(manifest)
			default:
				http.NotFound(w, r)
			}
		}, provenance.CodeSummaryMissing},
		"no such model":  {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, provenance.CodeNotFound},
		"not for you":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, provenance.CodeUnauthorized},
		"broken":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) }, provenance.CodeRegistryError},
		"a page of HTML": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in</html>")) }, provenance.CodeRegistryError},
		"slow":           {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, provenance.CodeDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(tt.serve))
			t.Cleanup(server.Close)
			h := newHook(t, "", nil)
			cfg := h.cfg
			cfg.Cache = admission.NewCache(admission.CacheConfig{Judging: 10 * time.Second})
			rules := h.rulesOf(t, "summaries: {signedBy: {anyOf: [ci]}, maxAge: 1d, time: stated}\nsigners: [{name: ci, relation: verifier, key: {pem: "+demoKey(t)+"}}]")
			checker, err := check.New(check.Config{Policy: rules.Policy, Horizon: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			rules.Judge, rules.Resolver = admission.Records{Checker: checker}, checker
			h.rules = rules
			if h.Server, err = admission.NewServer(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.CloseClientConnections)
			got := h.review(t, "/validate?timeout=2s", ask(string(volumes(strings.TrimPrefix(server.URL, "http://")+"/acme/m@"+right)), ""))
			if got.Response.Allowed || !strings.Contains(got.Response.Status.Message, "("+tt.code+")") {
				t.Errorf("want %s: %+v", tt.code, got.Response)
			}
		})
	}
}

// TestCertificateExpires: a server whose certificate has expired says so.
func TestCertificateExpires(t *testing.T) {
	at := time.Now()
	h := newHook(t, "", func(c *admission.ServerConfig) { c.Now = func() time.Time { return at } })
	h.ready(t, 200, "ready\n")
	at = at.Add(61 * time.Minute)
	h.ready(t, 503, "the serving certificate expired")
	at = at.Add(-3 * time.Hour)
	h.ready(t, 503, "not valid before")
}

// demoKey is a public key as a policy has it.
func demoKey(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/keys/demo.pub")
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Quote(string(b))
}
