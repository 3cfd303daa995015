package policy

import (
	"slices"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Case is what is to be judged.
type Case struct {
	// Reference is the canonical spelling of what was asked for. A policy with
	// scopes holds what has none.
	Reference string
	// Manifest is the record; nil where the artifact was not examined to its
	// end.
	Manifest *provenance.Manifest
	// Candidates explain why a signature is missing from the record. They
	// never count as one.
	Candidates []provenance.Candidate
	// Faults are what made the examination end: the artifact is not what it
	// should be. They always deny.
	Faults []provenance.Finding
	// Reviewing is what people signed after seeing the record, and what the
	// model is wanted for.
	Reviewing Reviewing
	// At is the time of the judgement, "at" in rules. At the zero time no
	// review is in force.
	At time.Time
}

// Evaluate judges c, and gives all reasons, not the first: what denies before
// what holds. It depends on nothing but p and c and not on the order in c.
//
// Allow needs a record with a file and, in it, the signatures that the policy
// requires, matched again here by key, identity, issuer and evidence whatever
// name the record gives them; or AllowUnsigned, which leaves its own reason.
// Attestations that the policy requires must be in the record too, and count
// as nothing else. A policy that trusts nobody holds. Without a record there
// is no verdict, unless a fault denies.
func (p *Policy) Evaluate(c Case) Verdict {
	if !p.decides() {
		return combine([]Reason{{
			Code: provenance.CodePolicyInvalid, Effect: Undecided,
			Message: "there is no policy, or its keys and roots were not read",
		}}, artifact.Digest{})
	}
	p = p.For(c.Reference)
	if p.base != nil {
		return p.joined(p.evaluate(c), p.base.Evaluate(c))
	}
	return combine(p.evaluate(c), p.digest)
}

// evaluate gives the reasons of this policy alone, which must be that of the
// reference.
func (p *Policy) evaluate(c Case) []Reason {
	reasons := p.judgeAge(c.At)
	for _, f := range c.Faults {
		reasons = append(reasons, Reason{Code: f.ID, Effect: Deny, Message: f.Detail, Subject: f.Subject})
	}
	switch {
	case c.Manifest != nil:
		reasons = append(reasons, judgeRecord(c.Manifest)...)
		reasons = append(reasons, p.judgeSignatures(c)...)
		reasons = append(reasons, p.judgeAttestations(c)...)
		reasons = append(reasons, p.judgeFindings(told(c.Manifest))...)
		reasons = append(reasons, p.judgeReviewsAndRules(c)...)
	case len(c.Faults) == 0:
		reasons = append(reasons, Reason{
			Code: provenance.CodeNotDecided, Effect: Undecided,
			Message: "the artifact was not examined to its end",
		})
	}
	return reasons
}

// judgeAge denies under a policy that has expired, or of which nobody knows
// whether it has.
func (p *Policy) judgeAge(at time.Time) []Reason {
	if !p.expired(at) {
		return nil
	}
	return []Reason{{
		Code: provenance.CodePolicyExpired, Effect: Deny,
		Message: "the policy has expired: it was made to be used until " + p.expires.Format(time.RFC3339),
	}}
}

// Expired says whether the policy, or one that it extends, has passed the time that it names; without
// a time at hand one that names any has.
func (p *Policy) Expired(at time.Time) bool {
	return slices.ContainsFunc(p.levels(), func(level *Policy) bool { return level.expired(at) })
}

func (p *Policy) expired(at time.Time) bool {
	return !p.expires.IsZero() && (at.IsZero() || !at.Before(p.expires))
}

// judgeReviewsAndRules lets reviews speak for themselves, and waive rules.
func (p *Policy) judgeReviewsAndRules(c Case) []Reason {
	facts := p.facts(c)
	if p.reviews == nil {
		return p.judgeRules(expression.NewRecord(facts))
	}
	reviews := p.judgeReviews(c)
	facts.Reviews = reviews.approvals()
	return slices.Concat(reviews.state().Reasons, reviews.waive(p.judgeRules(expression.NewRecord(facts))))
}

// judgeRecord wants a record that is sound and is about something.
func judgeRecord(m *provenance.Manifest) []Reason {
	var out []Reason
	if err := provenance.Validate(m); err != nil {
		out = append(out, Reason{Code: provenance.CodeRecordInvalid, Effect: Deny, Message: err.Error()})
	}
	own := func(f provenance.File) bool { return f.Role != artifact.RoleSystem }
	if !slices.ContainsFunc(m.Files, own) {
		out = append(out, Reason{
			Code: provenance.CodeEmptyArtifact, Effect: Deny,
			Message: "the artifact holds no file of a model",
		})
	}
	return out
}
