package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseRequire reads what is demanded, and refuses a policy that demands
// nothing without saying so.
func (p *Policy) parseRequire(top, n *yaml.Node) error {
	f := map[string]*yaml.Node{}
	if n != nil {
		var err error
		if f, err = fields(n, "require", "signatures", "predicateTypes"); err != nil {
			return err
		}
	}
	if types := f["predicateTypes"]; types != nil {
		var err error
		if p.types, err = texts(types, "predicateTypes"); err != nil {
			return err
		}
	}
	signatures := f["signatures"]
	switch {
	case signatures != nil && p.allowUnsigned:
		return fail(signatures, "signatures are required and allowUnsigned is true: one of them is not meant")
	case signatures != nil && len(p.signers) == 0:
		return fail(signatures, "signatures are required, and no signer is named")
	case signatures != nil:
		return p.parseNeed(signatures)
	case p.allowUnsigned:
		return nil
	case len(p.signers) == 0:
		return fail(top, "no signers: it trusts nobody (to allow that, write allowUnsigned: true)")
	default:
		return fail(top, "no require.signatures: write require: {signatures: {anyOf: [%s]}}", strings.Join(p.names(), ", "))
	}
}

func (p *Policy) names() []string {
	var out []string
	for _, s := range p.signers {
		out = append(out, s.name)
	}
	return out
}

func (p *Policy) parseNeed(n *yaml.Node) error {
	f, err := fields(n, "require.signatures", "anyOf", "allOf", "atLeast")
	if err != nil {
		return err
	}
	if len(f) != 1 {
		return fail(n, "require.signatures: want exactly one of anyOf, allOf, atLeast")
	}
	switch {
	case f["anyOf"] != nil:
		p.need.Of, err = texts(f["anyOf"], "anyOf")
		p.need.Count = 1
	case f["allOf"] != nil:
		p.need.Of, err = texts(f["allOf"], "allOf")
		p.need.Count = len(p.need.Of)
	default:
		err = p.parseAtLeast(f["atLeast"])
	}
	if err != nil {
		return err
	}
	for _, name := range p.need.Of {
		if !p.hasSigner(name) {
			return fail(n, "require.signatures: there is no signer %q", name)
		}
	}
	for _, name := range p.names() {
		if !slices.Contains(p.need.Of, name) {
			return fail(n, "signer %q is named and nothing asks for it", name)
		}
	}
	return nil
}

func (p *Policy) parseAtLeast(n *yaml.Node) error {
	f, err := fields(n, "atLeast", "count", "of")
	if err != nil {
		return err
	}
	if f["count"] == nil || f["of"] == nil {
		return fail(n, "atLeast: want count and of")
	}
	if p.need.Count, err = natural(f["count"], "count"); err != nil {
		return err
	}
	if p.need.Of, err = texts(f["of"], "of"); err != nil {
		return err
	}
	if p.need.Count > len(p.need.Of) {
		return fail(f["count"], "atLeast %d of %d signers can never be met", p.need.Count, len(p.need.Of))
	}
	return nil
}
