package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing/signingtest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A judgement is what attest makes of a bundle.
type judgement struct {
	proven       bool
	key, subject string
	issuer       string
	code         string
	checked      []string
}

func judge(t *testing.T, cfg attest.Config, bundle []byte) judgement {
	t.Helper()
	v := must(attest.New(cfg))(t)
	a := must(attest.ReferrerManifest(artifact.Descriptor{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: subject, Size: 10}, bundle))(t)
	fetch := func(_ context.Context, d artifact.Descriptor, _ int64) ([]byte, error) {
		for _, b := range a.Blobs {
			if b.Descriptor.Digest == d.Digest {
				return b.Content, nil
			}
		}
		return nil, attest.ErrUnusable
	}
	candidates := must(v.Verify(t.Context(), subject, []attest.Referrer{{Layout: "test", Descriptor: a.Descriptor, Body: a.Manifest}}, fetch))(t)
	if len(candidates) != 1 {
		t.Fatalf("%d candidates", len(candidates))
	}
	c := candidates[0]
	return judgement{
		proven: c.Verdict == provenance.Proven, key: c.Identity.KeyFingerprint, subject: c.Identity.Subject,
		issuer: c.Identity.Issuer, code: c.Code + " " + c.Detail, checked: c.Checked,
	}
}

// keyless returns the configuration of a signer by a token.
func keyless(t *testing.T, s *signingtest.Services, generation int, token Token) Config {
	t.Helper()
	return Config{
		Token:    &token,
		Services: must(ParseServices(s.Config(generation), time.Now()))(t),
		Sleep:    func(context.Context, time.Duration) error { return nil },
	}
}

func trusted(t *testing.T, s *signingtest.Services) attest.Config {
	t.Helper()
	return attest.Config{Roots: []attest.Root{{Name: "test", JSON: s.TrustedRoot(t)}}}
}

// What Fulcio, both Rekor generations and a timestamp authority answer makes a
// bundle that verifies, by the one whom the token names.
func TestKeyless(t *testing.T) {
	for name, generation := range map[string]int{"Rekor v1": 1, "Rekor v2": 2} {
		t.Run(name, func(t *testing.T) {
			s := signingtest.Start(t)
			signer := must(New(keyless(t, s, generation, Token{Given: s.Token(signingtest.Alice, time.Now().Add(time.Hour))})))(t)
			bundle := must(signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t)
			c := judge(t, trusted(t, s), bundle)
			if !c.proven || c.subject != signingtest.Alice || c.issuer != s.URL {
				t.Errorf("%+v, want it verified by %s", c, signingtest.Alice)
			}
			for _, checked := range []string{"transparency-log", "signed-timestamp", "signed-certificate-timestamp"} {
				if !slices.Contains(c.checked, checked) {
					t.Errorf("not checked: %s", checked)
				}
			}
			// The neighbour: another instance's root.
			if c := judge(t, trusted(t, signingtest.Start(t)), bundle); c.proven {
				t.Error("a stranger's root proves it")
			}
		})
	}
}

// A key may be logged and dated too; signing again makes another signature,
// for a log does not take the same one twice.
func TestKeyWithServices(t *testing.T) {
	for name, generation := range map[string]int{"Rekor v1": 1, "Rekor v2": 2} {
		t.Run(name, func(t *testing.T) {
			s := signingtest.Start(t)
			key := must(newKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)))(t)
			signer := must(New(Config{Key: key, Services: must(ParseServices(s.Config(generation), time.Now()))(t)}))(t)
			cfg := trusted(t, s)
			cfg.Keys = []attest.Key{{PEM: key.PublicPEM()}}
			for range 2 {
				c := judge(t, cfg, must(signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t))
				if !c.proven || !slices.Contains(c.checked, "transparency-log") || !slices.Contains(c.checked, "signed-timestamp") {
					t.Errorf("%+v", c)
				}
			}
			if slices.Contains(s.Requests(), "POST /api/v2/signingCert") {
				t.Error("a certificate was asked for")
			}
		})
	}
}

// With a key and no services nobody is asked.
func TestKeyAloneAsksNobody(t *testing.T) {
	key := must(newKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)))(t)
	signer := must(New(Config{Key: key}))(t)
	signer.courier.base = roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was asked", r.URL)
		return nil, errors.New("no")
	})
	must(signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t)
}

