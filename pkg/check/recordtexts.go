package check

import (
	"cmp"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A TextChange is a licence text with other bytes on the other side. Edits are
// its words; they are empty, with Why, where the words were not compared.
type TextChange struct {
	Path       string          `json:"path"`
	PathBefore string          `json:"pathBefore,omitempty"` // where it was called otherwise
	Before     artifact.Digest `json:"before"`
	After      artifact.Digest `json:"after"`
	Edits      []TextEdit      `json:"edits,omitempty"`
	Why        string          `json:"why,omitempty"`
}

// A TextEdit is a stretch of words: "same" in both texts, "gone" from the first
// or "added" by the second.
type TextEdit struct {
	Op    string `json:"op"`
	Words string `json:"words"` // in single spaces
}

// Why words were not compared.
const (
	whyNoText    = "a record holds no texts; give evidence bundles or references on both sides"
	whyTooMuch   = "the texts are too long, or too different for a list of words to say anything"
	whySameWords = "the words are the same; only white space differs"
)

// textsOf lists the licence texts of a record by path, with what each is about.
func textsOf(m *provenance.Manifest) []provenance.Licensing {
	var out []provenance.Licensing
	for _, l := range m.Licensing {
		if l.Text != nil && !slices.ContainsFunc(out, func(o provenance.Licensing) bool { return o.Text.Path == l.Text.Path }) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b provenance.Licensing) int { return cmp.Compare(a.Text.Path, b.Text.Path) })
	return out
}

// diffTexts compares the licence texts that lie at the same path, and then, of
// those that are left over, the ones that are about the same thing.
func diffTexts(a, b *provenance.Manifest, before, after RecordSide) []TextChange {
	left, right := textsOf(a), textsOf(b)
	var out []TextChange
	pair := func(same func(x, y provenance.Licensing) bool) {
		left = slices.DeleteFunc(left, func(x provenance.Licensing) bool {
			i := slices.IndexFunc(right, func(y provenance.Licensing) bool { return same(x, y) })
			if i < 0 {
				return false
			}
			y := right[i]
			right = slices.Delete(right, i, i+1)
			if x.Text.Digest != y.Text.Digest {
				out = append(out, textChange(x.Text, y.Text, before, after))
			}
			return true
		})
	}
	pair(func(x, y provenance.Licensing) bool { return x.Text.Path == y.Text.Path })
	pair(func(x, y provenance.Licensing) bool { return x.Asset == y.Asset })
	slices.SortFunc(out, func(a, b TextChange) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func textChange(x, y *provenance.LicenseText, before, after RecordSide) TextChange {
	c := TextChange{Path: y.Path, Before: x.Digest, After: y.Digest}
	if x.Path != y.Path {
		c.PathBefore = x.Path
	}
	was, is := before.Documents[x.Digest], after.Documents[y.Digest]
	if was == nil || is == nil {
		c.Why = whyNoText
		return c
	}
	edits, ok := license.Words(string(was), string(is))
	switch {
	case !ok:
		c.Why = whyTooMuch
	case !slices.ContainsFunc(edits, func(e license.Edit) bool { return e.Op != license.Same }):
		c.Why = whySameWords
	default:
		for _, e := range edits {
			c.Edits = append(c.Edits, TextEdit{string(e.Op), e.Words})
		}
	}
	return c
}
