package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Mode says what a denial does at a cluster's door. The zero value denies.
type Mode uint8

// The modes, strictest first.
const (
	Enforce  Mode = iota // a denial keeps the object out
	WarnOnly             // it comes in, and whoever brings it is warned
	Audit                // it comes in, and only the log knows
)

var modeNames = [...]string{"enforce", "warn", "audit"}

// String returns the word of policy files; a value without a name enforces.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return modeNames[Enforce]
}

// MarshalText writes the word of String.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (m *Mode) UnmarshalText(b []byte) error {
	i := slices.Index(modeNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown mode %q", b)
	}
	*m = Mode(i)
	return nil
}

// An Admission is a policy's section admission: how models come into a cluster,
// and what of a manifest names one. It changes no verdict on a model, and is no
// part of the policy's digest. The zero value is what holds where a policy has
// no such section: everything is enforced.
type Admission struct {
	Mode       Mode            `json:"mode"` // of namespaces that are not named
	Namespaces []NamespaceRule `json:"namespaces,omitempty"`
	// For is what models are wanted for where nothing else says it. The
	// environment may come from a namespace's label, if the policy trusts that.
	For          Use    `json:"for,omitzero"`
	TrustedLabel string `json:"trustedLabel,omitempty"`
	// What is let in with a warning where it would be denied: models from
	// places that cannot be verified; models named by a tag that can move; kinds
	// of which nobody said where they name models.
	AllowUnverifiable bool `json:"allowUnverifiable"`
	AllowUnpinned     bool `json:"allowUnpinned"`
	AllowUnknownKinds bool `json:"allowUnknownKinds"`

	References  []ReferencePath `json:"references,omitempty"`  // where further models stand
	Annotations []string        `json:"annotations,omitempty"` // that name models, sorted
	Exemptions  []Exemption     `json:"exemptions,omitempty"`
	// CachedFor is how long after it was reached a verdict that allows may stand
	// in for a registry that cannot be asked. 0: not at all.
	CachedFor time.Duration `json:"-"`
}

// A NamespaceRule says what is different in one namespace.
type NamespaceRule struct {
	Name        string `json:"name"`
	Mode        Mode   `json:"mode"`
	Environment string `json:"environment,omitempty"`
}

// A ReferencePath says where a kind of object names a model.
type ReferencePath struct {
	Kind string `json:"kind"` // GROUP/KIND; of the core group KIND alone
	// Path is written like spec.engines[].image: [] is every item of a list, *
	// every member. "" says that the kind names no model.
	Path string `json:"path,omitempty"`
	// Further paths are those of a policy that extends another: they are looked
	// at too, and make no kind known that was not.
	Further bool `json:"further,omitempty"`
}

// An Exemption lets one artifact into one namespace whatever its verdict, for
// a time.
type Exemption struct {
	Namespace string          `json:"namespace"`
	Digest    artifact.Digest `json:"digest"`
	Expires   time.Time       `json:"expires"`
	Reason    string          `json:"reason"`
}

// Admission returns how models come into a cluster under the policy and those
// that it extends.
func (p *Policy) Admission() Admission {
	if p == nil {
		return Admission{}
	}
	below := p.base.Admission()
	if p.admission == nil {
		return below
	}
	if p.base == nil {
		return p.admission.Admission
	}
	return p.admission.over(below)
}

// Digest identifies what the section says.
func (a Admission) Digest() artifact.Digest {
	b, err := json.Marshal(struct {
		Section   Admission `json:"section"`
		CachedFor string    `json:"cachedFor"`
	}{a, a.CachedFor.String()}, json.Deterministic(true))
	if err != nil {
		return artifact.Digest{}
	}
	return artifact.SumSHA256(b)
}

// ModeOf is what a denial does in a namespace.
func (a Admission) ModeOf(namespace string) Mode {
	if r := a.rule(namespace); r != nil {
		return r.Mode
	}
	return a.Mode
}

// UseIn is what models are wanted for in a namespace with these labels: the
// policy's own word on the namespace, or else the label that it trusts.
func (a Admission) UseIn(namespace string, labels map[string]string) Use {
	use := a.For
	if r := a.rule(namespace); r != nil && r.Environment != "" {
		use.Environment = r.Environment
	} else if a.TrustedLabel != "" && labels[a.TrustedLabel] != "" {
		use.Environment = labels[a.TrustedLabel]
	}
	return use
}

// Exempts finds the exemption of an artifact in a namespace that is in force.
func (a Admission) Exempts(namespace string, d artifact.Digest, at time.Time) (Exemption, bool) {
	if d.IsZero() || at.IsZero() {
		return Exemption{}, false
	}
	i := slices.IndexFunc(a.Exemptions, func(e Exemption) bool {
		return e.Namespace == namespace && e.Digest == d && at.Before(e.Expires)
	})
	if i < 0 {
		return Exemption{}, false
	}
	return a.Exemptions[i], true
}

