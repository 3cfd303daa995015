package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const manifestVerifyLong = `verify checks a provenance manifest offline against the evidence bundled with it
(verify --evidence FILE, manifest generate --evidence FILE): every digest is
computed again, every quotation must stand at its lines and every pointer lead
somewhere, licence texts are identified again, signatures are verified again,
and what the documents say is read again and must be word for word what the
record says. Then the policy judges the record.

Whom to trust is said by --policy or flags, as for verify. Keys and trusted
roots inside the bundle are shown to nobody as trust: without your own the
verdict is hold.

The weights are not in a bundle. What rests on their bytes is listed as not
checked again; only verify hashes them.`

const manifestVerifyExit = `EXIT STATUS
  0  allow: the record agrees with its evidence, and the policy that you gave allows it;
     the weights were not hashed
  1  no verdict: input, output or trust material failed
  2  usage: the command line is malformed
  3  deny: record and evidence differ, or the policy denies; the reasons have codes
  4  hold: a person has to decide, for example because nobody said whom to trust`

type manifestVerifyFlags struct {
	verify verifyFlags
	bundle string
}

func newManifestVerify(s streams) *cobra.Command {
	var f manifestVerifyFlags
	cmd := &cobra.Command{
		Use:   "verify --evidence-bundle FILE",
		Short: "Check a provenance manifest offline against its evidence bundle, and judge it",
		Long:  manifestVerifyLong,
		Example: `  modelcheck verify ghcr.io/acme/tiny-r1:v1 --key cosign.pub --evidence model.evidence.tar
  modelcheck manifest verify --evidence-bundle model.evidence.tar --key cosign.pub`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 || f.bundle == "" {
				return usageError{hintError{errors.New("want --evidence-bundle FILE and nothing else"), "for example: modelcheck manifest verify --evidence-bundle model.evidence.tar --key cosign.pub"}}
			}
			return verifyEvidence(cmd.Context(), s, f)
		},
	}
	f.verify.trust.add(cmd)
	cmd.Flags().StringVar(&f.bundle, "evidence-bundle", "", "evidence bundle `FILE` (- for stdin)")
	cmd.Flags().BoolVarP(&f.verify.place.quiet, "quiet", "q", false, "print no report; the exit status tells")
	outputFlag(cmd, &f.verify.output)
	_ = cmd.MarkFlagFilename("evidence-bundle")
	return cmd
}

// maxEvidence bounds an evidence bundle in bytes: its format's own bound, and
// one byte more to notice.
const maxEvidence = 128<<20 + 1

func verifyEvidence(ctx context.Context, s streams, f manifestVerifyFlags) error {
	data, err := readInput(s, f.bundle, maxEvidence)
	if err != nil {
		return fmt.Errorf("reading the evidence bundle: %w", err)
	}
	cfg, err := f.verify.prepare(s, artifact.Reference{})
	if err != nil {
		return err
	}
	checker, err := check.New(cfg)
	if err != nil {
		return err
	}
	report, err := checker.VerifyEvidence(ctx, f.bundle, data)
	if err != nil {
		return fmt.Errorf("checking the evidence: %w", err)
	}
	if !f.verify.place.quiet {
		if f.verify.output == "json" {
			err = render.JSON(s.out, report)
		} else {
			err = render.Evidence(s.out, report, style(s))
		}
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return verdictCode(report.Verdict)
}

func evidenceFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "evidence", "", "write an evidence bundle to `FILE`: the record with the documents and signatures that it rests on, for manifest verify")
	_ = cmd.MarkFlagFilename("evidence")
}

// writeEvidence puts the evidence bundle where the user said, whole or not at
// all.
func writeEvidence(s streams, name string, r *check.Report) error {
	if name == "" {
		return nil
	}
	data, err := r.EvidenceBytes()
	if err != nil {
		return err
	}
	if data == nil {
		fmt.Fprintf(s.err, "modelcheck: no evidence was written: not every byte could be verified\n")
		return nil
	}
	if err := writeWhole(name, data); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	return nil
}
