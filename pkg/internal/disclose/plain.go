package disclose

import (
	"html"
	"regexp"
	"strings"
)

// markup matches, leftmost first: an image, a link, an HTML anchor, another
// HTML tag, and marks of emphasis and code. RE2 takes linear time in all.
var markup = regexp.MustCompile(strings.Join([]string{
	`!\[[^\]]*\]\([^)]*\)`,
	`\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(\s*<?([^)\s>]*)[^)]*\)`,
	`(?i)<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>(.*?)</a>`,
	`</?[A-Za-z][^<>]*>`,
	`\*\*|__|` + "`+" + `|\*`,
}, "|"))

// plainText takes the markup out of a stretch of Markdown and gives its links
// with their places in what is left. White space becomes single spaces.
func plainText(raw string) (string, []link) {
	raw = strings.ReplaceAll(raw, "\n", " ")
	p := &plainer{}
	p.add(raw)
	text := p.b.String()
	trimmed := strings.TrimRight(text, " ")
	return trimmed, p.links
}

// A plainer writes text without markup and without doubled spaces.
type plainer struct {
	b     strings.Builder
	space bool // a space is due before the next letter
	links []link
}

func (p *plainer) add(raw string) {
	pos := 0
	for _, m := range markup.FindAllStringSubmatchIndex(raw, -1) {
		p.text(raw[pos:m[0]])
		pos = m[1]
		switch {
		case m[2] >= 0:
			p.link(raw[m[2]:m[3]], raw[m[4]:m[5]])
		case m[6] >= 0:
			p.link(raw[m[8]:m[9]], raw[m[6]:m[7]])
		case raw[m[0]] == '<' || raw[m[0]] == '!':
			p.text(" ")
		}
	}
	p.text(raw[pos:])
}

// link writes a link's text, which has no links in it, and notes its place.
func (p *plainer) link(text, target string) {
	inner := &plainer{}
	inner.text(markup.ReplaceAllString(text, " "))
	words := inner.b.String()
	if words == "" {
		return
	}
	if p.space && p.b.Len() > 0 {
		p.b.WriteByte(' ')
	}
	p.space = false
	start := p.b.Len()
	p.b.WriteString(words)
	p.links = append(p.links, link{start: start, end: p.b.Len(), target: target})
	p.space = inner.space
}

func (p *plainer) text(s string) {
	if strings.ContainsRune(s, '&') {
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
