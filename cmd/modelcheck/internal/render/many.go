package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A summaryView is one report in one line.
type summaryView struct{ Word, Tone, Reference, Digest, Why string }

func newSummary(r *check.Report) summaryView {
	s := summaryView{Tone: tone(r), Reference: Printable(r.Reference)}
	s.Word, _ = headline(r)
	if r.Resolved != nil {
		s.Digest = r.Resolved.Digest.String()
	}
	all := reasons(r)
	switch {
	case r.Error != nil:
		s.Why = all[len(all)-1].Message + " [" + all[len(all)-1].Code + "]"
	case len(all) > 0:
		s.Why = all[0].Message + " [" + all[0].Code + "]"
	}
	if more := len(all) - 1; more > 0 {
		s.Why += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// tally counts verdicts in words, the gravest first.
func tally(all []Page) string {
	order := []string{"DENY", "NO VERDICT", "HOLD", "NOT VERIFIED", "ALLOW"}
	counts := map[string]int{}
	for _, p := range all {
		word := p.summary().Word
		if counts[word]++; !slices.Contains(order, word) {
			order = append(order, word)
		}
	}
	var parts []string
	for _, word := range order {
		if counts[word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
		}
	}
	return plural(len(all), "reference") + ": " + strings.Join(parts, ", ")
}

// Summary writes one line for each report, and the reason where it is not
// allowed, for the end of a run over several references.
func Summary(w io.Writer, reports []*check.Report, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	p.heading("Summary of " + tally(pages(reports)))
	for _, r := range reports {
		s := newSummary(r)
		colour := map[string]string{"go": green, "wait": yellow, "stop": red}[s.Tone]
		p.line("  %s%s %s", p.paint(colour, s.Word), strings.Repeat(" ", 12-len(s.Word)), s.Reference)
		if !r.Verdict.Allowed() && s.Why != "" {
			p.line("%15s%s", "", p.wrap(s.Why, 15))
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// Reports writes several reports as one JSON document, {"reports": […]}, each
// as JSON writes it alone.
func Reports(w io.Writer, reports []*check.Report) error {
	return JSON(w, struct {
		Reports []*check.Report `json:"reports"`
	}{reports})
}
