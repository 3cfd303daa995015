package provenance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// A typedValue is a claim's value understood by its kind. Only the fields of
// that kind are set.
type typedValue struct {
	raw  string
	text string // text, country, date, tristate; an SPDX expression in normal form
	countValue
	listValue
}

// readValue understands v, which must be canonical JSON.
func readValue(kind ValueKind, v Value) (typedValue, error) {
	if len(v) == 0 || emptyValue(v) {
		return typedValue{}, errors.New("no value")
	}
	t := typedValue{raw: string(v)}
	var err error
	switch kind {
	case Text, Country:
		t.text, err = readText(v)
		t.text = fold(t.text)
	case Date:
		t.text, err = readText(v)
		t.text = strings.TrimSpace(t.text)
	case Tristate:
		t.text, err = readText(v)
		if err == nil && t.text != "yes" && t.text != "no" && t.text != unknown {
			err = fmt.Errorf("%q is not yes, no or unknown", t.text)
		}
	case SPDX:
		t.text, err = readText(v)
		t.text = normalSPDX(t.text)
	case Count:
		t.countValue, err = readCount(v)
	case List:
		t.listValue, err = readList(v)
	case Object:
		if !v.IsValid() {
			err = errors.New("not JSON")
		}
	default:
		err = fmt.Errorf("kind %d has no values", kind)
	}
	return t, err
}

const unknown = "unknown"

func readText(v Value) (string, error) {
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", fmt.Errorf("want a JSON string: %w", err)
	}
	if strings.TrimSpace(s) == "" {
		return "", errors.New("blank")
	}
	return s, nil
}

// fold makes texts that differ in case and white space only the same.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// agrees says whether both values can be true at once, as ValueKind documents.
func (t typedValue) agrees(kind ValueKind, u typedValue) bool {
	switch kind {
	case Text, Country, SPDX:
		return t.text == u.text
	case Date:
		return datePrefix(t.text, u.text) || datePrefix(u.text, t.text)
	case Tristate:
		return t.text == u.text || t.text == unknown || u.text == unknown
	case Count:
		return t.countValue.agrees(u.countValue)
	case List:
		return t.within(u.listValue) || u.within(t.listValue)
	case Object:
		return t.raw == u.raw
	default:
		return false
	}
}

// datePrefix: 2024 and 2024-07 agree, 2024-1 and 2024-12 do not.
func datePrefix(short, long string) bool {
	return long == short || strings.HasPrefix(long, short+"-")
}

// comparePrecision puts the value first that says more.
func (t typedValue) comparePrecision(u typedValue) int {
	return cmp.Or(
		compareBools(t.bounded(), u.bounded()),     // counts: exact first,
		cmp.Compare(t.quantum, u.quantum),          // finer first
		cmp.Compare(len(u.names), len(t.names)),    // lists: longer first,
		cmp.Compare(u.slashes, t.slashes),          // full names first
		compareBools(t.isUnknown(), u.isUnknown()), // tristate: an answer first
		cmp.Compare(datePrecision(u), datePrecision(t)),
	)
}

func (t typedValue) isUnknown() bool { return t.text == unknown }

// datePrecision counts the parts of a date; other texts say equally much.
func datePrecision(t typedValue) int {
	parts := strings.Split(t.text, "-")
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Trim(p, "0123456789") != "" }) {
		return 0
	}
	return len(parts)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
