package attest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// older is what cosign's older layouts write: a layer and its annotations.
type older struct {
	mediaType, content string
	annotations        map[string]string
}

// referrer puts layers into a manifest as cosign did, an image's.
func (r registry) older(t testing.TB, layout, artifactType string, layers ...older) Referrer {
	t.Helper()
	var encoded []string
	for _, l := range layers {
		a, err := json.Marshal(l.annotations)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, strings.TrimSuffix(r.blob(l.mediaType, l.content), "}")+`,"annotations":`+string(a)+`}`)
	}
	config := r.blob("application/vnd.oci.image.config.v1+json", `{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]}}`)
	m := withConfig(artifactType, config, encoded...)
	m.Layout = layout
	return m
}

// annotationsOf takes a bundle apart into the annotations of older layouts.
func annotationsOf(t testing.TB, bundle []byte) map[string]string {
	t.Helper()
	a := map[string]string{}
	text := func(v any) string {
		b, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	edit(t, bundle, func(m map[string]any) {
		material := object(m, "verificationMaterial")
		if c, ok := material["certificate"]; ok {
			der, err := base64.StdEncoding.DecodeString(object(c)["rawBytes"].(string))
			if err != nil {
				t.Fatal(err)
			}
			a[annotationCertificate] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		if e, ok := material["tlogEntries"]; ok {
			id, err := base64.StdEncoding.DecodeString(object(e, 0, "logId")["keyId"].(string))
			if err != nil {
				t.Fatal(err)
			}
			a[annotationLog] = fmt.Sprintf(`{"SignedEntryTimestamp":%q,"Payload":{"body":%q,"integratedTime":%s,"logIndex":0,"logID":%q}}`,
				object(e, 0, "inclusionPromise")["signedEntryTimestamp"], object(e, 0)["canonicalizedBody"], object(e, 0)["integratedTime"], hex.EncodeToString(id))
		}
		if d, ok := material["timestampVerificationData"]; ok {
			a[annotationTimestamp] = text(map[string]any{"SignedRFC3161Timestamp": object(d, "rfc3161Timestamps", 0)["signedTimestamp"]})
		}
		if s, ok := m["messageSignature"]; ok {
			a[annotationSignature] = object(s)["signature"].(string)
		}
	})
	return a
}

// olderSignature is "cosign sign" up to v2.
func olderSignature(t testing.TB, lab *sigstoretest.Lab, subject artifact.Digest, r sigstoretest.Request) older {
	t.Helper()
	claims := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":%q},"type":%q},"optional":null}`, subject, simpleSigningWord)
	r.Subject, r.Message = artifact.SumSHA256([]byte(claims)), true
	return older{simpleSigningType, claims, annotationsOf(t, bundleOf(t, lab, r))}
}

// olderAttestation is "cosign attest" up to v2; stamp is the time of a
// timestamp over the whole layer, zero for none.
func olderAttestation(t testing.TB, lab *sigstoretest.Lab, r sigstoretest.Request, stamp time.Time) older {
	t.Helper()
	r.WithoutTimestamp = true
	bundle := bundleOf(t, lab, r)
	a := annotationsOf(t, bundle)
	a[annotationSignature], a["predicateType"] = "", slsaType
	var layer string
	edit(t, bundle, func(m map[string]any) {
		e := object(m, "dsseEnvelope")
		layer = fmt.Sprintf(`{"payloadType":%q,"payload":%q,"signatures":[{"keyid":"","sig":%q}]}`, e["payloadType"], e["payload"], object(e, "signatures", 0)["sig"])
	})
	if !stamp.IsZero() {
		response, err := lab.Timestamp(artifact.SumSHA256([]byte(layer)).Sum(), stamp)
		if err != nil {
			t.Fatal(err)
		}
		a[annotationTimestamp] = fmt.Sprintf(`{"SignedRFC3161Timestamp":%q}`, base64.StdEncoding.EncodeToString(response))
	}
	return older{envelopeType, layer, a}
}

func verifyReferrer(t testing.TB, v *Verifier, r registry, m Referrer) []provenance.Candidate {
	t.Helper()
	got, err := v.Verify(t.Context(), testSubject, []Referrer{m}, r.fetch)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The same layers are judged the same in a tag, in a referrer of cosign's
// OCI 1.1 experiment, and in one without a type; each layer for itself.
func TestOlderSignatures(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}, Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	byKey := keyless(func(r *sigstoretest.Request) {
		r.Identity, r.Key, r.WithoutLog, r.WithoutTimestamp = "", key, true, true
	})
	layers := []older{
		olderSignature(t, lab, testSubject, keyless()),
		olderSignature(t, lab, testOther, keyless()),
		{simpleSigningType, "garbage", nil},
		olderSignature(t, lab, testSubject, byKey),
		olderSignature(t, newLab(t), testSubject, keyless()),
		olderSignature(t, lab, testSubject, keyless(func(r *sigstoretest.Request) { r.WithoutLog = true })),
		olderSignature(t, lab, testSubject, keyless(func(r *sigstoretest.Request) { r.StampedAt = testSigned.Add(time.Hour) })),
	}
	want := []string{
		provenance.CodeSignatureVerified, provenance.CodeSignatureWrongSubject, provenance.CodeSignatureMalformed, provenance.CodeSignatureVerified,
		provenance.CodeUntrustedRoot, provenance.CodeLogInclusionFailed, provenance.CodeExpiredAtTime,
	}
	r := registry{}
	for _, m := range []Referrer{
		r.older(t, "cosign-sig-tag", "", layers...),
		r.older(t, "referrers-api", "application/vnd.dev.cosign.artifact.sig.v1+json", layers...),
		r.older(t, "fallback-tag", "application/vnd.oci.empty.v1+json", layers...),
	} {
		got := verifyReferrer(t, v, r, m)
		if len(got) != len(want) {
			t.Fatalf("%d candidates", len(got))
		}
		for i, c := range got {
			if c.Code != want[i] || c.Layout != m.Layout || c.PredicateType != "" || (c.Verdict == provenance.Proven) != (want[i] == provenance.CodeSignatureVerified) {
				t.Errorf("%s %d: %v %s (%s), want %s", m.Layout, i, c.Verdict, c.Code, c.Detail, want[i])
			}
		}
	}
}

// Older attestations: their timestamp is about the layer.
func TestOlderAttestations(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}, Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	slsa := func(change ...func(*sigstoretest.Request)) sigstoretest.Request {
		return keyless(append(change, func(r *sigstoretest.Request) { r.PredicateType = slsaType })...)
	}
	byKey := func(r *sigstoretest.Request) { r.Identity, r.Key, r.WithoutLog = "", key, true }
	stamp := testSigned.Add(time.Minute)
	moved := func(o older, from older) older {
		o.annotations = changed(o.annotations, annotationTimestamp, from.annotations[annotationTimestamp])
		return o
	}
	stamped := olderAttestation(t, lab, slsa(byKey), stamp)
	late := olderAttestation(t, lab, slsa(), testSigned.Add(time.Hour))
	twoSignatures := olderAttestation(t, lab, slsa(byKey), time.Time{})
	twoSignatures.content = strings.Replace(twoSignatures.content, `"signatures":[`, `"signatures":[{"sig":"AAAA"},`, 1)
	tests := []struct {
		name    string
		layer   older
		code    string
		checked []string
	}{
		{"keyless", olderAttestation(t, lab, slsa(), time.Time{}), provenance.CodeAttestationVerified,
			[]string{"signature", "subject", "certificate-chain", "signed-certificate-timestamp", "transparency-log", "integrated-time"}},
		{"keyless, stamped", olderAttestation(t, lab, slsa(), stamp), provenance.CodeAttestationVerified,
			[]string{"signature", "subject", "certificate-chain", "signed-certificate-timestamp", "transparency-log", "integrated-time", "signed-timestamp"}},
		{"key", olderAttestation(t, lab, slsa(byKey), time.Time{}), provenance.CodeAttestationVerified, []string{"signature", "subject"}},
		{"key, stamped", stamped, provenance.CodeAttestationVerified, []string{"signature", "subject", "signed-timestamp"}},
		{"key, with the stamp of another layer", moved(stamped, late), provenance.CodeAttestationVerified, []string{"signature", "subject"}},
		{"stamped after expiry", late, provenance.CodeNotASignature, nil},
		{"about another artifact", olderAttestation(t, lab, slsa(func(r *sigstoretest.Request) { r.Subject = testOther }), stamp), provenance.CodeNotASignature, nil},
		{"not logged", olderAttestation(t, lab, slsa(func(r *sigstoretest.Request) { r.WithoutLog = true }), stamp), provenance.CodeNotASignature, nil},
		{"by a stranger", olderAttestation(t, newLab(t), slsa(), stamp), provenance.CodeNotASignature, nil},
		{"two signatures", twoSignatures, provenance.CodeSignatureMalformed, nil},
		{"no JSON", older{envelopeType, "garbage", nil}, provenance.CodeSignatureMalformed, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := registry{}
			got := verifyReferrer(t, v, r, r.older(t, "cosign-att-tag", "", tt.layer))
			c := got[0]
			if len(got) != 1 || c.Code != tt.code || (c.Verdict == provenance.Proven) != (tt.code == provenance.CodeAttestationVerified) {
				t.Fatalf("%v %s (%s), want %s", c.Verdict, c.Code, c.Detail, tt.code)
			}
			if tt.checked != nil && !slices.Equal(c.Checked, tt.checked) {
				t.Errorf("checked %q, want %q", c.Checked, tt.checked)
			}
		})
	}
	// A signature in the clothes of an attestation is judged by what it says.
	r := registry{}
	got := verifyReferrer(t, v, r, r.older(t, "cosign-att-tag", "", olderAttestation(t, lab, keyless(), stamp)))
	if got[0].Code != provenance.CodeSignatureVerified {
		t.Errorf("%+v", got[0])
	}
	// cosign's own certificates with a chain beside them.
	o := newOwnCA(t)
	cert, err := o.Issue("Acme", o.key.Public(), testSigned, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := olderAttestation(t, o.lab, slsa(func(r *sigstoretest.Request) { r.Identity, r.Key, r.WithoutLog = "", o.key, true }), stamp)
	own.annotations = changed(own.annotations, annotationCertificate, string(sigstoretest.PEM(cert)))
	underOwn := newVerifier(t, o.config(o.Root))
	if got = verifyReferrer(t, underOwn, r, r.older(t, "cosign-att-tag", "", own)); got[0].Code != provenance.CodeNotASignature || !strings.Contains(got[0].Detail, provenance.CodeUntrustedRoot) {
		t.Errorf("without the chain: %+v", got[0])
	}
	own.annotations = changed(own.annotations, annotationChain, string(sigstoretest.PEM(o.Intermediate, o.Root)))
	if got = verifyReferrer(t, underOwn, r, r.older(t, "cosign-att-tag", "", own)); got[0].Code != provenance.CodeAttestationVerified || got[0].Identity.Issuer != "ca:acme" {
		t.Errorf("with the chain: %+v", got[0])
	}
	own.annotations = changed(own.annotations, annotationChain, "x")
	if got = verifyReferrer(t, underOwn, r, r.older(t, "cosign-att-tag", "", own)); got[0].Code != provenance.CodeSignatureMalformed {
		t.Errorf("with a chain that is none: %+v", got[0])
	}
}
