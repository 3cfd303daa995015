package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Extends says which policy another one tightens, as its file writes it.
type Extends struct {
	Policy   string   // a file, or RegistryScheme and a reference with its digest; "" for none
	SignedBy []string // signers of the extending policy, any of whom must have signed it; of a file none
}

// RegistryScheme begins the name of a policy that lies in a registry.
const RegistryScheme = "oci://"

// MaxLevels is how many policies may stand on each other.
const MaxLevels = 4

const notLooser = "allowUnsigned: a policy that extends another can only tighten it: whether nobody has to sign is for the other to say"

// Extends says which policy this one tightens.
func (p *Policy) Extends() Extends { return p.extends }

func parseExtends(n *yaml.Node) (Extends, error) {
	if n == nil {
		return Extends{}, nil
	}
	out := Extends{}
	name, err := n, error(nil)
	if n.Kind == yaml.MappingNode {
		f, err := fields(n, "extends", "policy", "signedBy")
		if err != nil {
			return out, err
		}
		if f["policy"] == nil || f["signedBy"] == nil {
			return out, fail(n, "extends: want policy and signedBy")
		}
		if out.SignedBy, err = texts(f["signedBy"], "extends.signedBy"); err != nil {
			return out, err
		}
		name = f["policy"]
	}
	if out.Policy, err = text(name, "extends"); err != nil {
		return out, err
	}
	reference, remote := strings.CutPrefix(out.Policy, RegistryScheme)
	switch {
	case !remote && strings.Contains(out.Policy, "://"):
		return out, fail(name, "extends is %q, want a file or %sHOST/REPOSITORY@sha256:…", out.Policy, RegistryScheme)
	case !remote && len(out.SignedBy) > 0:
		return out, fail(n, "extends: a file is not signed: leave out signedBy, or name the policy in a registry")
	case remote && !strings.Contains(reference, "@"):
		return out, fail(name, "extends: %q has no digest, and a tag may be another policy tomorrow: add @sha256:…", out.Policy)
	case remote && len(out.SignedBy) == 0:
		return out, fail(n, "extends: whose policy is it? write extends: {policy: %s, signedBy: [SIGNER]}", out.Policy)
	}
	return out, nil
}

// checkVouchers wants that signedBy names signers of this policy.
func (p *Policy) checkVouchers(n *yaml.Node) error {
	for _, name := range p.extends.SignedBy {
		if !p.hasSigner(name) {
			return fail(n, "extends.signedBy: there is no signer %q", name)
		}
	}
	return nil
}

// Vouching returns the policy by which the extended one must be signed: any of
// the signers whom signedBy names. It has to be resolved. It is nil where none
// is named.
func (p *Policy) Vouching() (*Policy, error) {
	if len(p.extends.SignedBy) == 0 {
		return nil, nil
	}
	out := base()
	out.roots, out.thresholds, out.schemes = p.roots, p.thresholds, p.schemes
	for _, s := range p.signers {
		if slices.Contains(p.extends.SignedBy, s.name) {
			out.signers = append(out.signers, s)
		}
	}
	out.need = need{Count: 1, Of: out.names()}
	return out, out.finish()
}

// Signed says whether candidates hold the signatures that the policy requires,
// of something that is no model and of which no record is made: it allows where
// they do. An attestation, or AllowUnsigned, is none.
func (p *Policy) Signed(candidates []provenance.Candidate) Verdict {
	if !p.decides() || p.allowUnsigned || p.base != nil {
		return Verdict{}
	}
	m := &provenance.Manifest{}
	for _, c := range candidates {
		m.Signatures = append(m.Signatures, p.match(c)...)
	}
	return combine(p.judgeSignatures(Case{Manifest: m, Candidates: candidates}), p.digest)
}

// Extend puts p on top of a resolved policy. Both are judged, each by its own
// signers, rules and scopes, and the gravest decides: p can deny and hold what
// below is allowed, and allow nothing that is not. It must be called before
// Resolve. It fails with ErrInvalid where the two cannot be told apart in a
// record, or where p seems to say what it cannot.
func (p *Policy) Extend(below *Policy) error {
	switch {
	case p.extends.Policy == "" || p.base != nil:
		return fmt.Errorf("%w: it extends no policy, or does so already", ErrInvalid)
	case !below.decides():
		return fmt.Errorf("%w: the policy that it extends was not read", ErrInvalid)
	case len(below.levels()) >= MaxLevels:
		return fmt.Errorf("%w: more than %d policies extend each other", ErrInvalid, MaxLevels)
	}
	next := *p
	next.base, next.baseDigest = below, below.digest
	if !next.ownTypes {
		next.types = below.types
	}
	next.thresholds = next.thresholds.and(below.thresholds)
	if err := next.inheritEffects(below); err != nil {
		return err
	}
	if err := next.finish(); err != nil {
		return err
	}
	*p = next
	return nil
}

// inheritEffects takes what is said below about findings, where p says nothing.
func (p *Policy) inheritEffects(below *Policy) error {
	effects := map[string]Outcome{}
	for code, effect := range below.effects {
		effects[code] = effect
	}
	for code, effect := range p.effects {
		usual, _ := effectOf(code)
		now, said := below.effects[code]
		if !said {
			now = usual.Outcome
		}
		if effect.rank() < now.rank() {
			return fmt.Errorf("%w: findings: %q is %s in the policy that it extends, and cannot become %s", ErrInvalid, code, now, effect)
		}
		effects[code] = effect
	}
	p.effects = effects
	return nil
}

func (t Thresholds) and(o Thresholds) Thresholds {
	return Thresholds{max(t.CertificateTimestamps, o.CertificateTimestamps), max(t.LogEntries, o.LogEntries), max(t.Timestamps, o.Timestamps)}
}

// decides says whether the policy is whole.
func (p *Policy) decides() bool {
	return p != nil && !p.digest.IsZero() && (p.base == nil) == (p.extends.Policy == "")
}

// levels are p and the policies below it, p first.
func (p *Policy) levels() []*Policy {
	var out []*Policy
	for ; p != nil; p = p.base {
		out = append(out, p)
	}
	return out
}

// labelled is p as it is judged together with those above it: what was signed
// under the effective policy was signed under all of them.
func (p *Policy) labelled(d artifact.Digest) *Policy {
	out := *p
	out.digest, out.joint = d, true
	if p.base != nil {
		out.base = p.base.labelled(d)
	}
	return &out
}

// joined is the verdict of p's own reasons and of what is judged below. What
// was not decided there is not decided.
func (p *Policy) joined(own []Reason, below Verdict) Verdict {
	reasons := slices.Concat(own, below.Reasons)
	if len(below.Reasons) == 0 {
		reasons = append(reasons, Reason{Code: provenance.CodeNotDecided, Effect: Undecided, Message: "the policy that this one extends says nothing"})
	}
	return combine(reasons, p.digest)
}
