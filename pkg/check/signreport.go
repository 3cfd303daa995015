package check

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// SignReportVersion is the version of the signing report's JSON, described by
// schemas/sign-v1.json.
const SignReportVersion = "1"

// A SignReport says what was signed, by whom, and where the signature is. Its
// JSON is the machine-readable output of the sign command. Without Signature
// nothing was signed.
type SignReport struct {
	SchemaVersion string         `json:"schemaVersion"`
	Tool          Tool           `json:"tool"`
	Reference     string         `json:"reference"` // canonical spelling of what was asked for
	Place         string         `json:"place"`
	Resolved      *Resolved      `json:"resolved,omitempty"` // what was signed
	DryRun        bool           `json:"dryRun,omitzero"`    // nothing was signed and nobody but the registry asked
	Signatory     *Signatory     `json:"signatory,omitempty"`
	Services      *Services      `json:"services,omitempty"` // those that the signing configuration chose
	Files         int            `json:"files,omitzero"`     // of the model, where the signature is over files
	Statement     jsontext.Value `json:"statement,omitempty"`
	// Bundle, and Signature as modelcheck itself verified it: as the registry
	// hands it out, or, where nothing was attached, as it was made.
	Bundle     *Bundle               `json:"bundle,omitempty"`
	Signature  *provenance.Candidate `json:"signature,omitempty"`
	Attached   *Attached             `json:"attached,omitempty"`
	StartedAt  time.Time             `json:"startedAt"`
	FinishedAt time.Time             `json:"finishedAt"`
	Error      *Failure              `json:"error,omitempty"`

	encoded []byte
}

// A Signatory is who signs, as far as it is known before. What a token says is
// not verified; Signature.Identity is.
type Signatory struct {
	Kind           string `json:"kind"` // "key", "plugin", "token", "github-actions" or "login"
	KeyFingerprint string `json:"keyFingerprint,omitempty"`
	Plugin         string `json:"plugin,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	Subject        string `json:"subject,omitempty"`
}

// Services are the addresses of a Sigstore instance that a signature asks.
type Services struct {
	CertificateAuthority string   `json:"certificateAuthority,omitempty"`
	TransparencyLogs     []string `json:"transparencyLogs,omitempty"`
	TimestampAuthorities []string `json:"timestampAuthorities,omitempty"`
}

// A Bundle is the Sigstore bundle that was made. Size is in bytes.
type Bundle struct {
	Digest artifact.Digest `json:"digest"`
	Size   int64           `json:"size"`
}

// Attached says where a signature is found from now on.
type Attached struct {
	Digest  artifact.Digest `json:"digest"`           // of the referring manifest
	Layout  string          `json:"layout"`           // "referrers-api", "fallback-tag" or "layout-index"
	Existed bool            `json:"existed,omitzero"` // the same had been there before
}

// BundleBytes returns the Sigstore bundle, nil where none was made that could
// be verified. The caller must not change it.
func (r *SignReport) BundleBytes() []byte { return r.encoded }

// FailedSigning returns the report of a signing that could not begin.
func FailedSigning(reference, code string, err error, version string) *SignReport {
	return &SignReport{
		SchemaVersion: SignReportVersion,
		Tool:          Tool{Name: toolName, Version: version},
		Reference:     reference,
		Error:         &Failure{Code: code, Message: err.Error()},
	}
}

// SignFailureCode names what err of NewSigner or Sign is about, in the words
// of docs/errors.md.
func SignFailureCode(err error) string {
	var unproven *unprovenError
	var service *signing.ServiceError
	switch {
	case errors.As(err, &unproven):
		return unproven.candidate.Code
	case errors.Is(err, context.Canceled):
		return provenance.CodeInterrupted
	case errors.Is(err, signing.ErrKey):
		return provenance.CodeSigningKey
	case errors.Is(err, signing.ErrToken):
		return provenance.CodeIdentityToken
	case errors.Is(err, signing.ErrServices), errors.As(err, &service):
		return provenance.CodeSigningService
	case errors.Is(err, registry.ErrReadBack), errors.Is(err, errReadBack):
		return provenance.CodeNotReadBack
	case errors.Is(err, ErrNotRaw), errors.Is(err, oms.ErrMalformed), errors.Is(err, oms.ErrNothingToSign):
		return provenance.CodeNotSignable
	default:
		code, _ := classify(err)
		return code
	}
}
