package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// copyModel copies a signed model, so that a test can change it.
func copyModel(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(fixtures.Dir(t, "oms", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, content string, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The real model signatures verify by every method, and for nobody else and
// nothing else.
func TestVerifyModel(t *testing.T) {
	public := filepath.Join(fixtures.Dir(t, "sigstore-conformance"), "trusted_root.public-good.json")
	keys := fixtures.Dir(t, "oms", "keys", "certificate")
	person := []string{"--method", "sigstore", "--identity", "stefanb@us.ibm.com", "--identity-provider", "https://sigstore.verify.ibm.com/oauth2"}
	key := []string{"--method", "key", "--public-key", filepath.Join(keys, "signing-key-pub.pem")}
	chain := []string{"--method", "certificate", "--cert-chain", filepath.Join(keys, "int-ca-cert.pem"), "--cert-chain", filepath.Join(keys, "ca-cert.pem")}
	for name, how := range map[string][]string{"v1.0.0-sigstore": person, "v1.1.0-sigstore": person, "v1.1.0-elliptic-key": key, "v1.1.0-certificate": chain} {
		t.Run(name, func(t *testing.T) {
			verify := func(dir, sig string, more ...string) (int, string) {
				return runClient(t, public, slices.Concat([]string{"verify-model"}, how, []string{"--model-path", dir, "--bundle", sig}, more)...)
			}
			expect := func(what, dir, sig, code string, more ...string) {
				t.Helper()
				status, reason := verify(dir, sig, more...)
				if code == "" && status != 0 || code != "" && (status != 1 || !strings.HasPrefix(reason, code+": ")) {
					t.Errorf("%s: %d %q, want %q", what, status, reason, code)
				}
			}
			dir := copyModel(t, name)
			sig := filepath.Join(dir, "model.sig")
			expect("good", dir, sig, "")
			outside := write(t, string(must(os.ReadFile(sig))), t.TempDir(), "elsewhere.sig")
			expect("a file more", dirWith(t, name, "extra.bin", "x"), outside, provenance.CodeSignatureWrongSubject, "--ignore-paths", "model.sig")
			expect("a file more, ignored", dirWith(t, name, "extra.bin", "x"), outside, "", "--ignore-paths", "model.sig", "--ignore-paths", "extra.bin")
			expect("a file more, unsigned files ignored", dirWith(t, name, "extra.bin", "x"), outside, "", "--ignore-unsigned-files")
			expect("a file changed", dirWith(t, name, "signme-1", "x"), outside, provenance.CodeSignatureWrongSubject, "--ignore-unsigned-files")
			if err := os.Remove(filepath.Join(dir, "signme-2")); err != nil {
				t.Fatal(err)
			}
			expect("a file less", dir, sig, provenance.CodeSignatureWrongSubject, "--ignore-unsigned-files")
		})
	}
	dir := copyModel(t, "v1.1.0-sigstore")
	base := []string{"verify-model", "--model-path", dir, "--bundle", filepath.Join(dir, "model.sig")}
	for what, tt := range map[string]struct {
		args   []string
		status int
		reason string
	}{
		"another person":   {[]string{"--method", "sigstore", "--identity", "mallory@example.com", "--identity-provider", person[5]}, 1, provenance.CodeSignatureWrongIdentity},
		"another provider": {[]string{"--method", "sigstore", "--identity", person[3], "--identity-provider", "https://example.com"}, 1, provenance.CodeSignatureWrongIssuer},
		"nobody":           {[]string{"--method", "sigstore"}, 2, "usage"},
		"a key":            {key, 1, provenance.CodeSignatureWrongKey},
		"an authority":     {chain, 1, provenance.CodeUntrustedRoot},
		"no key":           {[]string{"--method", "key"}, 2, "usage"},
		"no chain":         {[]string{"--method", "certificate"}, 1, provenance.CodeTrustMaterial},
		"no method":        {nil, 2, "usage"},
	} {
		if status, reason := runClient(t, public, slices.Concat(base, tt.args)...); status != tt.status || !strings.HasPrefix(reason, tt.reason) {
			t.Errorf("%s: %d %q, want %d %q", what, status, reason, tt.status, tt.reason)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// dirWith is a model in which one file was written anew.
func dirWith(t *testing.T, model, name, content string) string {
	t.Helper()
	dir := copyModel(t, model)
	write(t, content, dir, name)
	return dir
}

// What is signed here verifies here, for its key and its files.
func TestSignModel(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	private := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})), dir, "key.pem")
	public := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key.Public()))})), dir, "key.pub")
	model := copyModel(t, "v1.1.0-elliptic-key")
	sig := filepath.Join(model, "own.sig")
	sign := []string{"sign-model", "--method", "key", "--private-key", private, "--model-path", model, "--output-bundle", sig, "--ignore-paths", filepath.Join(model, "ignore-me")}
	if status, reason := runClient(t, "", sign...); status != 0 {
		t.Fatalf("%d %s", status, reason)
	}
	verify := []string{"verify-model", "--method", "key", "--public-key", public, "--model-path", model, "--bundle", sig}
	if status, reason := runClient(t, "", verify...); status != 0 {
		t.Errorf("%d %s", status, reason)
	}
	write(t, "changed", model, "signme-1")
	if status, reason := runClient(t, "", verify...); status != 1 || !strings.HasPrefix(reason, provenance.CodeSignatureWrongSubject) {
		t.Errorf("changed: %d %s", status, reason)
	}
	for what, args := range map[string][]string{
		"certificates": {"sign-model", "--method", "certificate", "--model-path", model, "--output-bundle", sig},
		"no token":     {"sign-bundle", "--bundle", sig, private},
	} {
		if status, reason := runClient(t, "", args...); status != 2 {
			t.Errorf("%s: %d %s", what, status, reason)
		}
	}
}
