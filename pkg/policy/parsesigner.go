package policy

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"
)

func (p *Policy) parseSigners(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "signers")
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, item := range list {
		s, err := p.parseSigner(item)
		if err != nil {
			return err
		}
		if p.hasSigner(s.name) {
			return fail(item, "signer %q stands twice", s.name)
		}
		if s.keyless != nil {
			used[s.keyless.root] = true
		}
		p.signers = append(p.signers, s)
	}
	for _, r := range p.roots {
		if len(p.roots) > 1 && !used[r.name] {
			return fail(n, "trusted root %q is named and no signer uses it", r.name)
		}
	}
	slices.SortFunc(p.signers, func(a, b signer) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func (p *Policy) parseSigner(item *yaml.Node) (signer, error) {
	f, err := fields(item, "signer", "name", "relation", "keyless", "key")
	if err != nil {
		return signer{}, err
	}
	s := signer{}
	if s.name, err = named(item, f, "signer"); err != nil {
		return signer{}, err
	}
	if s.relation, err = parseRelation(f["relation"]); err != nil {
		return signer{}, err
	}
	if (f["keyless"] == nil) == (f["key"] == nil) {
		return signer{}, fail(item, "signer %q: want exactly one of keyless and key", s.name)
	}
	if f["key"] != nil {
		s.key, err = parseKey(f["key"])
		return s, err
	}
	s.keyless, err = p.parseKeyless(f["keyless"])
	return s, err
}

func parseKey(n *yaml.Node) (*keyRule, error) {
	f, err := fields(n, "key", "file", "pem")
	if err != nil {
		return nil, err
	}
	if (f["file"] == nil) == (f["pem"] == nil) {
		return nil, fail(n, "key: want exactly one of file and pem")
	}
	if f["file"] != nil {
		file, err := text(f["file"], "file")
		return &keyRule{file: file}, err
	}
	inline := f["pem"]
	if inline.Kind != yaml.ScalarNode || inline.Tag != "!!str" {
		return nil, fail(inline, "pem: want a string")
	}
	k := &keyRule{pem: []byte(inline.Value)}
	if k.fingerprint, err = fingerprint(k.pem); err != nil {
		return nil, fail(inline, "pem: %v", err)
	}
	return k, nil
}

func (p *Policy) parseKeyless(n *yaml.Node) (*keylessRule, error) {
	f, err := fields(n, "keyless", "issuer", "issuerPattern", "subject", "subjectPattern", "trustedRoot", "extensions")
	if err != nil {
		return nil, err
	}
	k := &keylessRule{}
	if k.issuer, err = parseMatcher(n, f, "issuer"); err != nil {
		return nil, err
	}
	if k.subject, err = parseMatcher(n, f, "subject"); err != nil {
		return nil, err
	}
	if k.root, err = p.parseRootName(n, f["trustedRoot"]); err != nil {
		return nil, err
	}
	k.anyRoot = len(p.roots) == 1
	if f["extensions"] != nil {
		k.extensions, err = parseExtensions(f["extensions"])
	}
	return k, err
}

// parseMatcher reads NAME or NAMEPattern, exactly one: an identity without
// issuer, or an issuer without identity, is anybody's.
func parseMatcher(n *yaml.Node, f map[string]*yaml.Node, name string) (matcher, error) {
	exact, pattern := f[name], f[name+"Pattern"]
	if (exact == nil) == (pattern == nil) {
		return matcher{}, fail(n, "keyless: want exactly one of %s and %sPattern", name, name)
	}
	if exact != nil {
		s, err := text(exact, name)
		return matcher{exact: s}, err
	}
	source, err := text(pattern, name+"Pattern")
	if err != nil {
		return matcher{}, err
	}
	m, problem := compilePattern(source)
	if problem != "" {
		return matcher{}, fail(pattern, "%sPattern: %s", name, problem)
	}
	return m, nil
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

func parseExtensions(n *yaml.Node) (map[string]string, error) {
	f, err := fields(n, "extensions")
	if err != nil {
		return nil, err
	}
	if len(f) == 0 {
		return nil, fail(n, "extensions: the mapping is empty")
	}
	out := make(map[string]string, len(f))
	for name, value := range f {
		if out[name], err = text(value, "extension "+name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
