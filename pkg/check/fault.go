package check

import (
	"context"
	"errors"
	"io/fs"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A kind of error, and what it means for the verdict: a refusal says that the
// artifact itself is wrong and denies; anything else leaves it undecided.
type errorKind struct {
	err    error
	code   string
	refuse bool
}

// errorKinds is searched in order; the first that errors.Is finds counts.
func errorKinds() []errorKind {
	return []errorKind{
		{artifact.ErrSizeMismatch, provenance.CodeSizeMismatch, true},
		{artifact.ErrDigestMismatch, provenance.CodeDigestMismatch, true},
		{packaging.ErrLimit, provenance.CodeLimitExceeded, true},
		{packaging.ErrMediaType, provenance.CodeMediaTypeMismatch, true},
		{packaging.ErrEmpty, provenance.CodeEmptyArtifact, true},
		{packaging.ErrMalformed, provenance.CodeManifestMalformed, true},
		{registry.ErrChanged, provenance.CodeFileChanged, true},
		{registry.ErrLimit, provenance.CodeLimitExceeded, true},
		{errNoReferrers, provenance.CodeSummaryMissing, true},
		{errReceipt, provenance.CodeReceiptDiffers, true},
		{blob.ErrStore, provenance.CodeInputOutput, false},
		{ErrDestination, provenance.CodeUsage, false},
		{context.Canceled, provenance.CodeInterrupted, false},
		{errReferrers, provenance.CodeReferrersUnavailable, false},
		{registry.ErrUnauthorized, provenance.CodeUnauthorized, false},
		{registry.ErrAmbiguous, provenance.CodeAmbiguous, false},
		{registry.ErrRateLimited, provenance.CodeRateLimited, false},
		{registry.ErrNotFound, provenance.CodeNotFound, false},
		{registry.ErrIncomplete, provenance.CodeTransferIncomplete, false},
		{registry.ErrUnreachable, provenance.CodeUnreachable, false},
		{registry.ErrResponse, provenance.CodeRegistryError, false},
		{context.DeadlineExceeded, provenance.CodeInterrupted, false},
		{attest.ErrTrust, provenance.CodeTrustMaterial, false},
		{fs.ErrNotExist, provenance.CodeNotFound, false},
		{fs.ErrPermission, provenance.CodeInputOutput, false},
	}
}

// errReferrers marks that signatures could not be asked for: never "none".
var errReferrers = errors.New("could not list signatures")

// classify finds the reason code of err, and whether the artifact itself is at
// fault. What nobody foresaw is an internal error, which never allows.
func classify(err error) (code string, refuse bool) {
	for _, k := range errorKinds() {
		if errors.Is(err, k.err) {
			return k.code, k.refuse
		}
	}
	return provenance.CodeInternal, false
}

// faultOf turns a refusal into a finding that the policy always denies.
func faultOf(code string, err error) provenance.Finding {
	f := provenance.Finding{ID: code, Detail: err.Error()}
	var m *artifact.MismatchError
	if errors.As(err, &m) {
		f.Subject = m.Want.String()
		f.Facts = map[string]string{"expected": m.Want.String()}
		if !m.Got.IsZero() {
			f.Facts["actual"] = m.Got.String()
		}
	}
	return f
}
