package policy

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// parseRequire reads what is demanded, and refuses a policy that demands
// nothing without saying so.
func (p *Policy) parseRequire(top, n *yaml.Node, scoped bool) error {
	f := map[string]*yaml.Node{}
	if n != nil {
		var err error
		if f, err = fields(n, "require", "signatures", "attestations", "predicateTypes", "schemes", "evidence", "reviews"); err != nil {
			return err
		}
	}
	if err := p.parseTypes(f["predicateTypes"]); err != nil {
		return err
	}
	if err := p.parseSchemes(f["schemes"]); err != nil {
		return err
	}
	if err := p.parseEvidence(f["evidence"]); err != nil {
		return err
	}
	if err := p.parseAttestations(f["attestations"]); err != nil {
		return err
	}
	if err := p.parseReviews(top, f["reviews"]); err != nil {
		return err
	}
	return p.parseSignatures(top, f["signatures"], scoped)
}

// parseSignatures reads who must sign; elsewhere says that scopes may say it.
func (p *Policy) parseSignatures(top, n *yaml.Node, elsewhere bool) error {
	switch {
	case n != nil && p.allowUnsigned:
		return fail(n, "signatures are required and allowUnsigned is true: one of them is not meant")
	case n != nil && len(p.signers) == 0:
		return fail(n, "signatures are required, and no signer is named")
	case n == nil && p.extends.Policy != "":
		return nil // the policy that it extends says who must sign
	case n == nil && (p.allowUnsigned || elsewhere && len(p.signers) > 0):
		return nil
	case n == nil && len(p.signers) == 0:
		return fail(top, "no signers: it trusts nobody (to allow that, write allowUnsigned: true)")
	case n == nil:
		return fail(top, "no require.signatures: write require: {signatures: {anyOf: [%s]}}", strings.Join(p.names(), ", "))
	}
	var err error
	if p.need, err = p.parseNeed(n, "require.signatures"); err != nil {
		return err
	}
	return nil
}

// allAsked refuses a signer whom nothing asks for: he is not meant, or
// forgotten.
func (p *Policy) allAsked(n *yaml.Node) error {
	if p.allowUnsigned && len(p.scopes) == 0 {
		return nil
	}
	asked := slices.Concat(p.need.names(), p.reviewSigners(), p.extends.SignedBy)
	demands := p.attestations
	for _, s := range p.scopes {
		asked, demands = append(asked, s.need.names()...), slices.Concat(demands, s.attestations)
	}
	for _, d := range demands {
		asked = append(asked, d.by.names()...)
	}
	if p.summaries != nil {
		asked = append(asked, p.summaries.by.names()...)
	}
	for _, name := range p.names() {
		if !slices.Contains(asked, name) {
			return fail(n, "signer %q is named and nothing asks for it", name)
		}
	}
	return nil
}

func (p *Policy) names() []string {
	var out []string
	for _, s := range p.signers {
		out = append(out, s.name)
	}
	return out
}

// parseTypes reads which predicate types count as a signature.
func (p *Policy) parseTypes(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	types, err := texts(n, "predicateTypes")
	if err != nil {
		return err
	}
	for i, t := range types {
		if slices.Contains(recordTypes(), t) {
			return fail(n, "predicateTypes: %q is what a verifier says, passed or failed, and no signature", t)
		}
		if t == NoStatement {
			types[i] = ""
		}
	}
	slices.Sort(types)
	p.types, p.ownTypes = types, true
	return nil
}

// parseSchemes reads which schemes are accepted. A signer who could never sign
// under one of them is not meant.
func (p *Policy) parseSchemes(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	schemes, err := texts(n, "schemes")
	if err != nil {
		return err
	}
	for _, s := range schemes {
		if kindOf(s) == noKind {
			return fail(n, "schemes: unknown scheme %q (known: %s)", s, strings.Join(allSchemes(), ", "))
		}
	}
	for _, s := range p.signers {
		if !slices.ContainsFunc(schemes, func(scheme string) bool { return kindOf(scheme) == s.kind() }) {
			return fail(n, "schemes: signer %q can sign under none of them", s.name)
		}
	}
	p.schemes = schemes
	return nil
}

// maxWitnesses is how many log entries and timestamps attest reads of one
// signature.
const maxWitnesses = 32

// parseEvidence reads the thresholds for keyless signers.
func (p *Policy) parseEvidence(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	f, err := fields(n, "evidence", "certificateTimestamps", "logEntries", "timestamps")
	if err != nil {
		return err
	}
	if len(f) == 0 {
		return fail(n, "evidence: the mapping is empty")
	}
	if !slices.ContainsFunc(p.signers, func(s signer) bool { return s.keyless != nil }) {
		return fail(n, "evidence: these thresholds are for keyless signers, and none is named (of a key, write requireLog: true)")
	}
	for _, t := range []struct {
		name  string
		value *int
	}{
		{"certificateTimestamps", &p.thresholds.CertificateTimestamps},
		{"logEntries", &p.thresholds.LogEntries},
		{"timestamps", &p.thresholds.Timestamps},
	} {
		if f[t.name] == nil {
			continue
		}
		if *t.value, err = natural(f[t.name], t.name); err != nil {
			return err
		}
		if *t.value > maxWitnesses {
			return fail(f[t.name], "%s: %d can never be met, at most %d are read", t.name, *t.value, maxWitnesses)
		}
	}
	return nil
}

// parseAttestations reads which attestations must be there.
func (p *Policy) parseAttestations(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	list, err := items(n, "attestations")
	if err != nil {
		return err
	}
	for _, item := range list {
		d, err := p.parseDemand(item)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.attestations, func(o demand) bool { return o.name == d.name }) {
			return fail(item, "attestation %q stands twice", d.name)
		}
		p.attestations = append(p.attestations, d)
	}
	slices.SortFunc(p.attestations, func(a, b demand) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func (p *Policy) parseDemand(item *yaml.Node) (demand, error) {
	f, err := fields(item, "attestation", "name", "predicateType", "signedBy")
	if err != nil {
		return demand{}, err
	}
	d := demand{}
	if d.name, err = named(item, f, "attestation"); err != nil {
		return demand{}, err
	}
	if f["predicateType"] == nil || f["signedBy"] == nil {
		return demand{}, fail(item, "attestation %q: want predicateType and signedBy", d.name)
	}
	if d.predicateType, err = text(f["predicateType"], "predicateType"); err != nil {
		return demand{}, err
	}
	if d.predicateType == NoStatement || slices.Contains(p.types, d.predicateType) {
		return demand{}, fail(f["predicateType"], "attestation %q: %q counts as a signature, and is no attestation", d.name, d.predicateType)
	}
	if slices.Contains(recordTypes(), d.predicateType) {
		return demand{}, fail(f["predicateType"], "attestation %q: that there is one of %q says nothing, it may say that the artifact failed: name verifiers under summaries", d.name, d.predicateType)
	}
	d.by, err = p.parseNeed(f["signedBy"], "signedBy")
	return d, err
}

// recordTypes are the statements of verifiers: that there is one says nothing.
func recordTypes() []string {
	return []string{provenance.SummaryType, provenance.ResultType, provenance.PredicateType}
}
