package render

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A changedText is a licence text of which words changed, for people.
type changedText struct {
	Title string
	Why   string // there are no words
	Words []check.TextEdit
}

// context is how many words stay of those that are the same, at each end.
const context = 8

// changedTexts are safe to show, with the words around what changed.
func changedTexts(r *check.RecordDiff) []changedText {
	var out []changedText
	for _, c := range r.LicenseTexts {
		t := changedText{Title: Printable(c.Path), Why: Printable(c.Why)}
		if c.PathBefore != "" {
			t.Title += ", was " + Printable(c.PathBefore)
		}
		for i, e := range c.Edits {
			words := Printable(e.Words)
			if e.Op == "same" {
				words = around(words, i == 0, i == len(c.Edits)-1)
			}
			t.Words = append(t.Words, check.TextEdit{Op: e.Op, Words: words})
		}
		out = append(out, t)
	}
	return out
}

// around cuts words that stay to those beside a change.
func around(words string, first, last bool) string {
	list := strings.Fields(words)
	switch {
	case first && len(list) > context:
		return "… " + strings.Join(list[len(list)-context:], " ")
	case last && len(list) > context:
		return strings.Join(list[:context], " ") + " …"
	case !first && !last && len(list) > 2*context+2:
		return strings.Join(list[:context], " ") + " … " + strings.Join(list[len(list)-context:], " ")
	}
	return words
}

const textsTitle = "Licence texts, word by word"

// textsText writes them for a terminal: [-gone-] and {+added+}, as wdiff does.
func textsText(texts []changedText) string {
	if len(texts) == 0 {
		return ""
	}
	var b strings.Builder
	p := &page{style: Style{Width: 100}}
	fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(textsTitle))
	for _, t := range texts {
		fmt.Fprintf(&b, "  %s\n", t.Title)
		if t.Why != "" {
			fmt.Fprintf(&b, "    not compared: %s\n", t.Why)
			continue
		}
		var words []string
		for _, e := range t.Words {
			switch e.Op {
			case "gone":
				words = append(words, "[-"+e.Words+"-]")
			case "added":
				words = append(words, "{+"+e.Words+"+}")
			default:
				words = append(words, e.Words)
			}
		}
		fmt.Fprintf(&b, "    %s\n", p.wrap(strings.Join(words, " "), 4))
	}
	return b.String()
}

// textsMarkdown strikes out what is gone and sets in bold what was added.
func textsMarkdown(texts []changedText) string {
	if len(texts) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n", textsTitle)
	for _, t := range texts {
		fmt.Fprintf(&b, "\n%s\n\n", MarkdownText(t.Title))
		if t.Why != "" {
			fmt.Fprintf(&b, "Not compared: %s.\n", MarkdownText(t.Why))
			continue
		}
		for i, e := range t.Words {
			mark := map[string]string{"gone": "~~", "added": "**"}[e.Op]
			if i > 0 {
				b.WriteString(" ")
			}
			b.WriteString(mark + MarkdownText(e.Words) + mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}
