package disclose

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A told is everything that Extract and Conclude give together.
type told struct {
	Result
	Licensing []provenance.Licensing
	Lineage   []provenance.Lineage
}

// extract runs Extract and holds its result to what must be true of every
// result: known claims with values of their kind, quotations that stand at
// their lines, sources that were searched.
func extract(t testing.TB, in Input) told {
	t.Helper()
	r := told{Result: Extract(in)}
	drawn := r.Conclude(r.Observations)
	r.Observations, r.Findings = append(r.Observations, drawn.Observations...), append(r.Findings, drawn.Findings...)
	r.Licensing, r.Lineage = drawn.Licensing, drawn.Lineage
	if _, err := provenance.Settle(Catalog(), r.Observations, r.Searched, in.Unread, ""); err != nil {
		t.Errorf("the record refuses it: %v", err)
	}
	texts := map[provenance.Document]string{}
	for _, d := range in.Documents {
		texts[provenance.Document{Path: d.Path, Digest: d.Digest}] = string(d.Text)
	}
	for _, o := range r.Observations {
		at := provenance.Document{Path: o.Source.Path, Digest: o.Source.Digest}
		if at.Path == "" && o.Source.Kind == provenance.SourceRule {
			continue
		}
		if !slices.Contains(r.Searched, at) {
			t.Errorf("%s: said by %q, which was not searched", o.Claim, at.Path)
		}
		if o.Source.Kind == provenance.SourceRule {
			if o.Grade != provenance.Inferred || len(o.Inputs) == 0 {
				t.Errorf("%s: a rule gives %v of %v", o.Claim, o.Grade, o.Inputs)
			}
			continue
		}
		if o.Grade != provenance.Declared && o.Claim != "license.text" {
			t.Errorf("%s: grade %v of a document's words", o.Claim, o.Grade)
		}
		if len(o.Source.Quote) > provenance.MaxQuote {
			t.Errorf("%s: a quotation of %d bytes", o.Claim, len(o.Source.Quote))
		}
		if len(o.Source.Lines) == 2 && !standsAt(texts[at], o.Source) {
			t.Errorf("%s: %q does not stand at lines %v of %s", o.Claim, o.Source.Quote, o.Source.Lines, at.Path)
		}
	}
	return r
}

// standsAt looks a quotation up as a reader with an editor would.
func standsAt(text string, s provenance.Source) bool {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	first, last := s.Lines[0], s.Lines[1]
	if first < 1 || last < first || last > len(lines) {
		return false
	}
	there := valid(strings.Join(lines[first-1:last], "\n"))
	return strings.Contains(there, strings.TrimSuffix(s.Quote, "…"))
}

// A seen is an observation as tests write it.
type seen struct {
	claim, value, path string
	line               int // the first; 0 where the source has none
}

func seenIn(r told, claims ...string) []seen {
	var out []seen
	for _, o := range r.Observations {
		if len(claims) > 0 && !slices.Contains(claims, o.Claim) || o.Claim == "license.text" {
			continue
		}
		s := seen{claim: o.Claim, value: string(o.Value), path: o.Source.Path}
		if len(o.Source.Lines) > 0 {
			s.line = o.Source.Lines[0]
		}
		out = append(out, s)
	}
	return out
}

func expect(t *testing.T, got, want []seen) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("missing %+v", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("not expected: %+v", g)
		}
	}
}

// cardOf wraps a text as the model card of an artifact.
func cardOf(text string) Input { return Input{Documents: []Document{document("README.md", text)}} }
