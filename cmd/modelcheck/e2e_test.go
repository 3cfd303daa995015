//go:build e2e

package main_test

import (
	"slices"
	"testing"
)

const (
	alice   = "alice@example.com"
	mallory = "mallory@example.com"
)

// TestE2EBed proves the test bed: cosign verifies there what cosign signed there,
// by key and keyless, in both registries.
func TestE2EBed(t *testing.T) {
	b := startBed(t)
	key := b.newKey(t, "publisher")
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	for _, reg := range b.registries {
		t.Run(reg.name, func(t *testing.T) {
			p := b.push(t, reg, "bed/tiny", folder)
			b.signByKey(t, p, key)
			b.run(t, "cosign", "verify", "--allow-http-registry", "--insecure-ignore-tlog",
				"--trusted-root", b.trustedRoot, "--key", key.public, p.pinned())
			b.cosignKeyless(t, b.push(t, reg, "bed/person", folder), b.people.person(t, alice), alice, b.people.url)
			b.cosignKeyless(t, b.push(t, reg, "bed/workflow", folder), b.workflows.workflow(t), workflowSubject, b.workflows.url)
		})
	}
}

// cosignKeyless signs by a token and lets cosign verify the identity.
func (b *bed) cosignKeyless(t *testing.T, p published, token, subject, issuer string) {
	t.Helper()
	b.signKeyless(t, p, token)
	b.run(t, "cosign", "verify", "--allow-http-registry", "--trusted-root", b.trustedRoot,
		"--use-signed-timestamps", "--certificate-identity", subject, "--certificate-oidc-issuer", issuer, p.pinned())
}

// TestE2EModels verifies the four seed models from both registries, by key and
// keyless, and reads what their manifests say.
func TestE2EModels(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	key := b.newKey(t, "publisher")
	for name, claims := range map[string][]claimCheck{
		"deepseek-v3": deepseekV3Claims,
		"deepseek-r1": deepseekR1Claims,
		"janus-pro":   janusProClaims,
		"qwen2.5":     qwenClaims,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			writeFiles(t, folder, seedModel(t, name))
			var digests []string
			for _, reg := range b.registries {
				p := b.push(t, reg, "models/"+name, folder)
				b.signByKey(t, p, key)
				b.signKeyless(t, p, b.people.person(t, alice))
				byKey := u.verifyModel(t, reg.name+"-key-"+name, p, "--key", key.public)
				checkClaims(t, byKey, claims)
				keyless := u.verifyModel(t, reg.name+"-keyless-"+name, p, b.trust(alice, b.people.url)...)
				checkClaims(t, keyless, claims)
				digests = append(digests, byKey.digest+" "+keyless.digest)
			}
			// The record holds no host and no time: what differs between the
			// registries is when and where.
			if len(slices.Compact(digests)) != 1 {
				t.Errorf("the manifests differ between the registries: %q", digests)
			}
		})
	}
}

// TestE2EWorkflow verifies what a workflow signed, by name and by pattern.
func TestE2EWorkflow(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	for _, reg := range b.registries {
		t.Run(reg.name, func(t *testing.T) {
			p := b.push(t, reg, "workflow/tiny", folder)
			b.signKeyless(t, p, b.workflows.workflow(t))
			u.verify(t, append(b.trust(workflowSubject, b.workflows.url), p.tag())...).expect(t, exitAllow, "allow", "")
			pattern := []string{"--certificate-oidc-issuer", b.workflows.url, "--trusted-root", b.trustedRoot, p.pinned(), "--certificate-identity-regexp"}
			u.verify(t, append(pattern, `https://github\.com/acme/models/\.github/workflows/release\.yml@refs/tags/v.*`)...).expect(t, exitAllow, "allow", "")
			// Patterns are anchored: part of the name is not the name.
			u.verify(t, append(pattern, `github\.com/acme/models`)...).expect(t, exitDeny, "deny", "signature-wrong-identity")
		})
	}
}
