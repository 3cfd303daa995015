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

// holders matches the record's signatures against the policy by their facts;
// the names that the record gives them are not looked at. Each signer and
// person stands once, sorted.
func (p *Policy) holders(signatures []provenance.Signature) []holder {
	var out []holder
	for _, g := range signatures {
		for _, s := range p.signers {
			if p.by(s, g.Scheme, g.PredicateType, g.Identity) {
				out = append(out, holder{s.name, g.Identity})
			}
		}
	}
	order := func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.signer, b.signer), cmp.Compare(a.person(), b.person()))
	}
	slices.SortFunc(out, order)
	return slices.CompactFunc(out, func(a, b holder) bool { return order(a, b) == 0 })
}

// pairs is the largest number of signers that can be given a person each, no
// person twice: whoever matches two patterns signs for one of them. It is a
// maximum bipartite matching, by augmenting paths (Kuhn 1955).
func pairs(held []holder, signers []string) int {
	people := map[string][]string{} // by signer
	for _, h := range held {
		people[h.signer] = append(people[h.signer], h.person())
	}
	taken := map[string]string{} // person -> signer
	var place func(signer string, tried map[string]bool) bool
	place = func(signer string, tried map[string]bool) bool {
		for _, person := range people[signer] {
			if tried[person] {
				continue
			}
			tried[person] = true
			if other, ok := taken[person]; !ok || place(other, tried) {
				taken[person] = signer
				return true
			}
		}
		return false
	}
	met := 0
	for _, s := range signers {
		if place(s, map[string]bool{}) {
			met++
		}
	}
	return met
}
