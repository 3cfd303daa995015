package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const manifestLong = `manifest works with provenance manifests, the records of what models are and
say about themselves: who signed, every file's hash, and each statement with its
grade and the place where it stands.

A record states and judges nothing. That a manifest could be written, read or
validated says nothing about the model: only verify, and manifest verify with
trust that you give, end with a verdict.`

func newManifest(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Write, show, validate, verify and compare provenance manifests",
		Long:  manifestLong,
		Example: `  modelcheck manifest generate ghcr.io/acme/tiny-r1:v1 -o manifest.json
  modelcheck manifest show manifest.json
  modelcheck manifest validate manifest.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck manifest --help lists the commands"}}
			}
			return usageError{hintError{errors.New("no command"), "for example: modelcheck manifest generate REFERENCE -o manifest.json"}}
		},
	}
	base := cmd.UsageTemplate()
	exits := map[string]string{"export": exportExit, "generate": generateExit, "show": showExit, "validate": validateExit, "verify": manifestVerifyExit, "diff": diffExit}
	cmd.AddCommand(newGenerate(s), newShow(s), newValidate(s), newManifestVerify(s), newManifestDiff(s), newExport(s))
	for _, verb := range cmd.Commands() {
		verb.SetUsageTemplate(base + "\n" + exits[verb.Name()] + "\n")
	}
	return cmd
}

const generateLong = `generate examines an artifact and writes down what it is: the provenance
manifest, in canonical bytes that are the same at every run. Every blob is read
and hashed; an artifact whose bytes are not what its manifest says is not
recorded.

It gives no verdict. Whether the model may be used is verify's question, and 0
says only that the record was written. Signers stand in the record as far as
--policy, --key or an identity names them; without any of these nobody's
signature is in it.

The record goes to stdout, or whole or not at all to the file of -o; what was
and was not recorded is told on stderr.`

const generateExit = `EXIT STATUS
  0  the record was written; this is no verdict on the model
  1  not recorded: registry, network, trust material, input or output failed
  2  usage: the command line or the reference is malformed
  3  not recorded: the artifact's bytes are not what they should be`

type generateFlags struct {
	verify verifyFlags
	output string
}

func newGenerate(s streams) *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use:   "generate REFERENCE",
		Short: "Examine an artifact and write its provenance manifest, without a verdict",
		Long:  generateLong,
		Example: `  modelcheck manifest generate ghcr.io/acme/tiny-r1:v1 -o manifest.json

  # with who signed, as far as the policy names them
  modelcheck manifest generate oci-layout:./dist/model:v1 --policy policy.yaml -o manifest.json

  # a folder, on stdout
  modelcheck manifest generate dir:./model | modelcheck manifest show -`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error { return generate(cmd.Context(), s, f, args[0]) },
	}
	f.verify.place.add(cmd)
	f.verify.trust.add(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "-", "write the record to `FILE` (- for stdout)")
	evidenceFlag(cmd, &f.verify.evidence)
	_ = cmd.MarkFlagFilename("output")
	return cmd
}

func generate(ctx context.Context, s streams, f generateFlags, name string) error {
	f.verify.record = true
	report, _, err := f.verify.examine(ctx, s, name, (*check.Checker).Examine)
	if err != nil {
		return err
	}
	if report.ManifestBytes() == nil {
		for _, r := range report.Verdict.Reasons {
			fmt.Fprintf(s.err, "modelcheck: not recorded: %s [%s]\n", printable(r.Message), printable(r.Code))
		}
		return verdictCode(report.Verdict)
	}
	if err := errors.Join(writeManifest(s, f.output, report), writeEvidence(s, f.verify.evidence, report)); err != nil {
		return err
	}
	if !f.verify.place.quiet {
		fmt.Fprintf(s.err, "modelcheck: recorded %s\n", report.ManifestDigest)
		fmt.Fprintf(s.err, "modelcheck: no verdict: %s; modelcheck verify judges\n", recordedSigners(report))
	}
	return nil
}

func recordedSigners(r *check.Report) string {
	switch n := len(r.Manifest.Signatures); n {
	case 0:
		return "no signature of anybody whom you named stands in the record"
	case 1:
		return "1 signature stands in the record, and nothing was asked of it"
	default:
		return fmt.Sprintf("%d signatures stand in the record, and nothing was asked of them", n)
	}
}

const showLong = `show prints a provenance manifest for a person: what is not stated, conflicts,
statements with their grade and place, findings and files.

It reads a file, stdin (-), or examines the artifact that a reference names.
What a file says is shown as it stands there: nothing of it is checked, and a
file that is no sound manifest is refused.`

const showExit = `EXIT STATUS
  0  shown; nothing was judged, and of a file nothing was checked
  1  nothing to show: reading or examining failed
  2  usage: the command line or the reference is malformed
  3  refused: not a sound manifest, or an artifact whose bytes are not what they should be`

func newShow(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "show FILE|-|REFERENCE",
		Short: "Print a provenance manifest for a person",
		Long:  showLong,
		Example: `  modelcheck manifest show manifest.json
  modelcheck manifest show oci-layout:./dist/model:v1 --key cosign.pub`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			rec, err := f.loadRecord(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			if f.place.quiet {
				return nil
			}
			return render.Record(s.out, rec.view(), style(s))
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	return cmd
}
