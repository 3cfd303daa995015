package provenance

import (
	"maps"
	"slices"
)

// Cover counts, for every criteria set that the types name, the states of the
// claims it asks for: a count and a list, never a score. Settle gives every
// type a claim; a type without one is counted nowhere.
func Cover(types []ClaimType, claims []Claim) []Coverage {
	byID := make(map[string]Claim, len(claims))
	for _, c := range claims {
		byID[c.ID] = c
	}
	sets := map[string]*Coverage{}
	for _, t := range types {
		claim, ok := byID[t.ID]
		if !ok {
			continue
		}
		for _, criteria := range slices.Compact(slices.Sorted(slices.Values(t.Criteria))) {
			if sets[criteria] == nil {
				c := newCoverage(criteria)
				sets[criteria] = &c
			}
			sets[criteria].count(claim)
		}
	}
	out := make([]Coverage, 0, len(sets))
	for _, criteria := range slices.Sorted(maps.Keys(sets)) {
		slices.Sort(sets[criteria].Claims)
		out = append(out, *sets[criteria])
	}
	return out
}

// newCoverage names every state, so that none reads as forgotten.
func newCoverage(criteria string) Coverage {
	c := Coverage{Criteria: criteria, Counts: make(map[string]int, len(stateNames)), Claims: []string{}}
	for _, name := range stateNames {
		c.Counts[name] = 0
	}
	return c
}

func (c *Coverage) count(claim Claim) {
	c.Counts[claim.State.String()]++
	if claim.Ceiling == Verified {
		c.Verifiable++
	}
	c.Claims = append(c.Claims, claim.ID)
}
