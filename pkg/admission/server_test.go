package admission_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A hook is a server under test with what it is made of.
type hook struct {
	*admission.Server
	cfg      admission.ServerConfig
	registry *fakeRegistry
	log      *bytes.Buffer
	dir      string

	mu    sync.Mutex
	rules admission.Rules
	fail  error // of the next reading
}

func newHook(t testing.TB, section string, edit func(*admission.ServerConfig)) *hook {
	t.Helper()
	h := &hook{registry: newFakeRegistry(), log: &bytes.Buffer{}, dir: t.TempDir()}
	h.rules = h.rulesOf(t, section)
	writePair(t, h.dir, "first", time.Hour)
	h.cfg = admission.ServerConfig{
		Load: func(context.Context) (admission.Rules, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.rules, h.fail
		},
		CertFile: filepath.Join(h.dir, "tls.crt"), KeyFile: filepath.Join(h.dir, "tls.key"), Log: h.log,
	}
	if edit != nil {
		edit(&h.cfg)
	}
	var err error
	if h.Server, err = admission.NewServer(t.Context(), h.cfg); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hook) rulesOf(t testing.TB, section string) admission.Rules {
	p := parsePolicy(t, section)
	return admission.Rules{Policy: p, Judge: h.registry, Resolver: h.registry, Identity: artifact.SumSHA256([]byte(section)), Fresh: func(time.Time) error { return nil }}
}

