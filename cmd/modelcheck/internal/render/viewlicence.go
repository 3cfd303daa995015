package render

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A licenceView is one licence that the artifact brings up.
type licenceView struct{ Asset, Licence, Basis, Compared, Place, Anchor string }

// A termView is what a licence text says or asks for, and where. Check is
// empty for what it only says.
type termView struct{ Licence, What, Value, Check, Place, Anchor, Quote string }

// A baseView is a model that this one was made from.
type baseView struct{ Relation, Name, Licence, Grade, Place, Anchor, Quote string }

// An elsewhereView is what a document outside the artifact says.
type elsewhereView struct{ Title, Value, Place, Anchor, Quote, Method string }

func (v *view) licensing(m *provenance.Manifest, anchors map[string]string) {
	for _, l := range m.Licensing {
		name := Printable(l.License)
		if name == "" {
			name = "no known licence"
		}
		row := licenceView{Asset: Printable(l.Asset), Licence: name, Basis: "named, and its text is not in the artifact"}
		if l.Basis == provenance.BasisBase {
			row.Basis = "licence of " + Printable(l.Of) + ", which it was made from"
		}
		if l.Text != nil {
			source := provenance.Source{Path: l.Text.Path, Digest: l.Text.Digest}
			row.Basis, row.Place, row.Anchor = "text", Printable(l.Text.Path), anchorOf(anchors, source)
			row.Compared = compared(l.Text.Match)
		}
		v.Licences = append(v.Licences, row)
		for _, t := range l.Terms {
			v.Terms = append(v.Terms, termView{name, words(t.ID), Printable(strings.Join(t.Value, ", ")), "", place(t.Source), anchorOf(anchors, t.Source), quote(t.Source.Quote)})
		}
		for _, o := range l.Obligations {
			t := termView{name, words(o.ID), Printable(o.Detail), words(o.Check.String()), "", "", quote(o.Source.Quote)}
			if t.Place = Printable(o.From); o.Source.Path != "" {
				t.Place, t.Anchor = place(o.Source), anchorOf(anchors, o.Source)
			}
			v.Obligations = append(v.Obligations, t)
		}
	}
	for _, l := range m.Lineage {
		licence := Printable(l.License)
		if licence != "" {
			licence += " (" + Printable(l.LicenseMethod) + ")"
		}
		v.Bases = append(v.Bases, baseView{words(l.Relation), Printable(l.Name), licence, l.Grade.String(), place(l.Source), anchorOf(anchors, l.Source), quote(l.Source.Quote)})
	}
}

// words writes an identifier of ours as people read it.
func words(id string) string { return Printable(strings.ReplaceAll(id, "-", " ")) }

// compared says how a text relates to the known ones, and what is left over.
func compared(t provenance.TextMatch) string {
	switch {
	case t.ID != "":
		return "every word is that licence’s (" + Printable(t.Method) + ")"
	case t.Modified:
		return fmt.Sprintf("%s with other words in it: %d bytes are not of it", Printable(t.Near), t.Uncovered)
	case t.Near != "":
		return fmt.Sprintf("near %s, and not it: %d bytes are left over", Printable(t.Near), t.Uncovered)
	default:
		return "like none that is known"
	}
}

// elsewhere lists what profiles quote, apart from what the artifact says.
func elsewhere(m *provenance.Manifest, titles, anchors map[string]string) []elsewhereView {
	var out []elsewhereView
	for _, c := range m.Claims {
		for _, o := range c.Elsewhere {
			title := titles[c.ID]
			if title == "" {
				title = cell(Printable(c.ID))
			}
			out = append(out, elsewhereView{title, value(o.Value), externalPlace(o.Source), anchorOf(anchors, o.Source), quote(o.Source.Quote), Printable(o.Method)})
		}
	}
	return out
}

// NoDigest says of a document outside the artifact how weakly it is pinned.
const NoDigest = "not pinned by a digest: what is there now may differ"

func externalPlace(s provenance.Source) string {
	text := Printable(s.URI)
	if text == "" {
		text = place(s)
	}
	if s.Page > 0 {
		text += fmt.Sprintf(", page %d", s.Page)
	}
	if s.Digest.IsZero() {
		text += " (" + NoDigest + ")"
	}
	return text
}
