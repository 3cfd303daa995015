package license

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// TestEveryTermIsInItsText: the table points at nothing that a text of the
// licence does not say.
func TestEveryTermIsInItsText(t *testing.T) {
	texts := map[string][][]byte{}
	for _, k := range knownTexts(t) {
		texts[k.id] = append(texts[k.id], k.read(t))
	}
	for id, s := range statements() {
		if _, ok := Lookup(id); !ok || len(texts[id]) == 0 {
			t.Errorf("%s: terms of a licence without text", id)
			continue
		}
		for _, text := range texts[id] {
			terms, obliged := Terms(id, text), Obligations(id, text)
			for _, term := range s.Terms {
				i := slices.IndexFunc(terms, func(s Statement) bool { return s.ID == term.ID })
				if i < 0 || len(terms[i].Values) < len(term.Points) && term.Points[0].Value != "" {
					t.Errorf("%s: term %s is not, or not wholly, in a text", id, term.ID)
				}
			}
			if len(obliged) != len(s.Obligations) {
				t.Errorf("%s: obligations %v in a text", id, obliged)
			}
		}
	}
}

// TestDeepSeekTerms: lines as an editor shows them, read off the document.
func TestDeepSeekTerms(t *testing.T) {
	const id = "LicenseRef-modelcheck-deepseek-1.0"
	text := []byte(readText(t, fixtures.Dir(t, "models", "deepseek-v3", "LICENSE-MODEL")))
	want := map[string][]int{
		"derivatives-include-distillation": {26, 26}, "licensor": {29, 29}, "legal-entities": {29, 29}, "remote-restriction": {57, 57},
		"personal-information-warning": {61, 61}, "governing-law": {71, 71}, "venue": {71, 71}, "use-restrictions": {81, 91},
	}
	terms := Terms(id, text)
	for _, s := range terms {
		if !slices.Equal(s.Lines, want[s.ID]) {
			t.Errorf("%s at %v, want %v", s.ID, s.Lines, want[s.ID])
		}
	}
	if len(terms) != len(want) {
		t.Errorf("%d terms, want %d", len(terms), len(want))
	}
	uses := terms[slices.IndexFunc(terms, func(s Statement) bool { return s.ID == "use-restrictions" })]
	if len(uses.Values) != 11 || uses.Values[1] != "military" {
		t.Errorf("uses %v", uses.Values)
	}
	lines := map[string]int{"propagate-restrictions": 45, "copy-of-license": 46, "state-changes": 47, "keep-notices": 48, "bind-users": 51}
	for _, o := range Obligations(id, text) {
		if o.Lines[0] != lines[o.ID] {
			t.Errorf("%s at %v, want %d", o.ID, o.Lines, lines[o.ID])
		}
	}
}

func TestLlamaObligations(t *testing.T) {
	text := []byte(readText(t, fixtures.Dir(t, "licenses", "llama3_1-LICENSE")))
	for _, o := range Obligations("LicenseRef-modelcheck-llama-3.1", text) {
		want := map[string]int{"copy-of-license": 24, "built-with": 24, "name-prefix": 24, "notice-file": 28}[o.ID]
		if o.Lines[0] != want || o.ID == "name-prefix" && (o.Clause != "1.b.i" || o.With != "Llama") {
			t.Errorf("%+v, want line %d", o, want)
		}
	}
	if o, ok := Propagates("LicenseRef-modelcheck-llama-3.1"); !ok || o.Lines != nil {
		t.Errorf("%+v %v", o, ok)
	}
	for _, id := range []string{"MIT", "Apache-2.0", "BSD-3-Clause", "", "LicenseRef-unknown-x"} {
		if o, ok := Propagates(id); ok {
			t.Errorf("%s propagates by %+v", id, o)
		}
	}
}

// TestAdded: the words that were added are pointed at.
func TestAdded(t *testing.T) {
	rider := readText(t, fixtures.Dir(t, "licenses", "modified-mit-with-rider"))
	m := Identify([]byte(rider))
	if lines := m.Added([]byte(rider)); len(lines) != 2 || !strings.Contains(strings.Split(rider, "\n")[lines[0]-1], "Our only modification") {
		t.Errorf("%v", lines)
	}
	middle := strings.Replace(mit(t), "THE SOFTWARE IS", "Not for banks.\n\nTHE SOFTWARE IS", 1)
	m = Identify([]byte(middle))
	lines := m.Added([]byte(middle))
	if len(lines) != 2 || strings.Split(middle, "\n")[lines[0]-1] != "Not for banks." || lines[1] != lines[0] || m.Near != "MIT" || !m.Modified() {
		t.Errorf("%v %+v", lines, m)
	}
	if lines := Identify([]byte(mit(t))).Added([]byte(mit(t))); lines != nil {
		t.Errorf("nothing was added at %v", lines)
	}
}

// TestTermsOfOtherTexts: a phrase counts as whole words only.
func TestTermsOfOtherTexts(t *testing.T) {
	const id = "LicenseRef-modelcheck-deepseek-1.0"
	for _, text := range []string{"", "nonsense", "subgoverned and construed under prc lawsuits", "For military usefulness in any way"} {
		if got := Terms(id, []byte(text)); len(got) > 0 {
			t.Errorf("%q states %+v", text, got)
		}
	}
	if got := Terms("LicenseRef-named-X", []byte("for military use in any way")); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
