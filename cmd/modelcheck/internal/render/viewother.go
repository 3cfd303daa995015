package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A documentView is something that is quoted and is no file of the model: the
// artifact's manifest with its annotations, its configuration, an attestation.
type documentView struct{ ID, Kind, Path, Digest string }

// A glanceView is a number that a reader wants before the tables. No two of
// them are ever added or weighed.
type glanceView struct {
	Count int
	Name  string
	Class string // of the style sheet
}

// glance counts the questions by what became of them. The names stand in the
// order of the tables' states, silence first.
func glance(m *provenance.Manifest) []glanceView {
	counts := map[provenance.State]int{}
	for _, c := range m.Claims {
		counts[c.State]++
	}
	var out []glanceView
	for _, s := range []provenance.State{
		provenance.StateAbsent, provenance.StateConflicting, provenance.StateInferred, provenance.StateDeclared,
		provenance.StateAttested, provenance.StateVerified, provenance.NotExamined, provenance.StateNotApplicable,
	} {
		late := s == provenance.NotExamined || s == provenance.StateNotApplicable || s == provenance.StateInferred
		if late && counts[s] == 0 {
			continue
		}
		class := "none"
		switch s {
		case provenance.StateConflicting:
			if counts[s] > 0 {
				class = s.String()
			}
		case provenance.StateInferred, provenance.StateDeclared, provenance.StateAttested, provenance.StateVerified:
			class = s.String()
		}
		out = append(out, glanceView{counts[s], stateWord(s), class})
	}
	return out
}

// otherDocuments lists what is quoted and is no file, each once.
func otherDocuments(m *provenance.Manifest, id string) []documentView {
	files := map[string]bool{}
	for _, f := range m.Files {
		files[f.Path] = true
	}
	seen := map[documentView]bool{}
	var out []documentView
	for _, c := range m.Claims {
		for _, o := range slices.Concat(c.Observations, c.Elsewhere) {
			s := o.Source
			if s.Digest.IsZero() || s.Kind == provenance.SourceFile && files[s.Path] {
				continue
			}
			d := documentView{Kind: sourceWord(s.Kind), Path: Printable(cmp.Or(s.Path, s.URI)), Digest: s.Digest.String()}
			if !seen[d] {
				seen[d] = true
				d.ID = fmt.Sprintf("%sdocument-%d", id, len(out)+1)
				out = append(out, d)
			}
		}
	}
	return out
}

// sourceWord is how people are told a kind of source.
func sourceWord(k provenance.SourceKind) string {
	switch k {
	case provenance.SourceFile:
		return "file"
	case provenance.SourceConfig:
		return "configuration of the OCI artifact"
	case provenance.SourceAnnotation:
		return "annotations of the OCI manifest"
	case provenance.SourceRule:
		return "rule"
	case provenance.SourceExternal:
		return "document outside the artifact"
	case provenance.SourceAttestation:
		return "signed statement"
	default:
		return Printable(strings.ReplaceAll(string(k), "-", " "))
	}
}

// anchorsOf names the places of a document by what lies there: a path of a
// file, or a digest of something else.
func anchorsOf(files []fileView, others []documentView) map[string]string {
	anchors := map[string]string{}
	for _, d := range others {
		anchors[d.Digest] = d.ID
	}
	for _, f := range files {
		anchors[f.Path] = f.ID
	}
	return anchors
}

func anchorOf(anchors map[string]string, s provenance.Source) string {
	if id := anchors[Printable(s.Path)]; id != "" && s.Path != "" {
		return id
	}
	return anchors[s.Digest.String()]
}

// loadingFields says what loading the model does at most; none where the record
// does not say.
func loadingFields(m *provenance.Manifest) []fieldView {
	l := m.Loading
	if l == nil {
		return nil
	}
	out := []fieldView{
		{"at most", l.Class.String() + ": " + classMeaning(l.Class)},
		{"about", Printable(l.Scope)},
		{"files", classCounts(m.Files)},
	}
	for _, x := range l.Loaders {
		out = append(out, fieldView{"loader", Printable(x.Name + ": " + strings.Join(x.Rules, " "))})
	}
	const most = 8
	for i, t := range l.Templates {
		if i == most {
			out = append(out, fieldView{"template", fmt.Sprintf("… %d more", len(l.Templates)-most)})
			break
		}
		out = append(out, fieldView{"template", Printable(strings.TrimSpace(t.Path+" "+t.Where)) + " " + shortDigest(t.Digest) + conditional(t)})
	}
	return out
}

// weightFields says what the tensors count; see page.weights, which says the
// same to a terminal.
func weightFields(m *provenance.Manifest) []fieldView {
	if m.Loading == nil {
		return nil
	}
	var out []fieldView
	for _, w := range m.Weights {
		name := "weights"
		if w.Folder != "." {
			name += " " + Printable(w.Folder)
		}
		out = append(out, fieldView{name, fmt.Sprintf("%s elements of %s in %s: %s", grouped(w.Stored), plural(w.Tensors, "tensor"), plural(w.Files, "file"), dtypes(w.ByDType))})
	}
	return out
}
