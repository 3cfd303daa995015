package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// areas are the first parts of claim ids, in words, in the order of a report.
var areas = []struct{ prefix, title string }{
	{"td", "training data"}, {"license", "licence"}, {"origin", "origin"}, {"lineage", "lineage"}, {"identity", "identity"},
	{"model", "model"}, {"compute", "compute"}, {"eval", "evaluation"}, {"use", "use"}, {"behaviour", "behaviour"}, {"runtime", "runtime"},
}

// notDisclosed comes before what is stated: silence is what a reader would not
// notice by himself.
func (p *page) notDisclosed(m *provenance.Manifest) {
	absent, unread := map[string][]string{}, map[string][]string{}
	searched := map[string]bool{}
	count := 0
	for _, c := range m.Claims {
		area, rest, _ := strings.Cut(Printable(c.ID), ".")
		switch c.State {
		case provenance.StateAbsent:
			count++
			absent[area] = append(absent[area], rest)
			for _, d := range c.Searched {
				searched[d.Path] = true
			}
		case provenance.NotExamined:
			unread[area] = append(unread[area], rest)
		}
	}
	if count > 0 {
		p.heading(fmt.Sprintf("Not stated in what the artifact holds (%d of %d questions)", count, len(m.Claims)))
		p.line("  searched        %s", p.wrap(Printable(strings.Join(sortedKeys(searched), ", ")), 18))
		p.byArea(absent)
	}
	if len(unread) > 0 {
		p.heading("Not examined: documents that could not be read may hold it")
		p.byArea(unread)
	}
}

func (p *page) byArea(ids map[string][]string) {
	for _, a := range areas {
		if len(ids[a.prefix]) > 0 {
			p.line("  %-15s %s", a.title, p.wrap(strings.Join(ids[a.prefix], ", "), 18))
		}
	}
}

func (p *page) conflicts(m *provenance.Manifest) {
	first := true
	for _, c := range m.Claims {
		if c.State != provenance.StateConflicting {
			continue
		}
		if first {
			p.heading("Conflicts")
			first = false
		}
		p.line("  %s", p.paint(bold, Printable(c.ID)))
		p.observations(c)
	}
}

func (p *page) claims(m *provenance.Manifest) {
	first := true
	for _, c := range m.Claims {
		switch c.State {
		case provenance.StateAbsent, provenance.StateConflicting, provenance.NotExamined, provenance.StateNotApplicable:
			continue
		}
		if first {
			p.heading("Stated")
			p.line("  verified: recomputed from the bytes; attested: under the producer's signature; declared: quoted, unchecked")
			first = false
		}
		p.line("  %-28s %-9s %s", Printable(c.ID), c.State, p.wrap(value(c.Value), 40))
		p.sources(c)
	}
}

// observations shows who says what, for claims on which nobody agrees.
func (p *page) observations(c provenance.Claim) {
	for _, o := range c.Observations {
		p.line("    %s %s", p.wrap(fmt.Sprintf("%s (%s)", value(o.Value), o.Grade), 6), "")
		p.line("      %s", p.wrap(source(o.Source), 6))
	}
}

// sources shows where an agreed value stands: the first place in full, the
// others by name.
func (p *page) sources(c provenance.Claim) {
	if len(c.Observations) == 0 {
		return
	}
	text := source(c.Observations[0].Source)
	for _, o := range c.Observations[1:] {
		text += "; " + place(o.Source)
	}
	p.line("    %s", p.wrap(text, 4))
}

func source(s provenance.Source) string {
	text := place(s)
	if s.Quote != "" {
		text += " " + Quoted(s.Quote)
	}
	return text
}

func place(s provenance.Source) string {
	text := Printable(s.Path)
	if text == "" {
		text = string(s.Kind)
	}
	if len(s.Lines) == 2 {
		text += fmt.Sprintf(":%d", s.Lines[0])
	} else if s.Pointer != "" {
		text += " " + Printable(s.Pointer)
	}
	return text
}

// value writes a claim's value as a person would: strings and lists bare,
// numbers as the document wrote them, other things as JSON.
func value(v provenance.Value) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return Printable(text)
	}
	var list []string
	if json.Unmarshal(v, &list) == nil {
		return Printable(strings.Join(list, ", "))
	}
	var count struct {
		Text string `json:"text"`
		Unit string `json:"unit"`
	}
	if json.Unmarshal(v, &count, json.RejectUnknownMembers(false)) == nil && count.Text != "" {
		return Printable(strings.TrimSpace(count.Text + " " + count.Unit))
	}
	var texts []struct {
		Path       string `json:"path"`
		ID         string `json:"id"`
		Normalized string `json:"normalized"`
	}
	if json.Unmarshal(v, &texts) == nil && len(texts) > 0 && texts[0].Path != "" && texts[0].Normalized != "" {
		parts := make([]string, len(texts))
		for i, t := range texts {
			parts[i] = t.Path + " is " + cmp.Or(t.ID, "no known licence")
		}
		return Printable(strings.Join(parts, ", "))
	}
	var fields map[string]jsontext.Value
	if json.Unmarshal(v, &fields) == nil {
		parts := make([]string, 0, len(fields))
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			parts = append(parts, name+": "+value(fields[name]))
		}
		return Printable(strings.Join(parts, "; "))
	}
	compact := jsontext.Value(slices.Clone(v))
	if compact.Compact() != nil {
		return ""
	}
	return Printable(string(compact))
}

func (p *page) findings(m *provenance.Manifest) {
	if len(m.Findings) == 0 {
		return
	}
	p.heading("Findings")
	tell(m.Findings, func(a, b provenance.Finding) bool { return a.ID == b.ID }, func(f provenance.Finding, more int) {
		text := Printable(f.Detail)
		switch {
		case more > 0:
			text = moreOfThem(more)
		case f.Subject != "":
			text = Quoted(f.Subject) + ": " + text
		}
		p.line("  %s", p.wrap(fmt.Sprintf("%s [%s]", text, Printable(f.ID)), 4))
	})
}

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
