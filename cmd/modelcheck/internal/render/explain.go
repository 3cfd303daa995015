package render

import (
	"cmp"
	"io"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// Explain says what every reason code in the reports means, and what a person
// can do about it, in the words of docs/errors.md.
func Explain(w io.Writer, reports []*check.Report, style Style) error {
	p := &page{style: style}
	p.style.Width = cmp.Or(p.style.Width, 100)
	var codes []string
	for _, r := range reports {
		for _, reason := range r.Verdict.Reasons {
			codes = append(codes, reason.Code)
		}
		for _, c := range r.Signatures {
			codes = append(codes, c.Code)
		}
		if m := r.Manifest; m != nil {
			for _, f := range m.Findings {
				codes = append(codes, f.ID)
			}
		}
		if r.Error != nil {
			codes = append(codes, r.Error.Code)
		}
	}
	slices.Sort(codes)
	p.heading("What the codes mean")
	texts := codeTexts()
	for _, code := range slices.Compact(codes) {
		if code == "" {
			continue
		}
		text := texts[code]
		p.line("  %s", Printable(code))
		p.line("    %s", p.wrap(cmp.Or(text.meaning, "a code of another version"), 4))
		if text.advice != "" {
			p.line("    to do: %s", p.wrap(text.advice, 11))
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}
