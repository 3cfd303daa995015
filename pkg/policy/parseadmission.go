package policy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Names as Kubernetes has them: a namespace is a DNS label (RFC 1123), a kind
// stands behind its group.
var (
	reNamespace = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	reKind      = regexp.MustCompile(`^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Z][A-Za-z0-9]*$`)
	rePath      = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_-]*|\*)(\[\])?(\.([A-Za-z_][A-Za-z0-9_-]*|\*)(\[\])?)*$`)
	reLabel     = regexp.MustCompile(`^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`)
)

// parseAdmission reads how models come into a cluster.
func parseAdmission(n *yaml.Node) (*admissionSection, error) {
	if n == nil {
		return nil, nil
	}
	f, err := fields(n, "admission", "mode", "namespaces", "for", "trustedLabel", "unverifiable", "unpinned", "unknownKinds",
		"references", "annotations", "exemptions", "cachedFor")
	if err != nil {
		return nil, err
	}
	s := &admissionSection{said: map[string]bool{}}
	for name := range f {
		s.said[name] = true
	}
	if s.Mode, err = parseMode(f["mode"]); err != nil {
		return nil, err
	}
	for _, word := range []struct {
		name string
		to   *bool
	}{{"unverifiable", &s.AllowUnverifiable}, {"unpinned", &s.AllowUnpinned}, {"unknownKinds", &s.AllowUnknownKinds}} {
		if *word.to, err = parseWarn(f[word.name], word.name); err != nil {
			return nil, err
		}
	}
	if err := s.parseFor(f); err != nil {
		return nil, err
	}
	if err := s.parseReferences(f["references"]); err != nil {
		return nil, err
	}
	if err := s.parseAnnotations(f["annotations"]); err != nil {
		return nil, err
	}
	if err := s.parseExemptions(f["exemptions"]); err != nil {
		return nil, err
	}
	s.CachedFor, err = parseAge(f["cachedFor"], "cachedFor")
	return s, err
}

func parseMode(n *yaml.Node) (Mode, error) {
	if n == nil {
		return Enforce, nil
	}
	word, err := text(n, "mode")
	if err != nil {
		return Enforce, err
	}
	var m Mode
	if m.UnmarshalText([]byte(word)) != nil {
		return Enforce, fail(n, "mode is %q, want enforce, warn or audit", word)
	}
	return m, nil
}

// parseWarn reads deny or warn.
func parseWarn(n *yaml.Node, what string) (warn bool, err error) {
	if n == nil {
		return false, nil
	}
	word, err := text(n, what)
	if err == nil && word != "deny" && word != "warn" {
		err = fail(n, "%s is %q, want deny or warn", what, word)
	}
	return word == "warn", err
}

// parseFor reads what models are wanted for, by namespace and for all.
func (s *admissionSection) parseFor(f map[string]*yaml.Node) error {
	if f["for"] != nil {
		g, err := fields(f["for"], "admission.for", "environment", "use")
		if err != nil {
			return err
		}
		if s.For.Environment, err = optional(g["environment"], "environment"); err != nil {
			return err
		}
		if s.For.Use, err = optional(g["use"], "use"); err != nil {
			return err
		}
	}
	var err error
	if s.TrustedLabel, err = optional(f["trustedLabel"], "trustedLabel"); err != nil {
		return err
	}
	if s.TrustedLabel != "" && !reLabel.MatchString(s.TrustedLabel) {
		return fail(f["trustedLabel"], "trustedLabel: %q is no name of a label", s.TrustedLabel)
	}
	if f["namespaces"] == nil {
		return nil
	}
	list, err := items(f["namespaces"], "admission.namespaces")
	if err != nil {
		return err
	}
	for _, item := range list {
		if err := s.parseNamespace(item); err != nil {
			return err
		}
	}
	slices.SortFunc(s.Namespaces, func(a, b NamespaceRule) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (s *admissionSection) parseNamespace(item *yaml.Node) error {
	f, err := fields(item, "namespace", "name", "mode", "environment")
	if err != nil {
		return err
	}
	r := NamespaceRule{Mode: s.Mode}
	if r.Name, err = namespace(item, f["name"]); err != nil {
		return err
	}
	if s.rule(r.Name) != nil {
		return fail(item, "namespace %q stands twice", r.Name)
	}
	if f["mode"] != nil {
		if r.Mode, err = parseMode(f["mode"]); err != nil {
			return err
		}
	}
	r.Environment, err = optional(f["environment"], "environment")
	s.Namespaces = append(s.Namespaces, r)
	return err
}

func namespace(item, n *yaml.Node) (string, error) {
	if n == nil {
		return "", fail(item, "want the name of a namespace")
	}
	name, err := text(n, "namespace")
	if err == nil && !reNamespace.MatchString(name) {
		err = fail(n, "%q is no name of a namespace: patterns are not read here", name)
	}
	return name, err
}

func optional(n *yaml.Node, what string) (string, error) {
	if n == nil {
		return "", nil
	}
	return text(n, what)
}

func (s *admissionSection) parseReferences(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "admission.references")
	if err != nil {
		return err
	}
	for _, item := range list {
		r, err := parseReferencePath(item)
		if err != nil {
			return err
		}
		for _, o := range s.References {
			if o.Kind == r.Kind && (o.Path == r.Path || o.Path == "" || r.Path == "") {
				return fail(item, "references: kind %q stands twice with this path, or with a path and with none: true", r.Kind)
			}
		}
		s.References = append(s.References, r)
	}
	slices.SortFunc(s.References, func(a, b ReferencePath) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
	return nil
}

func parseReferencePath(item *yaml.Node) (ReferencePath, error) {
	var r ReferencePath
	f, err := fields(item, "references", "kind", "path", "none")
	if err != nil {
		return r, err
	}
	if f["kind"] == nil || (f["path"] == nil) == (f["none"] == nil) {
		return r, fail(item, "references: want kind, and path or none: true")
	}
	if r.Kind, err = text(f["kind"], "kind"); err != nil {
		return r, err
	}
	if !reKind.MatchString(r.Kind) {
		return r, fail(f["kind"], "kind is %q, want GROUP/KIND such as example.com/Widget, without a version", r.Kind)
	}
	if f["none"] != nil {
		none, err := boolean(f["none"], "none")
		if err == nil && !none {
			err = fail(f["none"], "none: want true, or a path")
		}
		return r, err
	}
	if r.Path, err = text(f["path"], "path"); err != nil {
		return r, err
	}
	if !rePath.MatchString(r.Path) {
		return r, fail(f["path"], "path is %q, want names with dots between them, [] behind a list and * for every member: spec.engines[].image", r.Path)
	}
	return r, nil
}

func (s *admissionSection) parseAnnotations(n *yaml.Node) (err error) {
	if n == nil {
		return nil
	}
	if s.Annotations, err = texts(n, "admission.annotations"); err != nil {
		return err
	}
	for _, a := range s.Annotations {
		if !reLabel.MatchString(a) || strings.Contains(a, "..") {
			return fail(n, "annotations: %q is no name of an annotation", a)
		}
	}
	return nil
}

func (s *admissionSection) parseExemptions(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "admission.exemptions")
	if err != nil {
		return err
	}
	for _, item := range list {
		f, err := fields(item, "exemption", "namespace", "digest", "expires", "reason")
		if err != nil {
			return err
		}
		var e Exemption
		if e.Namespace, err = namespace(item, f["namespace"]); err != nil {
			return err
		}
		if f["digest"] == nil || f["expires"] == nil || f["reason"] == nil {
			return fail(item, "exemption: want namespace, digest, expires and reason: one artifact in one namespace, until when, and why")
		}
		digest, err := text(f["digest"], "digest")
		if err != nil {
			return err
		}
		if e.Digest, err = artifact.ParseDigest(digest); err != nil {
			return fail(f["digest"], "exemption: %v", err)
		}
		if e.Expires, err = parseExpires(f["expires"]); err != nil {
			return err
		}
		if e.Reason, err = text(f["reason"], "reason"); err != nil {
			return err
		}
		if slices.ContainsFunc(s.Exemptions, func(o Exemption) bool { return o.Namespace == e.Namespace && o.Digest == e.Digest }) {
			return fail(item, "exemption of %s in namespace %q stands twice", e.Digest, e.Namespace)
		}
		s.Exemptions = append(s.Exemptions, e)
	}
	slices.SortFunc(s.Exemptions, func(a, b Exemption) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), a.Digest.Compare(b.Digest))
	})
	return nil
}
