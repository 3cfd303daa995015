//go:build e2e

package main_test

import (
	"bytes"
	"os"
	"testing"
)

// TestE2EAttest: what attest signs, the real cosign accepts by its types and
// under its key only, and modelcheck accepts in place of hashing.
func TestE2EAttest(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	key, verifier, stranger := b.newKey(t, "release"), b.newKey(t, "verifier"), b.newKey(t, "stranger")
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	p := b.push(t, b.registries[0], "attest/tiny", folder)
	u.sign(t, 0, nil, p.tag(), "--key", key.private)
	policy := b.path("attest-policy.yaml")
	b.write(t, "attest-policy.yaml", []byte("apiVersion: modelcheck/v1\nkind: Policy\nsigners:\n"+
		"  - {name: release, key: {file: "+key.public+"}}\n  - {name: ci, relation: verifier, key: {file: "+verifier.public+"}}\n"+
		"require:\n  signatures: {anyOf: [release]}\nsummaries: {signedBy: {anyOf: [ci]}, maxAge: 1d, time: stated}\n"))
	var out bytes.Buffer
	cmd := u.command(beforeDeadline(t), u.binary, "attest", p.tag(), "--policy", policy, "--key", verifier.private)
	cmd.Stdout, cmd.Stderr = &out, &out
	if code, err := exitCode(cmd.Run()); err != nil || code != exitAllow {
		t.Fatalf("exit %d, %v\n%s", code, err, &out)
	}
	for _, predicate := range []string{
		"https://slsa.dev/verification_summary/v1", "https://in-toto.io/attestation/svr/v0.1",
		"https://github.com/modelcheck/modelcheck/provenance-manifest/v1",
	} {
		verify := func(public string) []string {
			return []string{"verify-attestation", "--allow-http-registry", "--insecure-ignore-tlog", "--trusted-root", b.trustedRoot, "--key", public, "--type", predicate, p.pinned()}
		}
		b.run(t, "cosign", verify(verifier.public)...)
		cosign := u.command(beforeDeadline(t), os.Getenv("MODELCHECK_TOOLS")+"/cosign", verify(stranger.public)...)
		if code, err := exitCode(cosign.Run()); err != nil || code == 0 {
			t.Errorf("%s under a stranger's key: exit %d, %v", predicate, code, err)
		}
	}
	u.verify(t, "--policy", policy, "--accept-summary", p.tag()).expect(t, exitAllow, "allow", "")
}
