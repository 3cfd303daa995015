package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON writes a report as one document that a file of schemas/ describes, with
// a line break at its end. What a terminal or a runner of CI could act on
// stands as \u escapes, which changes no value.
func JSON(w io.Writer, report any) error {
	data, err := json.Marshal(report, json.Deterministic(true), jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, escapeJSON(string(data))+"\n")
	return err
}

// escapeJSON: outside strings JSON is ASCII and without "#", so every other
// character stands in a string and may be written as an escape (RFC 8259 §7).
func escapeJSON(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '#' && command(s[i:]):
			b.WriteString(`\u0023`)
		case r == '\n', shown(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}

// JSONLine writes v as one line, escaped as JSON does.
func JSONLine(w io.Writer, v any) error {
	data, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, escapeJSON(string(data))+"\n")
	return err
}
