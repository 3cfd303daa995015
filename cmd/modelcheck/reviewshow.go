package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func newReviewCriteria(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "criteria [FILE]",
		Short: "Show texts of criteria and the digests by which policies name them",
		Long: `criteria prints the texts that reviewers certify, each with the digest by which a
policy names it, as lines that can be copied into a policy. Without FILE it
prints the starter criteria; --raw prints their file, to be edited.`,
		Example: `  modelcheck review criteria
  modelcheck review criteria --raw > criteria.yaml
  modelcheck review criteria criteria.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data := policy.StarterCriteria()
			if len(args) == 1 {
				var err error
				if data, err = readSmall(args[0]); err != nil {
					return err
				}
			}
			if raw, _ := cmd.Flags().GetBool("raw"); raw {
				_, err := s.out.Write(data)
				return err
			}
			return printCriteria(s, data)
		},
	}
}

func printCriteria(s streams, data []byte) error {
	list, err := policy.ParseCriteria(data)
	if err != nil {
		return usageError{err}
	}
	var b strings.Builder
	b.WriteString("criteria:\n")
	for _, c := range list {
		for line := range strings.Lines(c.Text) {
			fmt.Fprintf(&b, "  # %s\n", strings.TrimRight(line, "\n"))
		}
		implies := ""
		if len(c.Implies) > 0 {
			implies = ", implies: [" + strings.Join(c.Implies, ", ") + "]"
		}
		fmt.Fprintf(&b, "  - {id: %s, digest: %q%s}\n", c.ID, c.Digest.String(), implies)
	}
	_, err = s.out.Write([]byte(b.String()))
	return err
}

func newReviewShow(s streams) *cobra.Command {
	var r reviewRun
	var baseline, file string
	cmd := &cobra.Command{
		Use:   "show [REFERENCE]",
		Short: "Show the sheet that a reviewer confirms, and its code",
		Long: `show verifies the artifact as verify does and prints the review sheet: who signed,
what is not disclosed, what conflicts, what was found, licences and obligations,
lineage, and what is stated, with its evidence. Its code, which "review sign"
asks for, is printed to stderr, after the sheet.

With --baseline it ends with what changed since an earlier provenance manifest.
With --request it shows the sheet of a file that "review export" wrote: what that
says was verified by whoever exported it.`,
		Example: `  modelcheck review show ghcr.io/acme/tiny-r1:v1 --policy policy.yaml
  modelcheck review show ghcr.io/acme/tiny-r1:v2 --policy policy.yaml --baseline v1/manifest.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if file != "" && len(args) == 0 {
				return nil
			}
			return oneReference(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var x *reviewed
			var err error
			if file != "" {
				x, err = readRequest(file)
			} else {
				x, err = r.examine(cmd.Context(), s, args[0])
			}
			if err != nil {
				return err
			}
			if _, err := s.out.Write(x.sheet); err != nil {
				return err
			}
			if err := r.since(s, x, baseline); err != nil {
				return err
			}
			fmt.Fprintf(s.err, "modelcheck: report code %s\n", render.SheetCode(x.digest))
			return nil
		},
	}
	r.add(cmd)
	cmd.Flags().StringVar(&baseline, "baseline", "", "provenance manifest `FILE` of an earlier version, to show what changed")
	cmd.Flags().StringVar(&file, "request", "", "show what this `FILE` holds, which review export wrote, in place of a reference")
	_ = cmd.MarkFlagFilename("baseline")
	_ = cmd.MarkFlagFilename("request")
	return cmd
}

// since prints what changed since a baseline.
func (r *reviewRun) since(s streams, x *reviewed, file string) error {
	if file == "" {
		return nil
	}
	before, err := readManifest(file)
	if err != nil {
		return err
	}
	_, err = s.out.Write(render.SheetDifference(changedSince, provenance.Diff(before, x.manifest)))
	return err
}

// readManifest reads a provenance manifest in its canonical form.
func readManifest(file string) (*provenance.Manifest, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m, err := provenance.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", file, err)
	}
	return m, nil
}

func newReviewStart(s streams) *cobra.Command {
	var r reviewRun
	var dir string
	cmd := &cobra.Command{
		Use:   "start REFERENCE",
		Short: "Verify, and write everything that a reviewer needs into a folder",
		Long: `start verifies the artifact and writes into a folder: sheet.txt (what "review sign"
asks to be confirmed), report.html, manifest.json, and decision.yaml, in which
nothing is decided yet. It prints the report code.`,
		Example: `  modelcheck review start ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --dir tiny-r1-review`,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := r.examine(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			return x.writeFolder(s, dir)
		},
	}
	r.add(cmd)
	cmd.Flags().StringVar(&dir, "dir", "review", "`FOLDER` to write into; a decision that lies there is kept")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

func (x *reviewed) writeFolder(s streams, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var html strings.Builder
	if err := render.HTML(&html, []*check.Report{x.report}); err != nil {
		return err
	}
	code := render.SheetCode(x.digest)
	for name, data := range map[string][]byte{
		"sheet.txt": x.sheet, "report.html": []byte(html.String()), "manifest.json": x.report.ManifestBytes(),
	} {
		if err := writeWhole(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	decision := filepath.Join(dir, "decision.yaml")
	if _, err := os.Stat(decision); os.IsNotExist(err) {
		if err := writeWhole(decision, decisionTemplate(x.texts, x.manifest.Subject, code)); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "report code %s\n", code)
	fmt.Fprintf(s.err, "modelcheck: read %s, fill in %s, then: modelcheck review sign %s --policy … --decision-file %s --code %s\n",
		printable(filepath.Join(dir, "report.html")), printable(decision), printable(x.ref.String()), printable(decision), code)
	return nil
}

func newReviewStatus(s streams) *cobra.Command {
	var r reviewRun
	var format string
	cmd := &cobra.Command{
		Use:   "status REFERENCE",
		Short: "Show who reviewed, what counts, and what is missing",
		Long: `status verifies the artifact and shows the quorum matrix under the policy: who
stands for which role, for how long, what became of every review, and the
command for what is missing. The exit status is that of the verdict.`,
		Example: `  modelcheck review status ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --for environment=prod
  modelcheck review status oci-layout:./dist/model:v1 --policy policy.yaml --reviews model-reviews --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.status(cmd.Context(), s, args[0], format)
		},
	}
	r.add(cmd)
	outputFlag(cmd, &format)
	return cmd
}

func (r *reviewRun) status(ctx context.Context, s streams, name, format string) error {
	x, err := r.examine(ctx, s, name)
	if err != nil {
		return err
	}
	if format == "json" {
		err = render.JSON(s.out, x.report)
	} else {
		err = render.ReviewStatus(s.out, x.report, time.Now(), func(verb string) string {
			return fmt.Sprintf("modelcheck review %s %s --policy %s", verb, printable(x.ref.String()), printable(r.f.trust.policyFile))
		})
	}
	if err != nil {
		return err
	}
	return verdictCode(x.report.Verdict)
}