// writePair writes a serving certificate for 127.0.0.1 that vouches for itself.
func writePair(t testing.TB, dir, name string, valid time.Duration) (pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for file, data := range map[string][]byte{"tls.crt": text, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// A reviewed is the answer to an AdmissionReview.
type reviewed struct {
	http       int
	APIVersion string
	Kind       string
	Response   struct {
		UID     string
		Allowed bool
		Status  struct {
			Code    int
			Message string
			Reason  string
		}
		Warnings         []string
		AuditAnnotations map[string]string
		PatchType        string
		Patch            []byte
	}
}

func (h *hook) post(t *testing.T, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w
}

func (h *hook) review(t *testing.T, path, body string) reviewed {
	t.Helper()
	w := h.post(t, path, body)
	got := reviewed{http: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("HTTP %d: %v in %s", w.Code, err, w.Body)
	}
	if got.APIVersion != "admission.k8s.io/v1" || got.Kind != "AdmissionReview" {
		t.Errorf("the answer is a %s of %s", got.Kind, got.APIVersion)
	}
	return got
}

// ask is an AdmissionReview about a Pod.
func ask(object, more string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","kind":{"group":"","version":"v1","kind":"Pod"},` +
		`"resource":{"group":"","version":"v1","resource":"pods"},"namespace":"ml","name":"x","operation":"CREATE","userInfo":{"username":"dev","groups":["a"]},` +
		more + `"object":` + object + `,"oldObject":null,"dryRun":false,"options":null}}`
}

// TestValidate: a model that was judged comes in, and nothing else does.
func TestValidate(t *testing.T) {
	pinned := string(volumes("r.io/m@" + good.String()))
	for _, tt := range []struct {
		name, body string
		allowed    bool
		http, code int
		uid, says  string
	}{
		{"a model that was judged", ask(pinned, ""), true, 200, 0, "u-1", ""},
		{"as the API server writes dry runs", strings.Replace(ask(pinned, ""), `"dryRun":false`, `"dryRun":true`, 1), true, 200, 0, "u-1", ""},
		{"another digest", ask(string(volumes("r.io/m@"+bad.String())), ""), false, 200, 403, "u-1", provenance.CodeSummaryMissing},
		{"a tag", ask(string(volumes("r.io/m:v1")), ""), false, 200, 403, "u-1", provenance.CodeUnpinned},
		{"no object", ask("null", ""), false, 200, 403, "u-1", provenance.CodeObjectMalformed},
		{"another kind than is said", ask(`{"apiVersion":"v1","kind":"ConfigMap"}`, ""), false, 200, 403, "u-1", provenance.CodeObjectMalformed},
		{"another version", strings.Replace(ask(pinned, ""), "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), false, 400, 400, "u-1", provenance.CodeObjectMalformed},
		{"another kind of review", strings.Replace(ask(pinned, ""), "AdmissionReview", "TokenReview", 1), false, 400, 400, "u-1", provenance.CodeObjectMalformed},
		{"no uid", strings.Replace(ask(pinned, ""), `"uid":"u-1",`, "", 1), false, 400, 400, "", "no uid"},
		{"a long uid", strings.Replace(ask(pinned, ""), "u-1", strings.Repeat("u", 300), 1), false, 400, 400, "", "its uid has 300 bytes"},
		{"no request", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, false, 400, 400, "", "no request"},
		{"a response in place of a request", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u-1","allowed":true}}`, false, 400, 400, "", "no request"},
		{"no kind", strings.Replace(ask(pinned, ""), `"kind":{"group":"","version":"v1","kind":"Pod"},`, "", 1), false, 400, 400, "u-1", "names no kind"},
		{"two uids", strings.Replace(ask(pinned, ""), `"uid":"u-1"`, `"uid":"u-1","uid":"u-2"`, 1), false, 400, 400, "", provenance.CodeObjectMalformed},
		{"a uid by case", strings.Replace(ask(pinned, ""), `"uid":"u-1"`, `"uid":"u-1","UID":"u-2"`, 1), false, 400, 400, "", provenance.CodeObjectMalformed},
		{"two objects", strings.Replace(ask(pinned, ""), `"oldObject"`, `"object"`, 1), false, 400, 400, "", provenance.CodeObjectMalformed},
		{"no JSON", "apiVersion: admission.k8s.io/v1", false, 400, 400, "", provenance.CodeObjectMalformed},
		{"nothing", "", false, 400, 400, "", provenance.CodeObjectMalformed},
		{"cut off", ask(pinned, "")[:200], false, 400, 400, "", provenance.CodeObjectMalformed},
		{"two reviews", ask(pinned, "") + ask(pinned, ""), false, 400, 400, "", provenance.CodeObjectMalformed},
		{"nested without end", ask(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000), ""), false, 400, 400, "", "nested deeper"},
		{"an object above 3 MiB", ask(`{"apiVersion":"v1","kind":"Pod","a":"`+strings.Repeat("x", admission.MaxObject)+`"}`, ""), false, 400, 400, "u-1", provenance.CodeLimitExceeded},
		{"a review above all bounds", ask(`"`+strings.Repeat("x", admission.MaxReview)+`"`, ""), false, 413, 413, "", "larger than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook(t, "", nil)
			got := h.review(t, "/validate?timeout=10s", tt.body)
			if got.Response.Allowed != tt.allowed || got.http != tt.http || got.Response.Status.Code != tt.code || got.Response.UID != tt.uid {
				t.Errorf("%+v", got)
			}
			if !strings.Contains(got.Response.Status.Message, tt.says) {
				t.Errorf("%q does not say %q", got.Response.Status.Message, tt.says)
			}
			if tt.http == 413 {
				return // never became a decision
			}
			var d admission.Decision
			if err := json.Unmarshal(h.log.Bytes(), &d); err != nil || d.Response.Allowed != tt.allowed || strings.Count(h.log.String(), "\n") != 1 {
				t.Errorf("the log says %s (%v)", h.log, err)
			}
		})
	}
}

func TestValidateIsPosted(t *testing.T) {
	h := newHook(t, "", nil)
	body := ask(string(volumes("r.io/m@"+good.String())), "")
	for _, tt := range []struct{ method, kind, path string }{
		{http.MethodGet, "application/json", "/validate"},
		{http.MethodPut, "application/json", "/validate"},
		{http.MethodPost, "text/plain", "/validate"},
		{http.MethodPost, "", "/validate"},
		{http.MethodPost, "application/json", "/mutate"}, // not served
		{http.MethodPost, "application/json", "/gatekeeper/validate"},
		{http.MethodPost, "application/json", "/kyverno/validate"},
		{http.MethodPost, "application/json", "/image-policy"},
		{http.MethodPost, "application/json", "/metrics"}, // elsewhere
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(body))
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		if w.Code < 400 || strings.Contains(w.Body.String(), `"allowed":true`) {
			t.Errorf("%s %s: HTTP %d %s", tt.method, tt.path, w.Code, w.Body)
		}
	}
}

// TestDeadline: the answer comes before the caller's time is over.
func TestDeadline(t *testing.T) {
	for query, most := range map[string]time.Duration{
		"?timeout=10s": 9 * time.Second, "?timeout=1s": 800 * time.Millisecond, "?timeout=30s": 27 * time.Second,
		"": 9 * time.Second, "?timeout=": 9 * time.Second, "?timeout=-1s": 9 * time.Second, "?timeout=x": 9 * time.Second, "?timeout=24h": 27 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHook(t, "", nil)
			h.registry.wait = make(chan struct{})
			began := time.Now()
			got := h.review(t, "/validate"+query, ask(string(volumes("r.io/m@"+good.String())), ""))
			if took := time.Since(began); took != most {
				t.Errorf("%q: answered after %v, want %v", query, took, most)
			}
			if got.Response.Allowed || got.Response.Status.Code != http.StatusGatewayTimeout || !strings.Contains(got.Response.Status.Message, provenance.CodeDeadline) {
				t.Errorf("%q: %+v", query, got)
			}
			close(h.registry.wait)
		})
	}
}

