package license

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrExpression is wrapped by errors about texts that are no SPDX expression.
var ErrExpression = errors.New("not an SPDX licence expression")

// The limits of an expression. The longest in the SPDX examples and in Linux
// distributions' metadata stay below 500 bytes and four levels.
const (
	maxExpression = 4096
	maxNesting    = 32
)

// Expression reads an SPDX licence expression (SPDX 3.0.1, annex "SPDX license
// expressions") of known licence and exception ids and LicenseRefs, and returns
// it in one canonical form: ids and operators spelled as SPDX does, operands of
// AND and OR sorted and distinct, no needless parentheses. Two expressions that
// differ only in order, case or parentheses have the same form. Operators may
// be written in lower case, as is common in the wild. Errors wrap
// ErrExpression.
func Expression(s string) (string, error) {
	if len(s) > maxExpression {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrExpression, maxExpression)
	}
	p := &parser{x: catalog(), tokens: tokenize(s)}
	n, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is left over", p.tokens[0])
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrExpression, err)
	}
	return n.String(), nil
}

// A node is a licence with its exception, or an operator over others.
type node struct {
	leaf string
	op   string // "AND", "OR"
	args []node
}

// String writes the canonical form. AND binds closer than OR.
func (n node) String() string {
	if n.op == "" {
		return n.leaf
	}
	var parts []string
	for _, a := range n.args {
		s := a.String()
		if n.op == "AND" && a.op == "OR" {
			s = "(" + s + ")"
		}
		parts = append(parts, s)
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), " "+n.op+" ")
}

func tokenize(s string) []string {
	s = strings.ReplaceAll(s, "(", " ( ")
	s = strings.ReplaceAll(s, ")", " ) ")
	return strings.Fields(s)
}

type parser struct {
	x      *index
	tokens []string
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) accept(word string) bool {
	if !strings.EqualFold(p.next(), word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) or(depth int) (node, error)  { return p.chain("OR", p.and, depth) }
func (p *parser) and(depth int) (node, error) { return p.chain("AND", p.simple, depth) }

// chain reads operands of one operator and flattens those of the same kind.
func (p *parser) chain(op string, operand func(int) (node, error), depth int) (node, error) {
	n := node{op: op}
	for {
		a, err := operand(depth)
		if err != nil {
			return node{}, err
		}
		if a.op == op {
			n.args = append(n.args, a.args...)
		} else {
			n.args = append(n.args, a)
		}
		if !p.accept(op) {
			break
		}
	}
	slices.SortFunc(n.args, func(a, b node) int { return strings.Compare(a.String(), b.String()) })
	n.args = slices.CompactFunc(n.args, func(a, b node) bool { return a.String() == b.String() })
	if len(n.args) == 1 {
		return n.args[0], nil
	}
	return n, nil
}

func (p *parser) simple(depth int) (node, error) {
	if depth > maxNesting {
		return node{}, fmt.Errorf("nested deeper than %d", maxNesting)
	}
	if p.accept("(") {
		n, err := p.or(depth + 1)
		if err == nil && !p.accept(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return n, err
	}
	token := p.next()
	id, ok := p.x.licenseID(token)
	if !ok {
		return node{}, fmt.Errorf("%q is no licence id", token)
	}
	p.tokens = p.tokens[1:]
	if !p.accept("WITH") {
		return node{leaf: id}, nil
	}
	exception, ok := p.x.exception[strings.ToLower(p.next())]
	if !ok {
		return node{}, fmt.Errorf("%q is no exception id", p.next())
	}
	p.tokens = p.tokens[1:]
	return node{leaf: id + " WITH " + exception}, nil
}

// licenseRef is SPDX's grammar of own identifiers.
var licenseRef = regexp.MustCompile(`^(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$`)

// licenseID returns the canonical spelling of one licence id.
func (x *index) licenseID(token string) (string, bool) {
	if l, ok := x.byID[strings.ToLower(token)]; ok {
		return l.ID, true
	}
	if id, ok := x.spdx[strings.ToLower(token)]; ok {
		return id, true
	}
	if licenseRef.MatchString(token) {
		return token, true
	}
	if base, ok := strings.CutSuffix(token, "+"); ok {
		if id, ok := x.spdx[strings.ToLower(base)]; ok {
			return id + "+", true
		}
	}
	return "", false
}
