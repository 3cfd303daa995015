package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var (
	reviewedOn = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	judgedOn   = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	licence    = artifact.SumSHA256([]byte("the licence is acceptable"))
	training   = artifact.SumSHA256([]byte("the training data is disclosed"))
	sheet      = artifact.SumSHA256([]byte("sheet"))
)

// regulated wants legal and model risk to review what the publisher signed.
func regulated(extra ...string) string {
	registrar := ""
	if len(extra) > 0 {
		registrar = "  - {name: registrar, key: {file: registrar}}\n"
	}
	return strings.NewReplacer("REGISTRAR", registrar, "LICENCE", licence.String(), "TRAINING", training.String()).Replace(`apiVersion: modelcheck/v1
kind: Policy
signers:
  - {name: publisher, key: {file: publisher}}
  - {name: anna, key: {file: anna}}
  - {name: anna-at-home, key: {file: anna-at-home}}
  - {name: ben, key: {file: ben}}
  - {name: cem, key: {file: cem}}
REGISTRARcriteria:
  - {id: license-acceptable, digest: "LICENCE"}
  - {id: training-data-disclosed, digest: "TRAINING"}
reviewers:
  - {name: Anna, roles: [legal], signers: [anna, anna-at-home]}
  - {name: Ben, roles: [model-risk, legal], signers: [ben]}
  - {name: Cem, roles: [model-risk], signers: [cem]}
  - {name: The publisher, roles: [model-risk], signers: [publisher]}
require:
  signatures: {anyOf: [publisher]}
  reviews:
    quorum:
      - {role: legal, criteria: [license-acceptable]}
      - {role: model-risk, criteria: [training-data-disclosed]}
    waivers: [{rule: training-data-disclosed, roles: [model-risk]}]
    maxAge: 180d
`) + strings.Join(extra, "")
}

// reviewBy is a sound approval, timestamped.
func reviewBy(signer, role string, m *provenance.Manifest, p *policy.Policy, edit ...func(*provenance.Review, *policy.SignedReview)) policy.SignedReview {
	_, print := publicKey(signer)
	substance, err := provenance.SubstanceDigest(m)
	if err != nil {
		panic(err)
	}
	r := &provenance.Review{
		Subject: m.Subject, Kind: provenance.Approval, Decision: provenance.Approve, Tool: "test", ReviewedAt: reviewedOn,
		Reviewer: provenance.Reviewer{ID: print, Role: role},
		Reviewed: provenance.Reviewed{Substance: substance, Manifest: substance, Report: sheet, Renderer: "review-sheet/1", Policy: p.Digest()},
		Criteria: []provenance.CriterionResult{
			{ID: "license-acceptable", Digest: licence, Result: provenance.CriterionMet},
			{ID: "training-data-disclosed", Digest: training, Result: provenance.CriterionMet},
		},
		Validity:  provenance.Validity{NotBefore: reviewedOn, ExpiresAt: reviewedOn.AddDate(0, 4, 0), InvalidatedBy: []string{provenance.EventPolicy}},
		Statement: "I have seen " + sheet.String(),
	}
	c := attesting(byKey(signer), provenance.ReviewType)
	c.SignedAt = []provenance.Timestamp{{Time: reviewedOn.Format(time.RFC3339), Source: "rfc3161"}}
	s := policy.SignedReview{Candidate: c, Review: r}
	for _, e := range edit {
		e(r, &s)
	}
	// The edits of a review that a reader would refuse never reach a judge.
	if s.Review != nil {
		if err := provenance.ValidateReview(r); err != nil {
			panic(fmt.Sprint("the test's review is invalid: ", err))
		}
	}
	s.Statement = artifact.SumSHA256(fmt.Appendf(nil, "%s %s %v %+v", signer, role, r.Kind, r))
	return s
}

type edit = func(*provenance.Review, *policy.SignedReview)

func reviewed(p *policy.Policy, m *provenance.Manifest, reviews ...policy.SignedReview) policy.Case {
	return policy.Case{
		Manifest: m, Candidates: []provenance.Candidate{byKey("publisher")}, At: judgedOn,
		Reviewing: policy.Reviewing{Reviews: reviews, Sheets: []policy.Sheet{{Renderer: "review-sheet/1", Digest: sheet}}},
	}
}

