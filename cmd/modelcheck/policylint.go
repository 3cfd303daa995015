package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const lintExit = `EXIT STATUS
  0  nothing to remark
  1  a file could not be read
  2  usage: the command line is malformed, or a file is no policy
  4  there are remarks: a person has to look`

func newPolicyLint(s streams) *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use:   "lint FILE…",
		Short: "Say what is wrong with a policy, and what it may not mean",
		Long: `lint reads policy files and says, as FILE:LINE:COLUMN, what is wrong, and what
their writers may not have meant: all() over lists that may be empty, claims that
no record holds, rules on names.

Key files and trusted roots are not read.`,
		Example: `  modelcheck policy lint policy.yaml`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{hintError{errors.New("no policy given"), "for example: modelcheck policy lint policy.yaml"}}
			}
			return lintPolicies(s, format, args)
		},
	}
	outputFlag(cmd, &format)
	return cmd
}

// A fileRemark is a remark and the file that it is on.
type fileRemark struct {
	File string `json:"file"`
	policy.Remark
}

func lintPolicies(s streams, format string, files []string) error {
	var ids []string
	for _, q := range check.Questions() {
		ids = append(ids, q.ID)
	}
	remarks := []fileRemark{}
	for _, file := range files {
		data, err := readPolicyFile(s, file)
		if err != nil {
			return err
		}
		found, err := policy.Lint(data, ids)
		if err != nil {
			return inPolicy(file, err)
		}
		for _, r := range found {
			remarks = append(remarks, fileRemark{file, r})
		}
	}
	if format == "json" {
		if err := writeJSON(s, remarks); err != nil {
			return err
		}
	} else {
		for _, r := range remarks {
			fmt.Fprintf(s.out, "%s:%d:%d: %s\n", printable(r.File), r.Line, r.Column, printable(r.Problem))
		}
	}
	if len(remarks) > 0 {
		return verdictError{policy.Hold}
	}
	return nil
}

func writeJSON(s streams, v any) error {
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
