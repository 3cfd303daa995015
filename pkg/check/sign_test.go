package check_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing/signingtest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// demoCopy is a copy of the demo layout that a test may write to.
func demoCopy(t *testing.T) artifact.Reference {
	t.Helper()
	dir := t.TempDir() + "/demo"
	if err := os.CopyFS(dir, os.DirFS(demoLayout)); err != nil {
		t.Fatal(err)
	}
	return reference(t, "oci-layout:"+dir+":v1")
}

func reference(t *testing.T, s string) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// demoRegistry serves the demo model through h, which may do anything first.
func demoRegistry(t *testing.T, before func(http.ResponseWriter, *http.Request) (answered bool)) artifact.Reference {
	t.Helper()
	inner := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	on := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !on || !before(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	src, err := oci.NewFromFS(t.Context(), os.DirFS(demoLayout))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	repo, err := remote.NewRepository(host + "/models/tiny")
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	if _, err := oras.Copy(t.Context(), src, "v1", repo, "v1", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	on = true
	return reference(t, host+"/models/tiny:v1")
}

func demoKey(t *testing.T) []byte {
	t.Helper()
	key, err := os.ReadFile("../../testdata/keys/demo.key")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signWith(t *testing.T, cfg check.SignConfig, ref artifact.Reference) (*check.SignReport, error) {
	t.Helper()
	signer, err := check.NewSigner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return signer.Sign(t.Context(), ref)
}

// keylessConfig signs as Alice.
func keylessConfig(t *testing.T, s *signingtest.Services) check.SignConfig {
	t.Helper()
	return check.SignConfig{
		Token:         &check.SignToken{Given: s.Token(signingtest.Alice, time.Now().Add(time.Hour))},
		SigningConfig: s.Config(2),
		TrustedRoot:   s.TrustedRoot(t),
	}
}

// verdictFor examines ref under a policy that names one keyless signer.
func verdictFor(t *testing.T, ref artifact.Reference, s *signingtest.Services, subject string) *check.Report {
	t.Helper()
	p, err := policy.Build(policy.Settings{Issuer: s.URL, Subject: subject, RootFile: "root.json"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(func(string) ([]byte, error) { return s.TrustedRoot(t), nil }); err != nil {
		t.Fatal(err)
	}
	checker, err := check.New(check.Config{Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	r, err := checker.Examine(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A keyless signature is attached and verified by the one whom the token names.
func TestSignKeyless(t *testing.T) {
	s, ref := signingtest.Start(t), demoCopy(t)
	r, err := signWith(t, keylessConfig(t, s), ref)
	if err != nil || r.Signature == nil || r.Signature.Identity.Subject != signingtest.Alice || r.Attached == nil || r.Signature.Layout != "layout-index" {
		t.Fatalf("%+v, %v", r, err)
	}
	if v := verdictFor(t, ref, s, signingtest.Alice).Verdict; !v.Allowed() {
		t.Errorf("%+v", v)
	}
	if v := verdictFor(t, ref, s, "mallory@example.com").Verdict; v.Outcome != policy.Deny {
		t.Errorf("another identity: %+v", v)
	}
}

// Nothing is attached that does not verify, whatever was made.
func TestUnverifiedIsNotAttached(t *testing.T) {
	ref := demoCopy(t)
	before, err := os.ReadFile(ref.Path() + "/index.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*signingtest.Services, *check.SignConfig)
		code   string
	}{
		"another root": {func(_ *signingtest.Services, c *check.SignConfig) {
			c.TrustedRoot = signingtest.Start(t).TrustedRoot(t)
		}, provenance.CodeUntrustedRoot},
		"an expired token": {func(s *signingtest.Services, c *check.SignConfig) {
			c.Token.Given = s.Token(signingtest.Alice, time.Now())
		}, provenance.CodeIdentityToken},
		"a refused token": {func(s *signingtest.Services, _ *check.SignConfig) { s.Break("/api/v2/signingCert", 401, "who?") }, provenance.CodeIdentityToken},
		"no Fulcio":       {func(s *signingtest.Services, _ *check.SignConfig) { s.Break("/api/v2/signingCert", 404, "gone") }, provenance.CodeSigningService},
		"no log":          {func(s *signingtest.Services, _ *check.SignConfig) { s.Break("/api/v2/log/entries", 404, "gone") }, provenance.CodeSigningService},
		"no timestamp":    {func(s *signingtest.Services, _ *check.SignConfig) { s.Break("/api/v1/timestamp", 404, "gone") }, provenance.CodeSigningService},
	} {
		t.Run(name, func(t *testing.T) {
			s := signingtest.Start(t)
			cfg := keylessConfig(t, s)
			tc.change(s, &cfg)
			r, err := signWith(t, cfg, ref)
			if err == nil || r.Error == nil || r.Error.Code != tc.code || r.BundleBytes() != nil || r.Signature != nil || r.Attached != nil {
				t.Errorf("%+v, %v, want %s", r, err, tc.code)
			}
		})
	}
	if after, err := os.ReadFile(ref.Path() + "/index.json"); err != nil || string(after) != string(before) {
		t.Errorf("the layout changed: %v", err)
	}
}

// The digest that was resolved is what is signed, though the tag moves on while
// a signature is made.
func TestSignResolvesOnce(t *testing.T) {
	gets := 0
	ref := demoRegistry(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/manifests/v1") && r.Method == http.MethodGet {
			gets++
		}
		return false
	})
	r, err := signWith(t, check.SignConfig{Key: demoKey(t)}, ref)
	if err != nil || r.Attached == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if gets != 1 || !strings.Contains(string(r.Statement), r.Resolved.Digest.Hex()) {
		t.Errorf("the tag was asked for %d times, %s", gets, r.Statement)
	}
}

// A registry that takes a signature and hands out another one, or none, or that
// takes none, is no success; the bundle is kept for another try.
func TestSignRegistryFails(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		code   string
	}{
		"pushing is not allowed": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}, provenance.CodeUnauthorized},
		"the list stays empty": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/referrers/") && !strings.Contains(r.URL.Path, "/manifests/sha256-") {
				return false
			}
			if strings.Contains(r.URL.Path, "/manifests/sha256-") && r.Method == http.MethodPut {
				w.WriteHeader(http.StatusCreated)
				return true
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		}, provenance.CodeNotReadBack},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := signWith(t, check.SignConfig{Key: demoKey(t)}, demoRegistry(t, tc.before))
			if err == nil || r.Error == nil || r.Error.Code != tc.code || r.BundleBytes() == nil {
				t.Errorf("%+v, %v, want %s", r.Error, err, tc.code)
			}
		})
	}
}

