package inspect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Measures says whether a claim is answered by files alone and never by
// documents: where it was not measured, nobody looked for it in vain.
func Measures(claim string) bool {
	return slices.Contains([]string{claimStored, claimMain, claimShapes, claimMix, claimShards, claimTokenizer, claimTemplates,
		claimQuantizedBy, claimCalibration, claimImatrix}, claim)
}

// Unknown is the finding about a file of which nobody can say what loading it
// does.
func Unknown(path string, digest artifact.Digest, format string) provenance.Finding {
	f := newFinding("MC-CLASS-UNKNOWN", provenance.CodeLoadingUnknown, path,
		fmt.Sprintf("what loading %q does is not known: its content is %s", clip(path), sayFormat(format)), map[string]string{"format": sayFormat(format)})
	f.Digest = digest
	return f
}

// Record writes a template as the record has it. Texts of strangers may be no
// UTF-8; the digest is of the text as it stands.
func (t FileTemplate) Record() provenance.Template {
	out := provenance.Template{Path: t.Path, Where: valid(t.Where), Digest: t.Digest, Size: t.Size, Dialect: t.Dialect, More: t.More}
	for _, l := range t.Conditional {
		out.Conditional = append(out.Conditional, provenance.PromptText{Text: valid(l.Text), Condition: valid(l.Condition), Line: max(l.Line, 1)})
	}
	return out
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// maxExact is the largest number that JSON holds exactly.
const maxExact = 1<<53 - 1

// Weights writes what was measured as the record has it, with the statements
// of documents beside it where they are about it. Numbers that JSON cannot
// hold are of no model, and are left out.
func (s Summary) Weights() []provenance.Weights {
	var out []provenance.Weights
	for _, m := range s.Measured {
		if m.Stored > maxExact || m.Bytes > maxExact {
			continue
		}
		w := provenance.Weights{
			Folder: m.Folder, First: m.First, Files: m.Files, Tensors: m.Tensors, Stored: m.Stored, Scales: m.Scales, Predicted: m.Predicted,
			Main: m.Main, Bytes: m.Bytes, ByDType: m.ByDType, Family: m.Family, Equations: m.Equations, Unchecked: m.Unchecked, Why: valid(m.Why),
		}
		for _, c := range s.Comparisons { // there are none where several things were measured
			w.Stated = append(w.Stated, provenance.StatedCount{Text: valid(c.Stated), Counts: c.Counts, Measured: c.Measured,
				Path: valid(c.Source.Path), Lines: slices.Clone(c.Source.Lines)})
		}
		out = append(out, w)
	}
	return out
}
