package policy

import (
	"cmp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What a policy file begins with.
const (
	APIVersion = "modelcheck/v1"
	Kind       = "Policy"
)

// Parse reads a policy file (YAML, schemas/policy-v1.json). It fails with
// ErrInvalid, and with an *Error where there is a line to point at, on
// everything it does not understand and on everything that would make a
// policy say less than it seems to: an unknown key, a signer that nothing
// asks for, a pattern that anybody matches.
func Parse(data []byte) (*Policy, error) {
	top, err := readYAML(data)
	if err != nil {
		return nil, err
	}
	f, err := fields(top, "policy", "apiVersion", "kind", "trustedRoots", "signers", "criteria", "reviewers", "require", "summaries", "allowUnsigned", "findings", "rules", "use", "scopes", "admission", "expires", "extends")
	if err != nil {
		return nil, err
	}
	p := base()
	if err := parseHead(top, f); err != nil {
		return nil, err
	}
	if p.extends, err = parseExtends(f["extends"]); err != nil {
		return nil, err
	}
	if n := f["allowUnsigned"]; n != nil {
		if p.extends.Policy != "" {
			return nil, fail(n, "%s", notLooser)
		}
		if p.allowUnsigned, err = boolean(n, "allowUnsigned"); err != nil {
			return nil, err
		}
	}
	if err := p.parseRoots(f["trustedRoots"]); err != nil {
		return nil, err
	}
	if err := p.parseSigners(f["signers"]); err != nil {
		return nil, err
	}
	if err := p.checkVouchers(f["extends"]); err != nil {
		return nil, err
	}
	if err := p.parseReviewers(f["criteria"], f["reviewers"]); err != nil {
		return nil, err
	}
	if err := p.parseSummaries(f["summaries"]); err != nil {
		return nil, err
	}
	if p.admission, err = parseAdmission(f["admission"]); err != nil {
		return nil, err
	}
	if p.expires, err = parseExpires(f["expires"]); err != nil {
		return nil, err
	}
	if err := p.parseRequire(top, f["require"], f["scopes"] != nil); err != nil {
		return nil, err
	}
	if err := p.parseFindings(f["findings"]); err != nil {
		return nil, err
	}
	if err := p.parseJudgement(top, f, data); err != nil {
		return nil, err
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p, nil
}

// parseJudgement reads rules and scopes, and what both must agree on with the
// signers.
func (p *Policy) parseJudgement(top *yaml.Node, f map[string]*yaml.Node, data []byte) (err error) {
	if p.rules, err = p.parseAllRules(f, data); err != nil {
		return err
	}
	if err := p.parseScopes(f["scopes"], data); err != nil {
		return err
	}
	asking := top
	if f["require"] != nil {
		if g, err := fields(f["require"], "require"); err == nil && g["signatures"] != nil {
			asking = g["signatures"]
		}
	}
	if err := p.checkScopes(cmp.Or(f["scopes"], top)); err != nil {
		return err
	}
	for _, s := range p.scopes {
		if err := uniqueRules(f["scopes"], slices.Concat(p.rules, s.rules)); err != nil {
			return err
		}
	}
	return p.allAsked(asking)
}

// parseAllRules reads the rules that are written out and those that are used.
func (p *Policy) parseAllRules(f map[string]*yaml.Node, data []byte) ([]rule, error) {
	rules, err := p.parseRules(f["rules"], data)
	if err != nil {
		return nil, err
	}
	used, err := parseUse(f["use"])
	if err != nil {
		return nil, err
	}
	rules = append(rules, used...)
	return rules, uniqueRules(cmp.Or(f["rules"], f["use"]), rules)
}

// uniqueRules sorts rules by name, and wants each name once.
func uniqueRules(n *yaml.Node, rules []rule) error {
	slices.SortFunc(rules, func(a, b rule) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(rules); i++ {
		if rules[i].name == rules[i-1].name {
			return fail(n, "rule %q stands twice", rules[i].name)
		}
	}
	return nil
}

// parseExpires reads the time from which on the policy allows nothing.
func parseExpires(n *yaml.Node) (time.Time, error) {
	if n == nil {
		return time.Time{}, nil
	}
	if n.Kind == yaml.ScalarNode {
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, n.Value); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, fail(n, "expires: want a date (2027-06-30) or a time (2027-06-30T12:00:00Z)")
}

func parseHead(top *yaml.Node, f map[string]*yaml.Node) error { return parseHeadOf(top, f, Kind) }

func parseHeadOf(top *yaml.Node, f map[string]*yaml.Node, kind string) error {
	for _, head := range [][2]string{{"apiVersion", APIVersion}, {"kind", kind}} {
		n := f[head[0]]
		if n == nil {
			return fail(top, "no %s: write %s: %s", head[0], head[0], head[1])
		}
		got, err := text(n, head[0])
		if err != nil {
			return err
		}
		if got != head[1] {
			return fail(n, "%s is %q, want %q", head[0], got, head[1])
		}
	}
	return nil
}

func (p *Policy) hasSigner(name string) bool {
	return slices.ContainsFunc(p.signers, func(s signer) bool { return s.name == name })
}

// named reads the name of a list's item.
func named(item *yaml.Node, f map[string]*yaml.Node, what string) (string, error) {
	if f["name"] == nil {
		return "", fail(item, "%s without name", what)
	}
	return text(f["name"], "name of a "+what)
}

// parseFindings reads which findings have another effect than usual.
func (p *Policy) parseFindings(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	f, err := fields(n, "findings", "allow", "hold", "deny")
	if err != nil {
		return err
	}
	p.effects = map[string]Outcome{}
	for _, list := range []struct {
		name   string
		effect Outcome
	}{{"allow", Allow}, {"hold", Hold}, {"deny", Deny}} {
		if f[list.name] == nil {
			continue
		}
		codes, err := texts(f[list.name], "findings."+list.name)
		if err != nil {
			return err
		}
		for _, code := range codes {
			e, ok := effectOf(code)
			if _, twice := p.effects[code]; twice {
				return fail(f[list.name], "finding %q has two effects", code)
			}
			if !ok {
				return fail(f[list.name], "there is no finding %q", code)
			}
			if e.Fixed && list.effect != Deny {
				return fail(f[list.name], "finding %q always denies: %s", code, e.Why)
			}
			p.effects[code] = list.effect
		}
	}
	return nil
}

// parseRelation reads what a signer is to the model.
func parseRelation(n *yaml.Node) (provenance.Relation, error) {
	if n == nil {
		return provenance.UnknownRelation, nil
	}
	word, err := text(n, "relation")
	if err != nil {
		return provenance.UnknownRelation, err
	}
	var r provenance.Relation
	if err := r.UnmarshalText([]byte(word)); err != nil || r == provenance.UnknownRelation {
		return provenance.UnknownRelation, fail(n, "relation is %q, want producer, repackager, distributor, third-party or verifier", word)
	}
	return r, nil
}
