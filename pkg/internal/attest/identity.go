package attest

import (
	"crypto/x509"
	"encoding/json"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// identityOf reads who a certificate names. The extensions carry the names of
// Fulcio's documentation (fulcio, docs/oid-info.md) in the spelling that
// policies write: buildSignerURI, sourceRepositoryURI, githubWorkflowRef, …
// The result is a claim until the certificate's chain was verified.
func identityOf(leaf *x509.Certificate) (provenance.Identity, error) {
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate: %v", err)
	}
	// Fulcio puts one name into a certificate. Of several, which one a policy
	// would be compared with is chance.
	if n := len(leaf.URIs) + len(leaf.EmailAddresses) + len(leaf.DNSNames) + len(leaf.IPAddresses); n > 1 {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate names %d subjects, want one", n)
	}
	if summary.Issuer == "" {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate does not say who vouches for %q", summary.SubjectAlternativeName)
	}
	if strings.HasPrefix(summary.Issuer, authorityPrefix) {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate names the issuer %q, which no identity provider can be", summary.Issuer)
	}
	id := provenance.Identity{Subject: summary.SubjectAlternativeName, Issuer: summary.Issuer}
	encoded, err := json.Marshal(summary.Extensions)
	if err != nil {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate: %v", err)
	}
	if err := json.Unmarshal(encoded, &id.Extensions); err != nil {
		return provenance.Identity{}, refuse(provenance.CodeSignatureMalformed, "its certificate: %v", err)
	}
	delete(id.Extensions, "issuer")
	if len(id.Extensions) == 0 {
		id.Extensions = nil
	}
	return id, nil
}
