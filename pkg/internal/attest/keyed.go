package attest

import (
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A keyMatch is a configured key that made a signature.
type keyMatch struct {
	key   trustedKey
	trust root.TrustedMaterial
}

// proveKey verifies s, which carries a key hint, under the configured keys.
// Keys come from the configuration only; the hint is not signed.
func (v *Verifier) proveKey(s *signed, subject artifact.Digest) (proof, error) {
	p := proof{scheme: s.scheme(schemeKey)}
	if len(v.keys) == 0 {
		return p, refuse(provenance.CodeSignatureWrongKey, "it is signed with a key and no key was given")
	}
	matches, err := v.findKeys(s, s.material.PublicKey().Hint())
	if err != nil {
		return p, err
	}
	p.checked = append(p.checked, checkedSignature)
	if err := s.about(subject); err != nil {
		return p, err
	}
	p.checked = append(p.checked, s.checkedSubject()...)
	// One key may stand there twice, for two times.
	var first error
	for _, m := range matches {
		under, err := v.underKey(p, m, s, subject)
		if err == nil {
			return under, nil
		}
		if first == nil {
			first = err
		}
	}
	return p, first
}

// findKeys tries every configured key and returns those that made the
// signature, which is one key, however often it is configured.
func (v *Verifier) findKeys(s *signed, hint string) ([]keyMatch, error) {
	var found []keyMatch
	hinted := ""
	for _, k := range v.keys {
		if k.hinted(hint) {
			hinted = k.fingerprint
		}
		for _, verifier := range k.verifiers {
			tm := keyMaterial(verifier)
			if s.signatureHolds(tm) == nil {
				found = append(found, keyMatch{k, tm})
				break
			}
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case hinted != "":
		return nil, refuse(provenance.CodeSignatureBad, "it names the trusted key %s, which did not make its signature", hinted)
	default:
		return nil, refuse(provenance.CodeSignatureWrongKey, "none of the %d trusted keys made its signature", len(v.keys))
	}
}

// underKey verifies what vouches for a key's signature, and its time where the
// key is bound to one.
func (v *Verifier) underKey(p proof, m keyMatch, s *signed, subject artifact.Digest) (proof, error) {
	all, err := v.grounds(s, m.trust)
	if err != nil {
		return p, err
	}
	chosen := -1
	var first error
	for i, g := range all {
		if err := m.key.validUnder(g.evidence); err == nil {
			chosen = i
			break
		} else if first == nil {
			first = err
		}
	}
	if chosen < 0 {
		return p, first
	}
	g := all[chosen]
	if err := wholeKey(s, g.trust, len(g.logs), subject); err != nil {
		return p, refuse(provenance.CodeSignatureBad, "it does not verify: %v", err)
	}
	p.identity = provenance.Identity{KeyFingerprint: m.key.fingerprint}
	g.record(&p)
	return p, nil
}

// validUnder wants of a key with a window that there is a verified time, and
// that every one lies within.
func (k trustedKey) validUnder(ev evidence) error {
	if k.notBefore.IsZero() && k.notAfter.IsZero() {
		return nil
	}
	times := ev.times()
	if len(times) == 0 {
		return refuse(provenance.CodeNoTimestamp, "its key %s is bound to a time, and no trusted time says when it signed%s", k.fingerprint, because(ev.tsaErr))
	}
	for _, t := range times {
		if t.Before(k.notBefore) || !k.notAfter.IsZero() && t.After(k.notAfter) {
			return refuse(provenance.CodeExpiredAtTime, "it was signed at %s, its key %s is valid %s", rfc3339(t), k.fingerprint, k.window())
		}
	}
	return nil
}

// window says when a key is valid, for a sentence.
func (k trustedKey) window() string {
	bound := func(word string, t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return " " + word + " " + rfc3339(t)
	}
	return "only" + bound("from", k.notBefore) + bound("until", k.notAfter)
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