func TestReviewsAllow(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
	expect(t, p.Evaluate(reviewed(p, m, legal, risk)), policy.Allow, provenance.CodeSignatureVerified, provenance.CodeReviewCounted)

	// Another tool that sees the same leaves them in force; in any order.
	m.Generator.Version = "another"
	expect(t, p.Evaluate(reviewed(p, m, risk, legal)), policy.Allow, provenance.CodeSignatureVerified, provenance.CodeReviewCounted)
}

// TestReviewsDo not count: every neighbour of an allowed case holds or denies, for its own reason.
func TestReviewsRefused(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	waive := func(role string, until time.Time) edit {
		return func(r *provenance.Review, _ *policy.SignedReview) {
			r.Reviewer.Role = role
			r.Criteria[1].Result, r.Criteria[1].Waiver = provenance.CriterionNotMet, "w"
			r.Waivers = []provenance.Waiver{{ID: "w", Rule: "training-data-disclosed", Justification: "compensating-control", Owner: "cto", Statement: "filtered", ExpiresAt: until}}
		}
	}
	for name, tc := range map[string]struct {
		risk edit
		code string
	}{
		"of another record":    {func(r *provenance.Review, _ *policy.SignedReview) { r.Reviewed.Substance = licence }, provenance.CodeReviewOutdated},
		"under another policy": {func(r *provenance.Review, _ *policy.SignedReview) { r.Reviewed.Policy = licence }, provenance.CodeReviewPolicyChanged},
		"of a report never made": {func(r *provenance.Review, _ *policy.SignedReview) {
			r.Reviewed.Report = licence
			r.Statement = "seen " + licence.String()
		}, provenance.CodeReviewReportDiffers},
		"self-asserted role": {func(r *provenance.Review, s *policy.SignedReview) {
			*s = reviewBy("cem", "model-risk", m, p)
			s.Review.Reviewer.Role = "legal"
			*r = *s.Review
			s.Review = r
		}, provenance.CodeReviewWrongRole},
		"in another's name":   {func(r *provenance.Review, _ *policy.SignedReview) { _, r.Reviewer.ID = publicKey("cem") }, provenance.CodeReviewWrongIdentity},
		"by a stranger":       {func(r *provenance.Review, s *policy.SignedReview) { s.Candidate.Identity = byKey("mallory").Identity }, provenance.CodeReviewUnknownReviewer},
		"signature refused":   {func(r *provenance.Review, s *policy.SignedReview) { s.Candidate.Verdict = provenance.Refused }, provenance.CodeReviewUnknownReviewer},
		"signature unchecked": {func(r *provenance.Review, s *policy.SignedReview) { s.Candidate.Verdict = provenance.Unchecked }, provenance.CodeReviewUnknownReviewer},
		"another predicate": {func(r *provenance.Review, s *policy.SignedReview) {
			s.Candidate.PredicateType = provenance.PredicateType
		}, provenance.CodeReviewUnknownReviewer},
		"unreadable":             {func(_ *provenance.Review, s *policy.SignedReview) { s.Review, s.Problem = nil, "bad" }, provenance.CodeReviewMalformed},
		"without a trusted time": {func(_ *provenance.Review, s *policy.SignedReview) { s.Candidate.SignedAt = nil }, provenance.CodeReviewNoTime},
		"time by its own clock":  {func(_ *provenance.Review, s *policy.SignedReview) { s.Candidate.SignedAt[0].Source = "current-time" }, provenance.CodeReviewNoTime},
		"expired":                {func(r *provenance.Review, _ *policy.SignedReview) { r.Validity.ExpiresAt = judgedOn }, provenance.CodeReviewExpired},
		"not yet valid":          {func(r *provenance.Review, _ *policy.SignedReview) { r.Validity.NotBefore = judgedOn.Add(time.Hour) }, provenance.CodeReviewNotYetValid},
		"signed in the future": {func(_ *provenance.Review, s *policy.SignedReview) {
			s.Candidate.SignedAt[0].Time = "2026-12-24T00:00:00Z"
		}, provenance.CodeReviewNotYetValid},
		"older than wanted": {func(_ *provenance.Review, s *policy.SignedReview) {
			s.Candidate.SignedAt[0].Time = "2026-05-01T00:00:00Z"
		}, provenance.CodeReviewExpired},
		"for another environment":          {func(r *provenance.Review, _ *policy.SignedReview) { r.Scope.Environments = []string{"dev"} }, provenance.CodeReviewOutOfScope},
		"with exclusions":                  {func(r *provenance.Review, _ *policy.SignedReview) { r.Scope.Excludes = []string{"customer-facing"} }, provenance.CodeReviewOutOfScope},
		"abstention":                       {func(r *provenance.Review, _ *policy.SignedReview) { r.Decision = provenance.Abstain }, provenance.CodeReviewAbstained},
		"not assessed":                     {func(r *provenance.Review, _ *policy.SignedReview) { r.Criteria = r.Criteria[:1] }, provenance.CodeReviewCriterionUnmet},
		"another text under the criterion": {func(r *provenance.Review, _ *policy.SignedReview) { r.Criteria[1].Digest = licence }, provenance.CodeReviewCriteriaDiffer},
		"waived, and the waiver expired":   {waive("model-risk", judgedOn.Add(-time.Hour)), provenance.CodeReviewWaiverRefused},
		"condition that cannot be checked": {func(r *provenance.Review, _ *policy.SignedReview) {
			r.Decision = provenance.ApproveWithConditions
			r.Conditions = []provenance.Condition{{ID: "c", Text: "t", Rule: "nonsense("}}
		}, provenance.CodeReviewConditionUnmet},
	} {
		t.Run(name, func(t *testing.T) {
			v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p, tc.risk)))
			if v.Outcome != policy.Hold || v.Allowed() {
				t.Errorf("outcome %v", v.Outcome)
			}
			i := slices.IndexFunc(v.Reasons, func(r policy.Reason) bool { return r.Code == provenance.CodeReviewMissing && r.Subject == "model-risk" })
			named := slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool {
				return r.Code == tc.code || r.Code == provenance.CodeReviewMissing && strings.Contains(r.Message, "["+tc.code+"]")
			})
			if i < 0 || !named {
				t.Errorf("want %s: %+v", tc.code, v.Reasons)
			}
		})
	}
	t.Run("waived by who may", func(t *testing.T) {
		v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p, waive("model-risk", judgedOn.Add(time.Hour)))))
		expect(t, v, policy.Allow, provenance.CodeSignatureVerified, provenance.CodeReviewCounted)
	})
	t.Run("waived by who may not", func(t *testing.T) {
		p := parse(t, strings.Replace(regulated(), "roles: [model-risk]}]", "roles: [legal]}]", 1))
		m := record(p, []provenance.Candidate{byKey("publisher")})
		v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p, waive("model-risk", judgedOn.Add(time.Hour)))))
		expect(t, v, policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing)
	})
	t.Run("by who signed the model", func(t *testing.T) {
		v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("publisher", "model-risk", m, p)))
		expect(t, v, policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing, provenance.CodeReviewNotIndependent)
	})
	t.Run("one person in two roles", func(t *testing.T) {
		v := p.Evaluate(reviewed(p, m, reviewBy("ben", "legal", m, p), reviewBy("ben", "model-risk", m, p)))
		expect(t, v, policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing)
	})
	t.Run("two identities of one person", func(t *testing.T) {
		p := parse(t, strings.Replace(regulated(), "{role: legal, criteria", "{role: legal, min: 2, criteria", 1))
		m := record(p, []provenance.Candidate{byKey("publisher")})
		v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("anna-at-home", "legal", m, p), reviewBy("cem", "model-risk", m, p)))
		if v.Outcome != policy.Hold {
			t.Errorf("%v: %+v", v.Outcome, v.Reasons)
		}
	})
	t.Run("no time of judgement", func(t *testing.T) {
		c := reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p))
		c.At = time.Time{}
		if v := p.Evaluate(c); v.Outcome != policy.Hold {
			t.Errorf("%v: %+v", v.Outcome, v.Reasons)
		}
	})
	t.Run("none", func(t *testing.T) {
		expect(t, p.Evaluate(reviewed(p, m)), policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewMissing)
	})
	t.Run("copied from another model", func(t *testing.T) {
		other := reviewBy("ben", "model-risk", m, p, func(r *provenance.Review, _ *policy.SignedReview) { r.Subject = licence })
		expect(t, p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), other)), policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing)
	})
	t.Run("new finding", func(t *testing.T) {
		legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
		now := record(p, []provenance.Candidate{byKey("publisher")}, provenance.Finding{ID: provenance.CodeLicenseUnidentified, Subject: "LICENSE", Detail: "unknown"})
		expect(t, p.Evaluate(reviewed(p, now, legal, risk)), policy.Hold, provenance.CodeSignatureVerified, provenance.CodeReviewOutdated, provenance.CodeReviewMissing)
	})
}

