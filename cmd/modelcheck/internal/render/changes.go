package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A changeSection is what changed of one kind, in lines that are safe to show.
type changeSection struct {
	Title string
	Loud  bool // who signs
	Lines []string
	Rows  []changeRow // the first of the lines, as a table
	Rest  []string    // the other lines
}

// A changeRow is a claim that changed.
type changeRow struct{ What, Before, After, Grade string }

func (s *changeSection) line(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.Lines, s.Rest = append(s.Lines, line), append(s.Rest, line)
}

func (s *changeSection) row(r changeRow) {
	grade := ""
	if r.Grade != "" {
		grade = " (" + r.Grade + ")"
	}
	s.Lines, s.Rows = append(s.Lines, fmt.Sprintf("%s: %s, was %s%s", r.What, r.After, r.Before, grade)), append(s.Rows, r)
}

// changes says all that a difference holds, signers first. It is empty only
// where nothing changed.
func changes(d provenance.Difference) []changeSection {
	all := []changeSection{signerChanges(d), {Title: "Artifact"}, claimChanges(d), licenceChanges(d), lineageChanges(d), loadingChanges(d), weightChanges(d), fileChanges(d), {Title: "Findings"}, {Title: "Coverage"}}
	travel, findings, coverage := &all[1], &all[8], &all[9]
	if d.Before != d.After {
		travel.line("subject: %v, was %v", d.After, d.Before)
	}
	if a, b := d.ArtifactBefore, d.ArtifactAfter; a != nil && b != nil {
		travel.line("artifact: %s of %s in %s, was %s of %s in %s", Printable(b.Kind), Bytes(b.TotalBytes), plural(len(b.Members), "member"), Printable(a.Kind), Bytes(a.TotalBytes), plural(len(a.Members), "member"))
	}
	for _, f := range d.FindingsAdded {
		findings.line("new finding [%s] %s: %s", Printable(f.ID), Printable(f.Subject), Printable(f.Detail))
	}
	for _, f := range d.FindingsGone {
		findings.line("finding gone [%s] %s: %s", Printable(f.ID), Printable(f.Subject), Printable(f.Detail))
	}
	coverageChanges(coverage, d)
	var out []changeSection
	for _, s := range all {
		if len(s.Lines) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func coverageChanges(s *changeSection, d provenance.Difference) {
	before := map[string]provenance.Coverage{}
	for _, c := range d.CoverageGone {
		before[c.Criteria] = c
	}
	for _, c := range d.CoverageAdded {
		was := "not counted"
		if b, ok := before[c.Criteria]; ok {
			was = coverageWord(b)
			delete(before, c.Criteria)
		}
		s.line("%s: %s, was %s", Printable(c.Criteria), coverageWord(c), was)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		s.line("%s: not counted, was %s", Printable(name), coverageWord(before[name]))
	}
}

func coverageWord(c provenance.Coverage) string {
	var words []string
	for _, state := range []provenance.State{provenance.StateVerified, provenance.StateAttested, provenance.StateDeclared, provenance.StateInferred, provenance.StateConflicting, provenance.StateAbsent, provenance.NotExamined} {
		if n := c.Counts[state.String()]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, stateWord(state)))
		}
	}
	return strings.Join(words, ", ") + " of " + plural(len(c.Claims), "question")
}

func signerChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Signers", Loud: true}
	for _, g := range d.SignersGone {
		s.line("NOT SIGNED ANY MORE by %s: %s", Quoted(g.Signer), identity(g.Identity))
	}
	for _, g := range d.SignersAdded {
		s.line("NEWLY SIGNED by %s: %s", Quoted(g.Signer), identity(g.Identity))
	}
	for _, a := range d.AttestersGone {
		s.line("NOT ATTESTED ANY MORE by %s (%s): %s", Quoted(a.Signer), Printable(a.PredicateType), identity(a.Identity))
	}
	for _, a := range d.AttestersAdded {
		s.line("NEWLY ATTESTED by %s (%s): %s", Quoted(a.Signer), Printable(a.PredicateType), identity(a.Identity))
	}
	return s
}

func claimChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Statements"}
	for _, c := range d.Claims {
		s.row(changeRow{Printable(c.ID), claimWord(c.Before), claimWord(c.After), gradeMove(c)})
	}
	if n := len(d.EvidenceReplaced); n > 0 {
		s.line("the same on other evidence, %s: %s", plural(n, "question"), Printable(strings.Join(d.EvidenceReplaced, ", ")))
	}
	return s
}

