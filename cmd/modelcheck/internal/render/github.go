package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// GitHub writes workflow commands of GitHub Actions: one annotation for each
// verdict and each reason against it, the gravest first, because the runner
// shows ten of a kind. No other line is written, so that nothing in it can be
// a command of somebody else.
func GitHub(w io.Writer, reports []*check.Report) error {
	var out []annotation
	for i, r := range reports {
		out = append(out, annotations(r, newPlaces(r, baseName(i)))...)
	}
	slices.SortStableFunc(out, func(a, b annotation) int { return slices.Index(kinds, a.kind) - slices.Index(kinds, b.kind) })
	var b strings.Builder
	for _, a := range out {
		b.WriteString(a.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// GitHubOutputs writes name=value lines for $GITHUB_OUTPUT: the outcome that
// stands for all reports and, where there is one report only, its digests. No
// value comes from outside: they are words and digests.
func GitHubOutputs(w io.Writer, outcome policy.Outcome, reports []*check.Report) error {
	digest, manifest := "", ""
	if len(reports) == 1 {
		if r := reports[0]; r.Resolved != nil {
			digest = r.Resolved.Digest.String()
		}
		if d := reports[0].ManifestDigest; !d.IsZero() {
			manifest = d.String()
		}
	}
	_, err := fmt.Fprintf(w, "outcome=%s\ndigest=%s\nmanifest-digest=%s\n", outcome, digest, manifest)
	return err
}

// kinds of annotations, the gravest first.
var kinds = []string{"error", "warning", "notice"}

type annotation struct {
	kind, title, message string
	file                 string
	line                 int
}

func annotations(r *check.Report, places places) []annotation {
	word, sentence := headline(r)
	kind := map[string]string{"go": "notice", "wait": "warning", "stop": "error"}[tone(r)]
	out := []annotation{{kind: kind, title: "modelcheck: " + word, message: r.Reference + ": " + sentence}}
	for _, reason := range r.Verdict.Reasons {
		level, ok := sarifLevel(reason)
		if !ok {
			continue
		}
		if level == "note" {
			level = "notice"
		}
		a := annotation{kind: level, title: "modelcheck: " + reason.Code, message: r.Reference + ": " + reason.Message}
		if found := places.files(reason.Subject); len(found) > 0 {
			a.file = found[0].path
			if region := found[0].Physical.Region; region != nil {
				a.line = region.StartLine
			}
		}
		out = append(out, a)
	}
	if r.Error != nil {
		out = append(out, annotation{kind: "error", title: "modelcheck: " + r.Error.Code, message: r.Reference + ": " + r.Error.Message})
	}
	return out
}

// String writes the command as the runner's toolkit does (actions/toolkit,
// packages/core, command.ts): in data "%" and line ends are escaped, in
// properties ":" and "," too. Printable left no line end.
func (a annotation) String() string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	props := "title=" + property.Replace(Printable(a.title))
	if a.file != "" {
		props = "file=" + property.Replace(Printable(a.file)) + "," + props
		if a.line > 0 {
			props += fmt.Sprintf(",line=%d", a.line)
		}
	}
	return fmt.Sprintf("::%s %s::%s\n", a.kind, props, data.Replace(Printable(a.message)))
}
