package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const pullLong = `pull is verify that keeps the files, if the verdict is allow.

The files are written to a private folder beside DIR while they are hashed. They
get their names in DIR only after every byte was hashed, the record was judged
and the verdict is allow; otherwise nothing of them is left. With them come the
provenance manifest and a receipt, in DIR/.modelcheck, by which
modelcheck verify dir:DIR can compare the folder later, without a network.

A pull that was interrupted, by the network, a signal or a power cut, goes on
where it was when it is run again with the same artifact and DIR. What was left
is hashed again; where it is damaged it is fetched again.

Files that are in DIR stay. One that has the name of a file of the model and
other bytes is not replaced unless --force says so, and a link never is. Files
lie in DIR as they do in the artifact, below the deepest folder that holds them
all. They are never executable, and links in archives are not made.`

const pullExample = `  # by public key
  modelcheck pull ghcr.io/acme/tiny-r1:v1 ./tiny-r1 --key cosign.pub

  # by policy; look at what was denied, away from where anybody would load it
  modelcheck pull registry.example/models/r1@sha256:… /models/r1 --policy policy.yaml --quarantine ./denied

  # later: is it still what was pulled?
  modelcheck verify dir:./tiny-r1 --policy policy.yaml
  modelcheck verify dir:./tiny-r1 --policy policy.yaml --since-receipt`

func newPull(s streams) *cobra.Command {
	var f verifyFlags
	var to check.Destination
	cmd := &cobra.Command{
		Use:     "pull REFERENCE DIR",
		Short:   "Verify a model, and put its files into a folder if the policy allows it",
		Long:    pullLong,
		Example: pullExample,
		Args:    referenceAndFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			to.Dir = args[1]
			return pull(cmd.Context(), s, f, to, args[0])
		},
	}
	f.place.add(cmd)
	f.cache.add(cmd)
	f.trust.add(cmd)
	outputsFlag(cmd, s, &f)
	flags := cmd.Flags()
	flags.StringVar(&f.manifest, "manifest", "", "write the provenance manifest to `FILE` too (- for stdout, in place of the report)")
	flags.BoolVar(&to.Force, "force", false, "replace files in DIR that have the names of the model's files and other bytes")
	flags.StringVar(&to.Apart, "quarantine", "", "keep a model that is denied or held in the new folder `DIR`, to look into")
	_ = cmd.MarkFlagFilename("manifest")
	f.addTensors(cmd)
	_ = cmd.MarkFlagDirname("quarantine")
	return cmd
}

func referenceAndFolder(cmd *cobra.Command, args []string) error {
	if len(args) == 2 && args[1] != "" {
		return nil
	}
	err := fmt.Errorf("%d arguments given, want a reference and a folder", len(args))
	return usageError{hintError{err, fmt.Sprintf("for example: %s ghcr.io/acme/tiny-r1:v1 ./tiny-r1", cmd.CommandPath())}}
}

func pull(ctx context.Context, s streams, f verifyFlags, to check.Destination, name string) error {
	if ref, err := parseReference(name); err == nil && ref.Place() == artifact.Directory {
		err := usageError{hintError{errors.New("a plain folder is not pulled: its files are there"), "modelcheck verify " + name}}
		return reportFailure(s, f, name, err)
	}
	f.record = to.Apart != ""
	expectWriting()
	return f.judge(ctx, s, name, func(c *check.Checker, ctx context.Context, ref artifact.Reference) (*check.Report, error) {
		report, err := c.Pull(ctx, ref, to)
		return report, inTheWay(report, err)
	})
}

// inTheWay says what to do about what stands in the way of files.
func inTheWay(report *check.Report, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, check.ErrInTheWay):
		return hintError{err, "move it away, or pull into another folder; nothing is written through links"}
	case errors.Is(err, check.ErrDiffers):
		return hintError{err, "pull into another folder, or add --force to replace it"}
	case errors.Is(err, check.ErrStore), report.Error.Code == provenance.CodeInputOutput:
		return hintError{err, "what was fetched is kept beside the folder; run the same command again to go on"}
	default:
		return err
	}
}

// sinceReceipt compares a folder with its receipt. Like inspect it gives no
// verdict unless something is at fault, and never says verified.
func sinceReceipt(ctx context.Context, s streams, f verifyFlags, name string) error {
	ref, err := parseReference(name)
	if err == nil && (ref.Place() != artifact.Directory || f.manifest != "" || f.tensors != "") {
		err = usageError{hintError{errors.New("--since-receipt is for a folder that was pulled, and makes no manifest and no list of tensors"), "for example: modelcheck verify dir:./tiny-r1 --since-receipt"}}
	}
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
	report, err := checker.SinceReceipt(ctx, ref)
	if perr := f.write(s, []*check.Report{report}, false, true); perr != nil {
		return errors.Join(perr, err)
	}
	if err != nil {
		return explain(err, report.Error)
	}
	if !report.Inspected {
		return verdictCode(report.Verdict)
	}
	return nil
}
