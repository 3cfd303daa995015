package provenance

import (
	"slices"
	"strings"
)

// normalSPDX writes an SPDX licence expression so that two with the same
// meaning are the same text: identifiers in lower case (SPDX 3.0.1, annex
// "SPDX license expressions": matched without regard to case), operands of AND
// and OR sorted and once each, parentheses only where they are needed. What is
// no expression is folded like any text.
//
// It knows no list of licences: which names of one licence are the same is the
// business of who makes the expression.
func normalSPDX(s string) string {
	p := spdxParser{tokens: spdxTokens(s)}
	e, ok := p.or(0)
	if !ok || len(p.tokens) > 0 {
		return fold(s)
	}
	return e.text
}

// maxSPDXDepth bounds parentheses; expressions in the wild nest twice.
const maxSPDXDepth = 16

// An spdxTerm is a part of an expression in normal form.
type spdxTerm struct {
	operator string // "and", "or", "" for a single licence
	operands []string
	text     string
	within   bool // by the parser's list of allowed licences
}

type spdxParser struct {
	tokens  []string
	allowed func(id string) bool // nil: none is
}

func spdxTokens(s string) []string {
	s = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s)
	return strings.Fields(strings.ToLower(s))
}

func (p *spdxParser) next(token string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != token {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *spdxParser) or(depth int) (spdxTerm, bool) { return p.joined("or", depth, p.and) }

func (p *spdxParser) and(depth int) (spdxTerm, bool) { return p.joined("and", depth, p.single) }

// joined reads operand (operator operand)*.
func (p *spdxParser) joined(operator string, depth int, operand func(int) (spdxTerm, bool)) (spdxTerm, bool) {
	first, ok := operand(depth)
	if !ok {
		return spdxTerm{}, false
	}
	terms := []spdxTerm{first}
	for p.next(operator) {
		t, ok := operand(depth)
		if !ok {
			return spdxTerm{}, false
		}
		terms = append(terms, t)
	}
	return join(operator, terms), true
}

// single reads a licence, with its exception, or an expression in parentheses.
func (p *spdxParser) single(depth int) (spdxTerm, bool) {
	if p.next("(") {
		if depth >= maxSPDXDepth {
			return spdxTerm{}, false
		}
		t, ok := p.or(depth + 1)
		return t, ok && p.next(")")
	}
	id, ok := p.identifier()
	if !ok {
		return spdxTerm{}, false
	}
	if p.next("with") {
		exception, ok := p.identifier()
		if !ok {
			return spdxTerm{}, false
		}
		id += " with " + exception
	}
	return spdxTerm{operands: []string{id}, text: id, within: p.allowed != nil && p.allowed(id)}, true
}

func (p *spdxParser) identifier() (string, bool) {
	if len(p.tokens) == 0 || slices.Contains([]string{"(", ")", "and", "or", "with"}, p.tokens[0]) {
		return "", false
	}
	id := p.tokens[0]
	p.tokens = p.tokens[1:]
	return id, true
}

// join flattens operands of the same operator, sorts them and drops
// repetitions; one operand is left as it is.
func join(operator string, terms []spdxTerm) spdxTerm {
	var operands []string
	within := operator == "and"
	for _, t := range terms {
		if operator == "and" {
			within = within && t.within
		} else {
			within = within || t.within
		}
		switch {
		case t.operator == "" || t.operator == operator:
			operands = append(operands, t.operands...)
		default:
			operands = append(operands, "("+t.text+")")
		}
	}
	slices.Sort(operands)
	operands = slices.Compact(operands)
	if len(operands) == 1 { // all terms were the same
		return terms[0]
	}
	return spdxTerm{operator: operator, operands: operands, text: strings.Join(operands, " "+operator+" "), within: within}
}
