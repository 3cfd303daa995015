//go:build e2e

package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A signReport is the part of `modelcheck sign --output json` that tests look at.
type signReport struct {
	Resolved struct {
		Digest string `json:"digest"`
	} `json:"resolved"`
	Signature struct {
		Verdict  string   `json:"verdict"`
		Checked  []string `json:"checked"`
		Identity struct {
			Subject string `json:"subject"`
			Issuer  string `json:"issuer"`
		} `json:"identity"`
	} `json:"signature"`
	Attached struct {
		Digest string `json:"digest"`
		Layout string `json:"layout"`
	} `json:"attached"`
	Error *reason `json:"error"`
}

// sign runs `modelcheck sign --output json` and wants the exit code.
func (u user) sign(t *testing.T, exit int, env []string, args ...string) signReport {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(beforeDeadline(t), u.binary, append([]string{"sign", "--output", "json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(cmd.Env, env...)
	code, err := exitCode(cmd.Run())
	var r signReport
	if err != nil || code != exit || json.Unmarshal(stdout.Bytes(), &r) != nil {
		t.Fatalf("exit %d (%v), want %d\nstdout: %s\nstderr: %s", code, err, exit, &stdout, &stderr)
	}
	return r
}

// services are the flags that name the bed's Sigstore.
func (b *bed) services() []string {
	return []string{"--signing-config", b.signingConfig, "--trusted-root", b.trustedRoot}
}

// cosignVerifies lets the real cosign verify by key, without a log.
func (b *bed) cosignVerifies(t *testing.T, p published, public string, more ...string) {
	t.Helper()
	b.run(t, "cosign", append([]string{"verify", "--allow-http-registry", "--insecure-ignore-tlog",
		"--trusted-root", b.trustedRoot, "--key", public, p.pinned()}, more...)...)
}

// signingKeys makes a key of every kind; cosign's own is encrypted.
func (b *bed) signingKeys(t *testing.T) map[string]keyPair {
	t.Helper()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pair := func(name string, private, public any) keyPair {
		return keyPair{
			private: b.write(t, name+".key", pemPrivate(t, private)),
			public:  b.write(t, name+".pub", pemPublic(t, public)),
		}
	}
	return map[string]keyPair{
		"cosign":  b.newKey(t, "signer"),
		"P-384":   pair("p384", p384, p384.Public()),
		"P-521":   pair("p521", p521, p521.Public()),
		"RSA":     pair("rsa", big, big.Public()),
		"Ed25519": pair("ed25519", edwards, edwards.Public()),
	}
}

// cosignHash: cosign signs with the hash of the curve, as modelcheck does, and
// has to be told so to verify, also its own signatures.
func cosignHash(key string) string {
	switch key {
	case "P-384":
		return "sha384"
	case "P-521":
		return "sha512"
	default:
		return "sha256"
	}
}

// TestE2ESignByKey: what modelcheck signs with each kind of key, cosign and
// modelcheck verify, and neither does under another key.
func TestE2ESignByKey(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	keys := b.signingKeys(t)
	stranger := b.newKey(t, "stranger")
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	for _, reg := range b.registries {
		for name, key := range keys {
			t.Run(reg.name+"/"+name, func(t *testing.T) {
				p := b.push(t, reg, "sign/"+strings.ToLower(name), folder)
				r := u.sign(t, 0, nil, p.tag(), "--key", key.private)
				if r.Resolved.Digest != p.digest || r.Signature.Verdict != "verified" || r.Attached.Digest == "" {
					t.Errorf("%+v", r)
				}
				b.cosignVerifies(t, p, key.public, "--signature-digest-algorithm", cosignHash(name))
				u.verify(t, "--key", key.public, p.tag()).expect(t, exitAllow, "allow", "")
				u.verify(t, "--key", stranger.public, p.tag()).expect(t, exitDeny, "deny", "signature-wrong-key")
			})
		}
	}
}

// TestE2ESignKeyless: what modelcheck signs by an identity (Fulcio, Rekor of
// version 2, a timestamp), cosign and modelcheck verify under that identity and
// no other; with a key the same services log and date it.
func TestE2ESignKeyless(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	key := b.newKey(t, "logged")
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	cosign := func(p published, subject, issuer string) []string {
		return []string{"verify", "--allow-http-registry", "--trusted-root", b.trustedRoot, "--use-signed-timestamps",
			"--certificate-identity", subject, "--certificate-oidc-issuer", issuer, p.pinned()}
	}
	for _, reg := range b.registries {
		t.Run(reg.name, func(t *testing.T) {
			person := b.push(t, reg, "sign/person", folder)
			r := u.sign(t, 0, nil, append(b.services(), "--identity-token", b.people.person(t, alice), person.tag())...)
			if r.Signature.Identity.Subject != alice || r.Signature.Identity.Issuer != b.people.url {
				t.Errorf("%+v", r)
			}
			for _, checked := range []string{"transparency-log", "signed-timestamp", "signed-certificate-timestamp"} {
				if !slices.Contains(r.Signature.Checked, checked) {
					t.Errorf("not checked: %s", checked)
				}
			}
			b.run(t, "cosign", cosign(person, alice, b.people.url)...)
			u.verify(t, append(b.trust(alice, b.people.url), person.tag())...).expect(t, exitAllow, "allow", "")
			u.verify(t, append(b.trust(mallory, b.people.url), person.tag())...).expect(t, exitDeny, "deny", "signature-wrong-identity")

			workflow := b.push(t, reg, "sign/workflow", folder)
			u.sign(t, 0, []string{"SIGSTORE_ID_TOKEN=" + b.workflows.workflow(t)}, append(b.services(), workflow.tag())...)
			b.run(t, "cosign", cosign(workflow, workflowSubject, b.workflows.url)...)

			files := b.push(t, reg, "sign/files", folder)
			u.sign(t, 0, nil, append(b.services(), "--oms", "--identity-token", b.people.person(t, alice), files.tag())...)
			u.verify(t, append(b.trust(alice, b.people.url), files.tag())...).expect(t, exitAllow, "allow", "")
			u.verify(t, append(b.trust(mallory, b.people.url), files.tag())...).expect(t, exitDeny, "deny", "")

			logged := b.push(t, reg, "sign/logged", folder)
			r = u.sign(t, 0, nil, append(b.services(), "--key", key.private, logged.tag())...)
			if !slices.Contains(r.Signature.Checked, "transparency-log") {
				t.Errorf("%+v", r)
			}
			b.run(t, "cosign", "verify", "--allow-http-registry", "--trusted-root", b.trustedRoot, "--use-signed-timestamps", "--key", key.public, logged.pinned())
			u.sign(t, 0, nil, append(b.services(), "--key", key.private, logged.tag())...) // a log takes no signature twice
		})
	}
}

// otherRoot is the trusted root of an instance that runs nowhere.
func (b *bed) otherRoot(t *testing.T) string {
	t.Helper()
	w := *b.workshop
	w.dir = t.TempDir()
	keys := newPKI(t, &w)
	out := w.path("trusted_root.json")
	b.run(t, "cosign", "trusted-root", "create",
		"--fulcio=url=https://fulcio.example,certificate-chain="+keys.fulcioChain,
		"--ctfe=url=https://ctfe.example,public-key="+keys.ctlogPublic+",start-time=2026-01-01T00:00:00Z",
		"--tsa=url=https://tsa.example,certificate-chain="+keys.tsaChain,
		"--rekor=url=http://"+rekorOrigin+",public-key="+keys.rekorPublic+",start-time=2026-01-01T00:00:00Z,origin="+rekorOrigin,
		"--out", out)
	return out
}

// TestE2ESignRefused: what cannot be verified is not attached.
func TestE2ESignRefused(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	stranger := startIssuer(t)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	p := b.push(t, b.registries[0], "sign/refused", folder)
	for name, tc := range map[string]struct {
		args []string
		code string
	}{
		"another instance's root":   {[]string{"--signing-config", b.signingConfig, "--trusted-root", b.otherRoot(t), "--identity-token", b.people.person(t, alice)}, "untrusted-root"},
		"a token of nobody's":       {append(b.services(), "--identity-token", stranger.person(t, alice)), "identity-token"},
		"a token for somebody else": {append(b.services(), "--identity-token", b.people.token(t, alice, map[string]any{"aud": "else", "email": alice, "email_verified": true})), "identity-token"},
	} {
		t.Run(name, func(t *testing.T) {
			r := u.sign(t, 1, nil, append(tc.args, p.tag())...)
			if r.Error == nil || r.Error.Code != tc.code {
				t.Errorf("%+v, want %s", r.Error, tc.code)
			}
			u.verify(t, append(b.trust(alice, b.people.url), p.tag())...).expect(t, exitDeny, "deny", "signature-missing")
		})
	}
}

// TestE2ESignTogether: signers who come at once to a registry without referrers
// API, where all signatures stand in one index, lose nothing.
func TestE2ESignTogether(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	for _, reg := range b.registries {
		t.Run(reg.name, func(t *testing.T) {
			p := b.push(t, reg, "sign/together", folder)
			keys := make([]keyPair, 6)
			for i := range keys {
				keys[i] = b.newKey(t, reg.name+"-"+string(rune('a'+i)))
			}
			var all sync.WaitGroup
			for _, key := range keys {
				all.Go(func() {
					cmd := u.command(t.Context(), u.binary, "sign", "--quiet", "--key", key.private, p.tag())
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
			all.Wait()
			for _, key := range keys {
				u.verify(t, "--key", key.public, p.tag()).expect(t, exitAllow, "allow", "")
				b.cosignVerifies(t, p, key.public)
			}
		})
	}
}

// TestE2ESignDocumented runs the commands of docs/signing.md, each of which
// stands there as it is run here but for the names of files and hosts.
func TestE2ESignDocumented(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	key := b.newKey(t, "cosign")
	p := b.push(t, b.registries[0], "acme/tiny-r1", folder)
	b.write(t, "token", []byte(b.people.person(t, alice)))
	b.write(t, "model/config.json", []byte(`{"model_type":"tiny"}`))
	doc, err := os.ReadFile("../../docs/signing.md")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer(
		"ghcr.io/acme/tiny-r1:v1", p.tag(),
		"--key cosign.key", "--key "+key.private, "--key cosign.pub", "--key "+key.public,
		"signing_config.json", b.signingConfig, "trusted_root.json", b.trustedRoot,
		"https://accounts.example", b.people.url, "@token", "@"+b.path("token"),
		"dir:./model", "dir:"+b.path("model"),
		"dir:./published", "dir:"+fixture(t, "oms", "v1.0.0-sigstore"),
		"public-good.json", fixture(t, "sigstore-conformance", "trusted_root.public-good.json"),
	)
	ran := 0
	for _, block := range strings.Split(string(doc), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			args := strings.Fields(names.Replace(line))
			if len(args) == 0 || strings.Contains(block, "# not run") {
				continue
			}
			switch args[0] {
			case "modelcheck":
				b.run(t, u.binary, args[1:]...)
			case "cosign":
				b.run(t, "cosign", append(args[1:], "--allow-http-registry", "--trusted-root", b.trustedRoot)...)
			default:
				t.Fatalf("docs/signing.md runs %q", args[0])
			}
			ran++
		}
	}
	if ran < 8 {
		t.Errorf("%d commands ran", ran)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "model", "model.sig")); err != nil {
		t.Error(err)
	}
}
