package policy

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

//go:embed library/rules.yaml
var libraryYAML []byte

// A ReadyRule is a rule that a policy switches on by name.
type ReadyRule struct {
	Name, Title string
	Parameters  []Parameter // by name
	Require     string      // in it, with.NAME is a parameter
	LegalBasis  bool        // a policy that uses it must name one
	message     string
}

// A Parameter is what a ready rule wants to know. One without default must be
// given.
type Parameter struct {
	Name, Title string
	Type        string // "texts", "number", "days" or "grade"
	Default     string // as YAML, "" for none
	value       *yaml.Node
}

// ReadyRules returns the rules of the library, by name.
func ReadyRules() ([]ReadyRule, error) {
	top, err := readYAML(libraryYAML)
	if err != nil {
		return nil, err
	}
	f, err := fields(top, "library", "rules")
	if err != nil {
		return nil, err
	}
	list, err := items(f["rules"], "rules")
	if err != nil {
		return nil, err
	}
	var out []ReadyRule
	for _, item := range list {
		r, err := readyRule(item)
		if err != nil {
			return nil, fmt.Errorf("the library of rules: %w", err)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b ReadyRule) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func readyRule(item *yaml.Node) (ReadyRule, error) {
	f, err := fields(item, "rule", "name", "title", "parameters", "require", "message", "legalBasis")
	if err != nil {
		return ReadyRule{}, err
	}
	r := ReadyRule{Name: f["name"].Value, Title: f["title"].Value, message: f["message"].Value, LegalBasis: f["legalBasis"] != nil}
	r.Require = strings.TrimRight(f["require"].Value, "\n")
	if f["parameters"] == nil {
		return r, nil
	}
	parameters, err := fields(f["parameters"], "parameters")
	if err != nil {
		return ReadyRule{}, err
	}
	for name, n := range parameters {
		g, err := fields(n, "parameter", "type", "title", "default")
		if err != nil {
			return ReadyRule{}, err
		}
		p := Parameter{Name: name, Title: g["title"].Value, Type: g["type"].Value, value: g["default"]}
		if p.value != nil {
			b, err := yaml.Marshal(p.value)
			if err != nil {
				return ReadyRule{}, err
			}
			p.Default = strings.TrimSpace(string(b))
		}
		r.Parameters = append(r.Parameters, p)
	}
	slices.SortFunc(r.Parameters, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}

// parseUse reads which ready rules are on, and with what.
func parseUse(n *yaml.Node) ([]rule, error) {
	if n == nil {
		return nil, nil
	}
	list, err := items(n, "use")
	if err != nil {
		return nil, err
	}
	library, err := ReadyRules()
	if err != nil {
		return nil, err
	}
	var out []rule
	for _, item := range list {
		r, err := parseUsed(item, library)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func parseUsed(item *yaml.Node, library []ReadyRule) (rule, error) {
	f, err := fields(item, "use", "rule", "name", "with", "effect", "message", "legalBasis", "docs")
	if err != nil {
		return rule{}, err
	}
	if f["rule"] == nil {
		return rule{}, fail(item, "use: want the name of a ready rule")
	}
	name, err := text(f["rule"], "rule")
	if err != nil {
		return rule{}, err
	}
	i := slices.IndexFunc(library, func(r ReadyRule) bool { return r.Name == name })
	if i < 0 {
		return rule{}, fail(f["rule"], "there is no ready rule %q (known: %s)", name, strings.Join(readyNames(library), ", "))
	}
	ready := library[i]
	if ready.LegalBasis && f["legalBasis"] == nil {
		return rule{}, fail(item, "rule %q asks where a model is from and names no legalBasis: say which law or contract asks for it", name)
	}
	r := rule{name: name}
	if f["name"] != nil {
		if r.name, err = text(f["name"], "name of a rule"); err != nil {
			return rule{}, err
		}
		if !reRuleName.MatchString(r.name) {
			return rule{}, fail(f["name"], "rule %q: a name has small letters, digits and single hyphens", r.name)
		}
	}
	values, err := ready.values(item, f["with"])
	if err != nil {
		return rule{}, err
	}
	if r.require, err = expression.Condition(filled(ready.Require, values)); err != nil {
		return rule{}, fail(item, "rule %q: %v", name, err)
	}
	if err := r.parseRest(item, f, nil); err != nil {
		return rule{}, err
	}
	if f["message"] == nil {
		message := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: filled(ready.message, values), Line: item.Line, Column: item.Column}
		r.message, err = parseMessage(message, nil)
	}
	return r, err
}

func readyNames(library []ReadyRule) []string {
	var out []string
	for _, r := range library {
		out = append(out, r.Name)
	}
	return out
}

// values are the parameters as CEL writes them.
func (r ReadyRule) values(item, with *yaml.Node) (map[string]string, error) {
	given := map[string]*yaml.Node{}
	if with != nil {
		var known []string
		for _, p := range r.Parameters {
			known = append(known, p.Name)
		}
		if len(known) == 0 {
			return nil, fail(with, "rule %q has no parameters", r.Name)
		}
		var err error
		if given, err = fields(with, "with", known...); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for _, p := range r.Parameters {
		n := given[p.Name]
		if n == nil {
			n = p.value
		}
		if n == nil {
			return nil, fail(item, "rule %q: with.%s is missing: %s", r.Name, p.Name, p.Title)
		}
		literal, err := p.literal(n)
		if err != nil {
			return nil, err
		}
		out[p.Name] = literal
	}
	return out, nil
}

// literal writes a parameter's value in CEL.
func (p Parameter) literal(n *yaml.Node) (string, error) {
	what := "with." + p.Name
	switch p.Type {
	case "texts":
		list, err := texts(n, what)
		if err != nil {
			return "", err
		}
		for i, s := range list {
			list[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(list, ", ") + "]", nil
	case "number":
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || !reNumber.MatchString(n.Value) {
			return "", fail(n, "%s: want a whole number without sign", what)
		}
		return strings.ReplaceAll(n.Value, "_", ""), nil
	case "days":
		days, err := natural(n, what)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("duration(\"%dh\")", 24*days), nil
	default:
		word, err := text(n, what)
		if err != nil {
			return "", err
		}
		grades := []string{provenance.Declared.String(), provenance.Attested.String(), provenance.Verified.String()}
		if !slices.Contains(grades, word) {
			return "", fail(n, "%s is %q, want one of %s", what, word, strings.Join(grades, ", "))
		}
		return word, nil
	}
}

var (
	reNumber = regexp.MustCompile(`^[1-9][0-9]{0,17}$|^[1-9][0-9]{0,2}(_[0-9]{3}){0,5}$`)
	reWith   = regexp.MustCompile(`\bwith\.(\w+)`)
)

// filled puts the values of parameters in their places.
func filled(source string, values map[string]string) string {
	return reWith.ReplaceAllStringFunc(source, func(s string) string { return values[strings.TrimPrefix(s, "with.")] })
}
