package license

import (
	"bytes"
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"

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
	// Near is the id of the licence that most of the text is. It is not that
	// licence: Uncovered says how many bytes of the normal form are other
	// words, and Coverage which share is not, cut to a thousandth.
	Near      string
	Coverage  float64
	Uncovered int
	added     []int // of a text near a licence: where in the normal form the other words are, nil where unknown
}

// Modified says whether the text is a known licence with other words in it:
// half of it or more is Near's, and some of it is not.
func (m Match) Modified() bool { return m.Near != "" && m.Coverage >= 0.5 && m.Uncovered > 0 }

// Identify compares text with every known licence text. Only a text whose
// every word is accounted for is identified; one word more, at any place, is
// another text. It takes time in proportion to the length of text.
func Identify(text []byte) Match {
	x := catalog()
	norm := Normalize(text)
	m := Match{Method: MethodUnidentified, NormDigest: artifact.SumSHA256(norm)}
	if l, ok := x.whole[m.NormDigest]; ok {
		m.ID, m.Name, m.Method, m.Exact, m.Coverage = l.ID, l.Name, MethodWhole, true, 1
		return m
	}
	r := reduce(text, x.titles)
	if l, ok := x.reduced[artifact.SumSHA256(r.norm)]; ok && (r.title == "" || l.hasTitle(r.title)) {
		m.ID, m.Name, m.Method, m.Exact, m.Coverage, m.Notices = l.ID, l.Name, MethodReduced, true, 1, r.notices
		return m
	}
	m.Notices = r.notices
	if m.Near, m.Uncovered = x.begins(norm, x.whole); m.Near == "" {
		m.Near, m.Uncovered = x.begins(r.norm, x.reduced)
	}
	if m.Near != "" {
		m.Coverage, m.added = share(len(norm)-m.Uncovered, len(norm)), []int{len(norm) - m.Uncovered, len(norm)}
		return m
	}
	if m.Near, m.added = x.without(text, norm); m.Near != "" {
		m.Uncovered = m.added[1] - m.added[0]
		m.Coverage = share(len(norm)-m.Uncovered, len(norm))
		return m
	}
	if m.Near, m.Coverage, m.Uncovered = compare(text, norm); m.Near != "" {
		m.Method = MethodCompared
	}
	return m
}

// The limits of without, which reads the text once for each paragraph.
const (
	maxParagraphs = 64
	maxInserted   = 64 << 10 // bytes of the text
)

// without finds a known text with one more paragraph in it, wherever that
// stands.
func (x *index) without(text, norm []byte) (near string, added []int) {
	parts := blankLines.Split(string(text), maxParagraphs+2)
	if len(text) > maxInserted || len(parts) < 2 || len(parts) > maxParagraphs {
		return "", nil
	}
	for i, part := range parts {
		rest := []byte(strings.Join(slices.Concat(parts[:i], parts[i+1:]), "\n\n"))
		l, ok := x.whole[artifact.SumSHA256(Normalize(rest))]
		if r := reduce(rest, x.titles); !ok {
			l, ok = x.reduced[artifact.SumSHA256(r.norm)]
			ok = ok && (r.title == "" || l.hasTitle(r.title))
		}
		if extra := normalString(part); ok && extra != "" {
			start := len(normalString(strings.Join(parts[:i], "\n\n")))
			if start > 0 {
				start++ // the space before it
			}
			return l.ID, []int{start, start + len(extra)}
		}
	}
	return "", nil
}

// share is part of whole, cut to a thousandth.
func share(part, whole int) float64 { return float64(part*1000/max(whole, 1)) / 1000 }

var blankLines = regexp.MustCompile(`\r?\n[ \t]*\r?\n`)

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
