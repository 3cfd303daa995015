package license

import (
	"slices"
	"strings"
)

// Bounds of comparing two texts by their words. The longest text of the
// catalogue has 5,500 words; texts with more than 2,000 words to change are
// other texts, of which a list of words says nothing.
const (
	maxWords   = 50_000
	maxChanges = 2_000
)

// An Edit is a stretch of words that both texts have, or only one of them.
type Edit struct {
	Op    Op     `json:"op"`
	Words string `json:"words"` // in single spaces
}

// An Op says which text has the words.
type Op string

// The ops. Same is of both.
const (
	Same  Op = "same"
	Gone  Op = "gone"
	Added Op = "added"
)

// Words compares two texts by their words, as white space separates them, and
// returns stretches that make up both in order: Same and Gone are a, Same and
// Added are b. It says false where the texts are too long or too different.
func Words(a, b string) ([]Edit, bool) {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) > maxWords || len(y) > maxWords {
		return nil, false
	}
	before := 0
	for before < len(x) && before < len(y) && x[before] == y[before] {
		before++
	}
	after := 0
	for after < len(x)-before && after < len(y)-before && x[len(x)-1-after] == y[len(y)-1-after] {
		after++
	}
	changed, ok := shortest(x[before:len(x)-after], y[before:len(y)-after])
	if !ok {
		return nil, false
	}
	var out []Edit
	out = join(out, Same, x[:before])
	for _, c := range changed {
		out = join(out, c.op, c.words)
	}
	return join(out, Same, x[len(x)-after:]), true
}

// A step is a stretch of the shortest way from one text to the other.
type step struct {
	op    Op
	words []string
}

// join adds words, to the last edit where that is of the same op.
func join(list []Edit, op Op, words []string) []Edit {
	if len(words) == 0 {
		return list
	}
	text := strings.Join(words, " ")
	if n := len(list); n > 0 && list[n-1].Op == op {
		list[n-1].Words += " " + text
		return list
	}
	return append(list, Edit{op, text})
}

// shortest finds the fewest words to drop and to add (E. Myers, "An O(ND)
// Difference Algorithm and Its Variations", 1986, §4), walking back through
// the furthest points that each number of changes reaches. With d changes
// there are d+1 points, on the diagonals -d, -d+2, … d; each is how many words
// of x are used.
func shortest(x, y []string) ([]step, bool) {
	var trace [][]int32
	var was []int32
	for d := 0; d <= min(maxChanges, len(x)+len(y)); d++ {
		reached := make([]int32, d+1)
		for p := range reached {
			i, _ := enter(was, p)
			k := 2*p - d
			for i < len(x) && i-k < len(y) && x[i] == y[i-k] {
				i++
			}
			reached[p] = int32(i)
			if i >= len(x) && i-k >= len(y) {
				return walkBack(x, y, append(trace, reached)), true
			}
		}
		trace = append(trace, reached)
		was = reached
	}
	return nil, false
}

// enter says how a point is reached from those with one change less, and where
// on its diagonal that is: by dropping a word of x or by adding one of y,
// whichever gets further.
func enter(was []int32, p int) (int, Op) {
	switch {
	case len(was) == 0:
		return 0, Same
	case p == 0 || p < len(was) && was[p-1] < was[p]:
		return int(was[p]), Added
	default:
		return int(was[p-1]) + 1, Gone
	}
}

func walkBack(x, y []string, trace [][]int32) []step {
	var out []step
	i, j := len(x), len(y)
	for d := len(trace) - 1; d >= 0; d-- {
		var was []int32
		if d > 0 {
			was = trace[d-1]
		}
		from, op := enter(was, (i-j+d)/2)
		out = append(out, step{Same, x[from:i]})
		i, j = from, j-(i-from)
		switch op {
		case Added:
			j--
			out = append(out, step{Added, y[j : j+1]})
		case Gone:
			i--
			out = append(out, step{Gone, x[i : i+1]})
		}
	}
	slices.Reverse(out)
	return out
}
