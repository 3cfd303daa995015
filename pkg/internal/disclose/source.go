package disclose

import (
	"strings"
	"unicode/utf8"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// valid replaces what is not UTF-8, so that every value and quotation can
// stand in JSON. Control and bidirectional characters stay: they are what the
// document holds, and renderers escape them.
func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// cut shortens s to at most limit bytes, at a rune, with "…" at the end.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const ellipsis = "…"
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

func quote(s string) string { return cut(strings.TrimSpace(valid(s)), provenance.MaxQuote) }

// A page is a text document in lines. Line numbers count from 1, as editors
// do; a carriage return before a line feed belongs to neither line.
type page struct {
	path   string
	digest artifact.Digest
	lines  []string
}

func newPage(d Document) page {
	text := strings.TrimPrefix(string(d.Text), "\ufeff")
	p := page{path: d.Path, digest: d.Digest}
	for line := range strings.SplitSeq(text, "\n") {
		p.lines = append(p.lines, valid(strings.TrimSuffix(line, "\r")))
	}
	return p
}

// source points at lines first to last of the page, which it quotes.
func (p page) source(first, last int, words string) provenance.Source {
	return provenance.Source{
		Kind: provenance.SourceFile, Path: p.path, Digest: p.digest,
		Lines: []int{first, last}, Quote: quote(words),
	}
}

// span quotes whole lines.
func (p page) span(first, last int) provenance.Source {
	last = min(last, len(p.lines))
	return p.source(first, last, strings.Join(p.lines[first-1:last], "\n"))
}

func declared(v provenance.Value, method string, source provenance.Source) provenance.Observation {
	return provenance.Observation{Grade: provenance.Declared, Value: v, Method: method, Source: source}
}
