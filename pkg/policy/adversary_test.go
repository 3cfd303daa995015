package policy_test

import (
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Whoever may attach things may attach copies of a review: signed again by
// themselves, without its time, or stamped again. They change nothing.
func TestReviewCopies(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
	violation := reviewBy("cem", "model-risk", m, p, against(provenance.Violation, provenance.Reject))
	withdrawal := reviewBy("cem", "model-risk", m, p, against(provenance.Withdrawal, provenance.Abstain, legal))
	abstention := reviewBy("anna", "legal", m, p, func(r *provenance.Review, s *policy.SignedReview) {
		r.Decision, s.Candidate.SignedAt[0].Time = provenance.Abstain, "2026-11-11T00:00:00Z"
	})
	again := func(s policy.SignedReview, edit func(*provenance.Candidate)) policy.SignedReview {
		edit(&s.Candidate)
		return s
	}
	strange := func(c *provenance.Candidate) { c.Identity = byKey("mallory").Identity }
	timeless := func(c *provenance.Candidate) { c.SignedAt = nil }
	stamped := func(c *provenance.Candidate) {
		c.SignedAt = append([]provenance.Timestamp{{Time: "2026-11-19T00:00:00Z", Source: "rfc3161"}}, c.SignedAt...)
	}
	restamped := func(c *provenance.Candidate) {
		c.SignedAt = []provenance.Timestamp{{Time: "2026-11-19T00:00:00Z", Source: "rfc3161"}}
	}
	for name, tc := range map[string]struct {
		first, second policy.SignedReview
		want          policy.Outcome
	}{
		"violation, signed by a stranger":  {again(violation, strange), violation, policy.Deny},
		"violation, without its time":      {again(violation, timeless), violation, policy.Deny},
		"violation, only without its time": {again(violation, timeless), again(violation, timeless), policy.Deny},
		"withdrawal, by a stranger":        {again(withdrawal, strange), withdrawal, policy.Hold},
		"withdrawal, without its time":     {again(withdrawal, timeless), withdrawal, policy.Hold},
		"only without its time":            {again(withdrawal, timeless), again(withdrawal, timeless), policy.Hold},
		"approval, stamped again":          {again(legal, stamped), abstention, policy.Hold},
		"approval, another stamp":          {again(legal, restamped), abstention, policy.Hold},
		"approval, by a stranger":          {again(legal, strange), legal, policy.Allow},
		"approval, without its time":       {again(legal, timeless), legal, policy.Allow},
	} {
		for _, order := range [][]policy.SignedReview{
			{tc.first, tc.second, legal, risk}, {legal, tc.second, tc.first, risk}, {risk, tc.first, legal, tc.second},
		} {
			if v := p.Evaluate(reviewed(p, m, order...)); v.Outcome != tc.want {
				t.Errorf("%s: %v, want %v: %+v", name, v.Outcome, tc.want, v.Reasons)
			}
		}
	}
}

// What was not read could be what speaks against the artifact.
func TestReviewsUnread(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	c := reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p))
	c.Candidates = append(c.Candidates, provenance.Candidate{Layout: "referrers-api", Verdict: provenance.Refused, Code: provenance.CodeLimitExceeded})
	expect(t, p.Evaluate(c), policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeLimitExceeded)
}

// A summary takes the place of hashing bytes, never of a signature over files
// that nobody compared, nor of what was not read.
func TestSummariesLeaveNothingOut(t *testing.T) {
	now := time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC)
	p := parse(t, summaries)
	signed := candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Scheme, c.PredicateType = "oms-key", policy.ModelSignatureType })}
	subject := record(p, signed).Subject
	c := attesting(byKey("b"), provenance.SummaryType)
	c.SignedAt = []provenance.Timestamp{{Time: "2026-06-29T00:00:00Z", Source: "rfc3161"}}
	found := []policy.SummaryCandidate{{Candidate: c, Summary: provenance.Summary{
		Subject: subject, VerifierID: "https://v.example", Resource: "oci:x", At: now.Add(-24 * time.Hour), Policy: p.Digest(),
		Result: provenance.Passed, Properties: []string{provenance.PropertyBytes},
	}}}
	accepted, verified := provenance.CodeSummaryAccepted, provenance.CodeSignatureVerified
	judge := func(m *provenance.Manifest, more ...provenance.Candidate) policy.Verdict {
		return p.EvaluateSummaries(subject, found, policy.Case{Manifest: m, Candidates: append(candidates{pending(signed[0])}, more...), At: now})
	}
	expect(t, judge(record(p, signed)), policy.Allow, accepted, verified)
	expect(t, judge(nil), policy.Deny, accepted, provenance.CodeSignaturePending)
	expect(t, judge(record(p, nil)), policy.Deny, accepted, provenance.CodeSignaturePending)
	full := provenance.Candidate{Layout: "referrers-api", Verdict: provenance.Refused, Code: provenance.CodeLimitExceeded, Detail: "it was not looked at"}
	expect(t, judge(record(p, signed), full), policy.Deny, accepted, verified, provenance.CodeLimitExceeded)
}
