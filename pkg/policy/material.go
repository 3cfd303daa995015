package policy

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// fingerprint checks that b is one public key that may be trusted at all, and
// returns its fingerprint.
func fingerprint(b []byte) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(string(b)), "-----BEGIN ") {
		return "", errors.New("not a PEM file")
	}
	block, rest := pem.Decode(b)
	switch {
	case block == nil:
		return "", errors.New("not a PEM file")
	case strings.TrimSpace(string(rest)) != "":
		return "", errors.New("more after the first PEM block")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return "", errors.New("a private key: give the public one, and keep this one secret")
	case block.Type != "PUBLIC KEY" || len(block.Headers) > 0:
		return "", fmt.Errorf("PEM block %q, want PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("not a public key: %w", err)
	}
	if err := usable(key); err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key) // the same key in another encoding is the same key
	if err != nil {
		return "", err
	}
	return artifact.SumSHA256(der).String(), nil
}

// usable refuses keys whose signatures prove nothing or cannot be verified.
func usable(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		// NIST SP 800-131A Rev. 2, §3: 112 bits of security.
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits, want 2048 or more", k.N.BitLen())
		}
		return nil
	default:
		return fmt.Errorf("a key of type %T makes no signatures that can be verified", key)
	}
}

// maxChain bounds the certificates of one authority. Corporate chains have
// three or four; during a change of roots twice that.
const maxChain = 16

// chainPrints checks that b is a chain of certificate authorities with at least
// one root, and returns the fingerprints of its certificates, sorted.
func chainPrints(b []byte) ([]string, error) {
	var prints []string
	rooted := false
	for rest := bytes.TrimSpace(b); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, errors.New("not a PEM file of certificates")
		}
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("not a PEM file of certificates")
		}
		root, print, err := authority(block)
		switch {
		case err != nil:
			return nil, fmt.Errorf("certificate %d: %w", len(prints)+1, err)
		case slices.Contains(prints, print):
			return nil, fmt.Errorf("certificate %d stands twice", len(prints)+1)
		case len(prints) == maxChain:
			return nil, fmt.Errorf("more than %d certificates", maxChain)
		}
		rooted = rooted || root
		prints = append(prints, print)
	}
	switch {
	case len(prints) == 0:
		return nil, errors.New("not a PEM file of certificates")
	case !rooted:
		return nil, errors.New("no root: none of its certificates is signed by itself")
	}
	slices.Sort(prints)
	return prints, nil
}

// authority reads one certificate that may issue others.
func authority(block *pem.Block) (root bool, print string, err error) {
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return false, "", errors.New("a private key: keep it secret")
	case block.Type != "CERTIFICATE" || len(block.Headers) > 0:
		return false, "", fmt.Errorf("PEM block %q, want CERTIFICATE", block.Type)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false, "", fmt.Errorf("cannot be read: %w", err)
	}
	if !c.BasicConstraintsValid || !c.IsCA {
		return false, "", fmt.Errorf("%q is no authority: a signer's own certificate comes with its signature", c.Subject)
	}
	if err := usable(c.PublicKey); err != nil {
		return false, "", err
	}
	root = bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
	return root, artifact.SumSHA256(c.Raw).String(), nil
}

// checkAuthorities wants one chain under one name: a certificate that two
// authorities could have issued would be by whichever is looked at first.
func (p *Policy) checkAuthorities() error {
	owners := map[string]*certificateRule{} // by certificate
	names := map[string]*certificateRule{}
	for _, s := range p.everySigner() {
		c := s.certificate
		if c == nil {
			continue
		}
		if other := names[c.authority]; other != nil && (!slices.Equal(other.prints, c.prints) || other.current != c.current) {
			return fmt.Errorf("%w: the certificates of two signers are by issuer %q, with different chains or times", ErrInvalid, c.authority)
		}
		names[c.authority] = c
		for _, print := range c.prints {
			if other := owners[print]; other != nil && other.authority != c.authority {
				return fmt.Errorf("%w: issuers %q and %q have a certificate in common: give the signers the same chain, and the same issuer: NAME", ErrInvalid, other.authority, c.authority)
			}
			owners[print] = c
		}
	}
	return nil
}
