package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

const explainExit = `EXIT STATUS
  0  explained; that says nothing about the model
  1  the model could not be examined, or a file could not be read
  2  usage: the command line or the policy is malformed
  3  the model could not be recorded, or the file is no record`

func newPolicyExplain(s streams) *cobra.Command {
	var f verifyFlags
	var reference string
	cmd := &cobra.Command{
		Use:   "explain REFERENCE|MANIFEST",
		Short: "Show every rule over a record, with the values of its parts",
		Long: `explain shows what each rule of a policy makes of a record: met or not, and the
value of every part of its expression. The record is read from a manifest file,
or made by examining the artifact that a reference names.

Of a file nothing is verified: explain shows what the policy would say if the
record were true. Reviews are not looked for.`,
		Example: `  modelcheck policy explain manifest.json --policy policy.yaml
  modelcheck policy explain ghcr.io/acme/tiny-r1:v1 --policy policy.yaml
  modelcheck policy explain manifest.json --policy policy.yaml --reference ghcr.io/acme/tiny-r1:v1`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.trust.policyFile == "" {
				return usageError{hintError{errors.New("no policy given"), "add --policy FILE"}}
			}
			return explainRules(cmd.Context(), s, f, args[0], reference)
		},
	}
	f.place.add(cmd)
	f.trust.add(cmd)
	outputFlag(cmd, &f.output)
	cmd.Flags().StringVar(&reference, "reference", "", "judge a manifest file as that of this `REFERENCE`, for policies with scopes")
	return cmd
}

// A ruleReport is what explain prints.
type ruleReport struct {
	Policy    string               `json:"policy"`
	Reference string               `json:"reference,omitempty"`
	Verdict   policy.Verdict       `json:"verdict"`
	Rules     []policy.Explanation `json:"rules"`
}

func explainRules(ctx context.Context, s streams, f verifyFlags, name, reference string) error {
	p, _, err := f.trust.read(s)
	if err != nil {
		return err
	}
	var r record
	if isFile(name) {
		r, err = readRecord(s, name)
	} else {
		r, err = f.loadRecord(ctx, s, name)
	}
	if err != nil {
		return err
	}
	if reference == "" && r.examined {
		reference = name
	}
	if reference != "" {
		ref, err := parseReference(reference)
		if err != nil {
			return err
		}
		reference = ref.String()
	}
	c := policy.Case{Reference: reference, Manifest: r.manifest, At: time.Now()}
	out := ruleReport{Policy: p.Digest().String(), Reference: reference, Verdict: p.Evaluate(c), Rules: p.Explain(c)}
	if f.output == "json" {
		return writeJSON(s, out)
	}
	out.print(s)
	return nil
}

func (r ruleReport) print(s streams) {
	fmt.Fprintf(s.out, "policy %s\n", r.Policy)
	for _, x := range r.Rules {
		word := "met"
		if !x.Met {
			word = "not met, " + x.Effect.String()
			if x.Effect == policy.Allow {
				word = "not met, warn"
			}
		}
		fmt.Fprintf(s.out, "\n%s: %s\n", printable(x.Rule), word)
		if !x.Met {
			fmt.Fprintf(s.out, "  %s [%s]\n", printable(x.Message), printable(x.Code))
		}
		for _, step := range x.Steps {
			fmt.Fprintf(s.out, "  %s\n    = %s\n", printable(step.Text), printable(step.Value))
		}
	}
	fmt.Fprintf(s.out, "\nif the record is true: %s\n", r.Verdict.Outcome)
	for _, reason := range r.Verdict.Reasons {
		if reason.Effect != policy.Allow {
			fmt.Fprintf(s.out, "  %s %s [%s]\n", reason.Effect, printable(reason.Message), printable(reason.Code))
		}
	}
}
