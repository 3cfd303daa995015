//go:build e2e

package main_test

import (
	"testing"
)

// older are cosign's flags for the layouts that it wrote before bundles.
var older = []string{"--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"}

// TestE2ELayouts: what cosign writes in each of its layouts, modelcheck
// verifies under the key that made it, and under no other.
func TestE2ELayouts(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	for _, reg := range p.registries {
		for _, layout := range []struct {
			name string
			sign func(t *testing.T, a published, key keyPair)
		}{
			{"bundle", p.signByKey},
			{"tag", p.signOlder},
			{"referrer-1-1", p.signExperimental},
		} {
			t.Run(reg.name+"/"+layout.name, func(t *testing.T) {
				a := p.push(t, reg, "layouts/"+layout.name, p.folder)
				layout.sign(t, a, p.key)
				u.verify(t, "--key", p.key.public, a.tag()).expect(t, exitAllow, "allow", "")
				u.verify(t, "--key", p.otherKey.public, a.tag()).expect(t, exitDeny, "deny", "signature-wrong-key")
			})
		}
	}
}

// TestE2EShadowing: an attestation by somebody else, in the newer layout, does
// not hide a good signature in the older one, as it does for cosign; and an
// attestation in the older layout is no signature either.
func TestE2EShadowing(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	for _, reg := range p.registries {
		t.Run(reg.name, func(t *testing.T) {
			a := p.push(t, reg, "shadowing/signed", p.folder)
			p.signOlder(t, a, p.key)
			p.attest(t, a, p.otherKey)
			u.verify(t, "--key", p.key.public, a.tag()).expect(t, exitAllow, "allow", "")

			b := p.push(t, reg, "shadowing/attested", p.folder)
			p.attestOlder(t, b, p.key)
			o := u.verify(t, "--key", p.key.public, b.tag())
			o.expect(t, exitDeny, "deny", "")
			for _, s := range o.Signatures {
				if s.Code == "signature-verified" {
					t.Errorf("an attestation counts as a signature: %+v", o.Signatures)
				}
			}
		})
	}
}

func (b *bed) signOlder(t *testing.T, a published, key keyPair) {
	t.Helper()
	b.run(t, "cosign", append([]string{"sign", "--yes", "--allow-http-registry", "--key", key.private, "--trusted-root", b.trustedRoot}, append(older, a.pinned())...)...)
}

func (b *bed) signExperimental(t *testing.T, a published, key keyPair) {
	t.Helper()
	cmd := b.command(beforeDeadline(t), "cosign", append([]string{"sign", "--yes", "--allow-http-registry", "--key", key.private,
		"--trusted-root", b.trustedRoot, "--registry-referrers-mode", "oci-1-1"}, append(older, a.pinned())...)...)
	cmd.Env = append(cmd.Env, "COSIGN_EXPERIMENTAL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cosign: %v\n%s", err, out)
	}
}

func (b *bed) attestOlder(t *testing.T, a published, key keyPair) {
	t.Helper()
	predicate := b.write(t, "older-predicate.json", []byte(`{"verdict":"FAIL"}`))
	b.run(t, "cosign", append([]string{"attest", "--yes", "--allow-http-registry", "--key", key.private, "--trusted-root", b.trustedRoot,
		"--predicate", predicate, "--type", "https://example.com/scan/v1"}, append(older, a.pinned())...)...)
}
