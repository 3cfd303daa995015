package disclose

import (
	"slices"
	"strings"
	"unicode"
)

// A sentence is a statement of a document.
type sentence struct {
	raw         string // as it stands
	plain       string // without markup, in single spaces
	lower       string // plain in lower case
	links       []link // in order, by their place in plain
	first, last int    // lines
	heading     string // nearest heading above, plain
	bullet      bool   // it begins a list item
}

// has says whether the sentence holds one of the words, given in lower case;
// it saves the rules a closer look at most sentences.
func (s sentence) has(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s.lower, w) })
}

// A link is a stretch of plain that leads to target.
type link struct {
	start, end int
	target     string
}

// paragraph cuts what was gathered into sentences. They are read without
// comments and quoted with them, so that a quotation stands in the document.
func (r *reader) paragraph() {
	text, asIs := strings.Join(r.para, "\n"), strings.Join(r.asIs, "\n")
	mark := len(listItem.FindString(text))
	text, asIs = text[mark:], asIs[mark:]
	line := r.start
	for i, part := range splitSentences(text) {
		lead := len(part) - len(strings.TrimLeft(part, " \t\n"))
		first := line + strings.Count(part[:lead], "\n")
		line += strings.Count(part, "\n")
		trimmed := strings.TrimRight(part[lead:], " \t\n")
		raw := asIs[:len(part)]
		asIs = asIs[len(part):]
		if trimmed == "" || len(trimmed) > maxSentence || strings.ContainsFunc(trimmed, deceptive) {
			continue
		}
		s := sentence{raw: raw[lead : lead+len(trimmed)], first: first, heading: r.heading, bullet: r.bullet && i == 0}
		s.last = first + strings.Count(trimmed, "\n")
		s.plain, s.links = plainText(trimmed)
		s.lower = strings.ToLower(s.plain)
		r.out.sentences = append(r.out.sentences, s)
	}
}

// deceptive are characters that make a sentence look different from what it
// says: controls, and those that turn the direction of writing. No rule reads
// such a sentence.
func deceptive(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// splitSentences cuts a paragraph after a full stop, question or exclamation
// mark that white space follows, and after which something begins that is no
// small letter. The parts joined are the paragraph.
func splitSentences(text string) []string {
	var out []string
	start := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != '.' && c != '!' && c != '?' {
			continue
		}
		end := i + 1
		for end < len(text) && strings.IndexByte(`*"')]`, text[end]) >= 0 {
			end++
		}
		next := end
		for next < len(text) && (text[next] == ' ' || text[next] == '\n' || text[next] == '\t') {
			next++
		}
		if next == end || next == len(text) || text[next] >= 'a' && text[next] <= 'z' || abbreviated(text[start:i]) {
			continue
		}
		out = append(out, text[start:end])
		start, i = end, end-1
	}
	return append(out, text[start:])
}

// abbreviated says whether the text before a full stop ends in a short form.
func abbreviated(before string) bool {
	word := strings.ToLower(before[strings.LastIndexAny(before, " \n\t(")+1:])
	switch word {
	case "e.g", "i.e", "etc", "vs", "v", "ver", "no", "fig", "sec", "dr", "mr", "ms", "inc", "co", "ltd", "al", "approx":
		return true
	}
	return false
}
