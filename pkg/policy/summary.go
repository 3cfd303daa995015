package policy

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A summaryRule says whose verification summaries stand for hashing every
// byte, and how fresh they must be. The zero value accepts none.
type summaryRule struct {
	by       need
	maxAge   time.Duration
	stated   bool              // the time that the verifier states counts where no authority vouches for one
	policies []artifact.Digest // whose verdicts count beside this policy's own, sorted
	verifier string            // exact id that summaries must state; "" for any
}

// parseSummaries reads which verification summaries are accepted.
func (p *Policy) parseSummaries(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	f, err := fields(n, "summaries", "signedBy", "maxAge", "time", "policies", "verifier")
	if err != nil {
		return err
	}
	if f["signedBy"] == nil || f["maxAge"] == nil {
		return fail(n, "summaries: want signedBy and maxAge: whose word counts, and for how long")
	}
	r := &summaryRule{}
	if r.by, err = p.parseNeed(f["signedBy"], "summaries.signedBy"); err != nil {
		return err
	}
	for _, s := range p.signers {
		if slices.Contains(r.by.names(), s.name) && s.relation != provenance.Verifier {
			return fail(f["signedBy"], "summaries.signedBy: signer %q is no verifier: give it relation: verifier, if it is one", s.name)
		}
	}
	if r.maxAge, err = parseAge(f["maxAge"], "maxAge"); err != nil {
		return err
	}
	if r.stated, err = parseSummaryTime(f["time"]); err != nil {
		return err
	}
	if f["verifier"] != nil {
		if r.verifier, err = text(f["verifier"], "verifier"); err != nil {
			return err
		}
	}
	r.policies, err = parseDigests(f["policies"], "policies")
	p.summaries = r
	return err
}

func parseSummaryTime(n *yaml.Node) (stated bool, err error) {
	if n == nil {
		return false, nil
	}
	word, err := text(n, "time")
	if err == nil && word != "verified" && word != "stated" {
		err = fail(n, "time is %q, want verified (by a log or timestamp authority) or stated (by the verifier alone)", word)
	}
	return word == "stated", err
}

