package license

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// The methods of Match, with their versions.
const (
	MethodWhole        = "license-digest/1"         // the whole normalised text is known
	MethodReduced      = "license-digest-reduced/1" // known but for title, copyright notices and holder's name
	MethodUnidentified = "unidentified/1"           // no known text
)

// A Match is what a text was identified as. The zero value is no licence.
type Match struct {
	ID, Name   string          // "" where the text is not known
	Method     string          // how it was found
	NormDigest artifact.Digest // of the normal form of the whole text
	Exact      bool            // no word is left over: true exactly where ID is not ""
	Notices    []string        // copyright notices that were left out of the comparison
	// Near is the id of the licence that the text begins with word for word,
	// where more follows. It is not that licence: Uncovered says how many
	// bytes of the normal form come after.
	Near      string
	Uncovered int
}

// Identify compares text with every known licence text. Only a text whose
// every word is accounted for is identified; one word more, at any place, is
// another text. It takes time in proportion to the length of text.
func Identify(text []byte) Match {
	x := catalog()
	norm := Normalize(text)
	m := Match{Method: MethodUnidentified, NormDigest: artifact.SumSHA256(norm)}
	if l, ok := x.whole[m.NormDigest]; ok {
		m.ID, m.Name, m.Method, m.Exact = l.ID, l.Name, MethodWhole, true
		return m
	}
	r := reduce(text, x.titles)
	if l, ok := x.reduced[artifact.SumSHA256(r.norm)]; ok && (r.title == "" || l.hasTitle(r.title)) {
		m.ID, m.Name, m.Method, m.Exact, m.Notices = l.ID, l.Name, MethodReduced, true, r.notices
		return m
	}
	if m.Near, m.Uncovered = x.begins(norm, x.whole); m.Near == "" {
		m.Near, m.Uncovered = x.begins(r.norm, x.reduced)
	}
	return m
}

func (l *License) hasTitle(norm string) bool {
	return slices.ContainsFunc(l.Titles, func(t string) bool { return normalString(t) == norm })
}

// begins finds the longest known text that norm starts with, and how many
// bytes follow it.
func (x *index) begins(norm []byte, texts map[artifact.Digest]*License) (string, int) {
	h := sha256.New()
	id, rest := "", 0
	words, done := 0, 0
	lengths := x.lengths
	for pos := 0; pos < len(norm) && len(lengths) > 0; {
		end := len(norm)
		if i := bytes.IndexByte(norm[pos:], ' '); i >= 0 {
			end = pos + i
		}
		words++
		if words == lengths[0] {
			lengths = lengths[1:]
			h.Write(norm[done:end])
			done = end
			if l, ok := texts[artifact.DigestOf(artifact.SHA256, h.Sum(nil))]; ok {
				id, rest = l.ID, len(norm)-end
			}
		}
		pos = end + 1
	}
	return id, rest
}
