package jinja

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits on what is listed of one template.
const (
	maxUses     = 64
	maxLiterals = 64
	maxLiteral  = 240 // bytes of one literal or condition
	maxBlocks   = 256 // open at once; people nest some 10
	// maxAhead is how many tokens are looked at behind one that begins
	// something, so that time stays linear.
	maxAhead = 128
	// minLetters is how many letters a conditional literal has at least to be
	// shown: single words and special tokens are in every template.
	minLetters = 8
)

// The dialects.
const (
	Jinja = "jinja"
	// GoTemplate: Ollama's templates. They see only what they are given, and
	// are not read further.
	GoTemplate = "go"
)

// A Use is a name and the first line that it stands on.
type Use struct {
	Name string `json:"name"`
	Line int    `json:"line"`
}

// A Literal is text that is added to the prompt under a condition.
type Literal struct {
	Text      string `json:"text"`
	Condition string `json:"condition"`
	Line      int    `json:"line"`
}

// A Report is what a template uses.
type Report struct {
	Dialect  string
	Escapes  []Use // names that lead to the interpreter
	Unlisted []Use // names outside the allow-lists
	Includes []Use // other files
	Literals []Literal
	More     int // entries that are not listed
}

// Parse reads a template.
func Parse(source string) (Report, error) {
	goLike := isGo(source)
	pieces, err := split(source)
	if goLike && err != nil {
		return Report{Dialect: GoTemplate}, nil // no Jinja renders it
	}
	if err != nil {
		return Report{}, err
	}
	s := &scan{report: Report{Dialect: Jinja}, defined: map[string]bool{}, seen: map[string]bool{}}
	for _, p := range pieces {
		s.define(p)
	}
	for _, p := range pieces {
		s.piece(p)
	}
	if goLike && !s.insides() {
		return Report{Dialect: GoTemplate}, nil
	}
	if s.deep {
		return s.report, fmt.Errorf("%w: more than %d blocks inside each other", ErrTemplate, maxBlocks)
	}
	return s.report, nil
}

// insides says whether a template that looks like Go's would, as Jinja, lead to
// the interpreter: "{{ range .__class__ }}" is an attribute of range.
func (s *scan) insides() bool {
	return len(s.report.Escapes) > 0 || slices.ContainsFunc(s.report.Unlisted, func(u Use) bool { return strings.Contains(u.Name, "computed ") })
}

// isGo knows Go's text/template, which has no statements in {% %} and names
// its data with a leading dot.
func isGo(source string) bool {
	if strings.Contains(source, "{%") {
		return false
	}
	for rest := source; ; {
		_, after, ok := strings.Cut(rest, "{{")
		if !ok {
			return false
		}
		rest = after
		inside := strings.TrimLeft(strings.TrimPrefix(after, "-"), " \t\r\n")
		for _, prefix := range []string{".", "$", "/*", "if ", "range ", "with ", "end ", "end}", "end-", "else}", "else ", "define ", "template ", "block "} {
			if strings.HasPrefix(inside, prefix) {
				return true
			}
		}
	}
}

type scan struct {
	report  Report
	defined map[string]bool // names that the template itself makes
	seen    map[string]bool
	blocks  []block // open ones
	line    int
	deep    bool // more blocks than are followed
}

type block struct {
	kind      string
	condition string // "" where what is inside is not conditional
}

func (s *scan) add(list *[]Use, name string) {
	name = clip(name)
	if s.seen[name] {
		return
	}
	if len(*list) == maxUses {
		s.report.More++
		return
	}
	s.seen[name] = true
	*list = append(*list, Use{name, s.line})
}

// clip cuts at a rune.
func clip(t string) string {
	if len(t) <= maxLiteral {
		return t
	}
	n := maxLiteral - len("…")
	for n > 0 && !utf8.RuneStart(t[n]) {
		n--
	}
	return t[:n] + "…"
}

// condition is the innermost one that is open.
func (s *scan) condition() string {
	for i := len(s.blocks) - 1; i >= 0; i-- {
		if c := s.blocks[i].condition; c != "" {
			return c
		}
	}
	return ""
}

// literal shows text that is added under a condition.
func (s *scan) literal(t, condition string) {
	t = strings.TrimSpace(t)
	letters := 0
	for _, r := range t {
		if r|0x20 >= 'a' && r|0x20 <= 'z' || r >= utf8.RuneSelf {
			letters++
		}
	}
	if condition == "" || letters < minLetters {
		return
	}
	if len(s.report.Literals) == maxLiterals {
		s.report.More++
		return
	}
	s.report.Literals = append(s.report.Literals, Literal{Text: clip(t), Condition: clip(strings.TrimSpace(condition)), Line: s.line})
}
