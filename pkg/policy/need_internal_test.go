package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// holding counts the parts of n that hold when each signer is served by the
// given person ("" for nobody).
func holding(n need, served map[string]string) int {
	count := 0
	for _, s := range n.Of {
		if served[s] != "" {
			count++
		}
	}
	for _, g := range n.Groups {
		if holding(g, served) >= g.Count {
			count++
		}
	}
	return count
}

// bruteForce tries every way of giving people to signers.
func bruteForce(n need, signers []string, people map[string][]string, served map[string]string) int {
	if len(signers) == 0 {
		return holding(n, served)
	}
	first := signers[0]
	best := bruteForce(n, signers[1:], people, served)
	for _, person := range people[first] {
		taken := false
		for _, other := range served {
			taken = taken || other == person
		}
		if !taken {
			served[first] = person
			best = max(best, bruteForce(n, signers[1:], people, served))
			delete(served, first)
		}
	}
	return best
}

// The flow finds what trying everything finds.
func TestMetIsTheMost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var n need
		var signers []string
		some := func(most int) []string {
			var out []string
			for range 1 + r.IntN(most) {
				out = append(out, fmt.Sprintf("s%d", len(signers)))
				signers = append(signers, out[len(out)-1])
			}
			return out
		}
		if r.IntN(2) == 0 {
			n.Of = some(2)
		}
		for range 1 + r.IntN(2) {
			g := need{Of: some(3)}
			g.Count = 1 + r.IntN(len(g.Of))
			n.Groups = append(n.Groups, g)
		}
		n.Count = 1 + r.IntN(n.parts())
		people := map[string][]string{}
		var held []holder
		for _, s := range signers {
			for person := range 4 {
				if r.IntN(3) == 0 {
					h := holder{s, provenance.Identity{KeyFingerprint: fmt.Sprint(person)}}
					held = append(held, h)
					people[s] = append(people[s], h.person())
				}
			}
		}
		want := bruteForce(n, signers, people, map[string]string{})
		r.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
		if got := n.met(held); got != want {
			t.Fatalf("%+v with %v: %d, want %d", n, people, got, want)
		}
	}
}

// Of a count, more will do; of everything else, only the same.
func TestShown(t *testing.T) {
	window := evidenceWindow + "../2026-01-01T00:00:00Z"
	for _, tc := range []struct {
		demanded, words []string
		want            bool
	}{
		{nil, nil, true},
		{nil, []string{evidenceLog}, true},
		{[]string{evidenceLog}, []string{evidenceLog}, true},
		{[]string{evidenceLog}, nil, false},
		{[]string{evidenceLog}, []string{"log-entries:3"}, false},
		{[]string{"log-entries:2"}, []string{"log-entries:2"}, true},
		{[]string{"log-entries:2"}, []string{"log-entries:3"}, true},
		{[]string{"log-entries:2"}, []string{"log-entries:1"}, false},
		{[]string{"log-entries:2"}, []string{"log-entries"}, false},
		{[]string{"log-entries:2"}, []string{"timestamps:3"}, false},
		{[]string{"log-entries:2"}, []string{"log-entries:x"}, false},
		{[]string{evidenceTime}, []string{window}, false},
		{[]string{window}, []string{window}, true},
		{[]string{window}, []string{evidenceTime}, false},
		{[]string{window}, []string{evidenceWindow + "../2027-01-01T00:00:00Z"}, false},
		{[]string{evidenceLog, window}, []string{window, evidenceLog}, true},
		{[]string{evidenceLog, window}, []string{window}, false},
	} {
		if got := shown(tc.demanded, tc.words); got != tc.want {
			t.Errorf("%q by %q: %v", tc.demanded, tc.words, got)
		}
	}
}

// Every scheme is of a kind, and words are sorted: digests depend on it.
func TestWordLists(t *testing.T) {
	for _, s := range allSchemes() {
		if kindOf(s) == noKind {
			t.Errorf("scheme %q is of no kind", s)
		}
	}
	if !slices.IsSorted(allSchemes()) || !slices.IsSorted(defaultTypes()) || !slices.IsSorted(extensionNames()) {
		t.Error("not sorted")
	}
}

// Sentences name who is missing, and stay short.
func TestShortfall(t *testing.T) {
	held := []holder{{"a", provenance.Identity{KeyFingerprint: "1"}}}
	var crowd need
	for i := range 12 {
		crowd.Of = append(crowd.Of, fmt.Sprintf("s%02d", i))
	}
	crowd.Count = 12
	for _, tc := range []struct {
		n    need
		want string
	}{
		{need{Count: 2, Of: []string{"a", "b"}}, `not by "b": 1 of 2 required`},
		{need{Count: 1, Of: []string{"b", "c"}}, `not by "b", "c": 0 of 1 required`},
		{need{Count: 2, Of: []string{"a"}, Groups: []need{{Count: 1, Of: []string{"b", "c"}}}}, `not by (1 of "b", "c"): 1 of 2 required`},
		{need{Count: 2, Groups: []need{{Count: 2, Of: []string{"a", "b"}}, {Count: 2, Of: []string{"c", "d", "e"}}}}, `not by ("a", "b"), (2 of "c", "d", "e"): 0 of 2 required`},
		{need{Count: 1, Of: []string{"a"}}, `one identity counts once: 1 of 1 required`},
		{crowd, `not by "s00", "s01", "s02", "s03", "s04", "s05", "s06", "s07" and 4 more: 0 of 12 required`},
	} {
		if got := tc.n.shortfall(held, tc.n.met(held)); got != tc.want {
			t.Errorf("got %s\nwant %s", got, tc.want)
		}
	}
}
