package inspect

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Comparison holds a stated number of parameters to the measured ones.
type Comparison struct {
	Claim    string            `json:"claim"`
	Stated   string            `json:"stated"`   // as the document writes it
	Count    float64           `json:"count"`    // as it was understood
	Measured uint64            `json:"measured"` // the nearest measured number
	Counts   string            `json:"counts"`   // what the measured number counts; "" where none fits
	Source   provenance.Source `json:"source"`
	at       int               // in the list of what documents say
	stored   bool              // it counts what claimStored counts
}

// compareNumbers explains every stated total by what it counts. One that fits
// no measured number is a finding; two that fit different ones differ in
// definition, which a reviewer should see.
func compareNumbers(measured []Measured, said []provenance.ClaimObservation) ([]Comparison, []provenance.Finding) {
	if len(measured) != 1 {
		return nil, nil
	}
	var out []Comparison
	var found []provenance.Finding
	for i, o := range said {
		if o.Claim != claimTotal || o.Grade == provenance.Verified || len(o.Value) == 0 {
			continue
		}
		var v struct {
			Count float64 `json:"count"`
			Text  string  `json:"text"`
			Bound string  `json:"bound"`
		}
		if json.Unmarshal(o.Value, &v) != nil || v.Count < 1 || v.Count >= 1<<62 || v.Bound != "" && v.Bound != "about" {
			continue
		}
		c := measured[0].explain(v.Count, v.Text)
		c.Claim, c.Stated, c.Source, c.at = o.Claim, v.Text, o.Source, i
		out = append(out, c)
		if c.Counts == "" {
			found = append(found, newFinding("MC-PARAMETERS-DIFFER", codeDiffers, claimTotal,
				fmt.Sprintf("%q parameters are stated, the tensors hold %d", clip(v.Text), c.Measured),
				map[string]string{"stated": clip(v.Text), "measured": strconv.FormatUint(c.Measured, 10), "source": clip(o.Source.Path)}))
		}
	}
	return out, found
}

// explain finds the measured number that a stated one is, at the precision
// that it is stated in.
func (m Measured) explain(count float64, text string) Comparison {
	unit := unitOf(count, text)
	c := Comparison{Count: count, Measured: cmp.Or(m.Main, m.Stored)}
	for _, k := range []struct {
		n    uint64
		what string
	}{
		{m.Main, "parameters of the main model"},
		{m.Stored - m.Scales, "all stored parameters, with layers for multi-token prediction"},
		{m.Stored, "all stored elements, with scales"},
	} {
		if k.n > 0 && (m.Main > 0 || k.n == m.Stored) && sameAtPrecision(uint64(count), unit, k.n) {
			c.Measured, c.Counts, c.stored = k.n, k.what, k.n == m.Stored && k.n != m.Main
			return c
		}
	}
	return c
}

// sameAtPrecision says whether a stated number is a measured one with fewer
// digits. Writers round (684.5B is 685B) and cut (7.6B is 7B).
func sameAtPrecision(stated, unit, measured uint64) bool {
	return measured/unit == stated/unit || (measured+unit/2)/unit == stated/unit
}

var digits = regexp.MustCompile(`[0-9][0-9,]*(\.[0-9]+)?`)

// unitOf is what the last digit of a stated number counts: of "14.8T", a tenth
// of a trillion.
func unitOf(count float64, text string) uint64 {
	d := strings.ReplaceAll(digits.FindString(text), ",", "")
	shown, err := strconv.ParseFloat(d, 64)
	if err != nil || shown <= 0 {
		return 1
	}
	_, fraction, _ := strings.Cut(d, ".")
	unit := math.Round(count / shown * math.Pow10(-len(fraction)))
	if unit < 1 || unit > count {
		return 1
	}
	return uint64(unit)
}

// Refile moves statements that count all stored elements to the claim about
// those, where another statement counts the main model: they differ in
// definition and do not contradict each other. All others stay as they are.
func (s Summary) Refile(said []provenance.ClaimObservation) []provenance.ClaimObservation {
	out := slices.Clone(said)
	main := slices.ContainsFunc(s.Comparisons, func(c Comparison) bool { return c.Counts != "" && !c.stored })
	for _, c := range s.Comparisons {
		if main && c.stored {
			out[c.at].Claim = claimStored
		}
	}
	return out
}
