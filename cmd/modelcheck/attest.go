package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const attestLong = `attest verifies an artifact as verify does and, only behind a verdict that allows,
records that: it signs three statements about the digest and attaches them.

  the provenance manifest                        what was found
  a Simple Verification Result (in-toto, v0.1)   which properties hold
  a SLSA Verification Summary (VSA, v1)          by whom, when, under which policy
                                                 and manifest, by their digests

Whoever accepts this verifier's summaries ("summaries" in a policy, and verify
--accept-summary) need not hash the bytes again. So the key is worth as much as
the check: give it to the pipeline that verifies, and to nothing else.

Behind a hold and behind no verdict nothing is recorded. Behind a denial nothing
is, unless --failed asks for a summary that says FAILED; where summaries
disagree, that one wins. The exit status is that of the verdict.

Whom to trust is said by --policy alone. Who signs is said by --key or by an
identity, as for sign; COSIGN_PASSWORD, MODELCHECK_PASSWORD and SIGSTORE_ID_TOKEN
are read.`

const attestExample = `  # in the pipeline that verifies
  modelcheck attest ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --key verifier.key

  # keyless, by the identity of the job
  modelcheck attest ghcr.io/acme/tiny-r1:v1 --policy policy.yaml \
      --signing-config signing_config.json --trusted-root trusted_root.json

  # record denials too, under an identifier of your own
  modelcheck attest ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --key verifier.key \
      --failed --verifier-id https://verify.acme.example/v1

  # where the model is deployed: no weights are read
  modelcheck verify ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --accept-summary`

// attestFlags are what attest needs beside the flags of verify.
type attestFlags struct {
	sign       signFlags
	verifierID string
	failed     bool
}

func newAttest(s streams) *cobra.Command {
	var f verifyFlags
	var a attestFlags
	cmd := &cobra.Command{
		Use:     "attest REFERENCE",
		Short:   "Verify an artifact, and sign and attach what came of it",
		Long:    attestLong,
		Example: attestExample,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return attest(cmd.Context(), s, f, a, args[0])
		},
	}
	f.place.addAccess(cmd)
	f.trust.addPolicy(cmd)
	f.trust.roots.add(cmd)
	outputsFlag(cmd, s, &f)
	a.sign.addSignatory(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.manifest, "manifest", "", "write the provenance manifest to `FILE` too (- for stdout, in place of the report)")
	flags.StringVar(&a.verifierID, "verifier-id", check.DefaultVerifierID, "the `URI` that summaries call this verifier")
	flags.BoolVar(&a.failed, "failed", false, "record a denial too, as a summary that says FAILED and wins over others; the exit status stays 3")
	_ = cmd.MarkFlagFilename("manifest")
	return cmd
}

func attest(ctx context.Context, s streams, f verifyFlags, a attestFlags, name string) error {
	ref, err := parseReference(name)
	if err == nil {
		err = a.check(f, ref)
	}
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	a.sign.place = f.place
	cfg, err := a.sign.config(s, ref)
	if err != nil {
		return reportFailure(s, f, name, explainSigning(err))
	}
	signer, err := check.NewSigner(ctx, cfg)
	if err != nil {
		return reportFailure(s, f, name, explainSigning(err))
	}
	rec := check.RecordConfig{Signer: signer, VerifierID: a.verifierID, Failed: a.failed}
	return f.judge(ctx, s, name, func(c *check.Checker, ctx context.Context, ref artifact.Reference) (*check.Report, error) {
		report, err := c.Attest(ctx, ref, rec)
		if err != nil && len(report.Recorded) > 0 {
			err = hintError{err, "some statements were attached, and not the summary that others act on; running attest again is harmless"}
		}
		return report, explainSigning(err)
	})
}

// check refuses what cannot be meant.
func (a attestFlags) check(f verifyFlags, ref artifact.Reference) error {
	id, err := url.Parse(a.verifierID)
	switch {
	case f.trust.policyFile == "":
		return usageError{hintError{errors.New("no --policy given"), "a record says under which policy: modelcheck attest REFERENCE --policy policy.yaml --key verifier.key"}}
	case ref.Place() == artifact.Directory:
		return usageError{hintError{errors.New("nothing can be attached to a plain folder"), "push it first: oras push, or an OCI layout"}}
	case err != nil || id.Scheme == "" || id.Host == "" && id.Opaque == "":
		return usageError{hintError{errors.New("--verifier-id is no URI"), "for example: --verifier-id https://verify.acme.example/v1"}}
	}
	return nil
}

// examiner checks what --accept-summary can be given with, and chooses
// what is asked of a checker.
func (f verifyFlags) examiner(s streams, ref string) (examiner, error) {
	examine, err := f.asked(ref)
	if err == nil && f.lock.read != nil {
		examine = f.lock.hold(s, f.place.quiet, examine)
	}
	return examine, err
}

func (f verifyFlags) asked(ref string) (examiner, error) {
	switch {
	case !f.accept:
		return (*check.Checker).Examine, nil
	case f.manifest != "" || f.tensors != "" || f.since:
		return nil, usageError{hintError{errors.New("--accept-summary hashes nothing, and excludes --manifest, --tensors and --since-receipt"), "leave --accept-summary out to record what is in the artifact"}}
	case f.trust.policyFile == "":
		return nil, usageError{hintError{errors.New("--accept-summary without --policy"), "the policy says whose summaries count, and for how long (docs/attest.md)"}}
	case f.place.platform != "":
		return nil, usageError{errors.New("--accept-summary and --platform exclude each other: a summary is about the whole artifact")}
	}
	if r, err := parseReference(ref); err == nil && r.Place() == artifact.Directory {
		return nil, usageError{hintError{errors.New("nothing can be attached to a plain folder, so there is no summary"), "modelcheck verify " + ref}}
	}
	return (*check.Checker).Accept, nil
}
