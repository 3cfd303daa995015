package provenance

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// A countValue is a number as a document states it. The zero value is none.
type countValue struct {
	number  float64
	quantum float64 // the least digit that the document writes is worth so much
	bound   string
	unit    string
}

// The bounds that a document can state.
const (
	boundAtMost  = "at-most"
	boundAtLeast = "at-least"
	boundAbout   = "about" // its digits say how far: rounded, as all stated numbers
)

func readCount(v Value) (countValue, error) {
	var c struct {
		Count *float64 `json:"count"`
		Text  string   `json:"text"`
		Bound string   `json:"bound"`
		Unit  string   `json:"unit"`
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return countValue{}, fmt.Errorf(`want {"count":n,"text":"…"}: %w`, err)
	}
	if c.Count == nil || *c.Count < 0 {
		return countValue{}, errors.New(`want {"count":n,"text":"…"} with a count of at least 0`)
	}
	switch c.Bound {
	case "", boundAtMost, boundAtLeast, boundAbout:
	default:
		return countValue{}, fmt.Errorf("unknown bound %q", c.Bound)
	}
	return countValue{number: *c.Count, quantum: quantumOf(*c.Count, c.Text), bound: c.Bound, unit: fold(c.Unit)}, nil
}

// quantumOf reads out of "14.8T" that 14.8 trillion is exact to a tenth of a
// trillion. Without digits in text the count is exact to one.
func quantumOf(count float64, text string) float64 {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return 1
	}
	digits := text[start:]
	if end := strings.IndexFunc(digits, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' }); end >= 0 {
		digits = digits[:end]
	}
	digits = strings.TrimRight(strings.ReplaceAll(digits, ",", ""), ".")
	shown, err := strconv.ParseFloat(digits, 64)
	if err != nil || shown == 0 || count == 0 {
		return 1
	}
	_, fraction, _ := strings.Cut(digits, ".")
	return count / shown * math.Pow10(-len(fraction))
}

func (t countValue) bounded() bool { return t.bound == boundAtMost || t.bound == boundAtLeast }

// agrees says whether one number can be meant by both.
func (t countValue) agrees(u countValue) bool {
	if t.unit != u.unit {
		return false
	}
	switch {
	case t.bounded() && t.bound == u.bound:
		return true
	case t.bound == boundAtMost || u.bound == boundAtLeast:
		return u.number <= t.number+max(t.quantum, u.quantum)
	case t.bound == boundAtLeast || u.bound == boundAtMost:
		return t.number <= u.number+max(t.quantum, u.quantum)
	default:
		return sameNumber(t, u)
	}
}

// sameNumber compares at the coarser precision. Writers round (36.7B is 37B)
// and cut (7.6B is 7B); both are the same number said with fewer digits.
func sameNumber(t, u countValue) bool {
	coarse, fine := t, u
	if fine.quantum > coarse.quantum {
		coarse, fine = fine, coarse
	}
	d := (fine.number - coarse.number) / coarse.quantum
	const slack = 1e-6 // of binary fractions
	return d >= -0.5-slack && d < 1-slack
}
