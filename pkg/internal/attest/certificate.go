package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// How a signature says who made it. Those of OpenSSF Model Signing have the
// same ways under names of their own.
const (
	schemeKeyless = "sigstore-keyless" // a certificate that a Sigstore instance issued
	schemeKey     = "sigstore-key"     // a public key without certificate
	schemeX509    = "x509"             // a certificate of an authority without Sigstore's services
)

// scheme returns the scheme's name for what s signs.
func (s *signed) scheme(general string) string {
	if s.model == nil {
		return general
	}
	switch general {
	case schemeKeyless:
		return "oms-keyless"
	case schemeKey:
		return "oms-key"
	default:
		return "oms-x509"
	}
}

// How far checking under one root or authority came; the refusal that came
// farthest is the one worth telling.
const (
	stageForm = iota - 1
	stageIssuer
	stageSCT
	stageLog
	stageTime
	stageExpiry
	stageWhole
)

var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

// proveCertificate verifies s, which carries a certificate. What does not
// depend on a root comes first, so that a tampered signature is called that
// under any root.
func (v *Verifier) proveCertificate(s *signed, subject artifact.Digest) (proof, error) {
	leaf := s.material.Certificate()
	p := proof{scheme: s.scheme(schemeKeyless)}
	if len(v.roots) == 0 && len(v.cas) > 0 {
		p.scheme = s.scheme(schemeX509)
	}
	if _, err := keyVerifiers(leaf.PublicKey); err != nil {
		return p, refuse(provenance.CodeSignatureMalformed, "its certificate: %v", err)
	}
	if err := s.signatureHolds(&root.BaseTrustedMaterial{}); err != nil {
		return p, refuse(provenance.CodeSignatureBad, "its signature is not by its certificate: %v", err)
	}
	p.checked = append(p.checked, checkedSignature)
	if err := s.about(subject); err != nil {
		return p, err
	}
	p.checked = append(p.checked, s.checkedSubject()...)
	if len(v.roots)+len(v.cas) == 0 {
		return p, refuse(provenance.CodeUntrustedRoot, "it is signed with a certificate, and no trusted root and no authority was given")
	}
	// Go does not know the OtherName form of alternative names; it is read
	// where the identity is, and must not stop the verification of the chain.
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(leaf.UnhandledCriticalExtensions, oidSAN.Equal)
	return v.underAny(p, s, leaf, subject)
}

// underAny tries every root and then every authority, each by itself.
func (v *Verifier) underAny(p proof, s *signed, leaf *x509.Certificate, subject artifact.Digest) (proof, error) {
	var tries []func() (proof, error)
	for _, r := range v.roots {
		tries = append(tries, func() (proof, error) { return v.underRoot(r, s, leaf, subject) })
	}
	for _, a := range v.cas {
		tries = append(tries, func() (proof, error) { return v.underAuthority(a, s, leaf) })
	}
	var worst *refusal
	for _, try := range tries {
		under, err := try()
		if err == nil {
			under.checked = append(p.checked, under.checked...)
			return under, nil
		}
		var ref *refusal
		if !errors.As(err, &ref) {
			ref = refuse(provenance.CodeSignatureMalformed, "%v", err)
		}
		if worst == nil || ref.stage > worst.stage {
			worst, p.scheme = ref, under.scheme
		}
	}
	return p, worst
}

// signatureHolds checks the signature alone, under the certificate or, with
// trust in one key, under that key. The subject is not looked at.
func (s *signed) signatureHolds(tm root.TrustedMaterial) error {
	if s.claims != nil {
		return verify.VerifySignatureWithArtifacts(s.content, s.material, tm, []io.Reader{bytes.NewReader(s.payload)})
	}
	if msg := s.content.MessageSignatureContent(); msg != nil {
		own := []verify.ArtifactDigest{{Algorithm: msg.DigestAlgorithm(), Digest: msg.Digest()}}
		return verify.VerifySignatureWithArtifactDigests(s.content, s.material, tm, own)
	}
	return verify.VerifySignature(s.content, s.material, tm)
}

// checkedSubject is what about established. What a model signature is about is
// known when the files were hashed.
func (s *signed) checkedSubject() []string {
	if s.model != nil {
		return nil
	}
	return []string{checkedSubject}
}
