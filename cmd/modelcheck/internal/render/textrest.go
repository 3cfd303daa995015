package render

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// licences shows the licences with what they say and ask for.
func (p *page) licences(m *provenance.Manifest) {
	var v view
	v.licensing(m, nil)
	if len(v.Licences) > 0 {
		p.heading("Licences and obligations (facts, no legal conclusions)")
	}
	for _, l := range v.Licences {
		p.entry(l.Asset, joined(", ", l.Licence, l.Basis, l.Compared), l.Place, "")
	}
	for _, t := range v.Terms {
		p.entry("says", joined(": ", t.What, t.Value), t.Place, t.Quote)
	}
	for _, t := range v.Obligations {
		p.entry("asks for", joined(": ", t.What+" ("+t.Check+")", t.Value), t.Place, t.Quote)
	}
	if len(v.Bases) > 0 {
		p.heading("Lineage")
	}
	for _, b := range v.Bases {
		p.entry(b.Relation, joined(", ", b.Name+" ("+b.Grade+")", b.Licence), b.Place, b.Quote)
	}
}

// elsewhere shows what documents say that are not in the artifact, apart from
// what is stated in it.
func (p *page) elsewhere(m *provenance.Manifest) {
	all := elsewhere(m, questionTitles(), nil)
	if len(all) > 0 {
		p.heading("Said elsewhere: in documents that are not in the artifact")
	}
	for _, e := range all {
		p.line("  %s", p.wrap(e.Title+": "+e.Value, 4))
		p.line("    %s", p.wrap(joined(" ", e.Place, e.Quote), 4))
	}
}

// entry writes "  name  value" and below it where that stands, in which words.
func (p *page) entry(name, value, place, quote string) {
	p.line("  %-15s %s", name, p.wrap(value, 18))
	if where := joined(" ", place, quote); where != "" {
		p.line("    %s", p.wrap(where, 4))
	}
}

// coverage counts what each criteria set asks for. With items it lists them.
func (p *page) coverage(m *provenance.Manifest, items bool) {
	all := newCoverages(m)
	if len(all) == 0 {
		return
	}
	p.heading("Coverage")
	p.line("  %s", p.wrap(countsOnly, 2))
	for _, v := range all {
		p.line("  %s", v.Criteria)
		p.line("    %s", p.wrap(v.Disclosed()+"; "+v.Rest(), 4))
		if !items {
			continue
		}
		for _, text := range []string{v.Document, v.Note} {
			if text != "" {
				p.line("    %s", p.wrap(text, 4))
			}
		}
		for _, i := range v.Items {
			p.line("      %s", p.wrap(joined(", ", i.Section, i.Title)+": "+i.What, 8))
		}
	}
	if !items {
		p.line("  The items: --output markdown or html, or modelcheck manifest show.")
	}
}

// joined joins what is not empty.
func joined(by string, parts ...string) string {
	var out []string
	for _, s := range parts {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, by)
}