// against are reviews that end what others approved.
func against(kind provenance.ReviewKind, decision provenance.Decision, of ...policy.SignedReview) edit {
	return func(r *provenance.Review, s *policy.SignedReview) {
		r.Kind, r.Decision, r.Criteria = kind, decision, nil
		for _, o := range of {
			r.Supersedes = append(r.Supersedes, o.Statement)
		}
		s.Candidate.SignedAt[0].Time = "2026-11-10T00:00:00Z"
	}
}

func TestReviewsTakenBack(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
	judge := func(more ...policy.SignedReview) policy.Verdict {
		return p.Evaluate(reviewed(p, m, append([]policy.SignedReview{legal, risk}, more...)...))
	}
	rejection := reviewBy("cem", "model-risk", m, p, against(provenance.Rejection, provenance.Reject))
	violation := reviewBy("cem", "model-risk", m, p, against(provenance.Violation, provenance.Reject))
	takes := func(who, role string, what policy.SignedReview) policy.SignedReview {
		return reviewBy(who, role, m, p, against(provenance.Withdrawal, provenance.Abstain, what))
	}
	signed, counted, missing := provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing
	withdrawn, rejected, violated := provenance.CodeReviewWithdrawn, provenance.CodeReviewRejected, provenance.CodeReviewViolation

	expect(t, judge(rejection), policy.Deny, signed, counted, rejected)
	expect(t, judge(violation), policy.Deny, signed, counted, violated)
	expect(t, judge(takes("cem", "model-risk", legal)), policy.Hold, signed, counted, withdrawn, missing)
	expect(t, judge(takes("mallory", "legal", legal)), policy.Allow, signed, counted, provenance.CodeReviewUnknownReviewer)

	// Lifting a rejection takes two, and not the publisher.
	one, two := takes("cem", "model-risk", rejection), takes("anna", "legal", rejection)
	expect(t, judge(rejection, one), policy.Deny, signed, counted, rejected)
	expect(t, judge(rejection, one, takes("publisher", "model-risk", rejection)), policy.Deny, signed, counted, rejected)
	expect(t, judge(rejection, two, takes("anna-at-home", "legal", rejection)), policy.Deny, signed, counted, rejected)
	expect(t, judge(rejection, one, two), policy.Allow, signed, counted, withdrawn)

	// A rejection of another record of the same artifact is still one; it does not lapse either.
	old := reviewBy("cem", "model-risk", m, p, against(provenance.Rejection, provenance.Reject), func(r *provenance.Review, _ *policy.SignedReview) {
		r.Reviewed.Substance, r.Validity.ExpiresAt = licence, reviewedOn.Add(time.Hour)
	})
	expect(t, judge(old), policy.Deny, signed, counted, rejected)

	// The last word of a person counts.
	later := reviewBy("anna", "legal", m, p, func(r *provenance.Review, s *policy.SignedReview) {
		r.Decision, s.Candidate.SignedAt[0].Time = provenance.Abstain, "2026-11-11T00:00:00Z"
	})
	expect(t, judge(later), policy.Hold, signed, counted, provenance.CodeReviewSuperseded, provenance.CodeReviewAbstained, missing)
}

