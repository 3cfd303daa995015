package render

import (
	_ "embed"
	"strings"
)

// codesTSV is the tables of reason codes in docs/errors.md as plain text. A
// test holds it to them; go test -update writes it anew.
//
//go:embed codes.tsv
var codesTSV string

// A codeText says what a reason code means and what a person can do about it.
type codeText struct {
	section string // "Signatures", "Bytes", …
	meaning string
	advice  string // "" where there is nothing to do but to read the meaning
}

// codeTexts returns the texts by reason code. A code of a newer version than
// this one has an empty text.
func codeTexts() map[string]codeText {
	out := map[string]codeText{}
	for line := range strings.Lines(codesTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) == 4 {
			out[f[1]] = codeText{section: f[0], meaning: f[2], advice: f[3]}
		}
	}
	return out
}
