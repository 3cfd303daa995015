package render

import (
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Value writes a claim's value as a person would, safe to show.
func Value(v provenance.Value) string { return value(v) }

// Values writes a list's items as Value does, and anything else as one item.
func Values(v provenance.Value) []string {
	var list []string
	if json.Unmarshal(v, &list) != nil {
		return []string{value(v)}
	}
	for i, s := range list {
		list[i] = Printable(s)
	}
	return list
}

// Place says where a statement stands, safe to show.
func Place(s provenance.Source) string { return place(s) }

// MarkdownText makes any text stand for itself in a cell of Markdown.
func MarkdownText(s string) string {
	return mdText(Cell(s))
}

// Cell makes any text safe as a cell: no control characters, no line breaks,
// and nothing that spreadsheets would read as a formula.
func Cell(s string) string { return cell(Printable(strings.TrimSpace(s))) }