func TestReviewsDelta(t *testing.T) {
	p := parse(t, regulated())
	old := record(p, []provenance.Candidate{byKey("publisher")})
	old.Subject = licence
	old.Artifact.Members[0].Digest = licence
	full := reviewBy("ben", "model-risk", old, p)
	m := record(p, []provenance.Candidate{byKey("publisher")})
	delta := func(base policy.SignedReview) policy.SignedReview {
		return reviewBy("cem", "model-risk", m, p, func(r *provenance.Review, _ *policy.SignedReview) {
			r.Kind = provenance.Delta
			r.Reviewed.Baseline = &provenance.Baseline{Subject: base.Review.Subject, Substance: base.Review.Reviewed.Substance}
		})
	}
	legal := reviewBy("anna", "legal", m, p)
	signed, counted, missing, chain := provenance.CodeSignatureVerified, provenance.CodeReviewCounted, provenance.CodeReviewMissing, provenance.CodeReviewBaselineMissing
	expect(t, p.Evaluate(reviewed(p, m, legal, delta(full), full)), policy.Allow, signed, counted)
	expect(t, p.Evaluate(reviewed(p, m, legal, delta(full))), policy.Hold, signed, counted, missing, chain)
	byOther := reviewBy("mallory", "model-risk", old, p)
	expect(t, p.Evaluate(reviewed(p, m, legal, delta(full), byOther)), policy.Hold, signed, counted, missing, chain)
	otherRole := reviewBy("anna", "legal", old, p)
	expect(t, p.Evaluate(reviewed(p, m, legal, delta(full), otherRole)), policy.Hold, signed, counted, missing, chain)
	takenBack := reviewBy("cem", "model-risk", old, p, against(provenance.Withdrawal, provenance.Abstain, full))
	expect(t, p.Evaluate(reviewed(p, m, legal, delta(full), full, takenBack)), policy.Hold, signed, counted, missing, chain)
}

