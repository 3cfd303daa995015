package policy

import (
	"cmp"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A holder is a signer of the policy and an identity that signed as it.
type holder struct {
	signer   string
	identity provenance.Identity
}

// person is what makes two identities one: the key, or issuer and subject.
// Extensions differ from run to run, and the root is not who signs.
func (h holder) person() string {
	if h.identity.KeyFingerprint != "" {
		return "key\x00" + h.identity.KeyFingerprint
	}
	return "certificate\x00" + h.identity.Issuer + "\x00" + h.identity.Subject
}

// signed are the record's signatures that count. They are matched against the
// policy by their facts; the names that the record gives them are not looked
// at.
func (p *Policy) signed(signatures []provenance.Signature) []holder {
	var out []holder
	for _, g := range signatures {
		if p.accepts(g.PredicateType) {
			out = append(out, p.holders(g.Scheme, g.Identity, g.Evidence)...)
		}
	}
	return distinct(out)
}

// accepts says whether a statement of this type counts as a signature.
func (p *Policy) accepts(predicateType string) bool { return slices.Contains(p.types, predicateType) }

// attested are the record's attestations of one type that count, likewise.
func (p *Policy) attested(attestations []provenance.Attestation, predicateType string) []holder {
	var out []holder
	for _, a := range attestations {
		if a.PredicateType == predicateType {
			out = append(out, p.holders(a.Scheme, a.Identity, a.Evidence)...)
		}
	}
	return distinct(out)
}

// holders are the signers whose identity this is, with everything that the
// policy demands of their signatures.
func (p *Policy) holders(scheme string, identity provenance.Identity, evidence []string) []holder {
	var out []holder
	for _, s := range p.signers {
		if p.by(s, scheme, identity) && shown(s.demands(p.thresholds), evidence) {
			out = append(out, holder{s.name, identity})
		}
	}
	return out
}

// distinct sorts, and keeps each signer and person once.
func distinct(held []holder) []holder {
	order := func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.signer, b.signer), cmp.Compare(a.person(), b.person()))
	}
	slices.SortFunc(held, order)
	return slices.CompactFunc(held, func(a, b holder) bool { return order(a, b) == 0 })
}
