package policy

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A scope holds requirements for the references that it matches: one
// reference exactly, those with a prefix, or those that a pattern matches.
type scope struct {
	name          string
	exact, prefix string
	pattern       *regexp.Regexp
	source        string // of the pattern
	begins        string // the literal text with which every match of it begins
	settled       bool   // it says itself who must sign
	allowUnsigned bool
	need          need
	attestations  []demand
	rules         []rule
}

// For returns the policy as it judges one reference, in its canonical
// spelling: with the requirements of the most specific scope that matches it.
// A policy without scopes is the same for all. Where no scope matches, it
// holds.
func (p *Policy) For(reference string) *Policy {
	if p == nil || len(p.scopes) == 0 && p.base == nil {
		return p
	}
	out := *p
	out.base = p.base.For(reference)
	if len(p.scopes) == 0 {
		return &out
	}
	out.scopes, out.unmatched, out.scoped = nil, true, true
	if s := p.scopeOf(reference); s != nil {
		out.unmatched = false
		if s.settled {
			out.allowUnsigned, out.need, out.attestations = s.allowUnsigned, s.need, s.attestations
		}
		out.rules = slices.Concat(p.rules, s.rules)
	}
	return &out
}

// scopeOf is the most specific scope of a reference: an exact one, or else the
// one that begins with the longest text; of the same text a pattern, which
// says more. Two scopes of one kind and text are refused on reading.
func (p *Policy) scopeOf(reference string) *scope {
	var best *scope
	for i := range p.scopes {
		if s := &p.scopes[i]; s.matches(reference) && (best == nil || compareScopes(*s, *best) > 0) {
			best = s
		}
	}
	return best
}

func (s scope) matches(reference string) bool {
	switch {
	case reference == "":
		return false
	case s.exact != "":
		return reference == s.exact || repositoryOf(reference) == s.exact
	case s.prefix != "":
		return strings.HasPrefix(reference, s.prefix)
	default:
		return s.pattern.MatchString(reference)
	}
}

// repositoryOf is a reference without tag and digest.
func repositoryOf(reference string) string {
	if strings.HasPrefix(reference, "dir:") {
		return reference
	}
	name, _, _ := strings.Cut(reference, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name
}

// specific ranks a scope: its kind where the text is the same, and the text.
func (s scope) specific() (exact bool, text string, kind int) {
	switch {
	case s.exact != "":
		return true, s.exact, 2
	case s.prefix != "":
		return false, s.prefix, 0
	default:
		return false, s.begins, 1
	}
}

func compareScopes(a, b scope) int {
	aExact, aText, aKind := a.specific()
	bExact, bText, bKind := b.specific()
	if aExact != bExact {
		if aExact {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(len(aText), len(bText)), cmp.Compare(aKind, bKind))
}

// parseScopes reads them, and refuses two of which nobody could say which one
// is meant.
func (p *Policy) parseScopes(n *yaml.Node, data []byte) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "scopes")
	if err != nil {
		return err
	}
	for _, item := range list {
		s, err := p.parseScope(item, data)
		if err != nil {
			return err
		}
		for _, other := range p.scopes {
			aExact, aText, aKind := s.specific()
			bExact, bText, bKind := other.specific()
			switch {
			case s.name == other.name:
				return fail(item, "scope %q stands twice", s.name)
			case aExact == bExact && aText == bText && aKind == bKind:
				return fail(item, "scopes %q and %q are equally specific: both begin with %q; make one of them more specific, or one scope of both", other.name, s.name, aText)
			}
		}
		p.scopes = append(p.scopes, s)
	}
	slices.SortFunc(p.scopes, func(a, b scope) int { return cmp.Compare(a.name, b.name) })
	return nil
}

// checkScopes wants that every scope asks for somebody, where nobody is asked
// for in all.
func (p *Policy) checkScopes(n *yaml.Node) error {
	for _, s := range p.scopes {
		if !s.settled && !p.allowUnsigned && p.need.Count == 0 && p.extends.Policy == "" {
			return fail(n, "scope %q does not say who must sign, and no require.signatures says it for all", s.name)
		}
	}
	return nil
}

