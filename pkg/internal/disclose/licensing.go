package disclose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// assetOfClaim is the word for what a licence claim is about.
var assetOfClaim = map[string]string{
	weightsClaim: "weights", "license.code": "code", "license.docs": "docs", "license.data": "data",
}

// licensing makes the record's block: an entry for every text listed, for
// every licence that is named without a text, and for every base model's.
func (c *collector) licensing(all []provenance.ClaimObservation) {
	names := textsOf(all, "identity.name")
	texts := map[string]bool{} // licences whose text is in the artifact
	for _, t := range c.listed {
		claim := c.speaks[t.Path]
		l := provenance.Licensing{
			Asset: "text", Claim: claim, License: t.match.ID, Basis: provenance.BasisText,
			Text: &provenance.LicenseText{
				Path: valid(t.Path), Digest: t.Digest, Normalized: t.match.NormDigest,
				Match: provenance.TextMatch{ID: t.match.ID, Method: t.match.Method, Coverage: t.match.Coverage,
					Uncovered: t.match.Uncovered, Near: t.match.Near, Modified: t.match.Modified()},
			},
		}
		if asset, ok := assetOfClaim[claim]; ok {
			l.Asset = asset
		}
		texts[t.match.ID] = true
		c.termsOf(&l, t)
		c.obligationsOf(&l, t.Text, t.source, names)
		c.licensings = append(c.licensings, l)
	}
	for claim, asset := range assetOfClaim {
		for _, id := range textsOf(all, claim) {
			if texts[id] || strings.HasPrefix(id, "LicenseRef-unknown-") {
				continue
			}
			l := provenance.Licensing{Asset: asset, Claim: claim, License: id, Basis: provenance.BasisNamed}
			c.obligationsOf(&l, nil, nil, names)
			c.licensings = append(c.licensings, l)
		}
	}
	seen := map[string]bool{}
	for _, base := range c.bases() {
		if base.License == "" || seen[modelKey(base.Name)] {
			continue
		}
		seen[modelKey(base.Name)] = true
		l := provenance.Licensing{Asset: "weights", Claim: "lineage.base", License: base.License, Basis: provenance.BasisBase, Of: base.Name}
		c.obligationsOf(&l, nil, nil, names)
		c.licensings = append(c.licensings, l)
	}
}

// source points at lines of a licence text.
func (t licenseText) source(lines []int) provenance.Source { return t.page().span(lines[0], lines[1]) }

func (t licenseText) page() page { return newPage(t.Document) }

// termsOf adds what the text states, and of a modified text the words that
// were added to it.
func (c *collector) termsOf(l *provenance.Licensing, t licenseText) {
	id := t.match.ID
	if t.match.Modified() {
		id = t.match.Near
		if lines := t.match.Added(t.Text); lines != nil {
			l.Terms = append(l.Terms, provenance.Term{ID: "added-words", Source: t.source(lines)})
		}
	}
	for _, s := range license.Terms(id, t.Text) {
		l.Terms = append(l.Terms, provenance.Term{ID: s.ID, Value: s.Values, Source: t.source(s.Lines)})
	}
}

// obligationsOf adds what the licence asks for, each checked by looking where
// that is possible. Without text the catalogue's list stands, without lines.
func (c *collector) obligationsOf(l *provenance.Licensing, text []byte, source func([]int) provenance.Source, names []string) {
	id := l.License
	if l.Text != nil && l.Text.Match.Modified {
		id = l.Text.Match.Near
	}
	for _, s := range license.Obligations(id, text) {
		o := provenance.Obligation{ID: s.ID, From: id}
		if s.Clause != "" {
			o.From += "#" + s.Clause
		}
		if s.Lines != nil {
			o.Source = source(s.Lines)
		}
		o.Check, o.Detail = c.checkObligation(s, id, names)
		if o.Check == provenance.NotMet && s.Check != license.CheckText {
			c.find(provenance.Finding{
				ID: provenance.CodeObligationNotMet, Subject: l.Asset, Detail: o.ID + " of " + o.From + ": " + o.Detail,
				Facts: map[string]string{"obligation": o.ID, "from": o.From, "basis": l.Basis},
			})
		}
		l.Obligations = append(l.Obligations, o)
	}
}

// checkObligation looks whether the artifact shows what is asked for. What can
// be done elsewhere too, on a website or in a product, is never "not met".
func (c *collector) checkObligation(s license.Statement, id string, names []string) (provenance.ObligationCheck, string) {
	switch s.Check {
	case license.CheckText:
		for _, t := range c.licenses {
			if t.match.ID == id || t.match.Near == id {
				return provenance.Met, fmt.Sprintf("the text of %s is in %q", id, cut(valid(t.Path), 200))
			}
		}
		return provenance.NotMet, fmt.Sprintf("no text of %s is in the artifact", id)
	case license.CheckNamePrefix:
		if len(names) != 1 {
			return provenance.NotCheckable, fmt.Sprintf("%d names of the model are stated", len(names))
		}
		name := names[0][strings.LastIndexByte(names[0], '/')+1:]
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(s.With)) {
			return provenance.Met, fmt.Sprintf("the name %q begins with %q", name, s.With)
		}
		return provenance.NotMet, fmt.Sprintf("the name %q does not begin with %q", name, s.With)
	case license.CheckNotice:
		if path, ok := c.says(isNoticeName, s.With); ok {
			return provenance.Met, fmt.Sprintf("%q carries the notice", path)
		}
		return provenance.NotMet, "no file called NOTICE carries the notice"
	case license.CheckCard:
		if path, ok := c.says(isCardName, s.With); ok {
			return provenance.Met, fmt.Sprintf("%q says it", path)
		}
		return provenance.NotCheckable, ""
	default:
		return provenance.NotCheckable, ""
	}
}

// says finds a document of a kind that holds a phrase, given in normal form.
func (c *collector) says(kind func(string) bool, phrase string) (string, bool) {
	i := slices.IndexFunc(c.docs, func(d Document) bool {
		return kind(d.Path) && strings.Contains(" "+normal(string(d.Text))+" ", " "+phrase+" ")
	})
	if i < 0 {
		return "", false
	}
	return cut(valid(c.docs[i].Path), 200), true
}
