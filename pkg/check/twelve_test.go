package check_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// twelve is one artifact with twelve candidates of all layouts: four good
// signatures by three signers, and what may lie beside them.
type twelve struct {
	dir     string
	lab     *sigstoretest.Lab
	root    []byte // trusted_root.json
	subject artifact.Descriptor
}

const (
	alice    = "alice@example.com"
	provider = "https://issuer.example"
)

var labTime = time.Unix(1_800_000_000, 0).Add(-time.Hour)

// want is the code of every candidate, in no order.
var want = []string{
	provenance.CodeSignatureVerified,     // 1 bundle, key of demo
	provenance.CodeSignatureVerified,     // 2 bundle, keyless by alice
	provenance.CodeSignatureVerified,     // 3 bundle, keyless by mallory, whom no policy names
	provenance.CodeSignatureVerified,     // 4 cosign's older tag, key of carol
	provenance.CodeSignatureVerified,     // 5 OpenSSF Model Signing over the files, key of demo
	provenance.CodeSignatureWrongKey,     // 6 bundle, a key that nobody trusts
	provenance.CodeSignatureWrongSubject, // 7 bundle of another artifact
	provenance.CodeSignatureBad,          // 8 bundle, changed
	provenance.CodeSignatureMalformed,    // 9 no bundle at all
	provenance.CodeAttestationVerified,   // 10 attestation, by demo
	provenance.CodeNotASignature,         // 11 SBOM
	provenance.CodeNotASignature,         // 12 notation
}

// newStage is an artifact in a layout that was not written yet, and a Sigstore.
func newStage(t *testing.T) (twelve, *layoutWriter) {
	t.Helper()
	lab, err := sigstoretest.New(labTime)
	if err != nil {
		t.Fatal(err)
	}
	root, err := lab.TrustedRoot()
	if err != nil {
		t.Fatal(err)
	}
	l := newLayoutWriter()
	return twelve{dir: t.TempDir(), lab: lab, root: root, subject: l.files(t, "v1", weights(t), good)}, l
}

func newTwelve(t *testing.T) twelve {
	t.Helper()
	a, l := newStage(t)
	w := weights(t)
	d, demo, carol := a.subject.Digest, signer(t, "demo.key"), newKey(t)

	attach := func(b []byte) { l.attach(t, a.subject, b) }
	attach(bundle(t, d, demo))
	attach(a.keyless(t, alice))
	attach(a.keyless(t, "mallory@example.com"))
	l.older(t, a.subject, carol)
	attach(a.model(t, demo, w, good))
	attach(bundle(t, d, newKey(t)))
	attach(bundle(t, artifact.SumSHA256([]byte("another")), demo))
	attach(spoiled(t, bundle(t, d, demo)))
	attach([]byte("not a bundle"))
	attach(a.bundle(t, sigstoretest.Request{Subject: d, Key: demo, PredicateType: "https://example.com/scan/v1", WithoutLog: true, WithoutTimestamp: true}))
	l.refer(t, a.subject, "application/spdx+json")
	l.refer(t, a.subject, "application/vnd.cncf.notary.signature")
	l.write(t, a.dir)
	der, err := x509.MarshalPKIXPublicKey(carol.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "carol.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a twelve) bundle(t *testing.T, r sigstoretest.Request) []byte {
	t.Helper()
	b, err := a.lab.Bundle(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a twelve) keyless(t *testing.T, who string) []byte {
	return a.bundle(t, sigstoretest.Request{Subject: a.subject.Digest, Identity: who, Issuer: provider, IssuedAt: labTime})
}

// model signs the list of the model's files.
func (a twelve) model(t *testing.T, key crypto.Signer, files ...namedFile) []byte {
	t.Helper()
	var list []oms.File
	for _, f := range files {
		list = append(list, oms.File{Path: f.path, Size: int64(len(f.data)), SHA256: artifact.SumSHA256(f.data)})
	}
	statement, err := oms.New(list, oms.Options{Name: "tiny"})
	if err != nil {
		t.Fatal(err)
	}
	return a.bundle(t, sigstoretest.Request{Subject: a.subject.Digest, Statement: statement, Key: key, WithoutLog: true, WithoutTimestamp: true})
}

func spoiled(t *testing.T, b []byte) []byte {
	t.Helper()
	b[strings.Index(string(b), `"sig":"`)+20] ^= 1
	return b
}

// older attaches a signature as cosign did before bundles: behind a tag.
func (l *layoutWriter) older(t *testing.T, subject artifact.Descriptor, key *ecdsa.PrivateKey) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"example.com/tiny"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, subject.Digest)
	sum := sha256.Sum256(payload)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	layer := l.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload, map[string]string{
		"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig),
	})
	l.manifest(l.image(t, []map[string]any{layer}), "sha256-"+subject.Digest.Hex()+".sig", "")
}

