// Package jinja reads prompt templates as far as is needed to list the names
// that they use and the text that they add.
//
// It renders nothing. Lexical rules: Jinja 3.1, lexer.py.
package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTemplate in bytes: the longest chat templates in the wild have below
// 32 kB.
const MaxTemplate = 1 << 20

// ErrTemplate is wrapped by every error: the template does not end as Jinja
// wants it to.
var ErrTemplate = errors.New("unreadable template")

type kind uint8

const (
	name kind = iota + 1
	number
	text
	operator
)

// A token is one token of an expression. The text of a string is unescaped.
type token struct {
	kind kind
	text string
}

func (t token) is(s string) bool { return (t.kind == name || t.kind == operator) && t.text == s }

// A piece is a stretch of the template: literal text, or one tag.
type piece struct {
	tag    byte // 0 text, '{' output, '%' statement
	text   string
	tokens []token
	line   int
}

// split cuts a template into pieces. Comments are left out.
func split(source string) ([]piece, error) {
	if len(source) > MaxTemplate {
		return nil, fmt.Errorf("%w: %d bytes are over the limit of %d", ErrTemplate, len(source), MaxTemplate)
	}
	var out []piece
	line := 1
	for source != "" {
		i := nextTag(source)
		if i < 0 {
			i = len(source)
		}
		if i > 0 {
			out = append(out, piece{text: source[:i], line: line})
			line += strings.Count(source[:i], "\n")
			source = source[i:]
			continue
		}
		p, n, err := tag(source)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrTemplate, line, err)
		}
		if p.line = line; p.tag != '#' {
			out = append(out, p)
		}
		line += strings.Count(source[:n], "\n")
		source = source[n:]
		if len(p.tokens) == 1 && p.tokens[0].is("raw") && p.tag == '%' {
			body, m, err := raw(source)
			if err != nil {
				return nil, fmt.Errorf("%w: line %d: %w", ErrTemplate, line, err)
			}
			out = append(out, piece{text: body, line: line})
			line += strings.Count(source[:m], "\n")
			source = source[m:]
		}
	}
	return out, nil
}

func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

var errOpen = errors.New("a tag is not closed")

// tag reads one tag at the begin of s and says how long it is.
func tag(s string) (piece, int, error) {
	p := piece{tag: s[1]}
	if p.tag == '#' {
		end := strings.Index(s[2:], "#}")
		if end < 0 {
			return p, 0, errOpen
		}
		return p, 2 + end + 2, nil
	}
	end := "}}"
	if p.tag == '%' {
		end = "%}"
	}
	at := 2
	if at < len(s) && (s[at] == '-' || s[at] == '+') {
		at++
	}
	begin, depth := at, 0
	for at < len(s) {
		rest := s[at:]
		if depth == 0 {
			for _, e := range []string{end, "-" + end, "+" + end} {
				if strings.HasPrefix(rest, e) {
					p.text = s[begin:at]
					return p, at + len(e), nil
				}
			}
		}
		t, n, err := lex(rest)
		if err != nil {
			return p, 0, err
		}
		at += n
		if n == 0 || t.kind == 0 {
			continue
		}
		if t.kind == operator {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				if depth--; depth < 0 {
					return p, 0, fmt.Errorf("unmatched %q", t.text)
				}
			}
		}
		if n := len(p.tokens); n > 0 && t.kind == text && p.tokens[n-1].kind == text {
			p.tokens[n-1].text += t.text // parser.py, parse_primary: strings side by side are one
			continue
		}
		p.tokens = append(p.tokens, t)
	}
	return p, 0, errOpen
}

// raw reads up to and with the tag that ends a raw block.
func raw(s string) (string, int, error) {
	for at := 0; ; {
		i := strings.Index(s[at:], "{%")
		if i < 0 {
			return "", 0, errors.New("a raw block is not closed")
		}
		at += i
		rest := strings.TrimLeft(strings.TrimLeft(s[at+2:], "-+"), " \t\r\n")
		if after, ok := strings.CutPrefix(rest, "endraw"); ok {
			after = strings.TrimLeft(after, " \t\r\n")
			after = strings.TrimLeft(after, "-+")
			if tail, ok := strings.CutPrefix(after, "%}"); ok {
				return s[:at], len(s) - len(tail), nil
			}
		}
		at += 2
	}
}

// lex reads one token, or white space, which is a token of no kind.
func lex(s string) (token, int, error) {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsSpace(r):
		return token{}, n, nil
	case r == '"' || r == '\'':
		return quoted(s)
	case r >= '0' && r <= '9':
		i := 1
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '_' || s[i] == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9') {
			i++
		}
		return token{number, s[:i]}, i, nil
	case r == '_' || unicode.IsLetter(r):
		i := n
		for i < len(s) {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				break
			}
			i += n
		}
		return token{name, s[:i]}, i, nil
	case strings.ContainsRune("+-*/%~()[]{}<>=!.,:|;", r):
		return token{operator, s[:n]}, n, nil
	}
	return token{}, 0, fmt.Errorf("unexpected character %q", r)
}

// quoted reads a string with Python's escapes, which Jinja resolves.
func quoted(s string) (token, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch c := s[i]; c {
		case s[0]:
			return token{text, b.String()}, i + 1, nil
		case '\\':
			r, n := escape(s[i:])
			b.WriteString(r)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return token{}, 0, errors.New("a string is not closed")
}

// escape reads one escape sequence (Python, unicode-escape). What is none
// stands for itself.
func escape(s string) (string, int) {
	if len(s) < 2 {
		return s, len(s)
	}
	digits, base := 0, 16
	at := 2
	switch c := s[1]; c {
	case 'n':
		return "\n", 2
	case 't':
		return "\t", 2
	case 'r':
		return "\r", 2
	case '\\', '\'', '"':
		return s[1:2], 2
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case '0', '1', '2', '3', '4', '5', '6', '7':
		at, base = 1, 8
		for digits < 3 && at+digits < len(s) && s[at+digits] >= '0' && s[at+digits] <= '7' {
			digits++
		}
	default:
		return s[:1], 1
	}
	if at+digits > len(s) {
		return s[:1], 1
	}
	n, err := strconv.ParseUint(s[at:at+digits], base, 32)
	if err != nil {
		return s[:1], 1
	}
	return string(rune(n)), at + digits
}
