package jinja

import "strings"

// define notes the names that a piece makes: variables, macros, and fields of
// namespaces.
func (s *scan) define(p piece) {
	t := p.tokens
	if p.tag != '%' || len(t) < 2 {
		return
	}
	switch {
	case t[0].is("set"), t[0].is("for"):
		for i := 1; i < len(t) && !t[i].is("=") && !t[i].is("in"); i++ {
			if t[i].kind == name {
				s.defined[t[i].text] = true
			}
		}
	case t[0].is("macro"), t[0].is("call"), t[0].is("with"):
		for _, k := range t[1:] {
			if k.kind == name {
				s.defined[k.text] = true
			}
		}
	}
	for i, k := range t {
		if k.is("namespace") || k.is("dict") {
			for j := i + 1; j+1 < min(len(t), i+maxAhead); j++ {
				if t[j].kind == name && t[j+1].is("=") {
					s.defined[t[j].text] = true
				}
			}
		}
	}
}

// piece looks at one piece in order.
func (s *scan) piece(p piece) {
	s.line = p.line
	switch p.tag {
	case 0:
		s.literal(p.text, s.condition())
	case '{':
		s.expression(p.tokens)
		s.strings(p.tokens)
	case '%':
		if len(p.tokens) > 0 {
			s.statement(p)
		}
	}
}

// strings shows the string constants of an expression that adds to the prompt:
// under the open condition, or under the expression's own.
func (s *scan) strings(tokens []token) {
	condition := s.condition()
	for i, t := range tokens {
		if t.is("if") && i > 0 && !strings.HasPrefix(condition, "in the expression") {
			condition = "in the expression: " + join(tokens[i:])
		}
	}
	for i, t := range tokens {
		if t.kind != text {
			continue
		}
		if !compared(tokens, i) {
			s.literal(t.text, condition)
		}
	}
}

// compared says whether token i is only compared with something.
func compared(t []token, i int) bool {
	if i+1 < len(t) && (t[i+1].is("in") || t[i+1].is("=") || t[i+1].is("!")) {
		return true
	}
	return i > 0 && t[i-1].is("in") || i > 1 && t[i-1].is("=") && (t[i-2].is("=") || t[i-2].is("!"))
}

func join(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens[:min(len(tokens), maxAhead)] {
		if t.kind == text {
			b.WriteString("'" + t.text + "' ")
		} else {
			b.WriteString(t.text + " ")
		}
	}
	return b.String()
}

// statement follows what is open, and looks at the names.
func (s *scan) statement(p piece) {
	word := p.tokens[0].text
	inside := clip(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(p.text), word)))
	if len(s.blocks) == maxBlocks {
		s.deep = true
		s.blocks = s.blocks[:0]
	}
	switch word {
	case "if":
		s.blocks = append(s.blocks, block{word, "if " + inside})
	case "elif", "else":
		if n := len(s.blocks); n > 0 && s.blocks[n-1].kind == "if" {
			s.blocks[n-1].condition = strings.TrimSpace(word + " " + inside + " of " + firstWords(s.blocks[n-1].condition))
		}
	case "for", "macro", "call", "filter", "block", "with", "generation":
		s.blocks = append(s.blocks, block{kind: word})
	case "include", "import", "from", "extends":
		s.add(&s.report.Includes, word+" "+inside)
	case "set":
		s.strings(p.tokens)
	}
	if kind, ok := strings.CutPrefix(word, "end"); ok {
		for i := len(s.blocks) - 1; i >= 0; i-- {
			if s.blocks[i].kind == kind {
				s.blocks = s.blocks[:i]
				break
			}
		}
	}
	if p.tokens[0].kind == name && !listed(tags, word) {
		s.add(&s.report.Unlisted, "{% "+word+" %}")
	}
	s.expression(p.tokens[1:])
}

// firstWords keeps the chain of conditions of one block short.
func firstWords(c string) string {
	if i := strings.Index(c, " of "); i >= 0 {
		c = c[i+len(" of "):]
	}
	return c
}
