package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const reportLong = `report makes one page for people of what a model is: the decision, what was
verified, what is not disclosed, conflicts, licence, origin, lineage, training
data with quotes, coverage, files, and how to check all this yourself.

Of a REFERENCE it examines the artifact as verify does, and ends with verify's
exit status. Of a FILE it shows what stands there, and says so on the page:

  a provenance manifest   has no verdict; the page says "no verdict: this is a record"
  a report                (verify --output json) has one, of whoever wrote the file;
                          its record must have the digest that the report names

Nothing of a file is checked again, and nobody signs reports. HTML is one file
without scripts, and asks for nothing from elsewhere.`

const reportExit = `EXIT STATUS
  0  of a file: the page was written, and nothing was judged
     of a reference: every check that the policy asks for was made and holds
  1  no page, or no verdict: reading, writing, registry or network failed
  2  usage: the command line or the reference is malformed
  3  a reference is denied, or a file is no sound manifest or report
  4  a reference is on hold: a person has to decide`

// pageFormats are the words of report --output.
var pageFormats = []string{"html", "markdown", "text"}

func newReport(s streams) *cobra.Command {
	var f verifyFlags
	var to string
	cmd := &cobra.Command{
		Use:   "report FILE|-|REFERENCE",
		Short: "Make a page for people of a model, a manifest or a stored report",
		Long:  reportLong,
		Example: `  # examine, judge, and write one HTML file
  modelcheck report ghcr.io/acme/tiny-r1:v1 --policy policy.yaml -o html=report.html

  # of a record that somebody sent: no verdict, nothing checked
  modelcheck report manifest.json -o html=record.html

  # of a report that CI kept
  modelcheck report report.json -o markdown`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := pageDestination(to)
			if err != nil {
				return usageError{err}
			}
			if !isFile(args[0]) {
				f.outputs = []destination{d}
				return notAFile(args[0], verify(cmd.Context(), s, f, args[0]))
			}
			return f.page(cmd.Context(), s, d, args[0])
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	cmd.Flags().StringVarP(&to, "output", "o", "text", "write the page as html, markdown or text, to stdout or to a file: `FORMAT[=FILE]`")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(pageFormats, cobra.ShellCompDirectiveNoSpace))
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + reportExit + "\n")
	return cmd
}

func pageDestination(s string) (destination, error) {
	format, file, named := strings.Cut(s, "=")
	switch {
	case !slices.Contains(pageFormats, format):
		return destination{}, fmt.Errorf("unknown output %q, want %s", format, strings.Join(pageFormats, ", "))
	case named && file == "":
		return destination{}, fmt.Errorf("output %q names no file", s)
	case file == "-":
		file = ""
	}
	return destination{format, file}, nil
}

// page shows a file, whichever of the two kinds of documents it is.
func (f verifyFlags) page(ctx context.Context, s streams, d destination, name string) error {
	if f.trust.policyFile != "" || f.trust.fromFlags() {
		return usageError{hintError{fmt.Errorf("%q is a file: nothing of it is checked, and nobody can be trusted with it", name), "name the artifact's reference to have it examined"}}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := readInput(s, name, maxRecord)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	pages, err := readPages(name, data)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch d.format {
	case "html":
		err = render.PagesHTML(&b, pages)
	case "markdown":
		err = render.PagesMarkdown(&b, pages)
	default:
		st := render.Style{}
		if d.file == "" {
			st = style(s)
		}
		err = render.PagesText(&b, pages, st)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return writePage(s, d, b.Bytes(), f.place.quiet)
}

func writePage(s streams, d destination, data []byte, quiet bool) (err error) {
	switch {
	case d.file != "":
		err = writeFile(d.file, data)
	case !quiet:
		_, err = s.out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return nil
}

// readPages reads a manifest, a report, or the reports of a run over several
// references.
func readPages(name string, data []byte) ([]render.Page, error) {
	if isStatement(data) {
		m, err := provenance.Decode(data)
		if err != nil {
			return nil, recordError{recordCode(err), fmt.Errorf("%q: %w", name, err)}
		}
		return []render.Page{render.RecordPage(record{name: name, data: data, manifest: m}.view())}, nil
	}
	reports, err := check.DecodeReports(data)
	if err != nil {
		return nil, recordError{provenance.CodeRecordInvalid, fmt.Errorf("%q is neither a provenance manifest nor a report: %w", name, err)}
	}
	var pages []render.Page
	for _, r := range reports {
		pages = append(pages, render.StoredPage(r, name))
	}
	return pages, nil
}

// isStatement tells by its first members whether a document means to be an
// in-toto statement, so that what is wrong with it is said of that kind.
func isStatement(data []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		if s := t.String(); s == "_type" || s == "predicateType" {
			return true
		}
		if err := d.SkipValue(); err != nil {
			return false
		}
	}
	return false
}
