package policy

import "strconv"

// A flow gives people to signers and signers to groups, nobody and no signer
// twice, as many as can be (augmenting paths: Ford and Fulkerson 1956). Served
// groups keep being served while others are added; who serves them may change.
type flow struct {
	people map[string][]string // by signer
	arcs   []arc               // arcs[i^1] is the way back of arcs[i]
	from   map[string][]int    // the arcs that leave a node
	groups int
}

type arc struct {
	to   string
	room int
}

// Nodes are told apart by their first byte; signers and people may have any
// name.
const (
	nodeSource, nodeArrival          = "s", "t"
	nodeGroup, nodeSigner, nodeHuman = "g", "n", "p"
)

func newFlow(people map[string][]string) *flow {
	return &flow{people: people, from: map[string][]int{}}
}

func (f *flow) connect(from, to string, room int) {
	f.from[from] = append(f.from[from], len(f.arcs))
	f.from[to] = append(f.from[to], len(f.arcs)+1)
	f.arcs = append(f.arcs, arc{to, room}, arc{from, 0})
}

// serve adds a group, whose signers stand in no other, and returns how many of
// the people that it wants it gets.
func (f *flow) serve(g need) int {
	f.groups++
	group := nodeGroup + strconv.Itoa(f.groups)
	f.connect(nodeSource, group, g.Count)
	for _, s := range g.Of {
		f.connect(group, nodeSigner+s, 1)
		for _, person := range f.people[s] {
			human := nodeHuman + person
			if _, known := f.from[human]; !known {
				f.connect(human, nodeArrival, 1)
			}
			f.connect(nodeSigner+s, human, 1)
		}
	}
	served := 0
	for served < g.Count && f.augment(nodeSource, map[string]bool{}) {
		served++
	}
	return served
}

// augment finds one more way from a node to the arrival.
func (f *flow) augment(from string, seen map[string]bool) bool {
	if from == nodeArrival {
		return true
	}
	seen[from] = true
	for _, i := range f.from[from] {
		if a := f.arcs[i]; a.room > 0 && !seen[a.to] && f.augment(a.to, seen) {
			f.arcs[i].room--
			f.arcs[i^1].room++
			return true
		}
	}
	return false
}