func TestReviewsIndex(t *testing.T) {
	p := parse(t, regulated("    index: {signers: [registrar]}\n"))
	m := record(p, []provenance.Candidate{byKey("publisher")})
	legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
	index := func(signer string, made time.Time, reviews ...policy.SignedReview) policy.SignedIndex {
		x := &provenance.ReviewIndex{Subject: m.Subject, GeneratedAt: made, ValidUntil: made.Add(provenance.MaxIndexValidity)}
		for _, r := range reviews {
			x.Reviews = append(x.Reviews, r.Statement)
		}
		return policy.SignedIndex{Candidate: attesting(byKey(signer), provenance.ReviewIndexType), Index: x}
	}
	judge := func(indexes ...policy.SignedIndex) policy.Verdict {
		c := reviewed(p, m, legal, risk)
		c.Reviewing.Indexes = indexes
		return p.Evaluate(c)
	}
	fresh := judgedOn.Add(-24 * time.Hour)
	signed, counted := provenance.CodeSignatureVerified, provenance.CodeReviewCounted
	expect(t, judge(index("registrar", fresh, legal, risk)), policy.Allow, signed, counted)
	expect(t, judge(), policy.Hold, signed, counted, provenance.CodeReviewIndexMissing)
	expect(t, judge(index("mallory", fresh, legal, risk)), policy.Hold, signed, counted, provenance.CodeReviewIndexMissing)
	expect(t, judge(index("registrar", judgedOn.AddDate(0, 0, -8), legal, risk)), policy.Hold, signed, counted, provenance.CodeReviewIndexStale)
	expect(t, judge(index("registrar", judgedOn.Add(time.Hour), legal, risk)), policy.Hold, signed, counted, provenance.CodeReviewIndexStale)
	expect(t, judge(index("registrar", fresh, legal)), policy.Hold, signed, counted, provenance.CodeReviewNotIndexed)
	rejection := reviewBy("cem", "model-risk", m, p, against(provenance.Rejection, provenance.Reject))
	expect(t, judge(index("registrar", fresh, legal, risk, rejection)), policy.Deny, signed, counted, provenance.CodeReviewWithheld)
	unreadable, stranger := index("registrar", fresh), index("mallory", fresh)
	unreadable.Index, stranger.Index = nil, nil
	expect(t, judge(index("registrar", fresh, legal, risk), unreadable), policy.Hold, signed, counted, provenance.CodeReviewIndexMissing)
	expect(t, judge(index("registrar", fresh, legal, risk), stranger), policy.Allow, signed, counted)
	// A list that leaves out a rejection does not make it go away.
	c := reviewed(p, m, legal, risk, rejection)
	c.Reviewing.Indexes = []policy.SignedIndex{index("registrar", fresh, legal, risk)}
	expect(t, p.Evaluate(c), policy.Deny, signed, counted, provenance.CodeReviewRejected)
}

