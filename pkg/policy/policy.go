package policy

import (
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// DefaultSignatureType is the predicate type of cosign's signatures, the one
// that counts as a signature where a policy names none.
const DefaultSignatureType = "https://sigstore.dev/cosign/sign/v1"

// A Policy says whom to trust and what to demand. Parse and Build make one;
// where Files names any, Resolve must have read them before it decides. The
// zero value decides nothing. A resolved Policy is safe for concurrent use.
type Policy struct {
	signers       []signer // by name
	roots         []root   // by name
	need          need
	types         []string // accepted predicate types, sorted
	allowUnsigned bool
	effects       map[string]Outcome // of findings, where they are not the usual ones
	digest        artifact.Digest    // zero until resolved
}

// A need is how many distinct identities of these signers must have signed.
type need struct {
	Count int      `json:"count"`
	Of    []string `json:"of"` // sorted
}

// A root is trust material that lies in a file.
type root struct {
	name, file string
	json       []byte
}

// A Key is a public key of a signer.
type Key struct {
	Name string // the signer's
	PEM  []byte
}

// A Root is a Sigstore trusted root (trusted_root.json).
type Root struct {
	Name string
	JSON []byte
}

// Files names the key files and trusted roots that Resolve will ask for, as
// the policy writes them, sorted.
func (p *Policy) Files() []string {
	var out []string
	for _, s := range p.signers {
		if s.key != nil && s.key.file != "" {
			out = append(out, s.key.file)
		}
	}
	for _, r := range p.roots {
		out = append(out, r.file)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Keys returns the public keys of the signers, none before Resolve.
func (p *Policy) Keys() []Key {
	var out []Key
	for _, s := range p.signers {
		if s.key != nil && s.key.fingerprint != "" {
			out = append(out, Key{Name: s.name, PEM: slices.Clone(s.key.pem)})
		}
	}
	return out
}

// Roots returns the trusted roots, none before Resolve.
func (p *Policy) Roots() []Root {
	var out []Root
	for _, r := range p.roots {
		if len(r.json) > 0 {
			out = append(out, Root{Name: r.name, JSON: slices.Clone(r.json)})
		}
	}
	return out
}

// SignatureTypes returns the predicate types of statements that count as a
// signature; others are attestations about something else.
func (p *Policy) SignatureTypes() []string { return slices.Clone(p.types) }

// Digest identifies what the policy effectively says: names, patterns, the
// bytes of keys and roots, not the spelling of the file. It is zero for a
// policy that was not resolved.
func (p *Policy) Digest() artifact.Digest { return p.digest }

// Match says which signers a candidate is by: none unless its cryptography and
// subject were proven. Of the certificate's extensions only those that the
// signer demands are kept, so that signing again in another run of the same
// workflow gives the same record.
func (p *Policy) Match(c provenance.Candidate) []provenance.Signature {
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified {
		return nil
	}
	var out []provenance.Signature
	for _, s := range p.signers {
		if !p.by(s, c.Scheme, c.PredicateType, c.Identity) {
			continue
		}
		identity := c.Identity
		identity.Extensions = s.demanded()
		out = append(out, provenance.Signature{
			Signer:        s.name,
			Scheme:        c.Scheme,
			Identity:      identity,
			PredicateType: c.PredicateType,
			Relation:      s.relation,
		})
	}
	return out
}

// by says whether a proven signature with these facts is one of s.
func (p *Policy) by(s signer, scheme, predicateType string, identity provenance.Identity) bool {
	return scheme != "" && slices.Contains(p.types, predicateType) && s.is(identity)
}
