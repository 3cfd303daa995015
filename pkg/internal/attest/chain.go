package attest

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// readChain reads what a bundle brings beside its leaf. Of a Sigstore
// instance's certificate clients must refuse a chain that brings its own root,
// and any chain from version 0.3 on (sigstore_bundle.proto,
// VerificationMaterial); signatures by authorities without Sigstore's services
// come with both, and no certificate of a chain is ever trusted for standing
// in it.
func (s *signed) readChain(mediaType string, material *protobundle.VerificationMaterial) error {
	chain, ok := material.GetContent().(*protobundle.VerificationMaterial_X509CertificateChain)
	if !ok {
		return nil
	}
	certs := chain.X509CertificateChain.GetCertificates()
	if len(certs) == 0 {
		return refuse(provenance.CodeSignatureMalformed, "its certificate chain is empty")
	}
	if n := len(certs); n > maxChain {
		return refuse(provenance.CodeLimitExceeded, "%d certificates are over the limit of %d", n, maxChain)
	}
	for i, c := range certs {
		parsed, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			return refuse(provenance.CodeSignatureMalformed, "its certificate chain: %v", err)
		}
		if i > 0 {
			s.brought = append(s.brought, parsed)
		}
		if bytes.Equal(parsed.RawIssuer, parsed.RawSubject) && parsed.CheckSignatureFrom(parsed) == nil {
			s.notKeyless = refuse(provenance.CodeSignatureMalformed, "its certificate chain brings its own root")
		}
	}
	chain.X509CertificateChain.Certificates = certs[:1]
	if chainAllowed(mediaType) {
		return nil
	}
	if s.notKeyless == nil {
		s.notKeyless = refuse(provenance.CodeSignatureMalformed, "it brings a certificate chain, where bundles of its version carry one certificate")
	}
	material.Content = &protobundle.VerificationMaterial_Certificate{Certificate: certs[0]}
	return nil
}

// chainAllowed says whether bundles of a version may carry a chain.
func chainAllowed(mediaType string) bool {
	return slices.ContainsFunc([]string{"version=0.1", "version=0.2"}, func(v string) bool { return strings.HasSuffix(mediaType, v) })
}
