package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var testNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// runClient runs one command and returns its exit status and its last line.
func runClient(t *testing.T, root string, args ...string) (status int, reason string) {
	t.Helper()
	var stderr bytes.Buffer
	c := &client{stderr: &stderr, root: root, now: func() time.Time { return testNow }}
	status = c.run(t.Context(), args)
	return status, strings.TrimSpace(stderr.String())
}

// argumentsOf are those of the suite for the case in dir (its test/client.py).
func argumentsOf(dir string) []string {
	args := []string{"verify-bundle", "--bundle", filepath.Join(dir, "bundle.sigstore.json")}
	if key := filepath.Join(dir, "key.pub"); exists(key) {
		args = append(args, "--key", key)
	} else {
		args = append(args, "--certificate-identity", conformanceIdentity, "--certificate-oidc-issuer", conformanceIssuer)
	}
	if root := filepath.Join(dir, "trusted_root.json"); exists(root) {
		args = append(args, "--trusted-root", root)
	}
	return args
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// TestConformance runs all cases of sigstore-conformance, each by path and by
// digest: 21 must pass, 49 must fail, for the reason that their README
// describes. A client that refuses everything would refuse what must be
// refused.
func TestConformance(t *testing.T) {
	base := fixtures.Dir(t, "sigstore-conformance")
	public := filepath.Join(base, "trusted_root.public-good.json")
	cases, err := filepath.Glob(filepath.Join(base, "bundle-verify", "*", "bundle.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	passed, failed := 0, 0
	for _, bundle := range cases {
		dir := filepath.Dir(bundle)
		name := filepath.Base(dir)
		file := filepath.Join(dir, "artifact")
		if !exists(file) {
			file = filepath.Join(base, "a.txt")
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for how, subject := range map[string]string{"path": file, "digest": artifact.SumSHA256(content).String()} {
			status, reason := runClient(t, public, append(argumentsOf(dir), subject)...)
			want, fails := conformanceCodes[name]
			switch {
			case fails:
				failed++
				if status != 1 || !strings.HasPrefix(reason, want[0]+": ") || !strings.Contains(reason, want[1]) {
					t.Errorf("%s by %s: %d %s, want %s (…%s…)", name, how, status, reason, want[0], want[1])
				}
			default:
				passed++
				if status != 0 || reason != "" || strings.HasSuffix(name, "_fail") {
					t.Errorf("%s by %s: %d %s", name, how, status, reason)
				}
			}
		}
	}
	if passed != 2*21 || failed != 2*49 {
		t.Errorf("%d must pass and %d must fail, want 42 and 98", passed, failed)
	}
}

// What passes in the suite does so for this signer, this file and this root.
func TestVerifyBundleRefuses(t *testing.T) {
	base := fixtures.Dir(t, "sigstore-conformance")
	public, file := filepath.Join(base, "trusted_root.public-good.json"), filepath.Join(base, "a.txt")
	bundle := filepath.Join(base, "bundle-verify", "happy-path-v0.3", "bundle.sigstore.json")
	keyed := filepath.Join(base, "bundle-verify", "managed-key-happy-path")
	who := []string{"--certificate-identity", conformanceIdentity, "--certificate-oidc-issuer", conformanceIssuer}
	good := append([]string{"verify-bundle", "--bundle", bundle}, who...)
	with := func(args []string, more ...string) []string { return append(append([]string(nil), args...), more...) }
	for _, tt := range []struct {
		name   string
		root   string
		args   []string
		status int
		reason string
	}{
		{"good", public, with(good, file), 0, ""},
		{"another identity", public, with(good, "--certificate-identity", "mallory@example.com", file), 1, provenance.CodeSignatureWrongIdentity},
		{"a part of the identity", public, with(good, "--certificate-identity", strings.TrimSuffix(conformanceIdentity, "n"), file), 1, provenance.CodeSignatureWrongIdentity},
		{"another issuer", public, with(good, "--certificate-oidc-issuer", conformanceIssuer+"/", file), 1, provenance.CodeSignatureWrongIssuer},
		{"another file", public, with(good, public), 1, provenance.CodeSignatureWrongSubject},
		{"a key where there is a certificate", public, []string{"verify-bundle", "--bundle", bundle, "--key", filepath.Join(keyed, "key.pub"), file}, 1, provenance.CodeSignatureWrongKey},
		{"no root", "", with(good, file), 1, provenance.CodeUntrustedRoot},
		{"staging without its root", public, with(good, "--staging", file), 2, "usage"},
		{"no signer", public, []string{"verify-bundle", "--bundle", bundle, file}, 2, "usage"},
		{"half a signer", public, []string{"verify-bundle", "--bundle", bundle, "--certificate-identity", "x", file}, 2, "usage"},
		{"two signers", public, with(good, "--key", filepath.Join(keyed, "key.pub"), file), 2, "usage"},
		{"no file", public, good, 2, "usage"},
		{"no bundle", public, with(good, "--bundle", file+".none", file), 1, ""},
		{"no such file and no digest", public, with(good, file+".none"), 1, ""},
		{"unknown flag", public, with(good, "--verbose", file), 2, "usage"},
		{"unknown command", public, []string{"verify"}, 2, "usage"},
		{"no command", public, nil, 2, "usage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, reason := runClient(t, tt.root, tt.args...)
			if status != tt.status || !strings.HasPrefix(reason, tt.reason) || (status == 0) != (reason == "") {
				t.Errorf("%d %q, want %d %q", status, reason, tt.status, tt.reason)
			}
		})
	}
}
