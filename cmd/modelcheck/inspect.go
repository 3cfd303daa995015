package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
)

const inspectLong = `inspect shows what an artifact is, who signed it and what it says about itself.

It reads manifests, signatures and small documents only, never the weights, and
gives no verdict: what it shows of files that it did not read is what a manifest
claims. Use verify to have every byte checked.`

func newInspect(s streams) *cobra.Command {
	var place placeFlags
	var trust trustFlags
	var format string
	cmd := &cobra.Command{
		Use:   "inspect REFERENCE",
		Short: "Show what an artifact is and says about itself, without its weights and without a verdict",
		Long:  inspectLong,
		Example: `  modelcheck inspect ghcr.io/acme/tiny-r1:v1
  modelcheck inspect oci-layout:./dist/model:v1 --key cosign.pub --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return inspect(cmd.Context(), s, verifyFlags{place: place, trust: trust, output: format}, args[0])
		},
	}
	place.add(cmd)
	trust.add(cmd)
	outputFlag(cmd, &format)
	return cmd
}

func inspect(ctx context.Context, s streams, f verifyFlags, name string) error {
	ref, err := parseReference(name)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	cfg, err := f.prepare(s, ref)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	checker, err := check.New(cfg)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	report, err := checker.Describe(ctx, ref)
	if perr := (output{s, f.place.quiet, f.output}).report(report); perr != nil {
		return errors.Join(perr, err)
	}
	if err != nil {
		return explain(err, report.Error)
	}
	if len(report.Verdict.Reasons) > 0 { // the artifact itself is at fault
		return verdictCode(report.Verdict)
	}
	return nil
}
