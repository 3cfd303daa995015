package policy

import (
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Gate says whether signatures and attestations alone deny, before gigabytes
// are read: the verdict is Deny with the reasons that Evaluate would give for
// them, or it is undecided. It never allows. What is pending counts here, and
// only here, as if it will hold: whom it is by is known, and a stranger's is
// refused for that.
//
// A policy with scopes must be that of the reference (For).
func (p *Policy) Gate(candidates []provenance.Candidate) Verdict {
	if !p.decides() {
		return Verdict{}
	}
	if p.base != nil {
		return combine(slices.Concat(p.gate(candidates, true), p.base.Gate(candidates).Reasons), p.digest)
	}
	return combine(p.gate(candidates, true), p.digest)
}

// gate gives what denies by this policy alone. It lets what is pending count
// only where somebody will compare the files.
func (p *Policy) gate(candidates []provenance.Candidate, pending bool) []Reason {
	m := &provenance.Manifest{}
	candidates = slices.Clone(candidates)
	for i := range candidates {
		c := &candidates[i]
		if pending && c.Verdict == provenance.Unchecked && c.Code == provenance.CodeSignaturePending {
			c.Verdict, c.Code = provenance.Proven, provenance.CodeSignatureVerified
		}
		m.Signatures = append(m.Signatures, p.match(*c)...)
		m.Attestations = append(m.Attestations, p.required(*c)...)
	}
	var against []Reason
	c := Case{Manifest: m, Candidates: candidates}
	for _, r := range append(p.judgeSignatures(c), p.judgeAttestations(c)...) {
		if r.Effect == Deny {
			against = append(against, r)
		}
	}
	return against
}