// A service that fails is named, with what it said; what may pass is asked
// three times, what will not once.
func TestServicesFail(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		generation int
		status     int
		asked      int
		want       []string
	}{
		{"Fulcio is down", "/api/v2/signingCert", 2, 503, 3, []string{"certificate authority", "503", "come back later"}},
		{"Fulcio asks to wait", "/api/v2/signingCert", 2, 429, 3, []string{"certificate authority", "429", "come back later"}},
		{"Fulcio refuses", "/api/v2/signingCert", 2, 400, 1, []string{"certificate authority", "400", "come back later", `audience "sigstore"`}},
		{"Fulcio has moved", "/api/v2/signingCert", 2, 302, 1, []string{"certificate authority", "302"}},
		{"no timestamp", "/api/v1/timestamp", 2, 502, 3, []string{"timestamp authority", "502", "come back later"}},
		{"not a timestamp", "/api/v1/timestamp", 2, 200, 1, []string{"timestamp authority"}},
		{"Rekor v2 is down", "/api/v2/log/entries", 2, 500, 3, []string{"transparency log", "500", "come back later"}},
		{"Rekor v2 has it", "/api/v2/log/entries", 2, 409, 1, []string{"transparency log", "409", "this very signature is logged"}},
		{"Rekor v2 says nothing", "/api/v2/log/entries", 2, 201, 1, []string{"transparency log", "reading its answer"}},
		{"Rekor v1 refuses", "/api/v1/log/entries", 1, 400, 1, []string{"transparency log", "400", "come back later"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := signingtest.Start(t)
			s.Break(tc.path, tc.status, "come back later")
			signer := must(New(keyless(t, s, tc.generation, Token{Given: s.Token(signingtest.Alice, time.Now().Add(time.Hour))})))(t)
			bundle, err := signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint)
			var failed *ServiceError
			if bundle != nil || !errors.As(err, &failed) {
				t.Fatalf("%s and %v, want a ServiceError", bundle, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			asked := 0
			for _, r := range s.Requests() {
				if strings.HasSuffix(r, " "+tc.path) {
					asked++
				}
			}
			if asked != tc.asked {
				t.Errorf("asked %d times, want %d", asked, tc.asked)
			}
		})
	}
}

// What recovers within three tries was no failure.
func TestServiceRecovers(t *testing.T) {
	s := signingtest.Start(t)
	bad := map[string]int{}
	s.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if bad[r.URL.Path]++; bad[r.URL.Path] > 2 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	signer := must(New(keyless(t, s, 2, Token{Given: s.Token(signingtest.Alice, time.Now().Add(time.Hour))})))(t)
	if c := judge(t, trusted(t, s), must(signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t)); !c.proven {
		t.Errorf("%+v", c)
	}
}

// Nobody answers: the error says who and why, and an end of the context ends
// the call.
func TestNobodyAnswers(t *testing.T) {
	s := signingtest.Start(t)
	cfg := keyless(t, s, 2, Token{Given: s.Token(signingtest.Alice, time.Now().Add(time.Hour))})
	cfg.Services.Authority = "http://127.0.0.1:1"
	_, err := must(New(cfg))(t).Sign(t.Context(), must(Statement(subject))(t), CosignHint)
	if err == nil || !strings.Contains(err.Error(), `certificate authority "http://127.0.0.1:1`) || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s.Fail = func(http.ResponseWriter, *http.Request) bool {
		cancel()
		<-release
		return true
	}
	defer close(release)
	cfg.Services.Authority = s.URL
	if _, err = must(New(cfg))(t).Sign(ctx, must(Statement(subject))(t), CosignHint); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// What could only fail later is refused before anything is asked.
func TestNewRefuses(t *testing.T) {
	s := signingtest.Start(t)
	good := keyless(t, s, 2, Token{Given: "x"})
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"neither key nor token":       {func(c *Config) { c.Token = nil }, ErrKey},
		"no certificate authority":    {func(c *Config) { c.Services.Authority = "" }, ErrServices},
		"no log":                      {func(c *Config) { c.Services.Logs = nil }, ErrServices},
		"no time":                     {func(c *Config) { c.Services.Timestamps = nil }, ErrServices},
		"token in the clear":          {func(c *Config) { c.Services.Authority = "http://fulcio.example" }, ErrServices},
		"another scheme":              {func(c *Config) { c.Services.Authority = "ftp://fulcio.example" }, ErrServices},
		"a password in the address":   {func(c *Config) { c.Services.Authority = "https://a:b@fulcio.example" }, ErrServices},
		"Ed25519 in a log of hashes":  {func(c *Config) { c.Key = must(newKey(edwards))(t) }, ErrKey},
		"authorities that are not":    {func(c *Config) { c.CAFile = "signer_test.go" }, nil},
		"authorities that nobody has": {func(c *Config) { c.CAFile = "nowhere" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tc.change(&cfg)
			if _, err := New(cfg); err == nil || (tc.want != nil && !errors.Is(err, tc.want)) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
	if len(s.Requests()) > 0 {
		t.Errorf("asked: %q", s.Requests())
	}
}
