package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
)

// A Remark is something in a policy file that is no error and that its writer
// may not have meant.
type Remark struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Problem string `json:"problem"`
}

// byName are the claims that are names: a rule on them is a rule on who
// somebody is, and not on a fact about the model.
var byName = []string{"origin.organization", "origin.publisherNamespace", "origin.legalEntity", "origin.contact"}

var reClaimID = regexp.MustCompile(`^[a-z]+(\.[a-zA-Z]+)+$`)

// Lint reads a policy file and says what its writer may not have meant. It
// fails where Parse does. claims are the ids of the claims that records can
// have; without any, ids are not looked at.
func Lint(data []byte, claims []string) ([]Remark, error) {
	if _, err := Parse(data); err != nil {
		return nil, err
	}
	top, err := readYAML(data)
	if err != nil {
		return nil, err
	}
	f, err := fields(top, "policy")
	if err != nil {
		return nil, err
	}
	out := lintRules(f["rules"], data, claims)
	if f["scopes"] != nil {
		for _, item := range f["scopes"].Content {
			if g, err := fields(item, "scope"); err == nil {
				out = append(out, lintRules(g["rules"], data, claims)...)
			}
		}
	}
	if n := f["allowUnsigned"]; n != nil && n.Value == "true" && f["scopes"] == nil {
		out = append(out, remark(n, "nobody has to sign anything under this policy"))
	}
	out = append(out, lintAdmission(f)...)
	slices.SortFunc(out, func(a, b Remark) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return out, nil
}

// lintAdmission looks at how models come into a cluster.
func lintAdmission(f map[string]*yaml.Node) []Remark {
	n := f["admission"]
	if n == nil {
		return nil
	}
	g, err := fields(n, "admission")
	if err != nil {
		return nil // Parse has said so
	}
	var out []Remark
	if f["summaries"] == nil && f["extends"] == nil {
		out = append(out, remark(n, "models are admitted by verification summaries, and there is no section summaries: every one is denied"))
	}
	if m := g["mode"]; m != nil && m.Value != "enforce" && g["namespaces"] == nil {
		out = append(out, remark(m, "no namespace enforces anything: what is denied comes in"))
	}
	if l := g["trustedLabel"]; l != nil {
		out = append(out, remark(l, "whoever can label a namespace chooses which reviews count there"))
	}
	return out
}

func remark(n *yaml.Node, format string, args ...any) Remark {
	return Remark{Line: n.Line, Column: n.Column, Problem: fmt.Sprintf(format, args...)}
}

func lintRules(n *yaml.Node, data []byte, claims []string) []Remark {
	if n == nil {
		return nil
	}
	var out []Remark
	for _, item := range n.Content {
		f, err := fields(item, "rule")
		if err != nil {
			continue // Parse has said so
		}
		source, err := prose(f["require"], "require")
		if err != nil {
			continue
		}
		e, err := expression.Condition(source)
		if err != nil {
			continue
		}
		name := f["name"].Value
		for _, p := range e.Pitfalls() {
			line, column := follow(data, f["require"], solid(source, p.Line, p.Column))
			out = append(out, Remark{line, column, fmt.Sprintf("rule %q: %s", name, p.Problem)})
		}
		out = append(out, lintTexts(f["require"], name, e.Texts(), claims)...)
	}
	return out
}

// lintTexts looks at the strings of a rule that could be ids of claims.
func lintTexts(n *yaml.Node, rule string, texts, claims []string) []Remark {
	var out []Remark
	for _, s := range texts {
		if slices.Contains(byName, s) {
			out = append(out, remark(n, "rule %q asks %s, which is a name: match facts about the model, and not who somebody is", rule, s))
		}
		family, _, _ := strings.Cut(s, ".")
		known := slices.ContainsFunc(claims, func(c string) bool { return strings.HasPrefix(c, family+".") })
		if known && reClaimID.MatchString(s) && !slices.Contains(claims, s) {
			out = append(out, remark(n, "rule %q asks %q, which no record holds: the rule can never be met", rule, s))
		}
	}
	return out
}
