package policy

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// A need is how many of its parts must hold, each by people of its own: a
// signer holds where one who matches it signed, a group where it is met
// itself. Groups have no groups. No signer stands in it twice.
type need struct {
	Count  int      `json:"count"`
	Of     []string `json:"of,omitempty"`     // signers, sorted
	Groups []need   `json:"groups,omitempty"` // sorted
}

// maxJoint bounds the groups that need more than one signer: met tries every
// set of them. Nobody is known to need more than two.
const maxJoint = 8

// parts is how many there are to choose from.
func (n need) parts() int { return len(n.Of) + len(n.Groups) }

// names are all signers of n, sorted.
func (n need) names() []string {
	out := slices.Clone(n.Of)
	for _, g := range n.Groups {
		out = append(out, g.Of...)
	}
	slices.Sort(out)
	return out
}

// joint are the groups that need more than one signer.
func (n need) joint() []need {
	return slices.DeleteFunc(slices.Clone(n.Groups), func(g need) bool { return g.Count < 2 })
}

// single are the signers and groups that need one signer, as groups.
func (n need) single() []need {
	out := slices.DeleteFunc(slices.Clone(n.Groups), func(g need) bool { return g.Count != 1 })
	for _, s := range n.Of {
		out = append(out, need{Count: 1, Of: []string{s}})
	}
	return out
}

// met is the largest number of parts that can hold at once, no person twice:
// whoever matches two signers signs for one of them. Which people serve whom
// is a maximum flow; since a group holds only as a whole, the groups that need
// several signers are tried in every combination.
func (n need) met(held []holder) int {
	people := map[string][]string{} // by signer
	for _, h := range held {
		people[h.signer] = append(people[h.signer], h.person())
	}
	joint, single := n.joint(), n.single()
	best := 0
	for chosen := range 1 << len(joint) {
		f := newFlow(people)
		want, got := 0, 0
		for i, g := range joint {
			if chosen&(1<<i) != 0 {
				want += g.Count
				got += f.serve(g)
			}
		}
		if got < want {
			continue
		}
		served := bits.OnesCount(uint(chosen))
		for _, g := range single { // what was served stays served
			served += f.serve(g)
		}
		best = max(best, served)
	}
	return best
}

// unmet describes the parts for which not enough people signed, whoever they
// could also serve.
func (n need) unmet(held []holder) string {
	signed := map[string]bool{}
	for _, h := range held {
		signed[h.signer] = true
	}
	var out []string
	for _, s := range n.Of {
		if !signed[s] {
			out = append(out, fmt.Sprintf("%q", s))
		}
	}
	for _, g := range n.Groups {
		there := 0
		for _, s := range g.Of {
			if signed[s] {
				there++
			}
		}
		if there < g.Count {
			out = append(out, "("+g.describe()+")")
		}
	}
	return listed(out)
}

// describe names what n asks for.
func (n need) describe() string {
	var parts []string
	for _, s := range n.Of {
		parts = append(parts, fmt.Sprintf("%q", s))
	}
	for _, g := range n.Groups {
		parts = append(parts, "("+g.describe()+")")
	}
	if n.Count == len(parts) {
		return listed(parts)
	}
	return fmt.Sprintf("%d of %s", n.Count, listed(parts))
}

// maxListed bounds how many names a sentence holds.
const maxListed = 8

func listed(parts []string) string {
	if more := len(parts) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(parts[:maxListed], ", "), more)
	}
	return strings.Join(parts, ", ")
}

func compareNeeds(a, b need) int {
	return cmp.Or(cmp.Compare(a.Count, b.Count), slices.Compare(a.Of, b.Of))
}
