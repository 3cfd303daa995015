package attest

import (
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// schemeKey is a signature by a public key without certificate.
const schemeKey = "sigstore-key"

// proveKey verifies s, which carries a key hint, under the configured keys.
// Keys come from the configuration only; the hint is not signed.
func (v *Verifier) proveKey(s *signed, subject artifact.Digest) (proof, error) {
	p := proof{scheme: schemeKey}
	if len(v.keys) == 0 {
		return p, refuse(provenance.CodeSignatureWrongKey, "it is signed with a key and no key was given")
	}
	hint := s.material.PublicKey().Hint()
	key, tm, err := v.findKey(s, hint)
	if err != nil {
		return p, err
	}
	p.checked = append(p.checked, checkedSignature)
	if err := s.about(subject); err != nil {
		return p, err
	}
	p.checked = append(p.checked, checkedSubject)
	p.identity = provenance.Identity{KeyFingerprint: key.fingerprint}
	ev, trust, err := v.keyEvidence(s, tm)
	if err != nil {
		return proof{scheme: p.scheme, checked: p.checked}, err
	}
	if err := wholeKey(s, trust, len(ev.logs), subject); err != nil {
		return proof{scheme: p.scheme, checked: p.checked}, refuse(provenance.CodeSignatureBad, "it does not verify: %v", err)
	}
	ev.record(&p)
	return p, nil
}

// findKey tries every configured key.
func (v *Verifier) findKey(s *signed, hint string) (trustedKey, root.TrustedMaterial, error) {
	hinted := ""
	for _, k := range v.keys {
		if k.hinted(hint) {
			hinted = k.fingerprint
		}
		for _, verifier := range k.verifiers {
			tm := keyMaterial(verifier)
			if s.signatureHolds(tm) == nil {
				return k, tm, nil
			}
		}
	}
	if hinted != "" {
		return trustedKey{}, nil, refuse(provenance.CodeSignatureBad, "it names the trusted key %s, which did not make its signature", hinted)
	}
	return trustedKey{}, nil, refuse(provenance.CodeSignatureWrongKey, "none of the %d trusted keys made its signature", len(v.keys))
}

// keyEvidence verifies log entries and timestamps where a root knows who
// vouches. None is required of a key; but what stands in a log that a root
// knows must hold under one root at least.
func (v *Verifier) keyEvidence(s *signed, key root.TrustedMaterial) (evidence, root.TrustedMaterial, error) {
	best, trust := evidence{}, key
	var failed error
	for _, r := range v.roots {
		tm := root.TrustedMaterialCollection{key, r.material}
		ev, err := v.collect(s, tm)
		if err != nil {
			failed = err
			continue
		}
		if len(ev.logs)+len(ev.tsaTimes) > len(best.logs)+len(best.tsaTimes) {
			best, trust = ev, tm
		}
	}
	if failed != nil && len(best.logs) == 0 {
		return evidence{}, nil, failed
	}
	return best, trust, nil
}

// wholeKey is sigstore-go's own verification, with the log entries that are
// about to be stated.
func wholeKey(s *signed, tm root.TrustedMaterial, logs int, subject artifact.Digest) error {
	options := []verify.VerifierOption{verify.WithNoObserverTimestamps(), verify.WithoutStatementPredicate()}
	if logs > 0 {
		options = append(options, verify.WithTransparencyLog(logs))
	}
	whole, err := verify.NewVerifier(tm, options...)
	if err != nil {
		return err
	}
	_, err = whole.Verify(s.entity, verify.NewPolicy(s.artifactOption(subject), verify.WithKey()))
	return err
}
