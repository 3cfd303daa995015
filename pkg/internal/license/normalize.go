package license

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Normalize returns text in lower case with every run of characters that are
// neither letters nor decimal digits (Unicode categories L and Nd; invalid
// UTF-8 counts as such a run) replaced by one space, and none at the ends. Two
// copies of a licence that differ in line breaks, white space, quotation marks
// or Markdown emphasis have the same normal form (docs: licence identity).
func Normalize(text []byte) []byte {
	out := make([]byte, 0, len(text))
	gap := false
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		bad := r == utf8.RuneError && size == 1
		text = text[size:]
		if bad || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = len(out) > 0
			continue
		}
		if gap {
			out = append(out, ' ')
			gap = false
		}
		out = utf8.AppendRune(out, unicode.ToLower(r))
	}
	return out
}

func normalString(s string) string { return string(Normalize([]byte(s))) }

// maxNotice is the longest copyright notice that is taken for one, in bytes of
// its normal form. The longest line among 531 distinct licence files of Go,
// Python and JavaScript packages has 118.
const maxNotice = 160

// riderWords never stand in a copyright notice that is only that. A line that
// holds one stays part of the text, so that a condition cannot hide in a line
// that starts with "copyright".
var riderWords = []string{
	"agree", "allowed", "apply", "commercial", "commercially", "condition", "conditions", "except", "excluding",
	"forbidden", "free", "grant", "granted", "if", "licence", "license", "licensed", "licensee", "limited", "military",
	"must", "no", "non", "noncommercial", "not", "only", "permission", "permitted", "prohibited", "provided",
	"require", "required", "research", "restricted", "restriction", "restrictions", "shall", "subject", "term", "terms",
	"unless", "use", "used", "users", "uses", "using", "without", "you", "your",
}

// riderParts are parts of the same in scripts that do not space their words.
var riderParts = []string{"禁", "不得", "不可", "仅", "僅", "商用", "商业", "商業", "许可", "許可", "限制", "使用"}

// isNotice says whether a line is a copyright notice and nothing else.
func isNotice(line string) bool {
	if len(line) > 4*maxNotice {
		return false
	}
	norm := normalString(line)
	if norm != "copyright" && !strings.HasPrefix(norm, "copyright ") || len(norm) > maxNotice {
		return false
	}
	for word := range strings.FieldsSeq(norm) {
		if slices.Contains(riderWords, word) {
			return false
		}
	}
	return !slices.ContainsFunc(riderParts, func(p string) bool { return strings.Contains(norm, p) })
}

// A reduction is a licence text without what varies between copies of it.
type reduction struct {
	norm    []byte   // normal form of what is left
	title   string   // normal form of the title line that was left out
	notices []string // copyright notices that were left out, as they stand
}

// nameSlot is where BSD licences name their holder in the middle of the text.
var nameSlot = regexp.MustCompile(`neither the names? of ((?:[^ ]+ ){1,12}?)nor the names of (?:its|their|any|the) contributors`)

// apacheAppendix is the normal form of the line after which a filled-in notice
// stands in the Apache License 2.0.
const apacheAppendix = "appendix how to apply the apache license to your work"

// reduce leaves out title lines and copyright notices at the head of the text
// and below the appendix of the Apache licence, and the holder's name in the
// non-endorsement clause of BSD licences. Everything else stays, at the end of
// the text too.
func reduce(text []byte, titles map[string]bool) reduction {
	var r reduction
	var kept strings.Builder
	head, appendix := true, false
	for line := range strings.Lines(string(text)) {
		norm := ""
		if len(line) <= 4*maxNotice {
			norm = normalString(line)
		}
		switch {
		case (head || appendix) && isNotice(line):
			r.notices = append(r.notices, strings.TrimSpace(line))
			continue
		case head && norm == "" && len(line) <= 4*maxNotice:
			continue
		case head && norm == "all rights reserved" && len(r.notices) > 0:
			continue
		case head && r.title == "" && titles[norm]:
			r.title = norm
			continue
		}
		head = false
		appendix = appendix || norm == apacheAppendix
		kept.WriteString(line)
	}
	r.norm = nameSlot.ReplaceAllFunc(Normalize([]byte(kept.String())), blankName)
	return r
}

// blankName puts the words of the SPDX text in the place of a holder's name.
func blankName(clause []byte) []byte {
	name := nameSlot.FindSubmatch(clause)[1]
	for word := range strings.FieldsSeq(string(name)) {
		if slices.Contains(riderWords, word) {
			return clause
		}
	}
	return []byte("neither the name of the copyright holder nor the names of its contributors")
}
