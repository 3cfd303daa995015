package render

import (
	"io"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// GitLab writes reports as GitLab's Code Quality JSON (GitLab documentation,
// "Code Quality", report format): one violation for everything that speaks
// against a model, at path and line where there is one. What speaks for a model
// is none, and a model that is not allowed never comes out as an empty list.
func GitLab(w io.Writer, reports []*check.Report) error {
	out := []violation{}
	for i, r := range reports {
		out = append(out, violations(r, newPlaces(r, baseName(i)))...)
	}
	return JSON(w, out)
}

type violation struct {
	Description string            `json:"description"`
	CheckName   string            `json:"check_name"`
	Fingerprint string            `json:"fingerprint"`
	Severity    string            `json:"severity"`
	Location    violationLocation `json:"location"`
}

type violationLocation struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

func violations(r *check.Report, places places) []violation {
	var out []violation
	for _, reason := range r.Verdict.Reasons {
		if level, ok := sarifLevel(reason); ok {
			out = append(out, newViolation(r, places, gitlabSeverity[level], reason.Code, reason.Message, reason.Subject))
		}
	}
	if r.Error != nil {
		out = append(out, newViolation(r, places, "blocker", r.Error.Code, r.Error.Message, ""))
	}
	if !r.Verdict.Allowed() && !slices.ContainsFunc(out, func(v violation) bool { return v.Severity != "info" }) {
		word, sentence := headline(r)
		out = append(out, newViolation(r, places, "blocker", provenance.CodeNotDecided, word+": "+sentence, ""))
	}
	return out
}

var gitlabSeverity = map[string]string{"note": "info", "warning": "major", "error": "blocker"}

func newViolation(r *check.Report, places places, severity, code, text, subject string) violation {
	v := violation{
		Description: Printable(r.Reference + ": " + text), CheckName: Printable(code), Severity: severity,
		Fingerprint: artifact.SumSHA256([]byte(strings.Join([]string{code, repository(r), subject}, "\x00"))).Hex(),
		Location:    violationLocation{Path: Printable(repository(r))},
	}
	v.Location.Lines.Begin = 1
	if found := places.files(subject); len(found) > 0 {
		v.Location.Path = Printable(found[0].path)
		if region := found[0].Physical.Region; region != nil {
			v.Location.Lines.Begin = region.StartLine
		}
	}
	return v
}