func parseDigests(n *yaml.Node, what string) ([]artifact.Digest, error) {
	if n == nil {
		return nil, nil
	}
	list, err := texts(n, what)
	if err != nil {
		return nil, err
	}
	var out []artifact.Digest
	for _, s := range list {
		d, err := artifact.ParseDigest(s)
		if err != nil {
			return nil, fail(n, "%s: %v", what, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// AcceptsSummaries says whether the policy accepts anybody's, and every policy
// that it extends does.
func (p *Policy) AcceptsSummaries() bool {
	return p != nil && !slices.ContainsFunc(p.levels(), func(level *Policy) bool { return level.summaries == nil })
}

// Verifiers says which of the verifiers whose summaries the policy accepts made
// a candidate: none unless it is a statement that was proven, and everything
// that the policy demands of the signer was verified.
func (p *Policy) Verifiers(c provenance.Candidate) []string {
	var out []string
	for _, level := range p.levels() {
		out = append(out, level.verifiers(c)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *Policy) verifiers(c provenance.Candidate) []string {
	if p.summaries == nil || c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified {
		return nil
	}
	var out []string
	for _, s := range p.signers {
		if slices.Contains(p.summaries.by.names(), s.name) && p.made(s, c) {
			out = append(out, s.name)
		}
	}
	return out
}

// AcceptsSummary says whether a summary counts by itself. Whether it decides is
// for EvaluateSummaries, which looks at all of them.
func (p *Policy) AcceptsSummary(subject artifact.Digest, s SummaryCandidate, at time.Time) bool {
	return p.decides() && !slices.ContainsFunc(p.levels(), func(level *Policy) bool {
		if len(level.verifiers(s.Candidate)) == 0 {
			return true
		}
		code, _, _ := level.summaries.refuse(level.digest, subject, s, at)
		return code != ""
	})
}

// A SummaryCandidate is a verification summary that was found: who signed it
// and when, and what it says, or the Problem that leaves it unread.
type SummaryCandidate struct {
	Candidate provenance.Candidate
	Summary   provenance.Summary
	Problem   string
}

// EvaluateSummaries judges an artifact by what verifiers said of it, where its
// bytes are not hashed. It allows only where the summaries of as many verifiers
// as the policy demands are there, passed, are about subject, under this policy
// or one that it names, and fresh at c.At; where none of those verifiers says
// that it failed, however long ago; where the signatures among c.Candidates do
// not deny; and where c.Manifest, the record that a verifier kept, is allowed
// too. A model signature whose files are not compared here counts only beside
// that record, which says that it was. c.Manifest may be nil, for then the verifier's word stands alone; but not
// under a policy with rules, reviews or scopes: what they ask is asked of the
// record, now, and under another scope less may have been asked.
func (p *Policy) EvaluateSummaries(subject artifact.Digest, found []SummaryCandidate, c Case) Verdict {
	if !p.decides() {
		return p.Evaluate(Case{})
	}
	p = p.For(c.Reference)
	own := p.evaluateSummaries(subject, found, c)
	if p.base != nil {
		return p.joined(own, p.base.EvaluateSummaries(subject, found, c))
	}
	return combine(own, p.digest)
}

func (p *Policy) evaluateSummaries(subject artifact.Digest, found []SummaryCandidate, c Case) []Reason {
	reasons := slices.Concat(p.judgeAge(c.At), p.judgeSummaries(subject, found, c.At))
	if p.unmatched {
		reasons = append(reasons, unmatchedReason())
	}
	for _, f := range c.Faults {
		reasons = append(reasons, Reason{Code: f.ID, Effect: Deny, Message: f.Detail, Subject: f.Subject})
	}
	reasons = append(reasons, p.gate(c.Candidates, c.Manifest != nil)...)
	if unseen(c.Candidates) {
		reasons = append(reasons, unseenReason(Deny, "a verification summary that failed"))
	}
	if c.Manifest == nil && (len(p.rules) > 0 || p.reviews != nil || p.scoped) {
		reasons = append(reasons, Reason{
			Code: provenance.CodeSummaryInsufficient, Effect: Deny,
			Message: "the policy has rules, reviews or scopes, and the record that they are about was not found beside an accepted summary",
		})
	}
	if c.Manifest != nil {
		if c.Manifest.Subject != subject {
			reasons = append(reasons, Reason{Code: provenance.CodeSummaryMalformed, Effect: Deny, Message: "the recalled record is about another artifact"})
		}
		reasons = append(reasons, p.evaluate(c)...)
	} else {
		// Reviews are of a record. Without it nobody knows what they approve.
		reasons = append(reasons, p.reviewsOwn(c).Reasons...)
	}
	return reasons
}

// unseen says that something attached was not read, for there is too much of
// it: strangers can attach so much that what speaks against the artifact is
// among the rest.
func unseen(candidates []provenance.Candidate) bool {
	return slices.ContainsFunc(candidates, func(c provenance.Candidate) bool { return c.Code == provenance.CodeLimitExceeded })
}

func unseenReason(effect Outcome, what string) Reason {
	return Reason{Code: provenance.CodeLimitExceeded, Effect: effect, Message: "not everything that is attached was read: " + what + " could be among the rest"}
}

// judgeSummaries gives at least one reason, and one that allows only where
// enough summaries are accepted: silence here would let the recalled record be
// the only word spoken.
func (p *Policy) judgeSummaries(subject artifact.Digest, found []SummaryCandidate, at time.Time) []Reason {
	deny := func(code, message, subject string) Reason {
		return Reason{Code: code, Effect: Deny, Message: message, Subject: subject}
	}
	if p.summaries == nil {
		return []Reason{deny(provenance.CodeSummaryMissing, "the policy accepts no verification summaries: it has no section summaries", "")}
	}
	var accepted, final, refused []Reason
	var held []holder
	for _, s := range found {
		digest := ""
		if !s.Candidate.Digest.IsZero() {
			digest = s.Candidate.Digest.String()
		}
		by := p.verifiers(s.Candidate)
		if len(by) == 0 {
			refused = append(refused, deny(provenance.CodeSummaryWrongSigner, stranger(s.Candidate), digest))
			continue
		}
		code, detail, decides := p.summaries.refuse(p.digest, subject, s, at)
		switch {
		case code == "":
			for _, name := range by {
				held = append(held, holder{name, s.Candidate.Identity})
				accepted = append(accepted, Reason{Code: provenance.CodeSummaryAccepted, Effect: Allow, Subject: name, Message: detail})
			}
		case decides:
			final = append(final, deny(code, detail, digest))
		default:
			refused = append(refused, deny(code, detail, digest))
		}
	}
	if met := p.summaries.by.met(distinct(held)); p.summaries.by.Count < 1 || met < p.summaries.by.Count {
		final = append(final, refused...)
		if len(final) == 0 || len(held) > 0 {
			final = append(final, deny(provenance.CodeSummaryMissing, p.summaries.by.shortfall(distinct(held), met)+" verification summaries", ""))
		}
	}
	return append(accepted, final...)
}

// refuse says why a summary by an accepted verifier does not count, or in one
// clause what it says. What is final denies whatever others say: of two that
// disagree the one that denies wins, and what cannot be read could be that one.
func (r *summaryRule) refuse(own, subject artifact.Digest, s SummaryCandidate, at time.Time) (code, detail string, final bool) {
	sum := s.Summary
	counts := sum.Policy == own || slices.Contains(r.policies, sum.Policy)
	switch {
	case s.Problem != "":
		return provenance.CodeSummaryMalformed, "a verification summary by an accepted verifier cannot be read: " + s.Problem, true
	case subject.IsZero() || sum.Subject != subject:
		return provenance.CodeSummaryMalformed, "a verification summary about another artifact", true
	case sum.Policy.IsZero() || !counts:
		return provenance.CodeSummaryWrongPolicy, fmt.Sprintf("a verification summary under another policy: %s", digestWord(sum.Policy)), false
	case sum.Result != provenance.Passed:
		return provenance.CodeSummaryFailed, fmt.Sprintf("verifier %q says that the artifact failed, at %s", sum.VerifierID, bound(sum.At)), true
	case r.verifier != "" && sum.VerifierID != r.verifier:
		return provenance.CodeSummaryWrongSigner, fmt.Sprintf("the verifier calls itself %q, and the policy wants %q", sum.VerifierID, r.verifier), false
	case !slices.Contains(sum.Properties, provenance.PropertyBytes):
		return provenance.CodeSummaryInsufficient, fmt.Sprintf("verifier %q does not say that every byte was verified (%s)", sum.VerifierID, provenance.PropertyBytes), false
	}
	when, how := r.time(s)
	switch {
	case when.IsZero():
		return provenance.CodeSummaryStale, "nobody who is trusted says how old the verification summary is", false
	case when.After(at.Add(maxAhead)):
		return provenance.CodeSummaryStale, fmt.Sprintf("the verification summary is of %s, which is still to come", bound(when)), false
	case at.Sub(when) > r.maxAge:
		return provenance.CodeSummaryStale, fmt.Sprintf("the verification summary is of %s, and at most %s are allowed", bound(when), r.maxAge), false
	}
	return "", fmt.Sprintf("verifier %q verified every byte at %s (%s); no byte of the model was hashed in this run", sum.VerifierID, bound(when), how), false
}

// maxAhead is how far a time may lie in the future: clocks differ.
const maxAhead = 15 * time.Minute

// time is the earliest time for which an authority vouches: a later one may be
// that of a second timestamp. The verifier's own word counts only where the
// policy says so, and never makes a summary younger than its signature.
func (r *summaryRule) time(s SummaryCandidate) (when time.Time, how string) {
	for _, t := range trustedTimes(s.Candidate.SignedAt) {
		if at, err := time.Parse(time.RFC3339, t); err == nil && (when.IsZero() || at.Before(when)) {
			when, how = at, "by the time of its signature"
		}
	}
	if said := s.Summary.At; !said.IsZero() && (when.IsZero() && r.stated || !when.IsZero() && said.Before(when)) {
		when, how = said, "by its own word"
	}
	return when, how
}

// stranger says why a summary is nobody's whom the policy accepts.
func stranger(c provenance.Candidate) string {
	if c.Verdict != provenance.Proven {
		return fmt.Sprintf("a verification summary that was not proven to be by an accepted verifier (%s): %s", c.Code, c.Detail)
	}
	return "a verification summary by " + describe(c.Identity) + ", whom the policy does not accept as a verifier"
}

func digestWord(d artifact.Digest) string {
	if d.IsZero() {
		return "none that it names by SHA-256"
	}
	return d.String()
}