func TestNewSignerRefuses(t *testing.T) {
	s := signingtest.Start(t)
	for name, tc := range map[string]struct {
		cfg  check.SignConfig
		code string
	}{
		"nobody":               {check.SignConfig{}, provenance.CodeSigningKey},
		"two":                  {check.SignConfig{Key: demoKey(t), Plugin: "a://b"}, provenance.CodeSigningKey},
		"a token from nowhere": {check.SignConfig{Token: &check.SignToken{}, SigningConfig: s.Config(2), TrustedRoot: s.TrustedRoot(t)}, provenance.CodeIdentityToken},
		"no trusted root":      {check.SignConfig{Token: &check.SignToken{GitHubURL: "https://x"}, SigningConfig: s.Config(2)}, provenance.CodeTrustMaterial},
		"no services":          {check.SignConfig{Token: &check.SignToken{GitHubURL: "https://x"}, TrustedRoot: s.TrustedRoot(t)}, provenance.CodeSigningService},
		"services of nobody's": {check.SignConfig{Key: demoKey(t), SigningConfig: []byte("{}")}, provenance.CodeSigningService},
		"no log, no time":      {check.SignConfig{Token: &check.SignToken{GitHubURL: "https://x"}, SigningConfig: s.Config(0), TrustedRoot: s.TrustedRoot(t)}, provenance.CodeSigningService},
	} {
		if _, err := check.NewSigner(t.Context(), tc.cfg); err == nil || check.SignFailureCode(err) != tc.code {
			t.Errorf("%s: %v (%s), want %s", name, err, check.SignFailureCode(err), tc.code)
		}
	}
}

// Who changes his mind ends it, and nothing is attached.
func TestSignInterrupted(t *testing.T) {
	ref := demoCopy(t)
	signer, err := check.NewSigner(t.Context(), check.SignConfig{Key: demoKey(t), Model: &check.SignModel{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := signer.Sign(ctx, reference(t, "dir:"+ref.Path()))
	if !errors.Is(err, context.Canceled) || r.Error.Code != provenance.CodeInterrupted || r.BundleBytes() != nil {
		t.Errorf("%+v, %v", r.Error, err)
	}
}

// Where layers are not the files, no list of files can be signed.
func TestSignFilesOfArchives(t *testing.T) {
	l := newLayoutWriter()
	config := l.blob("application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`), nil)
	layer := l.blob("application/vnd.oci.image.layer.v1.tar", []byte("tar"), nil)
	l.manifest(encode(t, map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{layer},
	}), "v1", "")
	dir := t.TempDir()
	l.write(t, dir)
	ref := reference(t, "oci-layout:"+dir+":v1")
	r, err := signWith(t, check.SignConfig{Key: demoKey(t), Model: &check.SignModel{}}, ref)
	if !errors.Is(err, check.ErrNotRaw) || r.Error.Code != provenance.CodeNotSignable {
		t.Errorf("%+v, %v", r.Error, err)
	}
}
