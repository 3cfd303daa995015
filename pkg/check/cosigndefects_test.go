package check_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A defect is what cosign 3.1.3 does wrong, and an artifact that shows it.
type defect struct {
	name    string
	attach  func(t *testing.T, l *layoutWriter, a twelve)
	policy  func(t *testing.T, a twelve) *policy.Policy
	outcome policy.Outcome
	code    string // of one of the reasons
	also    func(t *testing.T, r *check.Report)
}

// TestCosignDefects: the eight defects of cosign 3.1.3 that were reproduced
// when this project began, each with what is right. The numbers are those of
// the list; more of them stand in e2e with the real cosign (TestE2EShadowing,
// TestE2ERefusals), in signing (TestKeyAloneAsksNobody) and in the conformance
// suite.
func TestCosignDefects(t *testing.T) {
	demo := signer(t, "demo.key")
	byKey := func(t *testing.T, _ twelve) *policy.Policy { return byDemoKey(t) }
	byPattern := func(pattern string) func(*testing.T, twelve) *policy.Policy {
		return func(t *testing.T, a twelve) *policy.Policy {
			return a.text(t, "signers: [{name: alice, keyless: {issuer: "+provider+", subjectPattern: '"+pattern+"'}}]\nrequire: {signatures: {anyOf: [alice]}}\n")
		}
	}
	scan := func(a twelve, key any) sigstoretest.Request {
		r := sigstoretest.Request{Subject: a.subject.Digest, PredicateType: "https://example.com/vuln-report/v1", Identity: "ci@example.com", Issuer: provider, IssuedAt: labTime}
		if key != nil {
			r.Identity, r.Issuer, r.Key, r.WithoutLog, r.WithoutTimestamp = "", "", demo, true, true
		}
		return r
	}
	for _, d := range []defect{
		{"1: an attestation counts as a signature", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, a.bundle(t, scan(a, demo)))
		}, byKey, policy.Deny, provenance.CodeNotASignature, nil},
		{"2: somebody's attestation hides an older signature", func(t *testing.T, l *layoutWriter, a twelve) {
			l.older(t, a.subject, demo.(*ecdsa.PrivateKey))
			l.attach(t, a.subject, a.bundle(t, scan(a, nil)))
		}, byKey, policy.Allow, provenance.CodeSignatureVerified, nil},
		{"3: a log is said to hold what no log holds", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, bundle(t, a.subject.Digest, demo))
		}, byKey, policy.Allow, provenance.CodeSignatureVerified, func(t *testing.T, r *check.Report) {
			c := r.Signatures[0]
			if slices.Contains(c.Checked, "transparency-log") || c.LogIndex != nil || c.Evidence.LogEntries != 0 || len(c.SignedAt) != 0 {
				t.Errorf("it says more than was checked: %+v", c)
			}
		}},
		{"4: a refusal has no reason that a program can read", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, bundle(t, a.subject.Digest, newKey(t)))
		}, byKey, policy.Deny, provenance.CodeSignatureWrongKey, func(t *testing.T, r *check.Report) {
			b, err := json.Marshal(r)
			if err != nil || !strings.Contains(string(b), `"code":"signature-wrong-key"`) || r.Error != nil {
				t.Errorf("%v %s", err, b)
			}
		}},
		{"5: a time outside the certificate's validity", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, a.bundle(t, sigstoretest.Request{Subject: a.subject.Digest, Identity: alice, Issuer: provider, IssuedAt: labTime, StampedAt: labTime.Add(20 * time.Minute)}))
		}, byPattern(`alice@example\.com`), policy.Deny, provenance.CodeExpiredAtTime, nil},
		{"6: a pattern matches a part of an identity", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, a.keyless(t, alice))
		}, byPattern(`lice@example\.co`), policy.Deny, provenance.CodeSignatureWrongIdentity, nil},
		{"6: only one identity can be named", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, a.keyless(t, alice))
		}, func(t *testing.T, a twelve) *policy.Policy { return a.policy(t, "anyOf: [bob, alice]") }, policy.Allow, provenance.CodeSignatureVerified, nil},
		{"7: signing with a key asks the network", func(t *testing.T, l *layoutWriter, a twelve) {
			dir := t.TempDir()
			l.write(t, dir)
			// No root, no services: an update of either would be asked for here.
			if r, err := signWith(t, check.SignConfig{Key: demoKey(t)}, reference(t, "oci-layout:"+dir+":v1")); err != nil {
				t.Fatalf("%v %+v", err, r)
			}
			l.attach(t, a.subject, bundle(t, a.subject.Digest, demo))
		}, byKey, policy.Allow, provenance.CodeSignatureVerified, nil},
		{"8: a signature of another artifact is accepted", func(t *testing.T, l *layoutWriter, a twelve) {
			l.attach(t, a.subject, bundle(t, artifact.SumSHA256([]byte("another")), demo))
		}, byKey, policy.Deny, provenance.CodeSignatureWrongSubject, nil},
	} {
		t.Run(d.name, func(t *testing.T) { d.run(t) })
	}
	// 4, the other half: a registry that does not answer is no refusal.
	r, err := check.New(check.Config{Policy: byDemoKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Examine(t.Context(), reference(t, "oci-layout:"+t.TempDir()+":v1"))
	if err == nil || report.Error == nil || report.Verdict.Outcome != policy.Undecided {
		t.Errorf("%v %+v", err, report.Verdict)
	}
}

func (d defect) run(t *testing.T) {
	a, l := newStage(t)
	d.attach(t, l, a)
	l.write(t, a.dir)
	r := examine(t, d.policy(t, a), a.dir)
	told := slices.ContainsFunc(r.Verdict.Reasons, func(reason policy.Reason) bool { return reason.Code == d.code })
	if r.Verdict.Outcome != d.outcome || !told {
		t.Fatalf("%v %+v, want %v %s (%+v)", r.Verdict.Outcome, r.Verdict.Reasons, d.outcome, d.code, r.Signatures)
	}
	if d.also != nil {
		d.also(t, r)
	}
}