// TestMutate: tags become the digest that was judged, of what is let in alone.
func TestMutate(t *testing.T) {
	h := newHook(t, "", func(c *admission.ServerConfig) { c.Mutate = true })
	for _, tt := range []struct {
		name, object string
		allowed      bool
		patch        string
	}{
		{"a tag", string(volumes("r.io/m:v1")), true, fmt.Sprintf(`[{"op":"test","path":"/spec/volumes/0/image/reference","value":"r.io/m:v1"},{"op":"replace","path":"/spec/volumes/0/image/reference","value":"r.io/m:v1@%v"}]`, good)},
		{"a digest", string(volumes("r.io/m@" + good.String())), true, ""},
		{"no model", string(volumes()), true, ""},
		{"a tag of a model that was not verified", string(volumes("r.io/m:other")), false, ""},
		{"one of two", string(volumes("r.io/m:v1", "r.io/m:other")), false, ""},
		{"another digest", string(volumes("r.io/m@" + bad.String())), false, ""},
	} {
		got := h.review(t, "/mutate", ask(tt.object, ""))
		if got.Response.Allowed != tt.allowed || string(got.Response.Patch) != tt.patch || (got.Response.PatchType != "") != (tt.patch != "") {
			t.Errorf("%s: %+v %s", tt.name, got, got.Response.Patch)
		}
	}
	// What arrives at /validate is judged anew: it does not know /mutate.
	if got := h.review(t, "/validate", ask(string(volumes("r.io/m:v1")), "")); got.Response.Allowed {
		t.Error("a tag was let in")
	}
}

// TestProvider: Gatekeeper gets the digest that was judged, or why not.
func TestProvider(t *testing.T) {
	h := newHook(t, "", func(c *admission.ServerConfig) { c.Kyverno = true })
	request := func(keys ...string) string {
		b, _ := json.Marshal(keys)
		return `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":` + string(b) + `}}`
	}
	type item struct{ Key, Value, Error string }
	for _, tt := range []struct {
		name, body string
		items      []item // Error: what it holds
		system     string
	}{
		{"judged", request("r.io/m@"+good.String(), "r.io/m:v1", "oci://r.io/m:v1"), []item{{"r.io/m@" + good.String(), "r.io/m@" + good.String(), ""}, {"r.io/m:v1", "r.io/m:v1@" + good.String(), ""}, {"oci://r.io/m:v1", "oci://r.io/m:v1@" + good.String(), ""}}, ""},
		{"none", request(), nil, ""},
		{"one of two", request("r.io/m:other", "r.io/m:v1"), []item{{"r.io/m:other", "", ""}, {"r.io/m:v1", "r.io/m:v1@" + good.String(), ""}}, ""},
		{"another digest", request("r.io/m@" + bad.String()), []item{{"r.io/m@" + bad.String(), "", provenance.CodeSummaryMissing}}, ""},
		{"no reference", request("nginx", "hf://a/b", "dir:/etc"), []item{{"nginx", "", provenance.CodeReferenceMalformed}, {"hf://a/b", "", provenance.CodeNotVerifiable}, {"dir:/etc", "", provenance.CodeReferenceMalformed}}, ""},
		{"another version", strings.Replace(request("r.io/m:v1"), "v1beta1", "v1alpha1", 1), nil, provenance.CodeObjectMalformed},
		{"a response", strings.Replace(request("r.io/m:v1"), "ProviderRequest", "ProviderResponse", 1), nil, provenance.CodeObjectMalformed},
		{"no JSON", "keys", nil, provenance.CodeObjectMalformed},
		{"too many", request(make([]string, admission.MaxReferences+1)...), nil, provenance.CodeLimitExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := h.post(t, "/kyverno/validate", tt.body)
			var got struct {
				APIVersion, Kind string
				Response         struct {
					Idempotent  bool
					Items       []item
					SystemError string
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Kind != "ProviderResponse" || !got.Response.Idempotent {
				t.Fatalf("HTTP %d %s: %v", w.Code, w.Body, err)
			}
			if len(got.Response.Items) != len(tt.items) || (tt.system == "") != (got.Response.SystemError == "") || !strings.Contains(got.Response.SystemError, tt.system) {
				t.Fatalf("%+v", got.Response)
			}
			for i, want := range tt.items {
				is := got.Response.Items[i]
				if is.Key != want.Key || is.Value != want.Value || (want.Value == "") != (is.Error != "") || !strings.Contains(is.Error, want.Error) {
					t.Errorf("%+v, want %+v", is, want)
				}
			}
		})
	}
}

// TestGatekeeperOnly: without a certificate of Gatekeeper's authority nobody is
// answered.
func TestGatekeeperOnly(t *testing.T) {
	theirs, others := t.TempDir(), t.TempDir()
	writePair(t, theirs, "gatekeeper", time.Hour)
	writePair(t, others, "mallory", time.Hour)
	h := newHook(t, "", func(c *admission.ServerConfig) { c.GatekeeperCA = filepath.Join(theirs, "tls.crt") })
	for dir, want := range map[string]int{theirs: 200, others: 401, "": 401} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/gatekeeper/validate", strings.NewReader(`{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["r.io/m:v1"]}}`))
		r.Header.Set("Content-Type", "application/json")
		r.TLS = &tls.ConnectionState{}
		if dir != "" {
			pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
			if err != nil {
				t.Fatal(err)
			}
			r.TLS.PeerCertificates = []*x509.Certificate{pair.Leaf}
		}
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("HTTP %d, want %d: %s", w.Code, want, w.Body)
		}
	}
}

