package render

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// diffPage is a page under the rules of the report: no script, nothing from
// elsewhere.
//
//go:embed diff.html.tmpl
var diffPage string

// reviewsWord says what two substance digests mean for reviews.
func reviewsWord(r *check.RecordDiff) string {
	if r.ReviewsHold {
		return "Reviews of the first record hold for the second: it says the same."
	}
	return "Reviews of the first record do not hold for the second: it says something else."
}

// RecordDiffText writes what changed between two records for a terminal.
func RecordDiffText(w io.Writer, r *check.RecordDiff) error {
	_, err := fmt.Fprintf(w, "before  %s  %s\nafter   %s  %s\n%s\n\n%s", r.Before.Substance, Printable(r.Before.Name), r.After.Substance, Printable(r.After.Name), reviewsWord(r), string(SheetDifference("WHAT CHANGED", r.Difference))+textsText(changedTexts(r)))
	return err
}

// RecordDiffMarkdown writes it as Markdown.
func RecordDiffMarkdown(w io.Writer, r *check.RecordDiff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# What changed between two records\n\n**%s**\n\n", reviewsWord(r))
	fmt.Fprintf(&b, "| | record | substance digest |\n|---|---|---|\n| before | %s | `%s` |\n| after | %s | `%s` |\n", MarkdownText(r.Before.Name), r.Before.Substance, MarkdownText(r.After.Name), r.After.Substance)
	sections := changes(r.Difference)
	if len(sections) == 0 {
		b.WriteString("\nNothing changed.\n")
	}
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		for _, line := range s.Lines {
			fmt.Fprintf(&b, "- %s\n", MarkdownText(line))
		}
	}
	b.WriteString(textsMarkdown(changedTexts(r)))
	_, err := io.WriteString(w, b.String())
	return err
}

// RecordDiffHTML writes it as one file.
func RecordDiffHTML(w io.Writer, r *check.RecordDiff) error {
	t, err := template.New("diff").Funcs(template.FuncMap{"cell": Cell}).Parse(diffPage)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		*check.RecordDiff
		Reviews  string
		Sections []changeSection
		Texts    []changedText
		Words    string
		Style    template.CSS
	}{r, reviewsWord(r), changes(r.Difference), changedTexts(r), textsTitle, template.CSS(htmlStyle)})
}
