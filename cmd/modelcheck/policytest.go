package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const testExit = `EXIT STATUS
  0  every case passed
  1  a file could not be read
  2  usage: the command line, a policy or a file of tests is malformed
  3  a case failed, or with --all-rules a rule was not tested both ways`

func newPolicyTest(s streams) *cobra.Command {
	var f policyTest
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "Judge recorded manifests by a policy, and compare with what is expected",
		Long: `test reads files of tests. Each names a policy and cases: a recorded manifest
(verify --manifest writes one), perhaps with changes and with reviews that are
supposed to be at hand, the outcome that the policy must give, and every reason
that must speak against the model. No network and no clock is used: a case says
its time.

At the end it names the rules that were not seen both met and not met.`,
		Example: `  modelcheck policy test policy_test.yaml
  modelcheck policy test --all-rules tests/*.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{hintError{errors.New("no tests given"), "for example: modelcheck policy test policy_test.yaml"}}
			}
			return f.run(s, args)
		},
	}
	outputFlag(cmd, &f.format)
	cmd.Flags().BoolVar(&f.allRules, "all-rules", false, "fail where a rule was not seen both met and not met")
	return cmd
}

type policyTest struct {
	format   string
	allRules bool
}

// A suiteResult is what came of one file of tests.
type suiteResult struct {
	File      string              `json:"file"`
	Policy    string              `json:"policy"`
	Cases     []policy.TestResult `json:"cases"`
	Rules     int                 `json:"rules"`
	NeverMet  []string            `json:"neverMet"`  // rules that no case met
	AlwaysMet []string            `json:"alwaysMet"` // rules that every case met
}

func (f policyTest) run(s streams, files []string) error {
	var all []suiteResult
	failed := false
	for _, file := range files {
		r, err := runSuite(s, file)
		if err != nil {
			return err
		}
		for _, c := range r.Cases {
			failed = failed || !c.Passed
		}
		failed = failed || f.allRules && len(r.NeverMet)+len(r.AlwaysMet) > 0
		all = append(all, r)
		if f.format != "json" {
			r.print(s)
		}
	}
	if f.format == "json" {
		if err := writeJSON(s, all); err != nil {
			return err
		}
	}
	if failed {
		return verdictError{policy.Deny}
	}
	return nil
}

func (r suiteResult) print(s streams) {
	passed := 0
	for _, c := range r.Cases {
		if c.Passed {
			passed++
			continue
		}
		fmt.Fprintf(s.out, "FAIL %s: %s\n     %s\n", printable(r.File), printable(c.Name), printable(c.Problem))
	}
	untested := map[string]bool{}
	for _, name := range append(append([]string{}, r.NeverMet...), r.AlwaysMet...) {
		untested[name] = true
	}
	fmt.Fprintf(s.out, "%s: %d of %d cases passed; %d of %d rules seen both met and not met\n", printable(r.File), passed, len(r.Cases), r.Rules-len(untested), r.Rules)
	if len(r.NeverMet) > 0 {
		fmt.Fprintf(s.out, "     never met: %s\n", printable(strings.Join(r.NeverMet, ", ")))
	}
	if len(r.AlwaysMet) > 0 {
		fmt.Fprintf(s.out, "     always met: %s\n", printable(strings.Join(r.AlwaysMet, ", ")))
	}
}

func runSuite(s streams, file string) (suiteResult, error) {
	data, err := readPolicyFile(s, file)
	if err != nil {
		return suiteResult{}, err
	}
	suite, err := policy.ParseSuite(data)
	if err != nil {
		return suiteResult{}, inPolicy(file, err)
	}
	dir := filepath.Dir(file)
	trust := trustFlags{policyFile: filepath.Join(dir, filepath.FromSlash(suite.Policy))}
	p, _, err := trust.read(s)
	if err != nil {
		return suiteResult{}, err
	}
	out := suiteResult{File: file, Policy: p.Digest().String(), Rules: len(p.Rules())}
	records := map[string]*provenance.Manifest{}
	for _, c := range suite.Cases {
		if records[c.Record] == nil {
			r, err := readRecord(s, filepath.Join(dir, filepath.FromSlash(c.Record)))
			if err != nil {
				return suiteResult{}, fmt.Errorf("%s:%d: case %q: %w", file, c.Line, c.Name, err)
			}
			records[c.Record] = r.manifest
		}
		out.Cases = append(out.Cases, c.Run(p, records[c.Record]))
	}
	out.NeverMet, out.AlwaysMet = policy.Uncovered(p, out.Cases)
	return out, nil
}
