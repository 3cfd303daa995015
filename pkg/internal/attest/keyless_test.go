package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestKeylessProven(t *testing.T) {
	lab := newLab(t)
	ours := rootOf(t, lab)
	ours.Name = "ours"
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, newLab(t)), ours}}) // a stranger's root first
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	base := []string{"signature", "subject", "certificate-chain", "signed-certificate-timestamp", "transparency-log"}
	set := []string{"integrated-time"}
	tsa := []string{"signed-timestamp"}
	tests := []struct {
		name    string
		change  func(r *sigstoretest.Request)
		checked []string
		index   bool
	}{
		{"Rekor v1", func(*sigstoretest.Request) {}, slices.Concat(base, set, tsa), true},
		{"Rekor v1 and no timestamp authority", func(r *sigstoretest.Request) { r.WithoutTimestamp = true }, slices.Concat(base, set), true},
		{"Rekor v1 without promise", func(r *sigstoretest.Request) { r.WithoutPromise = true }, slices.Concat(base, tsa), false},
		{"Rekor v2", func(r *sigstoretest.Request) { r.Rekor2 = true }, slices.Concat(base, tsa), true},
		{"P-384", func(r *sigstoretest.Request) { r.Key = p384 }, slices.Concat(base, set, tsa), true},
		{"message signature", func(r *sigstoretest.Request) { r.Message = true }, slices.Concat(base, set, tsa), true},
		{"message signature, Rekor v2", func(r *sigstoretest.Request) { r.Message, r.Rekor2 = true, true }, slices.Concat(base, tsa), true},
		{"statement about several artifacts", func(r *sigstoretest.Request) {
			r.Statement = statementOf(subjectOf("a", "sha256", testOther.Hex()), subjectOf("b", "sha256", testSubject.Hex()))
		}, slices.Concat(base, set, tsa), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := verifyOne(t, v, bundleOf(t, lab, keyless(tt.change)))
			if c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified {
				t.Fatalf("%v %s: %s", c.Verdict, c.Code, c.Detail)
			}
			if c.Scheme != "sigstore-keyless" || c.Layout != "referrers-api" || c.Digest.IsZero() {
				t.Errorf("got %+v", c)
			}
			if c.Identity.Subject != testIdentity || c.Identity.Issuer != testIssuer || c.Identity.KeyFingerprint != "" || c.Identity.TrustedRoot != "ours" ||
				len(c.Identity.Extensions) != 1 || c.Identity.Extensions["sourceRepositoryURI"] != "https://github.com/acme/models" {
				t.Errorf("identity %+v", c.Identity)
			}
			if !slices.Equal(c.Checked, tt.checked) {
				t.Errorf("checked %q, want %q", c.Checked, tt.checked)
			}
			if (c.LogIndex != nil) != tt.index {
				t.Errorf("log index %v", c.LogIndex)
			}
			for _, at := range c.SignedAt {
				if at.Time != "2026-11-01T12:01:00Z" {
					t.Errorf("signed at %+v", at)
				}
			}
		})
	}
}

