package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/export"
	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const exportLong = `export writes a provenance manifest in a format of others:

  cyclonedx-1.6, cyclonedx-1.7   machine-learning BOM: model card, files, licences, every
                                 claim with its evidence; 1.7 cites the file behind each
  spdx-3.0.1                     JSON-LD; what nobody states is the element for it, and
                                 no date or origin is made up
  eu-template                    sheet along the template of the EU for the public summary
                                 of training content, in Markdown (eu-template-csv: CSV)
  ca-ab2013                      sheet of California's AB 2013 (ca-ab2013-csv: CSV)

A sheet is a pre-fill by a downstream party, not the provider's summary: only
what a policy's producer states stands in the provider's column.

It reads a file, stdin (-), or examines the artifact that a reference names. An
export is no verdict, and less than the record: what a format has no place for
stands in properties or annotations.

The record holds no clock. The time that some formats ask for is that of
--created, of $SOURCE_DATE_EPOCH, or now.`

const exportExit = `EXIT STATUS
  0  written; nothing was judged, and of a file nothing was checked
  1  nothing was written: reading, examining or writing failed
  2  usage: the command line or the reference is malformed
  3  refused: not a sound manifest, or an artifact whose bytes are not what they should be`

type exportFlags struct {
	verify                  verifyFlags
	format, created, output string
}

func newExport(s streams) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --format FORMAT FILE|-|REFERENCE",
		Short: "Write a provenance manifest as CycloneDX, SPDX or a sheet of questions",
		Long:  exportLong,
		Example: `  modelcheck manifest export --format cyclonedx-1.7 manifest.json -o bom.cdx.json
  modelcheck manifest export --format spdx-3.0.1 --created 2026-01-02T03:04:05Z manifest.json
  modelcheck manifest export --format eu-template manifest.json -o sheet.md`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error { return exportRecord(cmd.Context(), s, f, args[0]) },
	}
	f.verify.place.add(cmd)
	f.verify.trust.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "", "write as `FORMAT`: "+strings.Join(export.Formats(), ", "))
	cmd.Flags().StringVar(&f.created, "created", "", "the document's `TIME`, as 2026-01-02T03:04:05Z (default: $SOURCE_DATE_EPOCH, or now)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "-", "write to `FILE` (- for stdout)")
	_ = cmd.MarkFlagFilename("output")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(export.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func exportRecord(ctx context.Context, s streams, f exportFlags, name string) error {
	if err := f.known(); err != nil {
		return err
	}
	created, err := f.time(s)
	if err != nil {
		return usageError{err}
	}
	rec, err := f.verify.loadRecord(ctx, s, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	cfg := export.Config{Manifest: rec.manifest, Digest: artifact.SumSHA256(rec.data), Created: created, Version: build().Version}
	if err := export.Write(&b, f.format, cfg); err != nil {
		return err
	}
	var d destination
	if f.output != "-" {
		d.file = f.output
	}
	return writePage(s, d, b.Bytes(), f.verify.place.quiet)
}

func (f exportFlags) known() error {
	for _, format := range export.Formats() {
		if format == f.format {
			return nil
		}
	}
	err := fmt.Errorf("unknown format %q, want %s", f.format, strings.Join(export.Formats(), ", "))
	if f.format == "" {
		err = fmt.Errorf("no format, want %s", strings.Join(export.Formats(), ", "))
	}
	return usageError{hintError{err, "for example: --format cyclonedx-1.7"}}
}

// time is the document's: of the flag, of SOURCE_DATE_EPOCH (seconds since
// 1970, reproducible-builds.org), or of now.
func (f exportFlags) time(s streams) (time.Time, error) {
	epoch := s.env("SOURCE_DATE_EPOCH")
	switch {
	case f.created != "":
		t, err := time.Parse(time.RFC3339, f.created)
		if err != nil {
			return time.Time{}, fmt.Errorf("--created %q is no time like 2026-01-02T03:04:05Z", f.created)
		}
		return t, nil
	case epoch != "":
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || n < 1 || n > 253402300799 { // 9999-12-31
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds since 1970", epoch)
		}
		return time.Unix(n, 0), nil
	default:
		return time.Now(), nil
	}
}
