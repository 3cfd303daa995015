// Package python reads Python source as far as is needed to list what it
// imports and calls: its tokens, its imports, its dotted names.
//
// It runs nothing and imports nothing, and it does not say that code is safe:
// code that builds names at run time can call what is not listed. Lexical
// rules: The Python Language Reference 3.14, chapter 2, and PEP 701.
package python

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits.
const (
	// MaxSource in bytes: the longest modelling file of transformers has below
	// 300 kB.
	MaxSource = 1 << 20
	// maxTokens bounds memory to some 6 MiB; the file above has some 60,000.
	maxTokens = 1 << 17
	// maxNesting of format strings inside each other. CPython's own limit is
	// 150; code that people write has 2.
	maxNesting = 16
)

// ErrSource is wrapped by every error: the source is not what CPython would
// read, or not read here as CPython reads it.
var ErrSource = errors.New("unreadable Python source")

// A Kind says what a token is.
type Kind uint8

// The kinds of tokens. Comments are left out.
const (
	Name Kind = iota + 1
	Number
	String    // a literal, or a literal part of a format string
	Operator  // one byte
	LineBreak // ends a logical line
)

// A Token is one token. Text of a Name is in NFKC, as CPython compares names;
// text of a String is what stands between the quotes, escapes and all.
type Token struct {
	Kind       Kind
	Text       string
	Start, End int // bytes
	Line       int // from 1
}

// A lexer walks over one source.
type lexer struct {
	text    string
	at      int
	line    int
	depth   int // of brackets: a line break inside them ends nothing
	nesting int // of format strings
	tokens  []Token
}

var cookie = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// Tokens reads the whole source, or says why it cannot be read.
func Tokens(source []byte) ([]Token, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("%w: %d bytes are over the limit of %d", ErrSource, len(source), MaxSource)
	}
	text := strings.TrimPrefix(string(source), "\ufeff")
	switch {
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("%w: not UTF-8", ErrSource)
	case strings.IndexByte(text, 0) >= 0:
		return nil, fmt.Errorf("%w: a NUL byte", ErrSource)
	}
	if err := checkCookie(text); err != nil {
		return nil, err
	}
	l := &lexer{text: text, line: 1}
	if err := l.all(func() bool { return false }); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrSource, l.line, err)
	}
	l.add(LineBreak, "", l.at)
	return l.tokens, nil
}

// checkCookie refuses a declared encoding that is not the one read here: in
// UTF-7 or ROT13 the interpreter sees another program (PEP 263).
func checkCookie(text string) error {
	for range 2 {
		line, rest, _ := cutLine(text)
		if m := cookie.FindStringSubmatch(line); m != nil {
			switch strings.ReplaceAll(strings.ToLower(m[1]), "_", "-") {
			case "utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii":
				return nil
			}
			return fmt.Errorf("%w: it declares the encoding %q", ErrSource, m[1])
		}
		if strings.Trim(line, " \t\f") != "" && !strings.HasPrefix(strings.TrimLeft(line, " \t\f"), "#") {
			return nil
		}
		text = rest
	}
	return nil
}

func cutLine(text string) (line, rest string, ok bool) {
	i := strings.IndexAny(text, "\r\n")
	if i < 0 {
		return text, "", false
	}
	n := 1
	if strings.HasPrefix(text[i:], "\r\n") {
		n = 2
	}
	return text[:i], text[i+n:], true
}

func (l *lexer) add(k Kind, text string, start int) {
	l.tokens = append(l.tokens, Token{Kind: k, Text: text, Start: start, End: l.at, Line: l.line})
}

func (l *lexer) rest() string { return l.text[l.at:] }

// peek returns the byte n places on, 0 behind the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.text) {
		return l.text[l.at+n]
	}
	return 0
}

// all reads tokens until the end of the text or until done says so.
func (l *lexer) all(done func() bool) error {
	for l.at < len(l.text) && !done() {
		if len(l.tokens) > maxTokens {
			return fmt.Errorf("more than %d tokens", maxTokens)
		}
		if err := l.next(); err != nil {
			return err
		}
	}
	return nil
}

func (l *lexer) next() error {
	c := l.text[l.at]
	switch {
	case c == ' ' || c == '\t' || c == '\f':
		l.at++
	case c == '\r' || c == '\n':
		l.lineBreak()
	case c == '#':
		line, _, _ := cutLine(l.rest())
		l.at += len(line)
	case c == '\\':
		return l.continuation()
	case c >= '0' && c <= '9', c == '.' && l.peek(1) >= '0' && l.peek(1) <= '9':
		l.number()
	case c == '"' || c == '\'':
		return l.text1("")
	case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf:
		return l.word()
	default:
		return l.operator(c)
	}
	return nil
}

func (l *lexer) lineBreak() {
	start := l.at
	l.at++
	if l.text[start] == '\r' && l.peek(0) == '\n' {
		l.at++
	}
	if l.depth == 0 && l.nesting == 0 {
		l.add(LineBreak, "", start)
	}
	l.line++
}

// continuation joins two lines (reference §2.1.5).
func (l *lexer) continuation() error {
	l.at++
	if c := l.peek(0); c != '\r' && c != '\n' {
		return errors.New("a character behind a line continuation")
	}
	if strings.HasPrefix(l.rest(), "\r\n") {
		l.at++
	}
	l.at++
	l.line++
	return nil
}

func (l *lexer) operator(c byte) error {
	switch c {
	case '(', '[', '{':
		l.depth++
	case ')', ']', '}':
		if l.depth == 0 {
			return fmt.Errorf("unmatched %q", c)
		}
		l.depth--
	case '!':
		if l.peek(1) != '=' && l.nesting == 0 {
			return errors.New(`"!" alone`)
		}
	case '$', '?', '`':
		return fmt.Errorf("invalid character %q", c)
	default:
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("invalid character 0x%02x", c)
		}
	}
	l.at++
	l.add(Operator, string(c), l.at-1)
	return nil
}

// word reads a name, or the string that a name is the prefix of.
func (l *lexer) word() error {
	start := l.at
	for l.at < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.rest())
		if !nameRune(r) {
			break
		}
		l.at += n
	}
	name := l.text[start:l.at]
	if name == "" {
		r, _ := utf8.DecodeRuneInString(l.rest())
		return fmt.Errorf("invalid character %U", r)
	}
	if c := l.peek(0); (c == '"' || c == '\'') && isPrefix(name) {
		return l.text1(strings.ToLower(name))
	}
	l.add(Name, norm.NFKC.String(name), start)
	return nil
}

// nameRune is a superset of XID_Continue with the compatibility characters
// that NFKC maps to letters: what is no name for CPython fails there.
func nameRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsNumber(r) && r >= utf8.RuneSelf ||
		unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r) || unicode.Is(unicode.Pc, r) || unicode.Is(unicode.Other_ID_Continue, r) || unicode.Is(unicode.Other_ID_Start, r)
}

func isPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}