func claimWord(c *provenance.Claim) string {
	if c == nil {
		return "no such question"
	}
	word := strings.TrimSpace(stateWord(c.State) + " " + value(c.Value))
	if c.State != provenance.StateConflicting {
		return word
	}
	var said []string
	for _, o := range c.Observations {
		if v := value(o.Value); v != "" && !slices.Contains(said, v) {
			said = append(said, v)
		}
	}
	return word + ": " + strings.Join(said, "; ")
}

// gradeMove says where the grade of an answer rose or fell.
func gradeMove(c provenance.ClaimChange) string {
	before, after := gradeOf(c.Before), gradeOf(c.After)
	switch {
	case before == 0 || after == 0 || before == after:
		return ""
	case before < after:
		return "grade up"
	default:
		return "GRADE DOWN"
	}
}

// gradeOf orders answers by their grade; 0 is no answer.
func gradeOf(c *provenance.Claim) int {
	if c == nil {
		return 0
	}
	switch c.State {
	case provenance.StateInferred:
		return 1
	case provenance.StateDeclared:
		return 2
	case provenance.StateAttested:
		return 3
	case provenance.StateVerified:
		return 4
	default:
		return 0
	}
}

func licenceChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Licences"}
	tell := func(word string, list []provenance.Licensing) {
		for _, l := range list {
			name := Printable(l.License)
			if name == "" {
				name = "a text of no known licence"
			}
			if l.Text != nil {
				name += fmt.Sprintf(", text %s %v", Printable(l.Text.Path), l.Text.Digest)
			}
			s.line("%s: %s for %s, %s, %s", word, name, Printable(l.Asset), plural(len(l.Terms), "term"), plural(len(l.Obligations), "obligation"))
		}
	}
	tell("licence now", d.LicensingAdded)
	tell("licence before", d.LicensingGone)
	return s
}

func lineageChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Lineage"}
	for _, l := range d.LineageAdded {
		s.line("made from, now: %s (%s, %v)", Quoted(l.Name), Printable(l.Relation), l.Grade)
	}
	for _, l := range d.LineageGone {
		s.line("made from, before: %s (%s, %v)", Quoted(l.Name), Printable(l.Relation), l.Grade)
	}
	return s
}

func loadingChanges(d provenance.Difference) changeSection {
	s, c := changeSection{Title: "Loading"}, d.Loading
	if c.Before != c.After {
		s.line("loading: %v, was %v", c.After, c.Before)
	}
	if c.ScopeBefore != c.ScopeAfter {
		s.line("loading is about: %s, was %s", Quoted(c.ScopeAfter), Quoted(c.ScopeBefore))
	}
	for _, f := range c.Files {
		s.line("loading %s: %v, was %v, by the same bytes", Printable(f.Path), f.After, f.Before)
	}
	for _, l := range c.LoadersAdded {
		s.line("new loader %s: %s", Printable(l.Name), Printable(strings.Join(l.Rules, " ")))
	}
	for _, l := range c.LoadersGone {
		s.line("loader gone %s: %s", Printable(l.Name), Printable(strings.Join(l.Rules, " ")))
	}
	for _, t := range c.TemplatesAdded {
		s.line("new prompt template in %s %v", Printable(t.Path), t.Digest)
	}
	for _, t := range c.TemplatesGone {
		s.line("prompt template gone from %s %v", Printable(t.Path), t.Digest)
	}
	return s
}

func weightChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Weights"}
	for _, w := range d.WeightsAdded {
		s.line("weights now in %s: %s, %d elements", Printable(w.Folder), plural(w.Tensors, "tensor"), w.Stored)
	}
	for _, w := range d.WeightsGone {
		s.line("weights before in %s: %s, %d elements", Printable(w.Folder), plural(w.Tensors, "tensor"), w.Stored)
	}
	return s
}

func fileChanges(d provenance.Difference) changeSection {
	s := changeSection{Title: "Files"}
	for _, f := range d.Files {
		switch {
		case len(f.Before) == 0:
			s.line("new file %s (%v)", Printable(f.Path), f.After[0].Role)
		case len(f.After) == 0:
			s.line("file gone %s (%v)", Printable(f.Path), f.Before[0].Role)
		default:
			s.line("other bytes in %s (%v)", Printable(f.Path), f.After[0].Role)
		}
	}
	for _, f := range d.Described {
		s.line("the same bytes in %s, packed or described otherwise", Printable(f.Path))
	}
	return s
}
