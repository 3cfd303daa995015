package provenance

import "fmt"

// A ClaimType is an entry of a claim catalogue: a question that documents of a
// model may answer.
type ClaimType struct {
	ID       string    // "license.weights"; stable
	Title    string    // for people
	Ceiling  Grade     // the best grade that anybody could reach
	Kind     ValueKind // says how values are written and compared
	Criteria []string  // the criteria sets that ask for it: "eu-53-1-d", …
}

// A ValueKind says how the values of a claim are written in JSON, when two of
// them agree, and which of two that agree says more. The zero value is none,
// and no claim can have it.
type ValueKind uint8

// The kinds of values.
const (
	NoKind ValueKind = iota
	// Text is a JSON string. Texts agree without regard to case and to the
	// amount of white space.
	Text
	// SPDX is a JSON string with an SPDX licence expression (SPDX 3.0.1,
	// annex "SPDX license expressions"). Expressions agree when their
	// operators and identifiers do, in any order, case and parentheses.
	SPDX
	// Count is {"count":n,"text":"14.8T"}, text as the document writes it, with
	// "unit" where it is not plain, and "bound", one of "at-most", "at-least"
	// and "about", where the document states one. Counts of one unit agree when
	// the finer one, rounded or cut to the precision of the coarser one, gives
	// the coarser one: 671B and 671.03B, 37B and 36.7B. A bound agrees with all
	// on its side.
	Count
	// Date is "2024", "2024-07" or "2024-07-15". Dates agree when one begins
	// with the other.
	Date
	// Country is an ISO 3166-1 alpha-2 code.
	Country
	// Tristate is "yes", "no" or "unknown"; unknown contradicts neither.
	Tristate
	// List is an array of distinct strings. Lists are compared as sets, without
	// regard to case; one that holds all of the other agrees with it: saying
	// less is not saying otherwise. A name without a slash is also the last part
	// of one with: x and org/x agree, org/x and other/x do not.
	List
	// Object is any JSON value. Objects agree when they are equal.
	Object
)

var valueKindNames = [...]string{"none", "text", "spdx", "count", "date", "country", "tristate", "list", "object"}

// String returns the word used in catalogues.
func (k ValueKind) String() string { return word(valueKindNames[:], int(k)) }

// MarshalText writes the word of String and refuses NoKind.
func (k ValueKind) MarshalText() ([]byte, error) {
	if k == NoKind || int(k) >= len(valueKindNames) {
		return nil, fmt.Errorf("value kind %d has no name", k)
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads a word of String and refuses others, "none" too.
func (k *ValueKind) UnmarshalText(b []byte) error {
	i, err := index("value kind", valueKindNames[1:], b)
	if err != nil {
		return err
	}
	*k = ValueKind(i + 1)
	return nil
}
