package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
)

const inspectLong = `inspect shows what an artifact is, who signed it and what it says about itself,
and gives no verdict.

It reads manifests, signatures and small documents, and of larger files only the
headers, by asking for parts of blobs: below 0.1 % of a large model. No hash
covers such a part, so each line that comes from one says "unverified", and
nothing of it reaches a record or a verdict. Where a registry sends whole blobs
only, the headers are not read, and that is said.

With --full every byte is read and hashed. There is no verdict all the same: use
verify to have signers and policy judged.`

func newInspect(s streams) *cobra.Command {
	var f verifyFlags
	var full bool
	cmd := &cobra.Command{
		Use:   "inspect REFERENCE",
		Short: "Show what an artifact is and says about itself, without its weights and without a verdict",
		Long:  inspectLong,
		Example: `  modelcheck inspect ghcr.io/acme/tiny-r1:v1
  modelcheck inspect oci-layout:./dist/model:v1 --key cosign.pub --output json

  # every byte, and the sum of every tensor
  modelcheck inspect ghcr.io/acme/tiny-r1:v1 --full --tensors tensors.json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.tensors != "" && !full {
				return usageError{hintError{errors.New("--tensors needs every byte"), "add --full"}}
			}
			return inspect(cmd.Context(), s, f, full, args[0])
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	outputFlag(cmd, &f.output)
	f.addTensors(cmd)
	cmd.Flags().BoolVar(&full, "full", false, "read and hash every byte, and still give no verdict")
	return cmd
}

func inspect(ctx context.Context, s streams, f verifyFlags, full bool, name string) error {
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
	describe := checker.Describe
	if full {
		describe = checker.DescribeFull
	}
	report, err := describe(ctx, ref)
	if perr := errors.Join((output{s, f.place.quiet || f.tensors == "-", f.output}).report(report), writeTensors(s, f.tensors, report)); perr != nil {
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
