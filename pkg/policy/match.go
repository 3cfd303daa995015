package policy

import (
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Match says which signers a candidate is a signature by: none unless its
// cryptography and subject were proven, and everything that the policy demands
// of the signer was verified. Of the certificate's extensions and of the
// evidence only what is demanded is kept, so that signing again in another run
// of the same workflow gives the same record.
func (p *Policy) Match(c provenance.Candidate) []provenance.Signature {
	var out []provenance.Signature
	for _, level := range p.levels() {
		for _, s := range level.match(c) {
			if !slices.ContainsFunc(out, func(o provenance.Signature) bool { return o.Signer == s.Signer }) {
				out = append(out, s)
			}
		}
	}
	return out
}

func (p *Policy) match(c provenance.Candidate) []provenance.Signature {
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified || !slices.Contains(p.types, c.PredicateType) {
		return nil
	}
	var out []provenance.Signature
	for _, s := range p.signers {
		if p.made(s, c) {
			out = append(out, provenance.Signature{
				Signer:        s.name,
				Scheme:        c.Scheme,
				Identity:      s.kept(c.Identity),
				PredicateType: c.PredicateType,
				Relation:      s.relation,
				Evidence:      s.demands(p.thresholds),
			})
		}
	}
	return out
}

// Attests says which of the attestations that the policy requires a candidate
// is, and by whom. A signature is none, and what Attests returns is never a
// signature.
func (p *Policy) Attests(c provenance.Candidate) []provenance.Attestation {
	return p.eachSigner(func(level *Policy) []provenance.Attestation { return level.required(c) })
}

// eachSigner joins what the levels say, one for each signer: of two with one
// name the first demands more.
func (p *Policy) eachSigner(say func(level *Policy) []provenance.Attestation) []provenance.Attestation {
	var out []provenance.Attestation
	for _, level := range p.levels() {
		for _, a := range say(level) {
			if !slices.ContainsFunc(out, func(o provenance.Attestation) bool { return o.Signer == a.Signer }) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (p *Policy) required(c provenance.Candidate) []provenance.Attestation {
	return slices.DeleteFunc(p.statements(c), func(a provenance.Attestation) bool {
		return !slices.ContainsFunc(p.attestations, func(d demand) bool {
			return d.predicateType == a.PredicateType && slices.Contains(d.by.names(), a.Signer)
		})
	})
}

// Statements says whose attestation a candidate is, of the signers whom the
// policy names, whether it requires one of this type or not. A stranger's is
// nobody's. What they return never counts as a signature, and as an attestation
// only where it is required.
//
// What was signed after a record, about it, is no part of that record: it would
// be another one by each review or summary. Only a policy that requires such a
// statement as an attestation puts it there.
func (p *Policy) Statements(c provenance.Candidate) []provenance.Attestation {
	return p.eachSigner(func(level *Policy) []provenance.Attestation { return level.statements(c) })
}

func (p *Policy) statements(c provenance.Candidate) []provenance.Attestation {
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified || c.PredicateType == "" {
		return nil
	}
	if aboutRecords(c.PredicateType) && !slices.ContainsFunc(p.attestations, func(d demand) bool { return d.predicateType == c.PredicateType }) {
		return nil
	}
	var out []provenance.Attestation
	for _, s := range p.signers {
		if p.made(s, c) {
			out = append(out, provenance.Attestation{
				Signer:        s.name,
				PredicateType: c.PredicateType,
				Scheme:        c.Scheme,
				Identity:      s.kept(c.Identity),
				Relation:      s.relation,
				Evidence:      s.demands(p.thresholds),
			})
		}
	}
	return out
}

// aboutRecords names the types of statements that are made of a record.
func aboutRecords(predicateType string) bool {
	return slices.Contains([]string{
		provenance.ReviewType, provenance.ReviewIndexType, provenance.PredicateType, provenance.SummaryType, provenance.ResultType,
	}, predicateType)
}

// made says whether a proven candidate is by s, and meets what is demanded.
func (p *Policy) made(s signer, c provenance.Candidate) bool {
	if !p.by(s, c.Scheme, c.Identity) {
		return false
	}
	code, _ := s.lacks(c, p.thresholds)
	return code == ""
}

// by says whether an identity that was proven under scheme is that of s.
func (p *Policy) by(s signer, scheme string, identity provenance.Identity) bool {
	return slices.Contains(p.schemes, scheme) && s.is(scheme, identity)
}

// kept is what the record holds of an identity.
func (s signer) kept(identity provenance.Identity) provenance.Identity {
	identity.Extensions = s.demanded(identity.Extensions)
	return identity
}
