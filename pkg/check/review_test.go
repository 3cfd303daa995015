package check_test

import (
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

// TestReviewCertificate: a keyless review counts where its certificate was valid
// at the proven time of signing, and by whom it is valid for; a certificate that
// had expired, was not issued yet or is another's leaves the quorum unmet.
func TestReviewCertificate(t *testing.T) {
	demo := signer(t, "demo.key")
	licence := artifact.SumSHA256([]byte("the licence is acceptable"))
	for _, tc := range []struct {
		name   string
		change func(*sigstoretest.Request)
		want   policy.Outcome
		code   string // of the review's signature, or what became of the review
	}{
		{"valid at signing", func(*sigstoretest.Request) {}, policy.Allow, provenance.CodeReviewCounted},
		{"expired at signing", func(r *sigstoretest.Request) { r.StampedAt = labTime.Add(20 * time.Minute) }, policy.Hold, provenance.CodeExpiredAtTime},
		{"expired when it was logged", func(r *sigstoretest.Request) { r.LoggedAt = labTime.Add(20 * time.Minute) }, policy.Hold, provenance.CodeExpiredAtTime},
		{"signed before it was issued", func(r *sigstoretest.Request) { r.Rekor2, r.StampedAt = true, labTime.Add(-time.Minute) }, policy.Hold, provenance.CodeExpiredAtTime},
		{"another's certificate", func(r *sigstoretest.Request) { r.Identity = "mallory@example.com" }, policy.Hold, provenance.CodeReviewUnknownReviewer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, l := newStage(t)
			l.attach(t, a.subject, bundle(t, a.subject.Digest, demo))
			p := a.text(t, `signers:
  - {name: publisher, key: {file: demo.pub}}
  - {name: alice, keyless: {issuer: "`+provider+`", subject: "`+alice+`"}}
criteria: [{id: license-acceptable, digest: "`+licence.String()+`"}]
reviewers: [{name: Alice, roles: [legal], signers: [alice]}]
require:
  signatures: {anyOf: [publisher]}
  reviews: {quorum: [{role: legal, criteria: [license-acceptable]}]}
`)
			l.write(t, a.dir)
			before := reviewedAt(t, p, a.dir)
			if before.Verdict.Outcome != policy.Hold || !has(before, provenance.CodeReviewMissing) {
				t.Fatalf("%+v", before.Verdict)
			}
			statement, err := provenance.EncodeReview(&provenance.Review{
				Subject: a.subject.Digest, Kind: provenance.Approval, Decision: provenance.Approve, Tool: "test", ReviewedAt: labTime,
				Reviewer:  provenance.Reviewer{ID: alice, Role: "legal"},
				Reviewed:  provenance.Reviewed{Substance: before.SubstanceDigest, Manifest: before.ManifestDigest, Report: licence, Renderer: "review-sheet/1", Policy: p.Digest()},
				Criteria:  []provenance.CriterionResult{{ID: "license-acceptable", Digest: licence, Result: provenance.CriterionMet}},
				Validity:  provenance.Validity{NotBefore: labTime, ExpiresAt: labTime.AddDate(0, 3, 0)},
				Statement: "I have seen " + licence.String(),
			})
			if err != nil {
				t.Fatal(err)
			}
			request := sigstoretest.Request{Subject: a.subject.Digest, Statement: statement, Identity: alice, Issuer: provider, IssuedAt: labTime}
			tc.change(&request)
			l.attach(t, a.subject, a.bundle(t, request))
			a.dir = t.TempDir()
			l.write(t, a.dir)
			r := reviewedAt(t, p, a.dir)
			told := has(r, tc.code) || slices.ContainsFunc(r.Signatures, func(c provenance.Candidate) bool {
				return c.Verdict == provenance.Refused && strings.Contains(c.Detail, "("+tc.code+")")
			})
			if r.Verdict.Outcome != tc.want || !told || has(r, provenance.CodeReviewMissing) != (tc.want == policy.Hold) {
				var codes []string
				for _, c := range r.Signatures {
					codes = append(codes, c.Code+": "+c.Detail)
				}
				t.Errorf("%+v, want %v and %s (%q)", r.Verdict, tc.want, tc.code, codes)
			}
		})
	}
}

// reviewedAt examines half an hour after the lab's time.
func reviewedAt(t *testing.T, p *policy.Policy, dir string) *check.Report {
	t.Helper()
	c, err := check.New(check.Config{Policy: p, Now: func() time.Time { return labTime.Add(30 * time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Examine(t.Context(), reference(t, "oci-layout:"+dir+":v1"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
