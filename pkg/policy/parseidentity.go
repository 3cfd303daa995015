package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (p *Policy) parseKeyless(n *yaml.Node) (*keylessRule, error) {
	f, err := fields(n, "keyless", "issuer", "issuerPattern", "subject", "subjectPattern", "trustedRoot", "extensions")
	if err != nil {
		return nil, err
	}
	k := &keylessRule{}
	if k.issuer, err = parseMatcher(n, f, "keyless", "issuer"); err != nil {
		return nil, err
	}
	if k.subject, err = parseMatcher(n, f, "keyless", "subject"); err != nil {
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

// parseCertificate reads a signer with a certificate of the user's own
// authority. The authority has the signer's name unless it is given one, which
// signers under the same chain must do.
func parseCertificate(n *yaml.Node, name string) (*certificateRule, error) {
	f, err := fields(n, "certificate", "chain", "pem", "issuer", "subject", "subjectPattern", "time")
	if err != nil {
		return nil, err
	}
	c := &certificateRule{authority: name}
	if c.file, c.pem, err = parseMaterial(n, f, "certificate", "chain"); err != nil {
		return nil, err
	}
	if c.pem != nil {
		if c.prints, err = chainPrints(c.pem); err != nil {
			return nil, fail(f["pem"], "pem: %v", err)
		}
	}
	if f["issuer"] != nil {
		if c.authority, err = text(f["issuer"], "issuer"); err != nil {
			return nil, err
		}
	}
	if c.subject, err = parseMatcher(n, f, "certificate", "subject"); err != nil {
		return nil, err
	}
	if f["time"] != nil {
		word, err := text(f["time"], "time")
		if err != nil {
			return nil, err
		}
		if word != "timestamp" && word != "current" {
			return nil, fail(f["time"], "time is %q, want timestamp (a trusted time of signing) or current (the time of the check)", word)
		}
		c.current = word == "current"
	}
	return c, nil
}

// parseMatcher reads NAME or NAMEPattern, exactly one: an identity without
// issuer, or an issuer without identity, is anybody's.
func parseMatcher(n *yaml.Node, f map[string]*yaml.Node, what, name string) (matcher, error) {
	exact, pattern := f[name], f[name+patternSuffix]
	if (exact == nil) == (pattern == nil) {
		return matcher{}, fail(n, "%s: want exactly one of %s and %s%s", what, name, name, patternSuffix)
	}
	if exact != nil {
		s, err := text(exact, name)
		return matcher{exact: s}, err
	}
	source, err := text(pattern, name+patternSuffix)
	if err != nil {
		return matcher{}, err
	}
	m, problem := compilePattern(source)
	if problem != "" {
		return matcher{}, fail(pattern, "%s%s: %s", name, patternSuffix, problem)
	}
	return m, nil
}

// parseExtensions reads demands on Fulcio's extensions, each NAME or
// NAMEPattern.
func parseExtensions(n *yaml.Node) (map[string]matcher, error) {
	f, err := fields(n, "extensions")
	if err != nil {
		return nil, err
	}
	if len(f) == 0 {
		return nil, fail(n, "extensions: the mapping is empty")
	}
	known := extensionNames()
	out := make(map[string]matcher, len(f))
	for i := 0; i < len(n.Content); i += 2 { // in the order of the file, for the first error
		written := n.Content[i].Value
		name := strings.TrimSuffix(written, patternSuffix)
		if !slices.Contains(known, name) {
			return nil, fail(n.Content[i], "extensions: unknown extension %q (known, each also with %s: %s)", written, patternSuffix, strings.Join(known, ", "))
		}
		if out[name], err = parseMatcher(n, f, "extensions", name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
