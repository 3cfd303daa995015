package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const verifyLong = `verify answers one question about one artifact: may it be used under the policy?

It resolves the reference once, collects everything attached to that digest,
checks every signature, reads every blob once and compares size and hash,
inspects the files as they stream, records a provenance manifest and judges it.
Where the signatures deny already, nothing more is read unless --manifest asks
for the record. No disk space is needed. A check that could not be made never counts as passed.

References:
  HOST/REPOSITORY:TAG           a registry; oci:// or docker:// may stand in front
  HOST/REPOSITORY@sha256:…      pinned; a tag before the @ is only compared
  oci-layout:PATH[:TAG|@DIGEST] a folder in the OCI image layout
  dir:PATH                      a plain folder of model files

Whom to trust is said by --policy, or by flags: --key, or --certificate-identity
with --certificate-oidc-issuer and --trusted-root. Without any of them the
signatures are shown and the verdict is hold.`

const verifyExample = `  # by public key, in CI
  modelcheck verify ghcr.io/acme/tiny-r1:v1 --key cosign.pub

  # keyless, with the trust material in a file
  modelcheck verify registry.example/models/r1@sha256:… \
      --trusted-root trusted_root.json \
      --certificate-identity https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main \
      --certificate-oidc-issuer https://token.actions.githubusercontent.com

  # by policy; keep the provenance manifest, machine-readable report on stdout
  modelcheck verify oci-layout:./dist/model:v1 --policy policy.yaml --manifest manifest.json --output json`

type verifyFlags struct {
	place    placeFlags
	trust    trustFlags
	output   string
	manifest string
}

func newVerify(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:     "verify REFERENCE",
		Short:   "Verify a model's signatures and every byte, and judge it by the policy",
		Long:    verifyLong,
		Example: verifyExample,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return verify(cmd.Context(), s, f, args[0])
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	outputFlag(cmd, &f.output)
	cmd.Flags().StringVar(&f.manifest, "manifest", "", "write the provenance manifest to `FILE` (- for stdout, in place of the report)")
	_ = cmd.MarkFlagFilename("manifest")
	return cmd
}

func verify(ctx context.Context, s streams, f verifyFlags, name string) error {
	ref, err := parseReference(name)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	pol, err := f.trust.load()
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	cfg := f.place.config(s, pol)
	bar := newProgress(s, f.place)
	cfg.Progress = bar.update
	cfg.RecordDenied = f.manifest != ""
	checker, err := check.New(cfg)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	report, err := checker.Examine(ctx, ref)
	bar.clear()
	out := output{s, f.place.quiet, f.output}
	if f.manifest == "-" {
		out.quiet = true
	}
	if err := errors.Join(out.report(report), writeManifest(s, f.manifest, report)); err != nil {
		return err
	}
	if err != nil {
		return explain(err, report.Error)
	}
	return verdictCode(report.Verdict)
}

// reportFailure puts an early failure into the JSON report too, so that a
// script reads one kind of document whatever happened.
func reportFailure(s streams, f verifyFlags, name string, err error) error {
	report := check.Failed(name, failureCode(err), err, build().Version)
	if f.output == "json" {
		return errors.Join(err, output{s, f.place.quiet, f.output}.report(report))
	}
	return err
}

// output prints reports to stdout, and nothing else goes there.
type output struct {
	s      streams
	quiet  bool
	format string
}

func (o output) report(r *check.Report) error {
	if o.quiet {
		return nil
	}
	var err error
	if o.format == "json" {
		err = render.JSON(o.s.out, r)
	} else {
		err = render.Text(o.s.out, r, style(o.s))
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
