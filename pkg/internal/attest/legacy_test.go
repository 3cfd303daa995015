package attest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// verifyLegacy judges an older signature on the whole way from its manifest.
func verifyLegacy(t *testing.T, v *Verifier, subject artifact.Digest, payload string, annotations map[string]string) provenance.Candidate {
	t.Helper()
	r := registry{}
	encoded, err := json.Marshal(annotations)
	if err != nil {
		t.Fatal(err)
	}
	layer := strings.TrimSuffix(r.blob(simpleSigningType, payload), "}") + `,"annotations":` + string(encoded) + `}`
	m := manifestOf("", layer)
	m.Layout = "cosign-tag"
	got, err := v.Verify(t.Context(), subject, []Referrer{m}, r.fetch)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	return got[0]
}

// without returns the annotations without one, or with another value.
func changed(m map[string]string, name, value string) map[string]string {
	m = maps.Clone(m)
	if delete(m, name); value != "" {
		m[name] = value
	}
	return m
}

// A real signature that cosign made in January 2023 with a certificate of the
// public good instance.
func TestLegacyKeyless(t *testing.T) {
	dir := fixtures.Dir(t, "cosign-legacy")
	raw, err := os.ReadFile(dir + "/signature-1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(dir + "/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(fixtures.Dir(t, "sigstore-conformance", "trusted_root.public-good.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Payload     []byte            `json:"payload"`
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(raw[bytes.IndexByte(raw, '{'):], &s); err != nil {
		t.Fatal(err)
	}
	subject, payload := artifact.SumSHA256(image), string(s.Payload)
	v := newVerifier(t, Config{Roots: []Root{{"public", public}}})
	c := verifyLegacy(t, v, subject, payload, s.Annotations)
	if c.Verdict != provenance.Proven || c.Layout != "cosign-tag" || c.Scheme != "sigstore-keyless" || c.LogIndex == nil || *c.LogIndex != 11605770 ||
		c.Identity.Subject != "mitr@redhat.com" || c.Identity.Issuer != "https://github.com/login/oauth" ||
		!slices.Equal(c.Checked, []string{"signature", "subject", "certificate-chain", "signed-certificate-timestamp", "transparency-log", "integrated-time"}) {
		t.Fatalf("%+v", c)
	}
	refused := func(name, code string, v *Verifier, subject artifact.Digest, payload string, annotations map[string]string) {
		t.Run(name, func(t *testing.T) { expectRefusal(t, verifyLegacy(t, v, subject, payload, annotations), code) })
	}
	a := s.Annotations
	receipt := a[annotationLog]
	refused("another artifact", provenance.CodeSignatureWrongSubject, v, testOther, payload, a)
	refused("payload changed to another artifact", provenance.CodeSignatureBad, v, testOther, strings.Replace(payload, subject.String(), testOther.String(), 1), a)
	refused("no root", provenance.CodeUntrustedRoot, newVerifier(t, Config{}), subject, payload, a)
	refused("another root", provenance.CodeUntrustedRoot, newVerifier(t, Config{Roots: []Root{rootOf(t, newLab(t))}}), subject, payload, a)
	refused("no log entry", provenance.CodeLogInclusionFailed, v, subject, payload, changed(a, annotationLog, ""))
	refused("another time", provenance.CodeLogInclusionFailed, v, subject, payload, changed(a, annotationLog, strings.Replace(receipt, "1674247893", "1674247894", 1)))
	refused("another index", provenance.CodeLogInclusionFailed, v, subject, payload, changed(a, annotationLog, strings.Replace(receipt, "11605770", "11605771", 1)))
	refused("log entry that is no JSON", provenance.CodeSignatureMalformed, v, subject, payload, changed(a, annotationLog, "x"))
	refused("no certificate", provenance.CodeSignatureWrongKey, v, subject, payload, changed(a, annotationCertificate, ""))
	refused("certificate that is none", provenance.CodeSignatureMalformed, v, subject, payload, changed(a, annotationCertificate, "x"))
	refused("no signature", provenance.CodeSignatureMalformed, v, subject, payload, changed(a, annotationSignature, ""))
	refused("timestamp that is no JSON", provenance.CodeSignatureMalformed, v, subject, payload, changed(a, annotationTimestamp, "x"))
	refused("more after the payload", provenance.CodeSignatureMalformed, v, subject, payload+"{}", a)
}

// Older signatures by key, of every kind of key, and their neighbours.
func TestLegacyKey(t *testing.T) {
	for _, kind := range []string{"P-256", "P-384", "Ed25519", "RSA"} {
		t.Run(kind, func(t *testing.T) {
			key := newKey(t, kind)
			v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
			sign := func(digest, word string) (string, map[string]string) {
				payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":%q},"type":%q},"optional":null}`, digest, word)
				sig, err := signMessage(key, []byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				return payload, map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(sig)}
			}
			payload, a := sign(testSubject.String(), simpleSigningWord)
			c := verifyLegacy(t, v, testSubject, payload, a)
			if c.Verdict != provenance.Proven || c.Scheme != "sigstore-key" || c.Identity.KeyFingerprint == "" || !slices.Equal(c.Checked, []string{"signature", "subject"}) {
				t.Fatalf("%+v", c)
			}
			expectRefusal(t, verifyLegacy(t, v, testOther, payload, a), provenance.CodeSignatureWrongSubject)
			expectRefusal(t, verifyLegacy(t, v, testSubject, payload+" ", a), provenance.CodeSignatureWrongKey)
			expectRefusal(t, verifyLegacy(t, newVerifier(t, Config{}), testSubject, payload, a), provenance.CodeSignatureWrongKey)
			other := newVerifier(t, Config{Keys: []Key{{Name: "other", PEM: pemOf(t, newKey(t, kind).Public())}}})
			expectRefusal(t, verifyLegacy(t, other, testSubject, payload, a), provenance.CodeSignatureWrongKey)
			payload, a = sign(testSubject.String(), "a shopping list")
			expectRefusal(t, verifyLegacy(t, v, testSubject, payload, a), provenance.CodeNotASignature)
			payload, a = sign("", simpleSigningWord)
			expectRefusal(t, verifyLegacy(t, v, testSubject, payload, a), provenance.CodeSignatureWrongSubject)
		})
	}
}
