package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// KindTest is what a file of policy tests calls itself.
const KindTest = "PolicyTest"

// A Suite is a file of tests for one policy: recorded manifests, and what the
// policy must make of each.
type Suite struct {
	Policy string // file of the policy, as written
	Cases  []TestCase
}

// A TestCase is one record, perhaps changed, and what must come of it.
type TestCase struct {
	Name      string
	Line      int
	Record    string // file of the manifest, as written
	Reference string
	At        time.Time
	Changes   []Change
	Reviews   []TestReview // at hand; with At only
	Outcome   Outcome
	Reasons   []string // "code" or "code:subject", sorted: all that speaks against the model
}

// A TestResult is what came of one case.
type TestResult struct {
	Name    string        `json:"name"`
	Passed  bool          `json:"passed"`
	Problem string        `json:"problem,omitempty"`
	Verdict Verdict       `json:"verdict"`
	Rules   []Explanation `json:"-"`
}

// ParseSuite reads a file of tests. It fails like Parse.
func ParseSuite(data []byte) (*Suite, error) {
	top, err := readYAML(data)
	if err != nil {
		return nil, err
	}
	f, err := fields(top, "tests", "apiVersion", "kind", "policy", "cases")
	if err != nil {
		return nil, err
	}
	if err := parseHeadOf(top, f, KindTest); err != nil {
		return nil, err
	}
	if f["policy"] == nil || f["cases"] == nil {
		return nil, fail(top, "tests: want policy and cases")
	}
	var out Suite
	if out.Policy, err = text(f["policy"], "policy"); err != nil {
		return nil, err
	}
	list, err := items(f["cases"], "cases")
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		c, err := parseCase(item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out.Cases, func(o TestCase) bool { return o.Name == c.Name }) {
			return nil, fail(item, "case %q stands twice", c.Name)
		}
		out.Cases = append(out.Cases, c)
	}
	return &out, nil
}

func parseCase(item *yaml.Node) (TestCase, error) {
	f, err := fields(item, "case", "name", "record", "reference", "at", "change", "reviews", "expect")
	if err != nil {
		return TestCase{}, err
	}
	c := TestCase{Line: item.Line}
	if c.Name, err = named(item, f, "case"); err != nil {
		return TestCase{}, err
	}
	if f["record"] == nil || f["expect"] == nil {
		return TestCase{}, fail(item, "case %q: want record and expect", c.Name)
	}
	if c.Record, err = text(f["record"], "record"); err != nil {
		return TestCase{}, err
	}
	if f["reference"] != nil {
		if c.Reference, err = text(f["reference"], "reference"); err != nil {
			return TestCase{}, err
		}
	}
	if c.At, err = parseExpires(f["at"]); err != nil {
		return TestCase{}, fail(f["at"], "at: want a date (2027-06-30) or a time (2027-06-30T12:00:00Z)")
	}
	if c.Changes, err = parseChanges(f["change"]); err != nil {
		return TestCase{}, err
	}
	if c.Reviews, err = parseTestReviews(f["reviews"]); err != nil {
		return TestCase{}, err
	}
	if len(c.Reviews) > 0 && c.At.IsZero() {
		return TestCase{}, fail(f["reviews"], "case %q: reviews have an age, and the case no time: say at", c.Name)
	}
	return c, c.parseExpect(f["expect"])
}

func (c *TestCase) parseExpect(n *yaml.Node) error {
	f, err := fields(n, "expect", "outcome", "reasons")
	if err != nil {
		return err
	}
	if f["outcome"] == nil {
		return fail(n, "expect: want an outcome")
	}
	word, err := text(f["outcome"], "outcome")
	if err != nil {
		return err
	}
	if err := c.Outcome.UnmarshalText([]byte(word)); err != nil || c.Outcome == Undecided {
		return fail(f["outcome"], "outcome is %q, want allow, hold or deny", word)
	}
	if f["reasons"] != nil {
		if c.Reasons, err = texts(f["reasons"], "reasons"); err != nil {
			return err
		}
	}
	if c.Outcome != Allow && len(c.Reasons) == 0 {
		return fail(n, "expect: %s without reasons would also be met by a wrong one", word)
	}
	return nil
}

// Run judges a case's record. Its reasons must be all that speak against the
// model, and those that warn where any is named.
func (c TestCase) Run(p *Policy, record *provenance.Manifest) TestResult {
	out := TestResult{Name: c.Name}
	m, err := changed(record, c.Changes)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	reviews, err := c.supposed(p, m)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	at := Case{Reference: c.Reference, Manifest: m, At: c.At, Reviewing: Reviewing{Reviews: reviews}}
	out.Verdict, out.Rules = p.Evaluate(at), p.explain(at, func(rule, *expression.Record) []Step { return nil })
	var got []string
	for _, r := range out.Verdict.Reasons {
		if r.Effect != Allow || r.Code == provenance.CodeRuleWarned {
			got = append(got, c.spelled(r))
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	switch {
	case out.Verdict.Outcome != c.Outcome:
		out.Problem = fmt.Sprintf("outcome %v, want %v: %s", out.Verdict.Outcome, c.Outcome, strings.Join(got, ", "))
	case !slices.Equal(got, c.Reasons):
		out.Problem = fmt.Sprintf("reasons %s, want %s", strings.Join(got, ", "), strings.Join(c.Reasons, ", "))
	}
	out.Passed = out.Problem == ""
	return out
}

// spelled is a reason as the case writes it: with its subject where the case
// does.
func (c TestCase) spelled(r Reason) string {
	if full := r.Code + ":" + r.Subject; r.Subject != "" && !slices.Contains(c.Reasons, r.Code) {
		return full
	}
	return r.Code
}

// Uncovered names the rules that no case has seen met, and those that none has
// seen not met: a rule that only ever says the same was not tested.
func Uncovered(p *Policy, results []TestResult) (neverMet, alwaysMet []string) {
	met, unmet := map[string]bool{}, map[string]bool{}
	for _, r := range results {
		for _, x := range r.Rules {
			met[x.Rule] = met[x.Rule] || x.Met
			unmet[x.Rule] = unmet[x.Rule] || !x.Met
		}
	}
	for _, name := range p.Rules() {
		_, rule, scoped := strings.Cut(name, ": ")
		if !scoped {
			rule = name
		}
		if !met[rule] {
			neverMet = append(neverMet, name)
		}
		if !unmet[rule] {
			alwaysMet = append(alwaysMet, name)
		}
	}
	return neverMet, alwaysMet
}
