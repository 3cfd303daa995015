package disclose

import (
	"html"
	"strings"
)

// plainText takes the markup out of a stretch of Markdown and gives its links
// with their places in what is left. White space becomes single spaces. It
// takes time in proportion to the length of raw: what looks like markup and
// never ends uses up a budget, after which the rest is taken as it stands.
func plainText(raw string) (string, []link) {
	raw = strings.ReplaceAll(raw, "\n", " ")
	p := &plainer{budget: 16 * len(raw)}
	p.add(raw)
	return p.b.String(), p.links
}

// A plainer writes text without markup and without doubled spaces.
type plainer struct {
	b      strings.Builder
	space  bool // a space is due before the next letter
	links  []link
	budget int // bytes that may still be looked at in search of an end
}

// special are the characters that markup begins with.
const special = "!<[*_`"

func (p *plainer) add(raw string) {
	for raw != "" {
		at := strings.IndexAny(raw, special)
		if at < 0 {
			p.text(raw)
			return
		}
		p.text(raw[:at])
		raw = raw[at:]
		raw = raw[p.markup(raw):]
	}
}

// markup writes what raw, which begins with a special character, stands for
// there, and returns how much of raw that took.
func (p *plainer) markup(raw string) int {
	switch {
	case strings.HasPrefix(raw, "!["):
		if _, _, n := p.bracketed(raw[1:]); n > 0 {
			p.text(" ")
			return 1 + n
		}
	case raw[0] == '[':
		if text, target, n := p.bracketed(raw); n > 0 {
			p.link(text, target)
			return n
		}
	case raw[0] == '<':
		if n := p.tag(raw); n > 0 {
			return n
		}
	case raw[0] == '*', raw[0] == '`':
		return 1
	case strings.HasPrefix(raw, "__"):
		return 2
	}
	p.text(raw[:1])
	return 1
}

// bracketed reads [text](target "title") and returns its length, 0 for
// anything else.
func (p *plainer) bracketed(raw string) (text, target string, n int) {
	depth := 0
	for i := 0; i < len(raw) && p.budget > 0; i++ {
		p.budget--
		switch raw[i] {
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth > 0 {
			continue
		}
		if !strings.HasPrefix(raw[i+1:], "(") {
			return "", "", 0
		}
		end := p.find(raw[i+2:], ")")
		if end < 0 {
			return "", "", 0
		}
		target, _, _ = strings.Cut(strings.TrimSpace(raw[i+2:i+2+end]), " ")
		return raw[1:i], strings.Trim(target, "<>"), i + 2 + end + 1
	}
	return "", "", 0
}

// find is strings.Index within the budget.
func (p *plainer) find(s, mark string) int {
	at := strings.Index(s[:min(len(s), max(p.budget, 0))], mark)
	if at < 0 {
		p.budget -= len(s)
		return -1
	}
	p.budget -= at
	return at
}

// tag reads an HTML tag, or a whole anchor with its text, and returns its
// length, 0 for what is none.
func (p *plainer) tag(raw string) int {
	name := strings.TrimPrefix(raw[1:], "/")
	if name == "" || !isLetter(name[0]) {
		return 0
	}
	end := p.find(raw, ">")
	if end < 0 || strings.Contains(raw[1:end], "<") {
		return 0
	}
	tag := raw[:end+1]
	if len(tag) > 3 && strings.EqualFold(tag[:3], "<a ") {
		if stop := p.find(raw[end+1:], "</"); stop >= 0 {
			p.link(raw[end+1:end+1+stop], attribute(tag, "href"))
			return end + 1 + stop
		}
	}
	p.text(" ")
	return len(tag)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// attribute returns the quoted value of an attribute in a tag.
func attribute(tag, name string) string {
	at := strings.Index(strings.ToLower(tag), name+"=")
	if at < 0 || at+len(name)+1 > len(tag) {
		return ""
	}
	rest := tag[at+len(name)+1:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	value, _, ok := strings.Cut(rest[1:], rest[:1])
	if !ok {
		return ""
	}
	return value
}

// link writes a link's text and notes its place. Links do not nest; what looks
// like one inside is written as its text.
func (p *plainer) link(text, target string) {
	inner := &plainer{budget: p.budget}
	inner.add(text)
	p.budget = inner.budget
	words := inner.b.String()
	if words == "" {
		return
	}
	if p.space && p.b.Len() > 0 {
		p.b.WriteByte(' ')
	}
	start := p.b.Len()
	p.b.WriteString(words)
	p.links = append(p.links, link{start: start, end: p.b.Len(), target: target})
	p.space = inner.space
}

func (p *plainer) text(s string) {
	if strings.Contains(s, "&") {
		s = html.UnescapeString(s)
	}
	for _, r := range s {
		if r == ' ' || r == '\t' || r == '\u00a0' || r == '\r' {
			p.space = true
			continue
		}
		if p.space && p.b.Len() > 0 {
			p.b.WriteByte(' ')
		}
		p.space = false
		p.b.WriteRune(r)
	}
}
