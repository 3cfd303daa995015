package attest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An authority is a configured CA.
type authority struct {
	name          string
	anchors       []*x509.Certificate
	intermediates []*x509.Certificate
	currentTime   bool
}

func parseAuthority(c CA) (authority, error) {
	if c.Name == "" {
		return authority{}, errors.New("it has no name")
	}
	certs, err := parseCertificates(c.Chain)
	if err != nil {
		return authority{}, err
	}
	a := authority{name: c.Name, currentTime: c.CurrentTime}
	for i, cert := range certs {
		if !cert.BasicConstraintsValid || !cert.IsCA {
			return authority{}, fmt.Errorf("certificate %d, %q, is not one of an authority", i+1, cert.Subject)
		}
		issued := slices.ContainsFunc(certs, func(by *x509.Certificate) bool {
			return !by.Equal(cert) && cert.CheckSignatureFrom(by) == nil
		})
		if issued {
			a.intermediates = append(a.intermediates, cert)
		} else {
			a.anchors = append(a.anchors, cert)
		}
	}
	if len(a.anchors) == 0 {
		return authority{}, errors.New("its certificates issued each other: none of them is a root")
	}
	return a, nil
}

// parseCertificates reads PEM blocks with certificates, and nothing else.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	blocks, err := pemBlocks(data, maxChain)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for i, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("PEM block of type %q, want \"CERTIFICATE\"", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// issued says whether the leaf chains to a at the time. What a bundle brings
// along may stand between them, and is never an anchor (RFC 5280 §6.1).
func (a authority) issued(leaf *x509.Certificate, brought []*x509.Certificate, at time.Time) error {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         pool(a.anchors),
		Intermediates: pool(slices.Concat(a.intermediates, brought)),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, // of the authorities; the leaf's is looked at by mayNotSign
	})
	return err
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

// mayNotSign says why a certificate is not for signing, "" if it is. Without
// Sigstore's services cosign demands the extended usage for code signing; of
// model signatures either usage will do, and none must exclude it (OpenSSF
// Model Signing; model_signing 1.1, sign_certificate.py).
func mayNotSign(leaf *x509.Certificate, model bool) string {
	extended := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0
	code := slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning)
	signs := leaf.KeyUsage&x509.KeyUsageDigitalSignature != 0
	switch {
	case leaf.KeyUsage != 0 && !signs:
		return "its key usage is not digital signature"
	case extended && !code:
		return "its extended key usage is not code signing"
	case !model && !code:
		return "it has no extended key usage for code signing"
	case !code && !signs:
		return "it says nothing of what its key may be used for"
	default:
		return ""
	}
}
