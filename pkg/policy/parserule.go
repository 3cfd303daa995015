package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
)

// maxRules bounds the rules of one policy; forty are many.
const maxRules = 500

var (
	reRuleName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	reOrigin   = regexp.MustCompile(`^origin(\.|$)`)
)

// effects are the words for what a rule does that is not met.
var ruleEffects = map[string]Outcome{"deny": Deny, "hold": Hold, "warn": Allow}

func quoted(s string) string { return strconv.QuoteToGraphic(s) }

// parseRules reads the rules that a policy writes itself.
func (p *Policy) parseRules(n *yaml.Node, data []byte) ([]rule, error) {
	if n == nil {
		return nil, nil
	}
	list, err := items(n, "rules")
	if err != nil {
		return nil, err
	}
	if len(list) > maxRules {
		return nil, fail(n, "%d rules, over the limit of %d", len(list), maxRules)
	}
	var out []rule
	for _, item := range list {
		r, err := parseRule(item, data)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func parseRule(item *yaml.Node, data []byte) (rule, error) {
	f, err := fields(item, "rule", "name", "require", "effect", "message", "legalBasis", "docs")
	if err != nil {
		return rule{}, err
	}
	var r rule
	if r.name, err = named(item, f, "rule"); err != nil {
		return rule{}, err
	}
	if !reRuleName.MatchString(r.name) {
		return rule{}, fail(f["name"], "rule %q: a name has small letters, digits and single hyphens", r.name)
	}
	if f["require"] == nil {
		return rule{}, fail(item, "rule %q: no require: say in CEL what must hold", r.name)
	}
	source, err := prose(f["require"], "require")
	if err != nil {
		return rule{}, err
	}
	if r.require, err = expression.Condition(source); err != nil {
		return rule{}, placed(err, f["require"], source, data, fmt.Sprintf("rule %q: ", r.name))
	}
	return r, r.parseRest(item, f, data)
}

// parseRest reads what stands beside a rule's expression.
func (r *rule) parseRest(item *yaml.Node, f map[string]*yaml.Node, data []byte) (err error) {
	r.effect = Deny
	if n := f["effect"]; n != nil {
		word, err := text(n, "effect")
		if err != nil {
			return err
		}
		known := false
		if r.effect, known = ruleEffects[word]; !known {
			return fail(n, "effect is %q, want deny, hold or warn", word)
		}
	}
	if n := f["legalBasis"]; n != nil {
		if r.legalBasis, err = text(n, "legalBasis"); err != nil {
			return err
		}
	}
	if n := f["docs"]; n != nil {
		if r.docs, err = text(n, "docs"); err != nil {
			return err
		}
		if !strings.HasPrefix(r.docs, "https://") {
			return fail(n, "docs is %q, want a link that begins with https://", r.docs)
		}
	}
	if r.legalBasis == "" && r.require.Names(reOrigin.MatchString) {
		return fail(item, "rule %q asks where a model is from and names no legalBasis: say which law or contract asks for it", r.name)
	}
	if r.message, err = parseMessage(f["message"], data); err != nil {
		return err
	}
	if r.message == nil {
		r.message = template{{text: "what must hold does not: " + strings.Join(strings.Fields(r.require.Source()), " ")}}
	}
	return nil
}

// parseMessage reads a message in which an expression may stand in braces; two
// braces are one.
func parseMessage(n *yaml.Node, data []byte) (template, error) {
	if n == nil {
		return nil, nil
	}
	source, err := text(n, "message")
	if err != nil {
		return nil, err
	}
	var out template
	for rest := source; rest != ""; {
		open := strings.IndexByte(rest, '{')
		switch {
		case open < 0:
			return append(out, part{text: rest}), nil
		case strings.HasPrefix(rest[open:], "{{"):
			out, rest = append(out, part{text: rest[:open+1]}), rest[open+2:]
			continue
		}
		out, rest = append(out, part{text: rest[:open]}), rest[open+1:]
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fail(n, "message: a brace is not closed (two braces stand for one)")
		}
		value, err := expression.Text(inside)
		if err != nil {
			return nil, placed(shifted(err, source, len(source)-len(rest)), n, source, data, "message: ")
		}
		out, rest = append(out, part{value: value}), after
	}
	return out, nil
}

// prose reads a string of one or more lines.
func prose(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return "", fail(n, "%s: want a string", what)
	}
	if strings.TrimSpace(n.Value) == "" {
		return "", fail(n, "%s: is blank", what)
	}
	if i := strings.IndexFunc(n.Value, func(r rune) bool { return r != '\n' && invisible(r) }); i >= 0 {
		return "", fail(n, "%s: holds characters that cannot be seen", what)
	}
	return strings.TrimRight(n.Value, " \n"), nil
}

// shifted moves the error of a part to where the part stands in its text.
func shifted(err error, whole string, offset int) error {
	var e *expression.Error
	if !errors.As(err, &e) {
		return err
	}
	return &expression.Error{Line: 1, Column: len([]rune(whole[:offset])) + e.Column, Problem: e.Problem}
}
