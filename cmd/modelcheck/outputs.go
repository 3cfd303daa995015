package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// outputFormats are the words of --output that reports have renderers for.
var outputFormats = []string{"text", "json", "markdown", "html", "sarif", "junit", "github", "gitlab", "auto"}

// A destination is a format and where the report goes in it: a file, or
// stdout where file is empty.
type destination struct{ format, file string }

// outputs is the flag --output FORMAT[=FILE], which may be repeated.
type outputs struct {
	to  *[]destination
	env func(string) string
}

// gitlabReport is where --output auto puts GitLab's report.
const gitlabReport = "gl-code-quality-report.json"

// auto is what --output auto stands for, where it runs.
func (o outputs) auto() []string {
	switch {
	case o.env("GITHUB_ACTIONS") == "true":
		return []string{"github"}
	case o.env("GITLAB_CI") == "true":
		return []string{"text", "gitlab=" + gitlabReport}
	default:
		return []string{"text"}
	}
}

func (o outputs) String() string {
	if o.to == nil {
		return ""
	}
	var out []string
	for _, d := range *o.to {
		out = append(out, strings.TrimSuffix(d.format+"="+d.file, "="))
	}
	return strings.Join(out, ",")
}

func (outputs) Type() string { return "FORMAT[=FILE]" }

func (o outputs) Set(s string) error {
	format, file, named := strings.Cut(s, "=")
	if !slices.Contains(outputFormats, format) {
		return fmt.Errorf("unknown output %q, want %s", format, strings.Join(outputFormats, ", "))
	}
	if named && file == "" {
		return fmt.Errorf("output %q names no file", s)
	}
	if format == "auto" {
		if named {
			return errors.New("output auto names its files itself")
		}
		for _, one := range o.auto() {
			if err := o.Set(one); err != nil {
				return err
			}
		}
		return nil
	}
	if file == "-" {
		file = ""
	}
	for _, d := range *o.to {
		switch {
		case file == "" && d.file == "":
			return fmt.Errorf("%s and %s cannot both stand on stdout: write one of them to a file, as FORMAT=FILE", d.format, format)
		case file != "" && filepath.Clean(d.file) == filepath.Clean(file):
			return fmt.Errorf("%s and %s would both be written to %q", d.format, format, file)
		}
	}
	*o.to = append(*o.to, destination{format, file})
	return nil
}

// outputsFlag adds --output for verbs whose reports have a verdict.
func outputsFlag(cmd *cobra.Command, s streams, f *verifyFlags) {
	cmd.Flags().VarP(outputs{&f.outputs, s.env}, "output", "o", "write the report as text, json, markdown, html, sarif, junit, github or gitlab, or as auto for what suits the platform this runs on, to stdout or to a file (may be repeated; text goes to stdout unless another does)")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "after a report as text, say what its reason codes mean and what can be done")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputFormats, cobra.ShellCompDirectiveNoSpace))
}

// destinations says what to write where. Stdout is never without a report: a
// job's log that does not say why it failed helps nobody.
func (f verifyFlags) destinations() []destination {
	out := slices.Clone(f.outputs)
	if !slices.ContainsFunc(out, func(d destination) bool { return d.file == "" }) {
		format := f.output
		if format == "" {
			format = "text"
		}
		out = append(out, destination{format: format})
	}
	return out
}

// errWriting is wrapped by errors about where reports go.
var errWriting = errors.New("writing the report")

