package policy

import "github.com/modelcheck/modelcheck/pkg/provenance"

// Gate says whether the signatures alone deny, before gigabytes are read: the
// verdict is Deny with the reasons that Evaluate would give for them, or it is
// undecided. It never allows.
func (p *Policy) Gate(candidates []provenance.Candidate) Verdict {
	if p == nil || p.digest.IsZero() {
		return Verdict{}
	}
	m := &provenance.Manifest{}
	for _, c := range candidates {
		m.Signatures = append(m.Signatures, p.Match(c)...)
	}
	var against []Reason
	for _, r := range p.judgeSignatures(Case{Manifest: m, Candidates: candidates}) {
		if r.Effect == Deny {
			against = append(against, r)
		}
	}
	return combine(against, p.digest)
}
