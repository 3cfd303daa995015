package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const diffLong = `diff says what changed from one provenance manifest to another: signers first,
then statements and their grades, files and findings, and whether reviews of the
first are about the second too. Reviews are about the substance digest, which
leaves out the tool that wrote the record.

Each side is a manifest, an evidence bundle (manifest generate --evidence), - for
stdin, or a reference, whose artifact is examined. Licence texts are compared
word by word, which takes bundles or references: a manifest holds no texts.
Nothing is judged, and of a manifest in a file nothing is checked.`

const diffExit = `EXIT STATUS
  0  the records say the same; only the tool that wrote them may differ
  1  nothing was compared: reading or examining failed
  2  usage: the command line or a reference is malformed
  3  they differ, or one of them is no sound record`

var diffFormats = []string{"text", "json", "markdown", "html"}

var diffWriters = map[string]func(io.Writer, *check.RecordDiff) error{
	"text": render.RecordDiffText, "markdown": render.RecordDiffMarkdown, "html": render.RecordDiffHTML,
	"json": func(w io.Writer, d *check.RecordDiff) error { return render.JSON(w, d) },
}

func newManifestDiff(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Say what changed from one provenance manifest to another",
		Long:  diffLong,
		Example: `  modelcheck manifest diff v1.json v2.json
  modelcheck manifest diff v1.json v2.json --output html > changes.html
  modelcheck manifest diff v1.evidence.tar v2.evidence.tar --output markdown
  modelcheck manifest diff approved.json ghcr.io/acme/tiny-r1:v2 --policy policy.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == "-" && args[1] == "-" {
				return usageError{hintError{errors.New("want two manifests or references, at most one of them on stdin"), "for example: modelcheck manifest diff v1.json v2.json"}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return diffRecords(cmd.Context(), s, f, args[0], args[1])
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "text, json, markdown or html")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(diffFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func diffRecords(ctx context.Context, s streams, f verifyFlags, before, after string) error {
	write, ok := diffWriters[f.output]
	if !ok {
		return usageError{fmt.Errorf("unknown output %q, want %s", f.output, strings.Join(diffFormats, ", "))}
	}
	a, err := f.loadSide(ctx, s, before)
	if err != nil {
		return err
	}
	b, err := f.loadSide(ctx, s, after)
	if err != nil {
		return err
	}
	d, err := check.CompareRecords(a.manifest, b.manifest, a.side(), b.side(), build().Version)
	if err != nil {
		return err
	}
	if !f.place.quiet {
		if err := write(s.out, d); err != nil {
			return fmt.Errorf("writing the difference: %w", err)
		}
	}
	if !d.ReviewsHold {
		return denied()
	}
	return nil
}

func (r record) side() check.RecordSide {
	return check.RecordSide{Name: r.name, Examined: r.examined, Documents: r.documents}
}

// loadSide reads a file whatever trust the other side needs.
func (f verifyFlags) loadSide(ctx context.Context, s streams, name string) (record, error) {
	if isFile(name) {
		return readRecord(s, name)
	}
	f.texts = true
	return f.loadRecord(ctx, s, name)
}
