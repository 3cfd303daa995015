package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/schemas"
)

const policyLong = `policy works with policy files: whom to trust, what to demand, and rules in CEL
over what was recorded.

None of these verbs gives a verdict on a model; verify does, under --policy.`

const policyExit = `EXIT STATUS
  0  done
  1  a file could not be read or written
  2  usage: the command line, or a file that you wrote, is malformed`

func newPolicy(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Begin, check, test and explain policy files",
		Long:  policyLong,
		Example: `  modelcheck policy init --starter platform policy.yaml
  modelcheck policy lint policy.yaml
  modelcheck policy test policy_test.yaml
  modelcheck policy explain manifest.json --policy policy.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck policy --help lists the commands"}}
			}
			return usageError{hintError{errors.New("no command"), "for example: modelcheck policy init policy.yaml"}}
		},
	}
	base := cmd.UsageTemplate()
	exits := map[string]string{"lint": lintExit, "test": testExit, "explain": explainExit}
	cmd.AddCommand(newPolicyInit(s), newPolicyLint(s), newPolicyTest(s), newPolicyExplain(s), newPolicyRules(s), newPolicySchema(s))
	for _, verb := range cmd.Commands() {
		exit := exits[verb.Name()]
		if exit == "" {
			exit = policyExit
		}
		verb.SetUsageTemplate(base + "\n" + exit + "\n")
	}
	return cmd
}

func newPolicyInit(s streams) *cobra.Command {
	starter := ""
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented policy to begin with",
		Long: `init writes a starter policy to FILE, or to stdout. It never writes over a file.

  permissive  nothing has to be signed; what you may want to forbid is a warning
  platform    signed by the platform team, safe to load, of a known licence
  regulated   disclosed, and approved by two people, who answer for what is not`,
		Example: `  modelcheck policy init policy.yaml
  modelcheck policy init --starter regulated policy.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := policy.Starters()
			if err != nil {
				return err
			}
			var names []string
			for _, p := range all {
				if len(args) == 1 && args[0] == p.Name {
					return usageError{hintError{fmt.Errorf("%q is a starter, and no file", p.Name), "for example: modelcheck policy init --starter " + p.Name + " policy.yaml"}}
				}
			}
			for _, p := range all {
				if names = append(names, p.Name); p.Name == starter {
					return writeStarter(s, args, p.YAML)
				}
			}
			return usageError{fmt.Errorf("no starter %q (there are %s)", starter, strings.Join(names, ", "))}
		},
	}
	cmd.Flags().StringVar(&starter, "starter", "permissive", "which `NAME`: permissive, platform or regulated")
	_ = cmd.RegisterFlagCompletionFunc("starter", cobra.FixedCompletions([]string{"permissive", "platform", "regulated"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func writeStarter(s streams, args []string, data []byte) error {
	if len(args) == 0 || args[0] == "-" {
		_, err := s.out.Write(data)
		return err
	}
	if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
		return usageError{hintError{fmt.Errorf("%q exists already", args[0]), "choose another name, or remove it"}}
	}
	if err := writeWhole(args[0], data); err != nil {
		return fmt.Errorf("writing the policy: %w", err)
	}
	fmt.Fprintf(s.err, "modelcheck: wrote %s; next: modelcheck policy lint %s\n", printable(args[0]), printable(args[0]))
	return nil
}

func newPolicyRules(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "rules",
		Short:   "List the ready rules, with their parameters",
		Long:    "rules lists the rules that a policy switches on by name: use: [{rule: NAME, with: {…}}]. None is on by itself.",
		Example: "  modelcheck policy rules",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ready, err := policy.ReadyRules()
			if err != nil {
				return err
			}
			for _, r := range ready {
				fmt.Fprintf(s.out, "%s\n    %s\n", r.Name, r.Title)
				for _, p := range r.Parameters {
					value := "must be given"
					if p.Default != "" {
						value = "default " + p.Default
					}
					fmt.Fprintf(s.out, "    with.%s (%s, %s): %s\n", p.Name, p.Type, value, p.Title)
				}
				if r.LegalBasis {
					fmt.Fprintf(s.out, "    legalBasis must be given\n")
				}
				fmt.Fprintf(s.out, "    requires %s\n", strings.Join(strings.Fields(r.Require), " "))
			}
			return nil
		},
	}
}

func newPolicySchema(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of policy files, for editors",
		Long: `schema prints the JSON Schema of policy files. Editors complete and check by it;
starter policies name it in their first line, for yaml-language-server. Without a
network, write it beside the policy and name the file there.`,
		Example: `  modelcheck policy schema > policy-v1.json
  # and in policy.yaml: # yaml-language-server: $schema=policy-v1.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(schemas.Policy())
			return err
		},
	}
}

// maxPolicyFile is one more byte than a policy may have: its reader says so.
const maxPolicyFile = 1<<20 + 1

// readPolicyFile reads a policy, or a file of tests, or as much of it as shows
// that it is too large.
func readPolicyFile(s streams, name string) (data []byte, err error) {
	var in io.Reader = s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading the policy: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		in = f
	}
	if in == nil {
		return nil, errors.New("reading the policy: stdin is closed")
	}
	if data, err = io.ReadAll(io.LimitReader(in, maxPolicyFile)); err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	return data, nil
}

// inPolicy says of an error in a policy file where it is: FILE:LINE:COLUMN.
// What the user wrote is a usage mistake; what could not be had is none.
func inPolicy(file string, err error) error {
	var at *policy.Error
	switch {
	case errors.As(err, &at):
		return usageError{located{file, at}}
	case errors.Is(err, policy.ErrInvalid):
		return usageError{fmt.Errorf("policy %q: %w", file, err)}
	default:
		return fmt.Errorf("policy %q: %w", file, err)
	}
}

// A located error is one in a file.
type located struct {
	file string
	err  *policy.Error
}

func (l located) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", l.file, l.err.Line, l.err.Column, l.err.Problem)
}
func (l located) Unwrap() error { return l.err }