// TestImagePolicy: images that a scope calls models are judged, and those that
// cannot be read.
func TestImagePolicy(t *testing.T) {
	scope := "scopes: [{name: models, prefix: r.io/models/, allowUnsigned: true}]"
	h := newHook(t, scope+"\nadmission: {unpinned: warn}", func(c *admission.ServerConfig) { c.ImagePolicy = true })
	request := func(images ...string) string {
		var list []string
		for _, i := range images {
			list = append(list, fmt.Sprintf(`{"image":%q}`, i))
		}
		return `{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview","spec":{"containers":[` + strings.Join(list, ",") + `],"namespace":"ml"}}`
	}
	for _, tt := range []struct {
		name, body string
		allowed    bool
		says       string
	}{
		{"no model", request("nginx", "r.io/server:2"), true, ""},
		{"a model that was judged", request("nginx", "r.io/models/m:v1"), true, ""},
		{"a model that was not", request("nginx", "r.io/models/m:other"), false, provenance.CodeInternal},
		{"another digest", request("r.io/models/m@" + bad.String()), false, provenance.CodeSummaryMissing},
		{"what cannot be read", request("r.io/models/m:v1@sha256:0"), false, provenance.CodeReferenceMalformed},
		{"another version", strings.Replace(request("nginx"), "v1alpha1", "v1", 1), false, provenance.CodeObjectMalformed},
		{"no spec", `{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview"}`, false, provenance.CodeObjectMalformed},
		{"nothing", "", false, provenance.CodeObjectMalformed},
	} {
		w := h.post(t, "/image-policy", tt.body)
		var got struct {
			Status struct {
				Allowed bool
				Reason  string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Status.Allowed != tt.allowed || !strings.Contains(got.Status.Reason, tt.says) {
			t.Errorf("%s: %s (%v)", tt.name, w.Body, err)
		}
	}
}

// TestLabels: where the policy trusts a label that cannot be read, nothing
// comes in.
func TestLabels(t *testing.T) {
	section := "admission: {trustedLabel: acme.example/env}"
	labels, fail := map[string]string{"acme.example/env": "prod"}, error(nil)
	h := newHook(t, section, func(c *admission.ServerConfig) {
		c.Labels = func(context.Context, string) (map[string]string, error) { return labels, fail }
	})
	body := ask(string(volumes("r.io/m@"+good.String())), "")
	if got := h.review(t, "/validate", body); !got.Response.Allowed || !strings.Contains(h.log.String(), `"environment":"prod"`) {
		t.Errorf("%+v\n%s", got, h.log)
	}
	fail = errors.New("forbidden")
	if got := h.review(t, "/validate", body); got.Response.Allowed || !strings.Contains(got.Response.Status.Message, "forbidden ("+provenance.CodeUnreachable+")") {
		t.Errorf("%+v", got)
	}
	cfg := h.cfg
	cfg.Labels, cfg.Cache = nil, nil
	if _, err := admission.NewServer(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "acme.example/env") {
		t.Errorf("%v", err)
	}
}

func (h *hook) get(t *testing.T, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// TestReady: what readiness says of files that break, and what stays in force.
func TestReady(t *testing.T) {
	h := newHook(t, "", func(c *admission.ServerConfig) {
		c.Reload = time.Second
		c.StaleFor = time.Minute
		c.Drain = time.Second
	})
	allowed := ask(string(volumes("r.io/m@"+good.String())), "")
	t.Run("a policy that breaks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := h.again(t)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- h.Serve(ctx, nowhere{ctx}, nil) }()
			h.ready(t, 200, "ready\n")
			h.breaks(errors.New("line 3: broken"))
			time.Sleep(2 * time.Second)
			synctest.Wait()
			h.ready(t, 200, "line 3: broken")
			if got := h.review(t, "/validate", allowed); !got.Response.Allowed {
				t.Errorf("the old policy is not in force: %+v", got)
			}
			time.Sleep(time.Minute)
			h.ready(t, 503, "line 3: broken")
			h.breaks(nil)
			time.Sleep(time.Second)
			synctest.Wait()
			h.ready(t, 200, "ready\n")
			stale := h.rulesOf(t, "findings: {deny: [code-on-load]}")
			stale.Fresh = func(time.Time) error { return errors.New("a trusted root is too old") }
			h.mu.Lock()
			h.rules = stale
			h.mu.Unlock()
			time.Sleep(time.Second)
			synctest.Wait()
			h.ready(t, 503, "a trusted root is too old")
			cancel()
			synctest.Wait()
			h.ready(t, 503, "shutting down")
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	for name, change := range map[string]func(c *admission.ServerConfig){
		"no policy at first": func(c *admission.ServerConfig) {
			c.Load = func(context.Context) (admission.Rules, error) { return admission.Rules{}, errors.New("no") }
		},
		"a reader that panics": func(c *admission.ServerConfig) {
			c.Load = func(context.Context) (admission.Rules, error) { panic("boom") }
		},
		"empty rules": func(c *admission.ServerConfig) {
			c.Load = func(context.Context) (admission.Rules, error) { return admission.Rules{}, nil }
		},
		"no certificate":          func(c *admission.ServerConfig) { c.CertFile = filepath.Join(h.dir, "none") },
		"a key for a certificate": func(c *admission.ServerConfig) { c.CertFile = c.KeyFile },
		"an expired certificate": func(c *admission.ServerConfig) {
			dir := t.TempDir()
			writePair(t, dir, "old", -time.Minute)
			c.CertFile, c.KeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		},
		"no authority of Gatekeeper": func(c *admission.ServerConfig) { c.GatekeeperCA = h.cfg.KeyFile },
		"no file":                    func(c *admission.ServerConfig) { c.CertFile = "" },
	} {
		cfg := h.cfg
		cfg.Cache = nil
		change(&cfg)
		if _, err := admission.NewServer(t.Context(), cfg); err == nil {
			t.Errorf("%s: it begins", name)
		}
	}
}

// again makes the same server in the bubble of a test.
func (h *hook) again(t *testing.T) *hook {
	t.Helper()
	out := newHook(t, "", func(c *admission.ServerConfig) {
		c.Reload, c.StaleFor, c.Drain = h.cfg.Reload, h.cfg.StaleFor, h.cfg.Drain
	})
	writePair(t, out.dir, "bubble", 1000*time.Hour)
	return out
}

func (h *hook) breaks(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

func (h *hook) ready(t *testing.T, code int, says string) {
	t.Helper()
	if got, body := h.get(t, "/readyz"); got != code || !strings.Contains(body, says) {
		t.Errorf("HTTP %d %q, want %d and %q", got, body, code, says)
	}
	if got, _ := h.get(t, "/healthz"); got != 200 {
		t.Errorf("healthz says %d", got)
	}
}

// nowhere is a listener that nobody calls.
type nowhere struct{ ctx context.Context }

func (n nowhere) Accept() (net.Conn, error) { <-n.ctx.Done(); return nil, http.ErrServerClosed }
func (n nowhere) Close() error              { return nil }
func (n nowhere) Addr() net.Addr            { return &net.TCPAddr{} }

// TestServe: over TLS, with a certificate that is replaced while it serves, to
// the end of the last request.
func TestServe(t *testing.T) {
	h := newHook(t, "", func(c *admission.ServerConfig) {
		c.Reload = 10 * time.Millisecond
		c.Drain = time.Nanosecond
		c.Pprof = false
	})
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	main, aside := listen(), listen()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, main, aside) }()

	call := func(pool *x509.CertPool) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+main.Addr().String()+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	second := writePair(t, h.dir, "second", time.Hour)
	for call(second) != nil {
		if t.Context().Err() != nil {
			t.Fatal("the new certificate is not served")
		}
	}
	// A broken pair changes nothing.
	if err := os.WriteFile(filepath.Join(h.dir, "tls.key"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for {
		if code, body := h.get(t, "/readyz"); code != 200 {
			t.Fatalf("not ready: %s", body)
		} else if strings.Contains(body, "but: ") {
			break
		}
	}
	if err := call(second); err != nil {
		t.Error(err)
	}
	metrics := func() string {
		res, err := http.Get("http://" + aside.Addr().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	h.review(t, "/validate", ask(string(volumes("r.io/m@"+good.String())), ""))
	h.review(t, "/validate", ask(string(volumes("r.io/m@"+good.String())), ""))
	h.review(t, "/validate", ask(string(volumes("r.io/m@"+bad.String())), ""))
	text := metrics()
	for _, want := range []string{
		`modelcheck_admission_decisions_total{allowed="true",endpoint="validate",outcome="allow",reason=""} 2`,
		`modelcheck_admission_decisions_total{allowed="false",endpoint="validate",outcome="deny",reason="summary-missing"} 1`,
		`modelcheck_admission_verdicts_total{from="cache"} 1`, `modelcheck_admission_verdicts_total{from="registry"} 2`,
		"modelcheck_admission_ready 1", "modelcheck_admission_attention 1", `modelcheck_admission_loads_total{result="failed",what="certificate"}`,
		"modelcheck_admission_policy_age_seconds 0", "modelcheck_admission_cached_verdicts 2", `modelcheck_admission_decision_seconds_bucket{endpoint="validate",le="10"} 3`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if res, err := http.Get("http://" + aside.Addr().String() + "/debug/pprof/"); err != nil || res.StatusCode != 404 {
		t.Errorf("pprof is there: %v %v", res, err)
	}

	// What runs when the server is told to stop is answered.
	h.registry.set(func() { h.registry.wait = make(chan struct{}) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: second}, ForceAttemptHTTP2: true}}
	answered := make(chan string)
	go func() {
		res, err := client.Post("https://"+main.Addr().String()+"/validate", "application/json", strings.NewReader(ask(string(volumes("r.io/late@"+good.String())), "")))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answered <- string(b)
	}()
	for running := 0; running == 0; {
		h.registry.set(func() { running = h.registry.running })
	}
	cancel()
	for {
		if code, _ := h.get(t, "/readyz"); code == 503 {
			break
		}
	}
	close(h.registry.wait)
	if got := <-answered; !strings.Contains(got, `"allowed":true`) {
		t.Error(got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRoom: requests wait for room, and are turned away at the end of their
// time.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, "", func(c *admission.ServerConfig) { c.Room = 1 })
		h.registry.wait = make(chan struct{})
		body := ask(string(volumes("r.io/m@"+good.String())), "")
		codes := make(chan int, 2)
		go func() { codes <- h.post(t, "/validate?timeout=30s", body).Code }()
		synctest.Wait()
		if got := h.post(t, "/validate?timeout=10s", body).Code; got != http.StatusTooManyRequests {
			t.Errorf("HTTP %d", got)
		}
		go func() { codes <- h.post(t, "/validate?timeout=10s", body).Code }()
		synctest.Wait()
		close(h.registry.wait)
		if a, b := <-codes, <-codes; a != 200 || b != 200 {
			t.Errorf("HTTP %d and %d", a, b)
		}
	})
}
