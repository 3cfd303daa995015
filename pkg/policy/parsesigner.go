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
		if s.witnessed() {
			if len(p.roots) == 0 {
				return fail(item, "signer %q: it needs a log or a trusted time, and the policy has no trustedRoots that could vouch", s.name)
			}
			for _, r := range p.roots { // any of them may vouch
				used[r.name] = true
			}
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

// witnessed says that a signer beside Sigstore's certificates needs a log or a
// timestamp authority all the same.
func (s signer) witnessed() bool {
	return s.key != nil && (s.key.logged || s.key.window()) || s.certificate != nil && !s.certificate.current
}

func (p *Policy) parseSigner(item *yaml.Node) (signer, error) {
	f, err := fields(item, "signer", "name", "relation", "keyless", "key", "certificate")
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
	kinds := 0
	for _, n := range []*yaml.Node{f["keyless"], f["key"], f["certificate"]} {
		if n != nil {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		err = fail(item, "signer %q: want exactly one of keyless, key and certificate", s.name)
	case f["key"] != nil:
		s.key, err = parseKey(f["key"])
	case f["certificate"] != nil:
		s.certificate, err = parseCertificate(f["certificate"], s.name)
	default:
		s.keyless, err = p.parseKeyless(f["keyless"])
	}
	return s, err
}

func parseKey(n *yaml.Node) (*keyRule, error) {
	f, err := fields(n, "key", "file", "pem", "notBefore", "notAfter", "requireLog")
	if err != nil {
		return nil, err
	}
	k := &keyRule{}
	if k.file, k.pem, err = parseMaterial(n, f, "key", "file"); err != nil {
		return nil, err
	}
	if k.pem != nil {
		if k.fingerprint, err = fingerprint(k.pem); err != nil {
			return nil, fail(f["pem"], "pem: %v", err)
		}
	}
	if k.notBefore, err = parseInstant(f["notBefore"], "notBefore"); err != nil {
		return nil, err
	}
	if k.notAfter, err = parseInstant(f["notAfter"], "notAfter"); err != nil {
		return nil, err
	}
	if !k.notBefore.IsZero() && !k.notAfter.IsZero() && !k.notBefore.Before(k.notAfter) {
		return nil, fail(f["notAfter"], "notAfter is not after notBefore: the key is never trusted")
	}
	if f["requireLog"] != nil {
		k.logged, err = boolean(f["requireLog"], "requireLog")
	}
	return k, err
}

// parseMaterial reads where trust material lies: in a file, or as PEM in the
// policy, exactly one of the two.
func parseMaterial(n *yaml.Node, f map[string]*yaml.Node, what, inFile string) (file string, inline []byte, err error) {
	if (f[inFile] == nil) == (f["pem"] == nil) {
		return "", nil, fail(n, "%s: want exactly one of %s and pem", what, inFile)
	}
	if f[inFile] != nil {
		file, err = text(f[inFile], inFile)
		return file, nil, err
	}
	if f["pem"].Kind != yaml.ScalarNode || f["pem"].Tag != "!!str" {
		return "", nil, fail(f["pem"], "pem: want a string")
	}
	return "", []byte(f["pem"].Value), nil
}