func TestReviewsMalformedPolicy(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, want string }{
		"nobody asks":            {"  reviews:", "  x:", "unknown key"},
		"unknown signer":         {"signers: [cem]", "signers: [dora]", `no signer "dora"`},
		"two persons, one key":   {"signers: [cem]", "signers: [ben]", "would count twice"},
		"quorum beyond reach":    {"{role: legal, criteria", "{role: legal, min: 3, criteria", "can never be met"},
		"role of nobody":         {"role: legal, criteria", "role: security, criteria", "can never be met"},
		"unknown criterion":      {"criteria: [license-acceptable]}", "criteria: [nice]}", `no criterion "nice"`},
		"waiver by nobody":       {"roles: [model-risk]}]", "roles: [boss]}]", `role "boss"`},
		"criterion without text": {`digest: "` + licence.String() + `"`, "digest: none", "license-acceptable"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(regulated(), "    index", "", 1)
			if !strings.Contains(text, tc.old) {
				t.Fatal("nothing to edit")
			}
			_, err := policy.Parse([]byte(strings.Replace(text, tc.old, tc.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestReviewsImplied(t *testing.T) {
	whole := artifact.SumSHA256([]byte("whole"))
	p := parse(t, strings.Replace(regulated(), "criteria:\n", fmt.Sprintf("criteria:\n  - {id: whole, digest: %q, implies: [license-acceptable, training-data-disclosed]}\n", whole), 1))
	m := record(p, []provenance.Candidate{byKey("publisher")})
	with := func(results ...provenance.CriterionResult) edit {
		return func(r *provenance.Review, _ *policy.SignedReview) { r.Criteria = results }
	}
	met := provenance.CriterionResult{ID: "whole", Digest: whole, Result: provenance.CriterionMet}
	expect(t, p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("cem", "model-risk", m, p, with(met)))),
		policy.Allow, provenance.CodeSignatureVerified, provenance.CodeReviewCounted)
	other, unmet := met, met
	other.Digest, unmet.Result, unmet.Waiver = licence, provenance.CriterionNotMet, "w"
	waived := func(r *provenance.Review, _ *policy.SignedReview) {
		r.Criteria = []provenance.CriterionResult{unmet}
		r.Waivers = []provenance.Waiver{{ID: "w", Rule: "whole", Justification: "risk-accepted-by-owner", Owner: "cto", Statement: "s", ExpiresAt: judgedOn.Add(time.Hour)}}
	}
	refuted := with(met, provenance.CriterionResult{ID: "training-data-disclosed", Digest: licence, Result: provenance.CriterionMet})
	for name, e := range map[string]edit{"another text": with(other), "waived": waived, "another text of the implied": refuted} {
		v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("cem", "model-risk", m, p, e)))
		if v.Outcome != policy.Hold {
			t.Errorf("%s: %v: %+v", name, v.Outcome, v.Reasons)
		}
	}
}

func TestStarterCriteria(t *testing.T) {
	list, err := policy.ParseCriteria(policy.StarterCriteria())
	if err != nil || len(list) < 6 {
		t.Fatal(list, err)
	}
	for _, c := range list {
		if c.Digest != artifact.SumSHA256([]byte(c.Text)) || c.Text == "" {
			t.Errorf("%s: %v", c.ID, c.Digest)
		}
	}
	for name, text := range map[string]string{
		"twice":    "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a, text: b}, {id: a, text: c}]",
		"policy":   "apiVersion: modelcheck/v1\nkind: Policy\ncriteria: [{id: a, text: b}]",
		"blank":    "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a, text: ' '}]",
		"large":    "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a, text: " + strings.Repeat("b", 4001) + "}]",
		"implies":  "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a, text: b, implies: [c]}]",
		"escapes":  "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a, text: \"b\\u202ec\"}]",
		"nothing":  "apiVersion: modelcheck/v1\nkind: Criteria",
		"no texts": "apiVersion: modelcheck/v1\nkind: Criteria\ncriteria: [{id: a}]",
	} {
		if _, err := policy.ParseCriteria([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReviewsWaiveRules(t *testing.T) {
	text := strings.Replace(regulated("rules:\n  - {name: gguf-only, require: 'every(files, f, f.path.endsWith(\".gguf\"))', effect: deny, message: not gguf}\n  - {name: broken, require: 'claims.state(\"license.weights\") == \"declared\" || files[9].size > 0', effect: deny, message: broken}\n"), "  - {name: registrar, key: {file: registrar}}\n", "", 1)
	text = strings.Replace(text, "waivers: [", "waivers: [{rule: gguf-only, roles: [legal]}, {rule: broken, roles: [legal]}, ", 1)
	p := parse(t, text)
	m := record(p, []provenance.Candidate{byKey("publisher")})
	waiving := func(rules ...string) edit {
		return func(r *provenance.Review, _ *policy.SignedReview) {
			for _, name := range rules {
				r.Waivers = append(r.Waivers, provenance.Waiver{ID: name, Rule: name, Justification: "compensating-control", Owner: "cto", Statement: "converted before use", ExpiresAt: judgedOn.Add(time.Hour)})
			}
		}
	}
	effect := func(v policy.Verdict, rule string) string {
		for _, r := range v.Reasons {
			if r.Subject == rule {
				return r.Code + " " + r.Effect.String()
			}
		}
		return ""
	}
	judge := func(legal, risk edit) policy.Verdict {
		return p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p, legal), reviewBy("ben", "model-risk", m, p, risk)))
	}
	if got := effect(judge(waiving("gguf-only", "broken"), waiving()), "gguf-only"); got != "rule-waived allow" {
		t.Error(got)
	}
	for name, v := range map[string]policy.Verdict{
		"nobody":     judge(waiving(), waiving()),
		"other rule": judge(waiving("other"), waiving()),
		"other role": judge(waiving(), waiving("gguf-only")),
		"out of time": judge(func(r *provenance.Review, _ *policy.SignedReview) {
			waiving("gguf-only")(r, nil)
			r.Waivers[0].ExpiresAt = judgedOn
		}, waiving()),
		"abstaining": judge(func(r *provenance.Review, _ *policy.SignedReview) {
			waiving("gguf-only")(r, nil)
			r.Decision = provenance.Abstain
		}, waiving()),
	} {
		if got := effect(v, "gguf-only"); got != "rule-not-met deny" || v.Outcome != policy.Deny {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := effect(judge(waiving("gguf-only", "broken"), waiving()), "broken"); got != "rule-failed deny" {
		t.Error("a rule that could not be evaluated:", got)
	}
}

func TestReviewsConditions(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, []provenance.Candidate{byKey("publisher")})
	on := func(condition string) policy.Outcome {
		return p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p, func(r *provenance.Review, _ *policy.SignedReview) {
			r.Decision, r.Conditions = provenance.ApproveWithConditions, []provenance.Condition{{ID: "c", Text: "t", Rule: condition}}
		}))).Outcome
	}
	for condition, want := range map[string]policy.Outcome{
		"": policy.Allow, "files.size() == 1": policy.Allow, "files.size() == 2": policy.Hold, "files[7].size > 0": policy.Hold, "1": policy.Hold, "nonsense.x": policy.Hold,
	} {
		if got := on(condition); got != want {
			t.Errorf("%q: %v", condition, got)
		}
	}
}