// statementOf returns a signature statement about the subjects, each JSON.
func statementOf(subjects ...string) []byte {
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[%s],"predicateType":%q,"predicate":{}}`, strings.Join(subjects, ","), SignType)
}

func subjectOf(name string, digests ...string) string {
	var d []string
	for i := 0; i < len(digests); i += 2 {
		d = append(d, fmt.Sprintf("%q:%q", digests[i], digests[i+1]))
	}
	return fmt.Sprintf(`{"name":%q,"digest":{%s}}`, name, strings.Join(d, ","))
}

// Each neighbour differs from what TestKeylessProven accepts in one thing that
// was signed that way: the check itself refuses it, not a broken signature.
func TestKeylessRefusedAsSigned(t *testing.T) {
	lab := newLab(t)
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}})
	hour := time.Hour
	type request = sigstoretest.Request
	tests := []struct {
		name   string
		change func(r *request)
		code   string
	}{
		{"about another artifact", func(r *request) { r.Subject = testOther }, provenance.CodeSignatureWrongSubject},
		{"message of another artifact", func(r *request) { r.Subject, r.Message = testOther, true }, provenance.CodeSignatureWrongSubject},
		{"contradictory subjects", func(r *request) {
			r.Statement = statementOf(subjectOf("", "sha256", testSubject.Hex()), subjectOf("", "sha256", testOther.Hex()))
		}, provenance.CodeSignatureWrongSubject},
		{"contradictory spelling of the algorithm", func(r *request) {
			r.Statement = statementOf(subjectOf("", "sha256", testSubject.Hex(), "SHA256", testOther.Hex()))
		}, provenance.CodeSignatureWrongSubject},
		{"digest under another algorithm", func(r *request) {
			r.Statement = statementOf(subjectOf("", "sha1", testSubject.Hex()))
		}, provenance.CodeSignatureWrongSubject},
		{"upper-case digest", func(r *request) {
			r.Statement = statementOf(subjectOf("", "sha256", strings.ToUpper(testSubject.Hex())))
		}, provenance.CodeSignatureWrongSubject},
		{"no subject", func(r *request) { r.Statement = statementOf() }, provenance.CodeSignatureMalformed},
		{"subject without digest", func(r *request) {
			r.Statement = statementOf(subjectOf("", "sha256", testSubject.Hex()), subjectOf("x"))
		}, provenance.CodeSignatureMalformed},
		{"too many digests", func(r *request) {
			digests := []string{"sha256", testSubject.Hex()}
			for i := range MaxDigests {
				digests = append(digests, fmt.Sprintf("x%d", i), "00")
			}
			r.Statement = statementOf(subjectOf("", digests...))
		}, provenance.CodeLimitExceeded},
		{"no predicate type", func(r *request) {
			r.Statement = []byte(strings.Replace(string(statementOf(subjectOf("", "sha256", testSubject.Hex()))), SignType, "", 1))
		}, provenance.CodeSignatureMalformed},
		{"too many subjects", func(r *request) {
			r.Statement = statementOf(slices.Repeat([]string{subjectOf("", "sha256", testSubject.Hex())}, MaxSubjects+1)...)
		}, provenance.CodeLimitExceeded},
		{"statement of the older version", func(r *request) {
			r.Statement = []byte(strings.Replace(string(statementOf(subjectOf("", "sha256", testSubject.Hex()))), "Statement/v1", "Statement/v0.1", 1))
		}, provenance.CodeSignatureMalformed},
		{"statement of a newer version", func(r *request) {
			r.Statement = []byte(strings.Replace(string(statementOf(subjectOf("", "sha256", testSubject.Hex()))), "Statement/v1", "Statement/v2", 1))
		}, provenance.CodeSignatureMalformed},
		{"duplicate name in the statement", func(r *request) {
			r.Statement = []byte(strings.Replace(string(statementOf(subjectOf("", "sha256", testSubject.Hex()))), `"predicate":`, `"subject":[],"predicate":`, 1))
		}, provenance.CodeSignatureMalformed},
		{"name that differs in case", func(r *request) {
			r.Statement = []byte(strings.Replace(string(statementOf(subjectOf("", "sha256", testSubject.Hex()))), `"predicate":`, `"Subject":[],"predicate":`, 1))
		}, provenance.CodeSignatureMalformed},
		{"more after the statement", func(r *request) {
			r.Statement = append(statementOf(subjectOf("", "sha256", testSubject.Hex())), '{', '}')
		}, provenance.CodeSignatureMalformed},
		{"not a statement", func(r *request) { r.Statement = []byte("garbage") }, provenance.CodeSignatureMalformed},
		{"another payload type", func(r *request) { r.PayloadType = "application/json" }, provenance.CodeNotASignature},
		{"an attestation that does not hold", func(r *request) { r.PredicateType, r.WithoutSCT = slsaType, true }, provenance.CodeNotASignature},
		{"no certificate timestamp", func(r *request) { r.WithoutSCT = true }, provenance.CodeCertificateNotLogged},
		{"no log entry", func(r *request) { r.WithoutLog = true }, provenance.CodeLogInclusionFailed},
		{"Rekor v2 without timestamp", func(r *request) { r.Rekor2, r.WithoutTimestamp = true, true }, provenance.CodeNoTimestamp},
		{"no promise and no timestamp", func(r *request) { r.WithoutPromise, r.WithoutTimestamp = true, true }, provenance.CodeNoTimestamp},
		{"logged after expiry", func(r *request) { r.LoggedAt = testSigned.Add(hour) }, provenance.CodeExpiredAtTime},
		{"stamped after expiry", func(r *request) { r.StampedAt = testSigned.Add(hour) }, provenance.CodeExpiredAtTime},
		{"stamped before issue", func(r *request) { r.StampedAt, r.Rekor2 = testSigned.Add(-hour), true }, provenance.CodeExpiredAtTime},
		{"issued before the authority", func(r *request) { r.IssuedAt = testNow.AddDate(-11, 0, 0) }, provenance.CodeExpiredAtTime},
		{"signed in the future", func(r *request) { r.IssuedAt = testNow.Add(hour) }, provenance.CodeNoTimestamp},
		{"no issuer", func(r *request) { r.Issuer = "" }, provenance.CodeSignatureMalformed},
		{"two identities", func(r *request) { r.MoreIdentities = []string{"mallory@example.com"} }, provenance.CodeSignatureMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expectRefusal(t, verifyOne(t, v, bundleOf(t, lab, keyless(tt.change))), tt.code)
		})
	}
}

func expectRefusal(t *testing.T, c provenance.Candidate, code string) {
	t.Helper()
	if c.Verdict != provenance.Refused || c.Code != code {
		t.Errorf("%v %s (%s), want refused %s", c.Verdict, c.Code, c.Detail, code)
	}
	if c.Code != provenance.CodeNotASignature && (c.Identity.Subject != "" || c.Identity.KeyFingerprint != "") {
		t.Errorf("a refused candidate names %+v", c.Identity)
	}
	if c.Detail == "" {
		t.Error("no detail")
	}
}

// An attestation that holds is reported with who made it, for those who ask
// for attestations, and still is no signature.
func TestAttestation(t *testing.T) {
	lab := newLab(t)
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}})
	c := verifyOne(t, v, bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.PredicateType = slsaType })))
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified || c.PredicateType != slsaType ||
		c.Identity.Subject != testIdentity || !slices.Contains(c.Checked, "transparency-log") {
		t.Errorf("an attestation that holds: %+v", c)
	}
	older := func(kind string, subject artifact.Digest) func(r *sigstoretest.Request) {
		return func(r *sigstoretest.Request) {
			r.Statement = []byte(strings.NewReplacer("Statement/v1", "Statement/v0.1", SignType, kind).Replace(string(statementOf(subjectOf("", "sha256", subject.Hex())))))
		}
	}
	c = verifyOne(t, v, bundleOf(t, lab, keyless(older(slsaType, testSubject))))
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified || c.Identity.Subject != testIdentity || !strings.Contains(c.Detail, "it holds") {
		t.Errorf("an attestation of the older version: %+v", c)
	}
	c = verifyOne(t, v, bundleOf(t, lab, keyless(older(slsaType, testOther))))
	if c.Code != provenance.CodeNotASignature || c.Identity.Subject != "" || !strings.Contains(c.Detail, provenance.CodeSignatureWrongSubject) {
		t.Errorf("an attestation of the older version about another artifact: %+v", c)
	}
	c = verifyOne(t, newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}, SignatureTypes: []string{slsaType}}), bundleOf(t, lab, keyless(older(slsaType, testSubject))))
	expectRefusal(t, c, provenance.CodeSignatureMalformed)
	c = verifyOne(t, v, bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.PredicateType, r.Subject = slsaType, testOther })))
	if c.Code != provenance.CodeNotASignature || c.Identity.Subject != "" || !strings.Contains(c.Detail, provenance.CodeSignatureWrongSubject) {
		t.Errorf("an attestation about another artifact: %+v", c)
	}
	named := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}, SignatureTypes: []string{slsaType}})
	c = verifyOne(t, named, bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.PredicateType = slsaType })))
	if c.Verdict != provenance.Proven {
		t.Errorf("an attestation of a type that was named: %+v", c)
	}
	if c = verifyOne(t, named, bundleOf(t, lab, keyless())); c.Code != provenance.CodeAttestationVerified {
		t.Errorf("a signature of a type that was not named: %+v", c)
	}
}

func TestKeylessRefusedByTrust(t *testing.T) {
	lab := newLab(t)
	good := bundleOf(t, lab, keyless())
	expectRefusal(t, verifyOne(t, newVerifier(t, Config{}), good), provenance.CodeUntrustedRoot)
	expectRefusal(t, verifyOne(t, newVerifier(t, Config{Roots: []Root{rootOf(t, newLab(t))}}), good), provenance.CodeUntrustedRoot)
	for name, th := range map[string]Thresholds{"logs": {LogEntries: 2}, "SCT": {CertificateTimestamps: 2}, "times": {Timestamps: 3}} {
		want := map[string]string{"logs": provenance.CodeLogInclusionFailed, "SCT": provenance.CodeCertificateNotLogged, "times": provenance.CodeNoTimestamp}[name]
		expectRefusal(t, verifyOne(t, newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}, Thresholds: th}), good), want)
	}
	// Of several roots, the one that knows the issuer gives the reason.
	stranger := rootOf(t, newLab(t))
	for _, roots := range [][]Root{{stranger, rootOf(t, lab)}, {rootOf(t, lab), stranger}} {
		unlogged := bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.WithoutSCT = true }))
		expectRefusal(t, verifyOne(t, newVerifier(t, Config{Roots: roots}), unlogged), provenance.CodeCertificateNotLogged)
	}
	// Roots are never merged: the authority of one instance and the log of
	// another prove nothing together.
	other := newLab(t)
	mixed := edit(t, rootOf(t, lab).JSON, func(m map[string]any) {
		edit(t, rootOf(t, other).JSON, func(o map[string]any) { m["tlogs"] = o["tlogs"] })
	})
	v := newVerifier(t, Config{Roots: []Root{{Name: "mixed", JSON: mixed}, rootOf(t, other)}})
	expectRefusal(t, verifyOne(t, v, good), provenance.CodeLogInclusionFailed)
}

// Each neighbour is a good bundle that somebody changed afterwards.
func TestKeylessTampered(t *testing.T) {
	lab := newLab(t)
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}})
	good, twin := bundleOf(t, lab, keyless()), bundleOf(t, lab, keyless())
	var other map[string]any
	edit(t, twin, func(m map[string]any) { other = m })
	const material, entry = "verificationMaterial", "tlogEntries"
	tests := []struct {
		name   string
		change func(m map[string]any)
		code   string
	}{
		{"payload", func(m map[string]any) {
			object(m, "dsseEnvelope")["payload"] = base64.StdEncoding.EncodeToString(statementOf(subjectOf("changed", "sha256", testSubject.Hex())))
		}, provenance.CodeSignatureBad},
		{"signature of another key", func(m map[string]any) {
			object(m, "dsseEnvelope")["signatures"] = at(other, "dsseEnvelope", "signatures")
		}, provenance.CodeSignatureBad},
		{"certificate of another key", func(m map[string]any) {
			object(m, material)["certificate"] = at(other, material, "certificate")
		}, provenance.CodeSignatureBad},
		{"log entry of another signature", func(m map[string]any) {
			object(m, material)[entry] = at(other, material, entry)
		}, provenance.CodeLogInclusionFailed},
		{"timestamp of another signature, and no other time", func(m map[string]any) {
			object(m, material)["timestampVerificationData"] = at(other, material, "timestampVerificationData")
			delete(object(m, material, entry, 0), "inclusionPromise")
		}, provenance.CodeNoTimestamp},
		{"integrated time", func(m map[string]any) {
			object(m, material, entry, 0)["integratedTime"] = fmt.Sprint(testSigned.Add(2 * time.Minute).Unix())
		}, provenance.CodeLogInclusionFailed},
		{"log index", func(m map[string]any) { object(m, material, entry, 0)["logIndex"] = "7" }, provenance.CodeLogInclusionFailed},
		{"kind of entry", func(m map[string]any) {
			object(m, material, entry, 0, "kindVersion")["version"] = "0.0.2"
		}, provenance.CodeUnsupportedEntry},
		{"kind of entry, a supported one", func(m map[string]any) {
			object(m, material, entry, 0)["kindVersion"] = map[string]any{"kind": "hashedrekord", "version": "0.0.1"}
		}, provenance.CodeSignatureMalformed},
		{"no inclusion proof", func(m map[string]any) { delete(object(m, material, entry, 0), "inclusionProof") }, provenance.CodeLogInclusionFailed},
		{"entry twice", func(m map[string]any) {
			e := at(m, material, entry, 0)
			object(m, material)[entry] = []any{e, e}
		}, provenance.CodeSignatureMalformed},
		{"too many entries", func(m map[string]any) {
			object(m, material)[entry] = slices.Repeat([]any{at(m, material, entry, 0)}, MaxLogEntries+1)
		}, provenance.CodeLimitExceeded},
		{"too many timestamps", func(m map[string]any) {
			d := object(m, material, "timestampVerificationData")
			d["rfc3161Timestamps"] = slices.Repeat(d["rfc3161Timestamps"].([]any), MaxTimestamps+1)
		}, provenance.CodeLimitExceeded},
		{"two signatures", func(m map[string]any) {
			s := at(m, "dsseEnvelope", "signatures", 0)
			object(m, "dsseEnvelope")["signatures"] = []any{s, s}
		}, provenance.CodeSignatureMalformed},
		{"no signature", func(m map[string]any) { object(m, "dsseEnvelope")["signatures"] = []any{} }, provenance.CodeSignatureMalformed},
		{"empty signature", func(m map[string]any) {
			object(m, "dsseEnvelope", "signatures", 0)["sig"] = ""
		}, provenance.CodeSignatureMalformed},
		{"algorithm of a message", func(m map[string]any) {
			edit(t, bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.Message = true })), func(o map[string]any) {
				object(o, "messageSignature", "messageDigest")["algorithm"] = "SHA2_512"
				delete(m, "dsseEnvelope")
				m["messageSignature"], m[material] = o["messageSignature"], o[material]
			})
		}, provenance.CodeSignatureWrongSubject},
		{"unknown field", func(m map[string]any) { m["trustMe"] = true }, provenance.CodeSignatureMalformed},
		{"future version", func(m map[string]any) { m["mediaType"] = bundleType + ".v0.4+json" }, provenance.CodeSignatureMalformed},
		{"no material", func(m map[string]any) { delete(m, material) }, provenance.CodeSignatureMalformed},
		{"empty certificate", func(m map[string]any) { object(m, material, "certificate")["rawBytes"] = "" }, provenance.CodeSignatureMalformed},
		{"no content", func(m map[string]any) { delete(m, "dsseEnvelope") }, provenance.CodeSignatureMalformed},
	}
	if c := verifyOne(t, v, edit(t, good, func(map[string]any) {})); c.Verdict != provenance.Proven {
		t.Fatalf("the untouched twin: %+v", c)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expectRefusal(t, verifyOne(t, v, edit(t, good, tt.change)), tt.code)
		})
	}
}
