package disclose

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A licenseText is a licence file of the artifact and what its text is.
type licenseText struct {
	Document
	match license.Match
	dir   string
}

// value is the id of a known text, and a reference by digest for others.
func (t licenseText) value() string {
	if t.match.ID != "" {
		return t.match.ID
	}
	return license.UnknownRef(t.match)
}

// A textEntry is an element of the value of license.text.
type textEntry struct {
	Path       string          `json:"path"`
	Digest     artifact.Digest `json:"digest"`
	Normalized artifact.Digest `json:"normalized"`
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name,omitempty"`
	Near       string          `json:"near,omitempty"`      // begins word for word like this licence,
	Uncovered  int             `json:"uncovered,omitempty"` // and has so many bytes more
}

// maxTexts bounds how many texts license.text lists. Artifacts of models carry
// one to five; those that bundle programs may carry hundreds.
const maxTexts = 32

// licenseTexts identifies every licence text of the artifact. That a text is
// there, word for word, is verified (license.text); that it is the licence of
// the weights or the code is what its name and place declare.
func (c *collector) licenseTexts() {
	cards, models := map[string]bool{}, map[string]bool{} // directories with a card, with a licence of the model by name
	for _, d := range c.docs {
		dir, in := place(c.root, d.Path)
		if !in {
			continue
		}
		cards[dir] = cards[dir] || isCardName(d.Path)
		if !isLicenseName(d.Path) {
			continue
		}
		asset, _ := assetOf(d.Path)
		models[dir] = models[dir] || asset == weightsClaim
		t := licenseText{Document: d, match: license.Identify(d.Text), dir: dir}
		c.licenses, c.byPath[d.Path] = append(c.licenses, t), t
		c.searched(d.Path, d.Digest)
		if t.match.ID == "" {
			c.find(unidentified(t))
		}
	}
	for _, t := range c.licenses {
		if claim := speaksOn(t, cards[t.dir], models[t.dir]); claim != "" {
			c.speaks[t.Path] = claim
			c.say(claim, declared(textValue(t.value()), methodLicenseText, headOf(t)))
		}
	}
	c.listTexts()
}

// listTexts observes license.text at every text listed, each with the whole
// list: two texts do not contradict each other. Those nearest to the root come
// first, so that no number of others hides the model's own.
func (c *collector) listTexts() {
	texts := slices.Clone(c.licenses)
	slices.SortStableFunc(texts, func(a, b licenseText) int {
		return cmp.Compare(strings.Count(a.Path, "/"), strings.Count(b.Path, "/"))
	})
	if len(texts) > maxTexts {
		c.find(provenance.Finding{
			ID: provenance.CodeLimitExceeded, Subject: "license.text",
			Detail: fmt.Sprintf("%d licence texts; the %d nearest to the root are listed", len(texts), maxTexts),
		})
		texts = texts[:maxTexts]
	}
	c.listed = texts
	entries := make([]textEntry, len(texts))
	for i, t := range texts {
		entries[i] = textEntry{
			Path: valid(t.Path), Digest: t.Digest, Normalized: t.match.NormDigest,
			ID: t.match.ID, Name: t.match.Name, Near: t.match.Near, Uncovered: t.match.Uncovered,
		}
	}
	slices.SortFunc(entries, func(a, b textEntry) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.Digest.Compare(b.Digest))
	})
	value := marshal(entries)
	for _, t := range texts {
		c.say("license.text", provenance.Observation{
			Grade: provenance.Verified, Value: value, Method: methodLicenseText,
			Source: provenance.Source{Kind: provenance.SourceFile, Path: t.Path, Digest: t.Digest},
		})
	}
}

// headOf points at the first line of the text that says anything.
func headOf(t licenseText) provenance.Source {
	p := newPage(t.Document)
	for i, line := range p.lines {
		if strings.TrimSpace(line) != "" {
			return p.span(i+1, i+1)
		}
	}
	return p.span(1, 1)
}

func unidentified(t licenseText) provenance.Finding {
	f := provenance.Finding{
		ID: provenance.CodeLicenseUnidentified, Subject: t.Path, Digest: t.Digest,
		Detail: "the text is that of no licence in the catalogue",
		Facts:  map[string]string{"normalized": t.match.NormDigest.String()},
	}
	if t.match.Near != "" {
		f.Detail = fmt.Sprintf("%.1f %% of the text is %s, and %d bytes of it are not", t.match.Coverage*100, t.match.Near, t.match.Uncovered)
		f.Facts["near"] = t.match.Near
		f.Facts["uncovered"] = strconv.Itoa(t.match.Uncovered)
		f.Facts["coverage"] = strconv.FormatFloat(t.match.Coverage, 'f', 3, 64)
	}
	if t.match.Modified() {
		f.ID = provenance.CodeLicenseModified
	}
	return f
}

const weightsClaim = "license.weights"

// speaksOn returns the claim that a licence file's name and place make it
// speak on. A plain LICENSE in a model speaks on the weights, unless a
// LICENSE-MODEL beside it does. Files that are neither at the root nor beside
// a card, and files with other names, are texts that are in the artifact and
// no more.
func speaksOn(t licenseText, besideCard, besideModels bool) string {
	if !near(t.dir) || t.dir != "" && !besideCard {
		return ""
	}
	asset, plain := assetOf(t.Path)
	switch {
	case !plain:
		return asset
	case besideModels:
		return ""
	default:
		return weightsClaim
	}
}

// assetOf reads the asset out of a licence file's name, and says whether the
// name is plain: LICENSE, COPYING.txt.
func assetOf(p string) (claim string, plain bool) {
	base := strings.ToLower(path.Base(p))
	if ext := path.Ext(base); slices.Contains(textExtensions, ext) {
		base = strings.TrimSuffix(base, ext)
	}
	parts := strings.FieldsFunc(base, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	if len(parts) == 1 {
		return "", true
	}
	if len(parts) != 2 {
		return "", false
	}
	for _, part := range parts {
		switch part {
		case "model", "models", "weights":
			return weightsClaim, false
		case "code", "source":
			return "license.code", false
		case "doc", "docs", "documentation":
			return "license.docs", false
		case "data", "dataset", "datasets":
			return "license.data", false
		}
	}
	return "", false
}

// dropHollowTexts takes back what an unknown text says where a document names
// a licence for the same thing whose wording the catalogue does not have: the
// text may well be that licence, and a conflict would be made up. Where the
// wording is known, as MIT's is, an unknown text is another one, and stays.
func dropHollowTexts(all []provenance.ClaimObservation) []provenance.ClaimObservation {
	type said struct{ others, known bool }
	claims := map[string]said{}
	for _, o := range all {
		if strings.HasPrefix(o.Claim, "license.") && o.Claim != "license.text" && !hollow(o) {
			s := claims[o.Claim]
			s.others, s.known = true, s.known || wordingKnown(o.Value)
			claims[o.Claim] = s
		}
	}
	return slices.DeleteFunc(all, func(o provenance.ClaimObservation) bool {
		s := claims[o.Claim]
		return hollow(o) && s.others && !s.known
	})
}

func hollow(o provenance.ClaimObservation) bool {
	return strings.HasPrefix(string(o.Value), `"LicenseRef-unknown-`)
}

func wordingKnown(v provenance.Value) bool {
	l, ok := license.Lookup(strings.Trim(string(v), `"`))
	return ok && len(l.Texts) > 0
}
