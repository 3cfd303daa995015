package attest

import (
	"cmp"
	"crypto/x509"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// authorityPrefix begins the issuer of an identity that a configured authority
// vouches for. No identity provider is called that: theirs are URLs.
const authorityPrefix = "ca:"

// underAuthority verifies the trust behind a certificate under one configured
// authority. The certificate is judged at every time that a trusted root vouches
// for, never at one that the signer chose, its own NotBefore included.
func (v *Verifier) underAuthority(a authority, s *signed, leaf *x509.Certificate) (proof, error) {
	p := proof{scheme: s.scheme(schemeX509)}
	// Whether a issued it at all, before when.
	err := a.issued(leaf, s.brought, leaf.NotBefore)
	if err != nil && !invalidFor(err, x509.Expired) && !invalidFor(err, x509.IncompatibleUsage) {
		return p, refuse(provenance.CodeUntrustedRoot, "no configured authority issued its certificate: %v", err)
	}
	if why := mayNotSign(leaf, s.model != nil); why != "" || invalidFor(err, x509.IncompatibleUsage) {
		return p, refuse(provenance.CodeSignatureMalformed, "its certificate is not for signing: %s", cmp.Or(why, "one above it excludes that")).at(stageSCT)
	}
	name, err := certificateName(leaf)
	if err != nil {
		return p, staged(err, stageSCT)
	}
	p.identity = provenance.Identity{Subject: name, Issuer: authorityPrefix + a.name}
	all, err := v.grounds(s, &root.BaseTrustedMaterial{})
	if err != nil {
		return p, staged(err, stageLog)
	}
	if a.currentTime {
		if err := a.validAt(leaf, s.brought, v.now()); err != nil {
			return p, err
		}
		p.checked = append(p.checked, checkedChain, checkedCurrentTime)
		all[0].record(&p)
		return p, nil
	}
	var first error
	for _, g := range all {
		if err = a.validUnder(g.evidence, leaf, s.brought); err == nil {
			p.checked = append(p.checked, checkedChain)
			g.record(&p)
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	return p, first
}

// validUnder wants a time of a timestamp authority, and a certificate that was
// valid at every verified time.
func (a authority) validUnder(ev evidence, leaf *x509.Certificate, brought []*x509.Certificate) error {
	if len(ev.tsaTimes) == 0 {
		return refuse(provenance.CodeNoTimestamp, "no trusted timestamp authority says when its certificate was used%s", because(ev.tsaErr)).at(stageTime)
	}
	for _, t := range ev.times() {
		if err := a.validAt(leaf, brought, t); err != nil {
			return err
		}
	}
	return nil
}

func (a authority) validAt(leaf *x509.Certificate, brought []*x509.Certificate, t time.Time) error {
	if err := a.issued(leaf, brought, t); err != nil {
		return refuse(provenance.CodeExpiredAtTime, "its certificate (%s to %s) or one above it was not valid at %s: %v",
			rfc3339(leaf.NotBefore), rfc3339(leaf.NotAfter), rfc3339(t), err).at(stageExpiry)
	}
	return nil
}

func invalidFor(err error, reason x509.InvalidReason) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == reason
}

// distinguished is what the text of a distinguished name begins with (RFC 4514).
var distinguished = regexp.MustCompile(`^[A-Za-z0-9.]+=`)

// certificateName returns whom a certificate names: its one alternative name
// or, without any, its distinguished name (RFC 4514). Of several, which one a
// policy would be compared with is chance.
func certificateName(leaf *x509.Certificate) (string, error) {
	var names []string
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	names = append(names, leaf.EmailAddresses...)
	names = append(names, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if other, err := cryptoutils.UnmarshalOtherNameSAN(leaf.Extensions); err == nil && other != "" {
		names = append(names, other)
	}
	switch {
	case len(names) > 1:
		return "", refuse(provenance.CodeSignatureMalformed, "its certificate names %d subjects, want one", len(names))
	case len(names) == 1 && (names[0] == "" || distinguished.MatchString(names[0])):
		return "", refuse(provenance.CodeSignatureMalformed, "its certificate's alternative name %q could be taken for another kind of name", names[0])
	case len(names) == 1:
		return names[0], nil
	}
	if name := strings.TrimSpace(leaf.Subject.String()); name != "" {
		return name, nil
	}
	return "", refuse(provenance.CodeSignatureMalformed, "its certificate names nobody")
}
