package disclose

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxText bounds a text value in bytes; a longer one is cut like a quotation.
const maxText = 1024

// maxList bounds the elements of a list value. The longest list of languages
// on a published model card has some 200.
const maxList = 512

// marshal cannot fail for the few types that values are made of.
func marshal(v any) provenance.Value {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil
	}
	return b
}

// textValue is nil for a blank text: silence is no value.
func textValue(s string) provenance.Value {
	s = strings.TrimSpace(valid(s))
	if s == "" {
		return nil
	}
	return marshal(cut(s, maxText))
}

// listValue is nil where nothing is left.
func listValue(items []string) provenance.Value {
	var out []string
	for _, item := range items {
		if item = strings.TrimSpace(valid(item)); item != "" {
			out = append(out, cut(item, maxText))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) == 0 || len(out) > maxList {
		return nil
	}
	return marshal(out)
}

// A count is a number with the words it was stated in.
type count struct {
	Count int64  `json:"count"`
	Text  string `json:"text"`
	Bound string `json:"bound,omitempty"` // "at-most", "at-least"
	Unit  string `json:"unit,omitempty"`
}

// scales are the suffixes of stated numbers, in lower case.
func scaleOf(suffix string) (int, bool) {
	switch strings.ToLower(suffix) {
	case "":
		return 0, true
	case "k", "thousand":
		return 3, true
	case "m", "million":
		return 6, true
	case "b", "billion":
		return 9, true
	case "t", "trillion":
		return 12, true
	default:
		return 0, false
	}
}

// parseCount reads "14.8" and "T" without rounding: a number that is no
// integer, or above 2^53-1 (RFC 8785), is refused.
func parseCount(digits, suffix string) (int64, bool) {
	scale, ok := scaleOf(suffix)
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(digits, ",", ""), ".")
	fraction = strings.TrimRight(fraction, "0")
	if !ok || len(fraction) > scale {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10, 64)
	if err != nil || n <= 0 || n > 1<<53-1 {
		return 0, false
	}
	return n, true
}

// hubLicense is the value that a license field means: an SPDX id or reference,
// or the family's name as it stands.
func hubLicense(id string) string {
	if spdx, ok := license.FromHub(id); ok {
		return spdx
	}
	if spdx, ok := license.FromName(id); ok {
		return spdx
	}
	key := strings.ToLower(strings.TrimSpace(id))
	if slices.Contains([]string{"cc", "gpl", "lgpl", "agpl", "bsd", "gfdl"}, key) {
		return key
	}
	return license.NamedRef(id)
}

// roundCount reads a YAML or JSON number that must be a positive integer.
func roundCount(f float64) (int64, bool) {
	if f <= 0 || f != math.Trunc(f) || f > 1<<53-1 {
		return 0, false
	}
	return int64(f), true
}
