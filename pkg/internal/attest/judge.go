package attest

import (
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An outcome is what there is of a candidate beside its verdict.
type outcome struct {
	pending     *Pending
	attestation *Attestation
}

// judge decides about one layer. A library that panics on a stranger's bytes
// refuses that stranger, and nobody else.
func (v *Verifier) judge(s *slot, raw []byte, subject artifact.Digest) {
	c := &s.candidate
	defer func() {
		if p := recover(); p != nil {
			*c, s.outcome = provenance.Candidate{Layout: c.Layout, Digest: c.Digest}, outcome{}
			deny(c, refuse(provenance.CodeSignatureMalformed, "its content breaks the verifier: %v", p))
		}
	}()
	parsed, err := parse(s.form, raw, s.annotations)
	if err != nil {
		deny(c, err)
		return
	}
	v.decide(s, parsed, subject)
}

func parse(f form, raw []byte, annotations map[string]string) (*signed, error) {
	switch f {
	case formClaims:
		return parseClaims(raw, annotations)
	case formEnvelope:
		return parseEnvelope(raw, annotations)
	default:
		return parseBundle(raw)
	}
}

// decide fills the slot with what could be proven of s.
func (v *Verifier) decide(slot *slot, s *signed, subject artifact.Digest) {
	c := &slot.candidate
	if s.statement != nil {
		c.PredicateType = s.statement.PredicateType
	}
	attestation := s.statement != nil && !v.types[s.statement.PredicateType]
	switch {
	case attestation && s.model != nil:
		deny(c, refuse(provenance.CodeNotASignature, "an OpenSSF model signature, which does not count as a signature here"))
		return
	case !attestation && s.statement != nil && s.statement.Type != provenance.StatementType:
		deny(c, refuse(provenance.CodeSignatureMalformed, "its statement is of type %q; for a signature it must be %q", s.statement.Type, provenance.StatementType))
		return
	}
	p, err := v.prove(s, subject)
	c.Scheme, c.Checked = p.scheme, slices.Clone(p.checked)
	switch {
	case err != nil && attestation:
		code, detail := reasonOf(err)
		deny(c, refuse(provenance.CodeNotASignature, "an attestation, which does not hold (%s): %s", code, detail))
		return
	case err != nil:
		deny(c, err)
		return
	case p.identity.Subject == "" && p.identity.KeyFingerprint == "":
		deny(c, refuse(provenance.CodeInternal, "it is proven and nobody's"))
		return
	}
	if s.model != nil && !slot.keep {
		deny(c, refuse(provenance.CodeLimitExceeded, "it was not compared with the files: the candidates before it have more than %d bytes", MaxPredicates))
		return
	}
	c.Identity, c.SignedAt, c.LogIndex, c.Evidence = p.identity, p.times, p.logIndex, p.evidence
	switch {
	case attestation:
		c.Verdict, c.Code = provenance.Proven, provenance.CodeAttestationVerified
		c.Detail = "an attestation; it holds, and says something else than that the artifact is signed"
		slot.outcome.attestation = newAttestation(s, slot.keep)
	case s.model != nil:
		c.Verdict, c.Code = provenance.Unchecked, provenance.CodeSignaturePending
		c.Detail = "it holds; whether it is about these files is known when they were compared"
		slot.outcome.pending = &Pending{Statement: s.model}
	default:
		c.Verdict, c.Code = provenance.Proven, provenance.CodeSignatureVerified
	}
}

func (v *Verifier) prove(s *signed, subject artifact.Digest) (proof, error) {
	switch {
	case s.material.Certificate() != nil:
		return v.proveCertificate(s, subject)
	case s.material.PublicKey() != nil:
		return v.proveKey(s, subject)
	default:
		return proof{}, refuse(provenance.CodeSignatureMalformed, "it has neither certificate nor key")
	}
}

// deny writes a refusal into c.
func deny(c *provenance.Candidate, err error) {
	c.Verdict = provenance.Refused
	c.Code, c.Detail = reasonOf(err)
}
