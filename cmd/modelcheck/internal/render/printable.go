// Package render turns a report into bytes for people and programs.
//
// It decides nothing, fetches nothing and knows no exit code. Everything that
// came from outside goes through Printable on its way to a terminal.
package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes s safe to show: control, format and bidirectional override
// characters, line breaks and invalid UTF-8 come out as escapes, and so does
// what CI systems read as commands: "##[", "##vso[", "##teamcity[" anywhere, and
// "::" where a word begins, since a line that is broken there would begin with
// it. Ordinary text of any script stays as it is.
func Printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case command(s[i:]):
			b.WriteString(`#\x23`)
			n = 2
		case strings.HasPrefix(s[i:], "::") && (i == 0 || s[i-1] == ' '):
			b.WriteString(`:\x3a`)
			n = 2
		case shown(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

// command says whether s begins with "##", letters and "[", which Azure
// Pipelines, TeamCity and older runners of GitHub act on wherever it stands.
func command(s string) bool {
	rest, ok := strings.CutPrefix(s, "##")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), "[")
}

// Quoted is Printable between typographic quotation marks, which leave the
// plain ones of code and JSON readable. Line breaks show as ⏎.
func Quoted(s string) string {
	return "“" + Printable(strings.ReplaceAll(s, "\n", " ⏎ ")) + "”"
}

// shown says whether a rune prints as itself: graphic, and no space but the
// common one. Format characters (Cf) hold the bidirectional controls.
func shown(r rune) bool {
	return r == ' ' || (unicode.IsGraphic(r) && !unicode.IsSpace(r))
}

// Bytes writes a number of bytes with three figures and a decimal unit.
func Bytes(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1000, 0
	for f >= 999.5 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	switch {
	case f < 9.995:
		return fmt.Sprintf("%.2f %cB", f, units[u])
	case f < 99.95:
		return fmt.Sprintf("%.1f %cB", f, units[u])
	default:
		return fmt.Sprintf("%.0f %cB", f, units[u])
	}
}
