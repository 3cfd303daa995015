//go:build e2e

package main_test

import (
	"bytes"
	"os"
	"testing"
)

// A publisher is the bed with two keys and a model to publish.
type publisher struct {
	*bed
	key, otherKey keyPair
	folder        string
}

// A refusal is one way in which a model must not pass.
type refusal struct {
	name string
	// publish puts something wrong on the registry and says how the user asks
	// for it: the arguments of verify.
	publish func(t *testing.T, b publisher, reg *testRegistry) []string

	exit    int
	outcome string
	code    string
}

var refusals = []refusal{
	{"unsigned", publishUnsigned, exitDeny, "deny", "signature-missing"},
	{"wrong-key", publishWrongKey, exitDeny, "deny", "signature-wrong-key"},
	{"wrong-identity", publishWrongIdentity, exitDeny, "deny", "signature-wrong-identity"},
	{"wrong-issuer", publishWrongIssuer, exitDeny, "deny", "signature-wrong-issuer"},
	{"tampered-blob", publishTampered, exitDeny, "deny", "digest-mismatch"},
	{"truncated-blob", publishTruncated, exitDeny, "deny", "size-mismatch"},
	{"copied-signature", publishCopied, exitDeny, "deny", "signature-wrong-subject"},
	{"attestation", publishAttestation, exitDeny, "deny", "not-a-signature"},
	{"nobody-trusted", publishTrustless, exitHold, "hold", "no-trust"},
	{"unknown-tag", publishNothing, exitNoVerdict, "undecided", "not-found"},
	{"registry-down", publishNowhere, exitNoVerdict, "undecided", "registry-unreachable"},
}

// TestE2ERefusals refuses everything that must be refused, each for its own
// reason, and leaves no manifest where the verdict is undecided.
func TestE2ERefusals(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	for _, reg := range p.registries {
		for _, r := range refusals {
			t.Run(reg.name+"/"+r.name, func(t *testing.T) {
				manifest := p.path(reg.name + "-" + r.name + ".manifest.json")
				o := u.verify(t, append(r.publish(t, p, reg), "--manifest", manifest)...)
				o.expect(t, r.exit, r.outcome, r.code)
				if _, err := os.Stat(manifest); r.exit == exitNoVerdict && err == nil {
					t.Error("a manifest was written without a verdict")
				}
			})
		}
	}
}

// TestE2ENeighbours allows what stands right beside the refusals, so that none of
// them is refused for something else.
func TestE2ENeighbours(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	for _, reg := range p.registries {
		t.Run(reg.name, func(t *testing.T) {
			unsigned := p.push(t, reg, "neighbours/unsigned", p.folder)
			u.verify(t, "--allow-unsigned", unsigned.tag()).expect(t, exitAllow, "allow", "")

			both := p.push(t, reg, "neighbours/both", p.folder)
			p.attest(t, both, p.key)
			p.signByKey(t, both, p.otherKey)
			p.signByKey(t, both, p.key)
			u.verify(t, "--key", p.key.public, both.tag()).expect(t, exitAllow, "allow", "")
			u.verify(t, "--key", p.otherKey.public, "--key", p.key.public, both.pinned()).expect(t, exitAllow, "allow", "")
		})
	}
}

func startPublisher(t *testing.T) publisher {
	t.Helper()
	b := startBed(t)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	return publisher{bed: b, key: b.newKey(t, "publisher"), otherKey: b.newKey(t, "stranger"), folder: folder}
}

func publishUnsigned(t *testing.T, b publisher, reg *testRegistry) []string {
	return []string{"--key", b.key.public, b.push(t, reg, "refused/unsigned", b.folder).tag()}
}

func publishWrongKey(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/wrong-key", b.folder)
	b.signByKey(t, p, b.otherKey)
	return []string{"--key", b.key.public, p.tag()}
}

func publishWrongIdentity(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/wrong-identity", b.folder)
	b.signKeyless(t, p, b.people.person(t, mallory))
	return append(b.trust(alice, b.people.url), p.tag())
}

func publishWrongIssuer(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/wrong-issuer", b.folder)
	b.signKeyless(t, p, b.people.person(t, alice))
	return append(b.trust(alice, b.workflows.url), p.tag())
}

func publishTampered(t *testing.T, b publisher, reg *testRegistry) []string {
	return b.publishCorrupted(t, reg, "refused/tampered", func(content []byte) []byte {
		changed := bytes.Clone(content)
		changed[len(changed)-1] ^= 1
		return changed
	})
}

func publishTruncated(t *testing.T, b publisher, reg *testRegistry) []string {
	return b.publishCorrupted(t, reg, "refused/truncated", func(content []byte) []byte {
		return content[:len(content)-1]
	})
}

// publishCorrupted signs a model of its own, whose weights are changed afterwards:
// blobs are shared between repositories.
func (b publisher) publishCorrupted(t *testing.T, reg *testRegistry, repository string, change func([]byte) []byte) []string {
	t.Helper()
	const weights = "model.safetensors"
	files := tinyModel()
	files[weights] = safetensors([]tensor{{repository, "F32"}})
	folder := t.TempDir()
	writeFiles(t, folder, files)
	p := b.push(t, reg, repository, folder)
	b.signByKey(t, p, b.key)
	reg.corrupt(t, b.blob(t, p, weights), change)
	return []string{"--key", b.key.public, p.tag()}
}

func publishCopied(t *testing.T, b publisher, reg *testRegistry) []string {
	files := tinyModel()
	files["config.json"] = []byte(`{"model_type":"tiny","but":"another one"}` + "\n")
	folder := t.TempDir()
	writeFiles(t, folder, files)
	signed, other := b.push(t, reg, "refused/signed", b.folder), b.push(t, reg, "refused/other", folder)
	b.signByKey(t, signed, b.key)
	b.copySignatures(t, signed, other)
	return []string{"--key", b.key.public, other.tag()}
}

func publishAttestation(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/attestation", b.folder)
	b.attest(t, p, b.key)
	return []string{"--key", b.key.public, p.tag()}
}

func publishTrustless(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/trustless", b.folder)
	b.signByKey(t, p, b.key)
	return []string{p.tag()}
}

func publishNothing(t *testing.T, b publisher, reg *testRegistry) []string {
	p := b.push(t, reg, "refused/unknown", b.folder)
	return []string{"--key", b.key.public, p.repository + ":no-such-tag"}
}

func publishNowhere(t *testing.T, b publisher, _ *testRegistry) []string {
	return []string{"--key", b.key.public, freeAddress(t) + "/refused/down:v1"}
}
