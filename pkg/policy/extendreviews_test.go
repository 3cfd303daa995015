package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// looseReviews is an overlay over regulated with reviews of its own, in which
// Mallory stands for everything.
func looseReviews(quorum, more string) string {
	return onTop + strings.NewReplacer("LICENCE", licence.String(), "TRAINING", training.String(), "QUORUM", quorum, "MORE", more).Replace(`
signers:
  - {name: publisher, key: {file: publisher}}
  - {name: anna, key: {file: anna}}
  - {name: ben, key: {file: ben}}
  - {name: mallory, key: {file: mallory}}
criteria:
  - {id: license-acceptable, digest: "LICENCE"}
  - {id: training-data-disclosed, digest: "TRAINING"}
reviewers:
  - {name: Anna, roles: [legal], signers: [anna]}
  - {name: Ben, roles: [model-risk, legal], signers: [ben]}
  - {name: Mallory, roles: [legal, model-risk], signers: [mallory]}
require:
  signatures: {anyOf: [publisher]}
  reviews:
    quorum: [QUORUM]
    MORE
`)
}

// TestOverlayReviewsNeverLoosen: whatever an overlay says of reviews, those that
// the policy below asks for are counted by the policy below.
func TestOverlayReviewsNeverLoosen(t *testing.T) {
	both := "{role: legal, criteria: [license-acceptable]}, {role: model-risk, criteria: [training-data-disclosed]}"
	below := regulated() + "rules: [{name: licence, require: 'license.within([\"MIT\"])', effect: hold}]\n"
	mit := claim(stated("license.weights", `"MIT"`))
	waiving := func(rule string) edit {
		return func(r *provenance.Review, _ *policy.SignedReview) {
			r.Waivers = []provenance.Waiver{{ID: "w", Rule: rule, Justification: "compensating-control", Owner: "cto", Statement: "s", ExpiresAt: r.Validity.ExpiresAt}}
			for i, c := range r.Criteria {
				if c.ID == rule {
					r.Criteria[i].Result, r.Criteria[i].Waiver = provenance.CriterionNotMet, "w"
				}
			}
		}
	}
	sound := func(*provenance.Review, *policy.SignedReview) {}
	for name, tc := range map[string]struct {
		overlay     string
		legal, risk string // who reviews
		edit        edit   // of the review as legal
		licensed    bool
		want        policy.Outcome
		code        string
	}{
		"nothing said":              {onTop, "anna", "ben", sound, true, policy.Allow, provenance.CodeReviewCounted},
		"the same said":             {looseReviews(both, ""), "anna", "ben", sound, true, policy.Allow, provenance.CodeReviewCounted},
		"fewer roles":               {looseReviews("{role: legal, criteria: [license-acceptable]}", ""), "anna", "", sound, true, policy.Hold, provenance.CodeReviewMissing},
		"other people":              {looseReviews(both, ""), "mallory", "ben", sound, true, policy.Hold, provenance.CodeReviewMissing},
		"fewer criteria":            {looseReviews("{role: legal, criteria: [training-data-disclosed]}", ""), "anna", "ben", waiving("license-acceptable"), true, policy.Hold, provenance.CodeReviewWaiverRefused},
		"a criterion may be waived": {looseReviews(both, "waivers: [{rule: license-acceptable, roles: [legal]}]"), "anna", "ben", waiving("license-acceptable"), true, policy.Hold, provenance.CodeReviewWaiverRefused},
		"a rule of below is waived": {looseReviews(both, "waivers: [{rule: licence, roles: [legal]}]"), "anna", "ben", waiving("licence"), false, policy.Hold, provenance.CodeRuleNotMet},
		"times are theirs to claim": {looseReviews(both, "claimedTime: true"), "anna", "ben", func(_ *provenance.Review, s *policy.SignedReview) { s.Candidate.SignedAt = nil }, true, policy.Hold, provenance.CodeReviewNoTime},
		"older ones count": {looseReviews(both, "maxAge: 9999d"), "anna", "ben", func(_ *provenance.Review, s *policy.SignedReview) {
			s.Candidate.SignedAt[0].Time = "2026-05-01T00:00:00Z"
		}, true, policy.Hold, provenance.CodeReviewExpired},
		"and tighter: another person": {looseReviews("{role: legal, min: 2, criteria: [license-acceptable]}", ""), "anna", "ben", sound, true, policy.Hold, provenance.CodeReviewMissing},
	} {
		t.Run(name, func(t *testing.T) {
			p := stacked(t, below, tc.overlay)
			m := record(p, candidates{byKey("publisher")})
			m.Files = append(m.Files, provenance.File{Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md")), Size: 9, Role: artifact.RoleCard, Class: provenance.LoadInert})
			if tc.licensed {
				mit(m)
			}
			reviews := []policy.SignedReview{reviewBy(tc.legal, "legal", m, p, tc.edit)}
			if tc.risk != "" {
				reviews = append(reviews, reviewBy(tc.risk, "model-risk", m, p))
			}
			if v := p.Evaluate(reviewed(p, m, reviews...)); v.Outcome != tc.want || !strings.Contains(said(v), tc.code) {
				t.Errorf("%v, want %v for %s: %+v", v.Outcome, tc.want, tc.code, v.Reasons)
			}
		})
	}
}

// said is every code of a verdict, those in messages too.
func said(v policy.Verdict) string {
	out := ""
	for _, r := range v.Reasons {
		out += r.Code + " " + r.Message + "\n"
	}
	return out
}

// TestOverlaySummariesNeverLoosen: a summary counts where every level accepts it.
func TestOverlaySummariesNeverLoosen(t *testing.T) {
	now := time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC)
	loose := func(more string) string {
		return onTop + "signers: [{name: ci, relation: verifier, key: {file: b}}, {name: mallory, relation: verifier, key: {file: mallory}}]\nsummaries: " + more + "\n"
	}
	for name, tc := range map[string]struct {
		overlay, by string
		age         time.Duration
		want        policy.Outcome
	}{
		"the same":       {loose("{signedBy: {anyOf: [ci, mallory]}, maxAge: 30d}"), "b", time.Hour, policy.Allow},
		"older":          {loose("{signedBy: {anyOf: [ci, mallory]}, maxAge: 300d}"), "b", 60 * 24 * time.Hour, policy.Deny},
		"younger only":   {loose("{signedBy: {anyOf: [ci, mallory]}, maxAge: 1d}"), "b", 2 * 24 * time.Hour, policy.Deny},
		"by others":      {loose("{signedBy: {anyOf: [ci, mallory]}, maxAge: 30d}"), "mallory", time.Hour, policy.Deny},
		"by both":        {loose("{signedBy: {allOf: [ci, mallory]}, maxAge: 30d}"), "b", time.Hour, policy.Deny},
		"nothing said":   {onTop, "b", time.Hour, policy.Deny},
		"without a time": {loose("{signedBy: {anyOf: [ci, mallory]}, maxAge: 30d, time: stated}"), "b", -1, policy.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			p := stacked(t, summaries, tc.overlay)
			m := record(p, candidates{byKey("a")})
			c := attesting(byKey(tc.by), provenance.SummaryType)
			at := now.Add(-tc.age)
			c.SignedAt = []provenance.Timestamp{{Time: at.Format(time.RFC3339), Source: "rfc3161"}}
			if tc.age < 0 {
				c.SignedAt, at = nil, now.Add(-time.Hour)
			}
			found := []policy.SummaryCandidate{{Candidate: c, Summary: provenance.Summary{
				Subject: m.Subject, VerifierID: "https://v.example", Resource: "oci:x", At: at, Policy: p.Digest(),
				Result: provenance.Passed, Properties: []string{provenance.PropertyBytes},
			}}}
			v := p.EvaluateSummaries(m.Subject, found, policy.Case{Manifest: m, Candidates: candidates{byKey("a")}, At: now})
			if v.Outcome != tc.want {
				t.Errorf("%v, want %v: %+v", v.Outcome, tc.want, v.Reasons)
			}
		})
	}
}