func (a Admission) rule(namespace string) *NamespaceRule {
	if i := slices.IndexFunc(a.Namespaces, func(r NamespaceRule) bool { return r.Name == namespace }); i >= 0 {
		return &a.Namespaces[i]
	}
	return nil
}

// HasScopes says whether the policy, or one that it extends, has scopes.
func (p *Policy) HasScopes() bool {
	return slices.ContainsFunc(p.levels(), func(level *Policy) bool { return len(level.scopes) > 0 || level.scoped })
}

// InScope says whether a scope of the policy, or of one that it extends, is for
// a reference in its canonical spelling.
func (p *Policy) InScope(reference string) bool {
	return slices.ContainsFunc(p.levels(), func(level *Policy) bool { return level.scopeOf(reference) != nil })
}

// An admissionSection is what one file says, and what of it was written.
type admissionSection struct {
	Admission
	said map[string]bool
}

// over puts a section on top of what holds below. What would loosen that was
// refused by tightens.
func (s *admissionSection) over(below Admission) Admission {
	out := below
	out.Mode = s.strictest(below, "")
	out.Namespaces = nil
	names := map[string]bool{}
	for _, r := range slices.Concat(below.Namespaces, s.Namespaces) {
		if names[r.Name] {
			continue
		}
		names[r.Name] = true
		rule := NamespaceRule{Name: r.Name, Mode: s.strictest(below, r.Name)}
		if b := below.rule(r.Name); b != nil {
			rule.Environment = b.Environment
		}
		out.Namespaces = append(out.Namespaces, rule)
	}
	slices.SortFunc(out.Namespaces, func(a, b NamespaceRule) int { return cmp.Compare(a.Name, b.Name) })
	out.AllowUnverifiable = below.AllowUnverifiable && (s.AllowUnverifiable || !s.said["unverifiable"])
	out.AllowUnpinned = below.AllowUnpinned && (s.AllowUnpinned || !s.said["unpinned"])
	out.AllowUnknownKinds = below.AllowUnknownKinds && (s.AllowUnknownKinds || !s.said["unknownKinds"])
	if s.said["cachedFor"] {
		out.CachedFor = min(s.CachedFor, below.CachedFor)
	}
	out.References = slices.Clone(below.References)
	for _, r := range s.References {
		r.Further = true
		out.References = append(out.References, r)
	}
	out.Annotations = slices.Concat(below.Annotations, s.Annotations)
	slices.Sort(out.Annotations)
	out.Annotations = slices.Compact(out.Annotations)
	return out
}

// strictest is the mode of a namespace, or "" for all others, under both.
func (s *admissionSection) strictest(below Admission, namespace string) Mode {
	mode := below.ModeOf(namespace)
	if own := s.rule(namespace); own != nil {
		return min(own.Mode, mode)
	}
	if s.said["mode"] {
		return min(s.Mode, mode)
	}
	return mode
}

// tightens wants that the section on top only tightens what is below.
func (s *admissionSection) tightens(below Admission) error {
	loose := func(what string) error {
		return fmt.Errorf("%w: admission.%s: a policy that extends another can only tighten it", ErrInvalid, what)
	}
	switch {
	case s.said["mode"] && s.Mode > below.Mode:
		return loose("mode: " + s.Mode.String())
	case s.AllowUnverifiable && !below.AllowUnverifiable:
		return loose("unverifiable: warn")
	case s.AllowUnpinned && !below.AllowUnpinned:
		return loose("unpinned: warn")
	case s.AllowUnknownKinds && !below.AllowUnknownKinds:
		return loose("unknownKinds: warn")
	case s.CachedFor > below.CachedFor:
		return loose("cachedFor")
	case len(s.Exemptions) > 0:
		return loose("exemptions")
	case s.said["for"] || s.said["trustedLabel"]:
		return loose("for and trustedLabel say which reviews count, and that is for the other to say")
	}
	for _, r := range s.Namespaces {
		if r.Mode > below.ModeOf(r.Name) || r.Environment != "" {
			return loose(fmt.Sprintf("namespaces: %q", r.Name))
		}
	}
	for _, r := range s.References {
		if r.Path == "" {
			return loose(fmt.Sprintf("references: %q names no model", r.Kind))
		}
	}
	return nil
}

func (p *Policy) joinAdmission() error {
	if p.admission == nil {
		return nil
	}
	return p.admission.tightens(p.base.Admission())
}
