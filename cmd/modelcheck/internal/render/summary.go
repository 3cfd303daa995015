package render

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// summaryWords says what stands for hashing the bytes, in one sentence that
// never says that they were verified here.
func summaryWords(s *check.SummaryReport) string {
	if !s.Accepted {
		return "no verification summary was accepted in its place."
	}
	record := "its record was recalled and judged again"
	if !s.Recalled {
		record = "its record was not found, so that its word stands alone"
	}
	return fmt.Sprintf("it rests on what %s says to have verified at %s; %s.",
		Quoted(strings.Join(s.Verifiers, ", ")), s.VerifiedAt.UTC().Format("2006-01-02T15:04:05Z"), record)
}

// recorded lists what was signed and attached about the artifact.
func (p *page) recorded(r *check.Report) {
	if len(r.Recorded) == 0 {
		return
	}
	p.heading("Recorded")
	for _, f := range recordedFields(r) {
		p.line("  %s", f.Name)
		p.line("    %s", f.Value)
	}
}

// recordedFields are the statements by their types, and how each is attached.
func recordedFields(r *check.Report) []fieldView {
	var out []fieldView
	for _, s := range r.Recorded {
		name := strings.TrimSpace(Printable(s.PredicateType) + " " + Printable(s.Result))
		out = append(out, fieldView{name, fmt.Sprintf("attached as %v, by %s", s.Attached.Digest, identity(s.Signature.Identity))})
	}
	return out
}

// settings lists what did not stand on the command line, and what loosens.
func (p *page) settings(r *check.Report) {
	if len(r.Settings) == 0 {
		return
	}
	p.heading("Settings")
	for _, line := range settingLines(r) {
		p.line("  %s", line)
	}
}

func settingLines(r *check.Report) []string {
	var out []string
	for _, s := range r.Settings {
		word := ""
		if s.Loosens {
			word = "; it loosens the check"
		}
		out = append(out, fmt.Sprintf("--%s=%s (%s%s)", Printable(s.Flag), Printable(s.Value), Printable(strings.TrimSpace(s.Source+" "+s.Name)), word))
	}
	return out
}
