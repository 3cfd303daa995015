package python

import (
	"errors"
	"strings"
)

// number reads a numeric literal exactly: a keyword may follow without a
// space, as in `0or x` (reference §2.6.1), and must not be swallowed.
func (l *lexer) number() {
	start := l.at
	digits := func(set string) {
		for l.at < len(l.text) && (strings.IndexByte(set, l.text[l.at]) >= 0 ||
			l.text[l.at] == '_' && l.at > start && l.at+1 < len(l.text) && strings.IndexByte(set, l.text[l.at+1]) >= 0) {
			l.at++
		}
	}
	const decimal = "0123456789"
	if set, ok := bases[l.peek(1)|0x20]; ok && l.peek(0) == '0' && (strings.IndexByte(set, l.peek(2)) >= 0 || l.peek(2) == '_') {
		l.at += 2
		digits(set)
		l.add(Number, l.text[start:l.at], start)
		return
	}
	digits(decimal)
	if l.peek(0) == '.' {
		l.at++
		digits(decimal)
	}
	if l.peek(0)|0x20 == 'e' {
		sign := 0
		if c := l.peek(1); c == '+' || c == '-' {
			sign = 1
		}
		if c := l.peek(1 + sign); c >= '0' && c <= '9' {
			l.at += 1 + sign
			digits(decimal)
		}
	}
	if l.peek(0)|0x20 == 'j' {
		l.at++
	}
	l.add(Number, l.text[start:l.at], start)
}

var bases = map[byte]string{'x': "0123456789abcdefABCDEF", 'o': "01234567", 'b': "01"}

// text1 reads a string literal at a quote, whose prefix was read.
func (l *lexer) text1(prefix string) error {
	quote := l.rest()[:1]
	if strings.HasPrefix(l.rest(), strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	l.at += len(quote)
	if strings.ContainsAny(prefix, "ft") {
		return l.format(quote, strings.Contains(prefix, "r"))
	}
	start := l.at
	for l.at < len(l.text) {
		if strings.HasPrefix(l.rest(), quote) {
			text := l.text[start:l.at]
			l.at += len(quote)
			l.add(String, text, start)
			return nil
		}
		if err := l.character(len(quote) == 3); err != nil {
			return err
		}
	}
	return errUnclosed
}

var errUnclosed = errors.New("a string is not closed")

// character passes one character of a string; a backslash takes the next one
// with it, in raw strings too.
func (l *lexer) character(long bool) error {
	switch c := l.text[l.at]; {
	case c == '\\':
		l.at++
		if l.at == len(l.text) {
			return errUnclosed
		}
		if strings.HasPrefix(l.rest(), "\r\n") {
			l.at++
		}
		if d := l.text[l.at]; d == '\n' || d == '\r' {
			l.line++
		}
	case c == '\n' || c == '\r':
		if !long {
			return errUnclosed
		}
		if c == '\n' || l.peek(1) != '\n' {
			l.line++
		}
	}
	l.at++
	return nil
}

// format reads the inside of a format string (PEP 701): literal parts as
// strings, and the tokens of its expressions between braces.
func (l *lexer) format(quote string, raw bool) error {
	if l.nesting++; l.nesting > maxNesting {
		return errors.New("format strings nested too deep")
	}
	defer func() { l.nesting-- }()
	closed, err := l.literal(quote, raw, false)
	if err == nil && !closed {
		err = errUnclosed
	}
	return err
}

// literal reads literal text and replacement fields up to the closing quote,
// or, as a format specification, up to the brace that ends it. It says whether
// it saw that end.
func (l *lexer) literal(quote string, raw, spec bool) (bool, error) {
	start := l.at
	flush := func() {
		if l.at > start {
			l.add(String, l.text[start:l.at], start)
		}
	}
	for l.at < len(l.text) {
		rest := l.rest()
		switch {
		case spec && rest[0] == '}':
			flush()
			return true, nil
		case strings.HasPrefix(rest, quote):
			if spec {
				return false, errUnclosed
			}
			flush()
			l.at += len(quote)
			return true, nil
		case !spec && (strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}")):
			l.at += 2
		case rest[0] == '}':
			return false, errors.New("a single brace in a format string")
		case rest[0] == '{':
			flush()
			if err := l.field(quote, raw); err != nil {
				return false, err
			}
			start = l.at
		case !raw && strings.HasPrefix(rest, `\N{`):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return false, errUnclosed
			}
			l.at += end + 1
		case rest[0] == '\\' && len(rest) > 1 && (rest[1] == '{' || rest[1] == '}'):
			l.at++ // the brace keeps its meaning
		default:
			if err := l.character(len(quote) == 3); err != nil {
				return false, err
			}
		}
	}
	return false, errUnclosed
}

// field reads `{expression!r:spec}`.
func (l *lexer) field(quote string, raw bool) error {
	if l.nesting++; l.nesting > maxNesting {
		return errors.New("format strings nested too deep")
	}
	defer func() { l.nesting-- }()
	l.at++
	l.depth++
	l.add(Operator, "{", l.at-1)
	inside := l.depth
	err := l.all(func() bool {
		c := l.text[l.at]
		return l.depth == inside && (c == '}' || c == ':' || c == '!' && l.peek(1) != '=')
	})
	if err != nil {
		return err
	}
	if l.peek(0) == '!' {
		l.at++
		for l.at < len(l.text) && l.text[l.at] != ':' && l.text[l.at] != '}' {
			if c := l.text[l.at]; c != ' ' && (c|0x20 < 'a' || c|0x20 > 'z') {
				return errors.New("a conversion that is none")
			}
			l.at++
		}
	}
	if l.peek(0) == ':' {
		l.at++
		if _, err := l.literal(quote, raw, true); err != nil {
			return err
		}
	}
	if l.peek(0) != '}' || l.depth != inside {
		return errUnclosed
	}
	l.at++
	l.depth--
	l.add(Operator, "}", l.at-1)
	return nil
}