// TestReviewsStayOutOfTheRecord: a record that changed with each review would end
// every review of it.
func TestReviewsStayOutOfTheRecord(t *testing.T) {
	p := parse(t, regulated())
	for _, predicateType := range []string{provenance.ReviewType, provenance.ReviewIndexType, provenance.PredicateType, provenance.SummaryType, provenance.ResultType} {
		if got := p.Statements(attesting(byKey("anna"), predicateType)); len(got) != 0 {
			t.Errorf("%s: %+v", predicateType, got)
		}
	}
	if got := p.Statements(attesting(byKey("anna"), "https://slsa.dev/provenance/v1")); len(got) != 1 {
		t.Errorf("provenance: %+v", got)
	}
}

// Another organisation's criterion answers one of ours where the policy accepts
// its very text, and nothing else that they say of it counts.
func TestCriteriaOfOthers(t *testing.T) {
	theirs, other := artifact.SumSHA256([]byte("the licence is fine")), artifact.SumSHA256([]byte("the licence was looked at"))
	accepting := strings.Replace(regulated(), "{id: license-acceptable, digest: \""+licence.String()+"\"}", "{id: license-acceptable, digest: \""+licence.String()+"\", accepts: [\""+theirs.String()+"\"]}", 1)
	assessed := func(results ...provenance.CriterionResult) edit {
		return func(r *provenance.Review, _ *policy.SignedReview) {
			r.Criteria = results
			for _, c := range results {
				if c.Waiver != "" {
					r.Waivers = []provenance.Waiver{{ID: c.Waiver, Rule: c.ID, Justification: "compensating-control", Owner: "cto", Statement: "s", ExpiresAt: r.Validity.ExpiresAt}}
				}
			}
		}
	}
	result := func(id string, text artifact.Digest, r provenance.Result) provenance.CriterionResult {
		return provenance.CriterionResult{ID: id, Digest: text, Result: r}
	}
	met, unmet := provenance.CriterionMet, provenance.CriterionNotMet
	waived := result("licence-ok", theirs, unmet)
	waived.Waiver = "w"
	for name, tc := range map[string]struct {
		policy string
		legal  edit
		want   policy.Outcome
		code   string
	}{
		"accepted":               {accepting, assessed(result("licence-ok", theirs, met)), policy.Allow, ""},
		"under our id":           {accepting, assessed(result("license-acceptable", theirs, met)), policy.Allow, ""},
		"ours":                   {accepting, assessed(result("license-acceptable", licence, met)), policy.Allow, ""},
		"not accepted":           {regulated(), assessed(result("licence-ok", theirs, met)), policy.Hold, provenance.CodeReviewCriterionUnmet},
		"another text":           {accepting, assessed(result("licence-ok", other, met)), policy.Hold, provenance.CodeReviewCriterionUnmet},
		"another, under our id":  {accepting, assessed(result("license-acceptable", other, met)), policy.Hold, provenance.CodeReviewCriteriaDiffer},
		"accepted for another":   {accepting, assessed(result("training-data-disclosed", theirs, met), result("license-acceptable", other, met)), policy.Allow, ""}, // by its text, whatever it is called
		"not assessed":           {accepting, assessed(result("licence-ok", theirs, provenance.CriterionNotAssessed), result("x", other, met)), policy.Hold, provenance.CodeReviewCriterionUnmet},
		"waived by them":         {accepting, assessed(waived), policy.Hold, provenance.CodeReviewCriterionUnmet},
		"two answers, one unmet": {accepting, assessed(result("licence-ok", theirs, met), func() provenance.CriterionResult { c := waived; c.ID = "again"; return c }()), policy.Hold, provenance.CodeReviewCriterionUnmet},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, tc.policy)
			m := record(p, []provenance.Candidate{byKey("publisher")})
			v := p.Evaluate(reviewed(p, m, reviewBy("anna", "legal", m, p, tc.legal), reviewBy("ben", "model-risk", m, p)))
			if v.Outcome != tc.want {
				t.Errorf("%v: %+v", v.Outcome, v.Reasons)
			}
			if tc.code != "" && !slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool {
				return r.Code == provenance.CodeReviewMissing && r.Subject == "legal" && strings.Contains(r.Message, "["+tc.code+"]")
			}) {
				t.Errorf("want %s: %+v", tc.code, v.Reasons)
			}
		})
	}
	if parse(t, accepting).Digest() == parse(t, regulated()).Digest() {
		t.Error("what the policy accepts is not in its digest")
	}
	for name, yaml := range map[string]string{
		"its own text": strings.Replace(accepting, "accepts: [\""+theirs.String(), "accepts: [\""+licence.String(), 1),
		"no digest":    strings.Replace(accepting, "accepts: [\""+theirs.String(), "accepts: [\"x", 1),
		"nothing":      strings.Replace(accepting, "accepts: [\""+theirs.String()+"\"]", "accepts: []", 1),
	} {
		if _, err := policy.Parse([]byte(yaml)); err == nil || line(err) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
