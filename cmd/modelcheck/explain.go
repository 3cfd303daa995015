package main

import (
	"errors"
	"io/fs"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// hints say what a person can do about a failure, by reason code.
var hints = map[string]string{
	provenance.CodeNotFound:             "check the spelling of name and tag; a registry also says this of what you may not see: log in there (docker login, oras login) if it is private",
	provenance.CodeAmbiguous:            "add the tag or digest: oci-layout:PATH:TAG",
	provenance.CodeRateLimited:          "wait as long as the registry says, or log in: registries allow more to accounts",
	provenance.CodeUnauthorized:         "log in with docker login, podman login or oras login, or name a file with --registry-config",
	provenance.CodeUnreachable:          "is the host right and reachable from here? add --plain-http if the registry speaks no TLS, or --ca-file if its certificate is from an authority of your own",
	provenance.CodeRegistryError:        "something between here and the registry may answer in its place, for example a login page",
	provenance.CodeTransferIncomplete:   "try again; nothing of this run counts as verified",
	provenance.CodeReferrersUnavailable: "the registry could not say which signatures there are, which is not the same as none; try again",
	provenance.CodeTrustMaterial:        "the key, certificate or trusted root could not be used as it is",
	provenance.CodeInterrupted:          "nothing of this run counts as verified",
}

// explain adds the hint for a failed examination.
func explain(err error, f *check.Failure) error {
	if f == nil {
		return err
	}
	if hint, ok := hints[f.Code]; ok {
		return hintError{err, hint}
	}
	return err
}

// failureCode names what went wrong before an examination could start.
func failureCode(err error) string {
	var usage usageError
	var written *policy.Error // in a policy file, and not on the command line
	var coded *check.CodedError
	switch {
	case errors.As(err, &written):
		return provenance.CodePolicyInvalid
	case errors.As(err, &coded):
		return coded.Code
	case errors.Is(err, check.ErrNotCompared), errors.Is(err, check.ErrTensorManifest):
		return provenance.CodeNotCompared
	case errors.As(err, &usage):
		return provenance.CodeUsage
	case errors.Is(err, policy.ErrInvalid):
		return provenance.CodePolicyInvalid
	case errors.Is(err, policy.ErrTrustMaterial):
		return provenance.CodeTrustMaterial
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return provenance.CodeInputOutput
	default:
		return provenance.CodeTrustMaterial
	}
}