// checkOutputs finds before hours of hashing that a file cannot be written.
func (f verifyFlags) checkOutputs() error {
	if f.tensors != "" && f.tensors == f.manifest {
		return usageError{fmt.Errorf("--manifest and --tensors would both be written to %q", f.tensors)}
	}
	for _, d := range f.outputs {
		if d.file == "" {
			continue
		}
		for flag, file := range map[string]string{"--manifest": f.manifest, "--tensors": f.tensors} {
			if file != "" && filepath.Clean(file) == filepath.Clean(d.file) {
				return usageError{fmt.Errorf("%s and --output %s would both be written to %q", flag, d.format, d.file)}
			}
		}
		if info, err := os.Stat(filepath.Dir(d.file)); err != nil {
			return fmt.Errorf("%w: %w", errWriting, err)
		} else if !info.IsDir() {
			return fmt.Errorf("%w: %q is not a folder", errWriting, filepath.Dir(d.file))
		}
	}
	return nil
}

// write writes the reports everywhere; many says that several were asked for.
// A run that did not begin says why on stderr, and needs no text on stdout.
func (f verifyFlags) write(s streams, reports []*check.Report, many, begun bool) error {
	var errs []error
	for _, r := range reports {
		s.given.note(r)
	}
	for _, d := range f.destinations() {
		if d.format == "github" {
			errs = append(errs, appendGitHub(s, reports))
		}
		if d.file == "" && (f.place.quiet || f.manifest == "-" || f.tensors == "-" || d.format == "text" && !begun) {
			continue
		}
		errs = append(errs, d.put(s, func(w *bytes.Buffer) error { return f.render(w, d, s, reports, many) }))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return nil
}

// put writes what render makes: all of it, or where render fails nothing.
func (d destination) put(s streams, render func(*bytes.Buffer) error) error {
	var b bytes.Buffer
	if err := render(&b); err != nil {
		return err
	}
	if d.file != "" {
		return writeFile(d.file, b.Bytes())
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

// writeFile is writeWhole, but what is no file, such as /dev/null or a pipe, is
// written to and not replaced.
func writeFile(name string, data []byte) (err error) {
	if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
		return writeWhole(name, data)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(data)
	return err
}

func (f verifyFlags) render(w io.Writer, d destination, s streams, reports []*check.Report, many bool) error {
	switch d.format {
	case "json":
		if many {
			return render.Reports(w, reports)
		}
		return render.JSON(w, reports[0])
	case "markdown":
		return render.Markdown(w, reports)
	case "html":
		return render.HTML(w, reports)
	case "sarif":
		return render.SARIF(w, reports)
	case "junit":
		return render.JUnit(w, reports)
	case "github":
		return render.GitHub(w, reports)
	case "gitlab":
		return render.GitLab(w, reports)
	default:
		return f.renderText(w, d, s, reports, many)
	}
}

func (f verifyFlags) renderText(w io.Writer, d destination, s streams, reports []*check.Report, many bool) error {
	st := render.Style{}
	if d.file == "" {
		st = style(s)
	}
	for i, r := range reports {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := render.Text(w, r, st); err != nil {
			return err
		}
	}
	if many {
		if err := render.Summary(w, reports, st); err != nil {
			return err
		}
	}
	if f.explain {
		return render.Explain(w, reports, st)
	}
	return nil
}

// maxSummary is below the 1 MiB that GitHub takes of one step's summary, with
// room for what other commands of the step wrote.
const maxSummary = 900 << 10

// appendGitHub adds the report to the job's summary and the outcome to the
// step's outputs, where a runner of GitHub Actions says where they are.
func appendGitHub(s streams, reports []*check.Report) error {
	var errs []error
	if name := s.env("GITHUB_STEP_SUMMARY"); name != "" {
		var b bytes.Buffer
		err := render.Markdown(&b, reports)
		if b.Len() > maxSummary {
			b.Reset()
			err = render.MarkdownSummary(&b, reports)
		}
		errs = append(errs, err, appendTo(name, b.Bytes()))
	}
	if name := s.env("GITHUB_OUTPUT"); name != "" {
		var b bytes.Buffer
		errs = append(errs, render.GitHubOutputs(&b, worst(reports).Outcome, reports), appendTo(name, b.Bytes()))
	}
	return errors.Join(errs...)
}

func appendTo(name string, data []byte) (err error) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(data)
	return err
}