func (p *Policy) parseScope(item *yaml.Node, data []byte) (scope, error) {
	f, err := fields(item, "scope", "name", "exact", "prefix", "pattern", "require", "allowUnsigned", "rules", "use")
	if err != nil {
		return scope{}, err
	}
	var s scope
	if s.name, err = named(item, f, "scope"); err != nil {
		return scope{}, err
	}
	if err := s.parseMatch(item, f); err != nil {
		return scope{}, err
	}
	if err := p.parseScopeRequire(&s, item, f); err != nil {
		return scope{}, err
	}
	s.rules, err = p.parseAllRules(f, data)
	return s, err
}

// parseMatch reads which references a scope is for.
func (s *scope) parseMatch(item *yaml.Node, f map[string]*yaml.Node) error {
	given := 0
	for _, way := range []struct {
		name string
		to   *string
	}{{"exact", &s.exact}, {"prefix", &s.prefix}, {"pattern", &s.source}} {
		if f[way.name] == nil {
			continue
		}
		given++
		var err error
		if *way.to, err = text(f[way.name], way.name); err != nil {
			return err
		}
	}
	switch {
	case given != 1:
		return fail(item, "scope %q: want exactly one of exact, prefix and pattern", s.name)
	case s.prefix != "" && !strings.ContainsAny(s.prefix[len(s.prefix)-1:], "/:@"):
		return fail(f["prefix"], "prefix %q also begins the names of others: end it with a slash: %q", s.prefix, s.prefix+"/")
	case s.source != "":
		return s.parsePattern(f["pattern"])
	}
	return nil
}

// parsePattern wants a pattern that says where it begins and ends: a reader
// must not have to know that it would be anchored anyway.
func (s *scope) parsePattern(n *yaml.Node) error {
	if !strings.HasPrefix(s.source, "^") || !strings.HasSuffix(s.source, "$") || strings.HasSuffix(s.source, `\$`) {
		inner := strings.TrimSuffix(strings.TrimPrefix(s.source, "^"), "$")
		return fail(n, "pattern '%s' is not anchored, and would match within other names: write '%s'", s.source, "^"+inner+"$")
	}
	inner := s.source[1 : len(s.source)-1]
	re, err := regexp.Compile("^(?:" + inner + ")$")
	if err != nil {
		return fail(n, "pattern does not compile: %v", err)
	}
	if _, err := regexp.Compile(inner); err != nil {
		return fail(n, "pattern does not compile: %v", err)
	}
	parsed, err := syntax.Parse("(?:"+inner+")", syntax.Perl)
	if err != nil {
		return fail(n, "pattern does not compile: %v", err)
	}
	s.pattern, s.begins = re, beginning(parsed.Simplify())
	return nil
}

// beginning is the literal text that begins every match of a pattern.
func beginning(re *syntax.Regexp) string {
	if re.Flags&syntax.FoldCase != 0 {
		return ""
	}
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCapture:
		return beginning(re.Sub[0])
	case syntax.OpConcat:
		return beginning(re.Sub[0])
	default:
		return ""
	}
}

// parseScopeRequire reads who must sign within a scope. Which types, schemes
// and evidence count is the same everywhere.
func (p *Policy) parseScopeRequire(s *scope, item *yaml.Node, f map[string]*yaml.Node) error {
	if f["require"] == nil && f["allowUnsigned"] == nil {
		return nil
	}
	q := *p
	q.need, q.attestations, q.allowUnsigned = need{}, nil, false
	if n := f["allowUnsigned"]; n != nil {
		var err error
		if p.extends.Policy != "" {
			return fail(n, "%s", notLooser)
		}
		if q.allowUnsigned, err = boolean(n, "allowUnsigned"); err != nil {
			return err
		}
	}
	g := map[string]*yaml.Node{}
	if f["require"] != nil {
		var err error
		if g, err = fields(f["require"], "require of a scope", "signatures", "attestations"); err != nil {
			return err
		}
	}
	if err := q.parseAttestations(g["attestations"]); err != nil {
		return err
	}
	if err := q.parseSignatures(item, g["signatures"], false); err != nil {
		return err
	}
	s.settled, s.allowUnsigned, s.need, s.attestations = true, q.allowUnsigned, q.need, q.attestations
	return nil
}

// unmatchedReason holds what no scope is for.
func unmatchedReason() Reason {
	return Reason{
		Code: provenance.CodeScopeUnmatched, Effect: Hold,
		Message: "no scope of the policy is for this reference: nobody said what it must meet",
	}
}
