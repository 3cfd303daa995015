package check

import (
	"fmt"
	"path"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// modelSignatures judges the model.sig files that are layers of their own, or
// lie in a folder at the top; complete finds those in archives.
func (k *evidenceCheck) modelSignatures(subject artifact.Digest) {
	seen := map[artifact.Digest]bool{}
	for _, f := range k.record.Files {
		raw := f.Layer == f.Digest || f.Layer.IsZero() && f.Path == signatureFile
		body := k.dossier.Blobs[f.Digest]
		if path.Base(f.Path) != signatureFile || !raw || seen[f.Digest] || body == nil || len(body) > attest.MaxBundle {
			continue
		}
		seen[f.Digest] = true
		k.takeFrom(k.verifier.VerifyBundle(subject, "model-file", body), f.Path)
	}
}

// unproven compares the signers that the record names with those that were
// proven here. Who brings no trust proves nobody, and the policy says so.
func (k *evidenceCheck) unproven() {
	trusting := k.trusting()
	for _, s := range k.record.Signatures {
		if k.proves(s.Scheme, s.PredicateType, s.Identity) {
			k.out.Rechecked.Signatures++
			continue
		}
		k.doubt(trusting, fmt.Sprintf("signature of %q", s.Signer), fmt.Sprintf("the record names a signature by %q (%s) that the trust which was given does not prove", s.Signer, s.Scheme))
	}
	for _, a := range k.record.Attestations {
		if k.proves(a.Scheme, a.PredicateType, a.Identity) {
			k.out.Rechecked.Signatures++
			continue
		}
		k.doubt(trusting, fmt.Sprintf("attestation of %q", a.Signer), fmt.Sprintf("the record names an attestation by %q (%s) that the trust which was given does not prove", a.Signer, a.PredicateType))
	}
	k.unprovenProducers(trusting)
}

// trusting says whether the reader brought any trust along.
func (k *evidenceCheck) trusting() bool {
	p := k.cfg.Policy
	return len(p.Keys())+len(p.Roots())+len(p.CAs()) > 0
}

func (k *evidenceCheck) doubt(trusting bool, what, detail string) {
	if trusting {
		k.refuse(provenance.CodeEvidenceSignature, what, detail)
		return
	}
	k.skip(what, "nobody said whom to trust")
}

// proves says whether one of the candidates is this signature, proven. Of the
// certificate's extensions the record holds what its policy demanded.
func (k *evidenceCheck) proves(scheme, predicateType string, id provenance.Identity) bool {
	for _, c := range k.report.Signatures {
		if c.Verdict != provenance.Proven || c.Scheme != scheme || c.PredicateType != predicateType {
			continue
		}
		if c.Identity.KeyFingerprint == id.KeyFingerprint && c.Identity.Subject == id.Subject && c.Identity.Issuer == id.Issuer && holdsAll(c.Identity.Extensions, id.Extensions) {
			return true
		}
	}
	return false
}

func holdsAll(all, some map[string]string) bool {
	for key, value := range some {
		if all[key] != value {
			return false
		}
	}
	return true
}

// unprovenProducers: that a signer is the model's producer is what a policy
// says, and the policy that counts here is the reader's.
func (k *evidenceCheck) unprovenProducers(trusting bool) {
	var again provenance.Manifest
	k.sign(&again)
	producers := map[string]bool{}
	for _, s := range again.Signatures {
		if s.Relation == provenance.Producer {
			producers[s.Identity.KeyFingerprint+" "+s.Identity.Subject+" "+s.Identity.Issuer] = true
		}
	}
	for _, s := range k.record.Signatures {
		if s.Relation != provenance.Producer || producers[s.Identity.KeyFingerprint+" "+s.Identity.Subject+" "+s.Identity.Issuer] {
			continue
		}
		k.doubt(trusting, fmt.Sprintf("producer %q", s.Signer), fmt.Sprintf("the record calls %q the model's producer, and the policy that was given does not", s.Signer))
	}
}
