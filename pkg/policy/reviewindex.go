package policy

import (
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// judgeIndex wants, where the policy does, a signed list of all reviews that is
// fresh and that leaves out nothing and nobody.
func (j *reviewJudge) judgeIndex() []Reason {
	if j.rules.index == nil || j.c.Manifest == nil {
		return nil
	}
	var fresh *provenance.ReviewIndex
	stale := false
	for _, s := range j.c.Reviewing.Indexes {
		if s.Index == nil && s.Candidate.Verdict == provenance.Proven && s.Candidate.Code == provenance.CodeAttestationVerified &&
			s.Candidate.PredicateType == provenance.ReviewIndexType && j.indexer(s.Candidate) {
			// It may be the newest one, and name what an older one does not.
			return []Reason{{Code: provenance.CodeReviewIndexMissing, Effect: Hold, Message: "a signed list of reviews cannot be read"}}
		}
		x := s.Index
		if x == nil || x.Subject != j.c.Manifest.Subject || s.Candidate.Verdict != provenance.Proven ||
			s.Candidate.Code != provenance.CodeAttestationVerified || s.Candidate.PredicateType != provenance.ReviewIndexType || !j.indexer(s.Candidate) {
			continue
		}
		if j.c.At.IsZero() || j.c.At.Before(x.GeneratedAt) || !j.c.At.Before(x.ValidUntil) {
			stale = true
			continue
		}
		if fresh == nil || x.GeneratedAt.After(fresh.GeneratedAt) {
			fresh = x
		}
	}
	switch {
	case fresh == nil && stale:
		return []Reason{{Code: provenance.CodeReviewIndexStale, Effect: Hold, Message: "the signed list of reviews is no longer valid: a withdrawal may be withheld"}}
	case fresh == nil:
		return []Reason{{Code: provenance.CodeReviewIndexMissing, Effect: Hold, Message: "there is no signed list of reviews by whom the policy names"}}
	}
	var out []Reason
	for _, d := range fresh.Reviews {
		if !slices.ContainsFunc(j.verdicts, func(v ReviewVerdict) bool { return v.Statement == d }) {
			out = append(out, Reason{Code: provenance.CodeReviewWithheld, Effect: Deny, Subject: d.String(), Message: "the signed list names a review that was not handed out"})
		}
	}
	for _, v := range j.verdicts {
		if v.Counts() && v.met != nil && !slices.Contains(fresh.Reviews, v.Statement) {
			out = append(out, Reason{Code: provenance.CodeReviewNotIndexed, Effect: Hold, Subject: v.Statement.String(), Message: fmt.Sprintf("the signed list does not name the review of %s", v.Person)})
		}
	}
	return out
}

func (j *reviewJudge) indexer(c provenance.Candidate) bool {
	return slices.ContainsFunc(j.p.signers, func(s signer) bool { return slices.Contains(j.rules.index.signers, s.name) && j.p.made(s, c) })
}