// refer attaches something that is no signature.
func (l *layoutWriter) refer(t *testing.T, subject artifact.Descriptor, artifactType string) {
	t.Helper()
	l.manifest(encode(t, map[string]any{
		"schemaVersion": 2, "mediaType": subject.MediaType, "artifactType": artifactType,
		"config":  l.blob("application/vnd.oci.empty.v1+json", []byte("{}"), nil),
		"layers":  []any{l.blob(artifactType, []byte("{}"), nil)},
		"subject": map[string]any{"mediaType": subject.MediaType, "digest": subject.Digest.String(), "size": subject.Size},
	}), "", artifactType)
}

func TestTwelveCandidates(t *testing.T) {
	a := newTwelve(t)
	for _, c := range []struct {
		name    string
		require string
		outcome policy.Outcome
	}{
		{"any of three", "anyOf: [demo, alice, carol]", policy.Allow},
		{"all of three", "allOf: [demo, alice, carol]", policy.Allow},
		{"two of three", "atLeast: {count: 2, of: [demo, alice, carol]}", policy.Allow},
		{"two of three, one of whom signed", "atLeast: {count: 2, of: [demo, bob, dave]}", policy.Deny},
		{"all of three, one of whom did not sign", "allOf: [demo, alice, bob]", policy.Deny},
		{"any of two who did not sign", "anyOf: [bob, dave]", policy.Deny},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := examine(t, a.policy(t, c.require), a.dir)
			if r.Error != nil || r.Verdict.Outcome != c.outcome {
				t.Errorf("%v, want %v: %v %+v", r.Verdict.Outcome, c.outcome, r.Verdict.Reasons, r.Error)
			}
		})
	}
	r := examine(t, a.policy(t, "allOf: [demo, alice, carol]"), a.dir)
	var got []string
	for _, s := range r.Signatures {
		got = append(got, s.Code)
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		for _, s := range r.Signatures {
			t.Logf("%s %s %s %s", s.Layout, s.Scheme, s.Code, s.Detail)
		}
		t.Errorf("codes %v", got)
	}
}

// policy names the signers that the requirement speaks of.
func (a twelve) policy(t *testing.T, require string) *policy.Policy {
	t.Helper()
	signers := map[string]string{
		"demo":  "key: {file: demo.pub}",
		"carol": "key: {file: carol.pub}",
		"dave":  "key: {file: other.pub}",
		"alice": "keyless: {issuer: " + provider + ", subject: " + alice + "}",
		"bob":   "keyless: {issuer: " + provider + ", subject: bob@example.com}",
	}
	text := "signers:\n"
	for _, name := range []string{"alice", "bob", "carol", "dave", "demo"} {
		if strings.Contains(require, name) {
			text += "  - {name: " + name + ", " + signers[name] + "}\n"
		}
	}
	return a.text(t, text+"require: {signatures: {"+require+"}}\n")
}

// text is a policy that knows the lab's root.
func (a twelve) text(t *testing.T, body string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte("apiVersion: modelcheck/v1\nkind: Policy\ntrustedRoots: [{name: lab, file: root.json}]\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	err = p.Resolve(func(name string) ([]byte, error) {
		switch name {
		case "root.json":
			return a.root, nil
		case "carol.pub":
			return os.ReadFile(filepath.Join(a.dir, name))
		default:
			return os.ReadFile("../../testdata/keys/" + name)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
