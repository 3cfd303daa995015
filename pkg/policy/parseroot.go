package policy

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

func (p *Policy) parseRoots(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "trustedRoots")
	if err != nil {
		return err
	}
	for _, item := range list {
		r, err := parseRoot(item)
		if err != nil {
			return err
		}
		if p.hasRoot(r.name) {
			return fail(item, "trusted root %q stands twice", r.name)
		}
		p.roots = append(p.roots, r)
	}
	slices.SortFunc(p.roots, func(a, b root) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func parseRoot(item *yaml.Node) (root, error) {
	f, err := fields(item, "trusted root", "name", "file", "maxAge", "warnAge")
	if err != nil {
		return root{}, err
	}
	r := root{}
	if r.name, err = named(item, f, "trusted root"); err != nil {
		return root{}, err
	}
	if f["file"] == nil {
		return root{}, fail(item, "trusted root %q: no file", r.name)
	}
	if r.file, err = text(f["file"], "file"); err != nil {
		return root{}, err
	}
	if r.maxAge, err = parseAge(f["maxAge"], "maxAge"); err != nil {
		return root{}, err
	}
	if r.warnAge, err = parseAge(f["warnAge"], "warnAge"); err != nil {
		return root{}, err
	}
	if r.maxAge > 0 && r.warnAge >= r.maxAge {
		return root{}, fail(f["warnAge"], "trusted root %q: it is refused after %s, before the warning", r.name, f["maxAge"].Value)
	}
	return r, nil
}

func (p *Policy) hasRoot(name string) bool {
	return slices.ContainsFunc(p.roots, func(r root) bool { return r.name == name })
}

// parseRootName finds the root of a keyless signer. The only one goes without
// saying; of several one must be named, lest one authority speak for another's
// people.
func (p *Policy) parseRootName(n, name *yaml.Node) (string, error) {
	switch {
	case len(p.roots) == 0:
		return "", fail(n, "keyless: the policy has no trustedRoots")
	case name == nil && len(p.roots) == 1:
		return p.roots[0].name, nil
	case name == nil:
		return "", fail(n, "keyless: there are several trusted roots: say which with trustedRoot")
	}
	s, err := text(name, "trustedRoot")
	if err != nil {
		return "", err
	}
	if !p.hasRoot(s) {
		return "", fail(name, "there is no trusted root %q", s)
	}
	return s, nil
}

// parseAge reads a number of days or hours: 90d, 36h.
func parseAge(n *yaml.Node, what string) (time.Duration, error) {
	if n == nil {
		return 0, nil
	}
	s, err := text(n, what)
	if err != nil {
		return 0, err
	}
	unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	count, err := strconv.ParseUint(s[:len(s)-1], 10, 64)
	if err != nil || unit == 0 || count == 0 || count > 9999 || s[0] == '0' {
		return 0, fail(n, "%s is %q, want a number of days or hours such as 90d or 36h", what, s)
	}
	return time.Duration(count) * unit, nil
}

// parseInstant reads a time as RFC 3339, to the second; zero where n is nil.
func parseInstant(n *yaml.Node, what string) (time.Time, error) {
	if n == nil {
		return time.Time{}, nil
	}
	var t time.Time
	written := n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp")
	if !written || t.UnmarshalText([]byte(n.Value)) != nil || t.IsZero() || t.Nanosecond() != 0 {
		return time.Time{}, fail(n, "%s is %q, want a time such as 2026-01-31T00:00:00Z", what, n.Value)
	}
	return t.UTC(), nil
}
