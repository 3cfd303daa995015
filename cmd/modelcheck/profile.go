package main

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// profileFlags name files of what documents outside the artifact say.
type profileFlags struct{ files []string }

func (p *profileFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.files, "profile", nil, "JSON `FILE` of what papers and pages say about the model (may be repeated); it changes no claim")
	_ = cmd.MarkFlagFilename("profile", "json")
}

func (p *profileFlags) read() ([][]byte, error) {
	var out [][]byte
	for _, name := range p.files {
		data, err := readSmall(name)
		if err != nil {
			return nil, fmt.Errorf("reading a profile: %w", err)
		}
		out = append(out, data)
	}
	return out, nil
}

const profileExit = `EXIT STATUS
  0  the profile was printed; nothing was verified
  1  no profile is about that model, or a file cannot be used
  2  usage: the command line is malformed`

func newProfile(s streams) *cobra.Command {
	var files profileFlags
	var output string
	cmd := &cobra.Command{
		Use:   "profile MODEL",
		Short: "Print what documents elsewhere say about a model (nothing is verified)",
		Long: `profile prints what papers and vendors' pages say about a model, with the words
and where they stand. It looks at no artifact and contacts nobody: nothing of it
is verified, and nothing of it changes a claim of a record.

It is all that can be had of a model that is offered as a service only.`,
		Example: `  modelcheck profile Qwen2.5-Max
  modelcheck profile --profile mine.json my-model -o json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{hintError{fmt.Errorf("%d models named, want 1", len(args)), "for example: modelcheck profile Qwen2.5-Max"}}
			}
			data, err := files.read()
			if err != nil {
				return err
			}
			r, ok, err := check.DescribeProfile(args[0], data)
			if err != nil {
				return err
			}
			if !ok {
				return hintError{fmt.Errorf("no profile is about %q", args[0]), "write one (modelcheck schema profile) and name it with --profile FILE"}
			}
			return printProfile(s, r, output)
		},
	}
	files.add(cmd)
	outputFlag(cmd, &output)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + profileExit + "\n")
	return cmd
}

func printProfile(s streams, r *check.ProfileRecord, output string) error {
	if output == "json" {
		if err := json.MarshalWrite(s.out, r, jsontext.WithIndent("  ")); err != nil {
			return fmt.Errorf("writing the profile: %w", err)
		}
		_, err := fmt.Fprintln(s.out)
		return err
	}
	fmt.Fprintf(s.out, "NOT VERIFIED  %q: %s\n", r.Model, r.Why)
	fmt.Fprintf(s.out, "profile %s %v\n", r.Profile.Name, r.Profile.Digest)
	for _, c := range r.Claims {
		for _, o := range c.Elsewhere {
			fmt.Fprintf(s.out, "\n%s (said elsewhere, %v at best): %s\n  %q\n  %q\n", c.ID, o.Grade, o.Value, o.Source.Quote, o.Source.URI)
			if o.Source.Digest.IsZero() {
				fmt.Fprintf(s.out, "  (%s)\n", render.NoDigest)
			}
		}
	}
	return nil
}

// serviceOnly is the error about a name of a model that is in no registry,
// nil for other names.
func serviceOnly(name string) error {
	r, ok := check.ServiceOnly(name)
	if !ok {
		return nil
	}
	return usageError{hintError{
		errors.New(r.Model + " is offered as a service only: no weights were published, so there is no artifact to verify"),
		"modelcheck profile " + r.Model + " prints what its makers say, unverified",
	}}
}
