package policy_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Every snippet of docs/policy.md is what it shows: a policy, a part of one, or
// tests.
func TestDocumentedSnippets(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i, block := range strings.Split(string(doc), "```yaml\n") {
		text, _, closed := strings.Cut(block, "```")
		if i == 0 || !closed {
			continue
		}
		switch {
		case strings.Contains(text, "kind: PolicyTest"):
			_, err = policy.ParseSuite([]byte(text))
		case strings.Contains(text, "\nextends:"):
			var p *policy.Policy
			if p, err = policy.Parse([]byte(text)); err == nil && len(p.Extends().SignedBy) == 0 {
				if err = p.Extend(parse(t, organisation)); err == nil {
					err = p.Resolve(readFiles)
				}
			}
		case strings.HasPrefix(text, "apiVersion:"):
			_, err = policy.Parse([]byte(text))
		case strings.HasPrefix(text, "rules:"), strings.HasPrefix(text, "use:"), strings.HasPrefix(text, "scopes:"):
			_, err = policy.Parse([]byte(head + "signers: [{name: team, key: {file: a}}]\nrequire: {signatures: {anyOf: [team]}}\n" + text))
		case strings.HasPrefix(text, "criteria:"):
			_, err = policy.Parse([]byte(head + text))
		default:
			continue // other chapters test theirs
		}
		if err != nil {
			t.Errorf("snippet %d: %v\n%s", i, err, text)
		}
		ran++
	}
	if ran < 6 {
		t.Errorf("only %d snippets", ran)
	}
}

// What the snippets of docs/policy.md make of the seed models, signed by the
// team: a, h or d, and of DeepSeek-R1 every reason.
func TestDocumentedSnippetsOnSeedModels(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet := func(begins string) string {
		_, rest, ok := strings.Cut(string(doc), "```yaml\n"+begins)
		text, _, closed := strings.Cut(rest, "```")
		if !ok || !closed {
			t.Fatalf("docs/policy.md has no snippet that begins with %q", begins)
		}
		return begins + text
	}
	signed := head + "signers: [{name: team, key: {file: demo.pub}}]\nrequire: {signatures: {anyOf: [team]}}\n"
	overlay := withBase(t, strings.Replace(snippet("apiVersion: modelcheck/v1\nkind: Policy\nextends: ../"), "team.pub", "demo.pub", 1), signed)
	for name, tc := range map[string]struct {
		policy  *policy.Policy
		on      string // of the seed models
		reasons string // against DeepSeek-R1
	}{
		"rules":   {withDemoKey(t, []byte(signed+snippet("rules:"))), "ahhh", ""},
		"use":     {withDemoKey(t, []byte(signed+snippet("use:"))), "dddd", "rule-not-met:origin-country-allowed rule-not-met:training-summary-present"},
		"reviews": {withDemoKey(t, []byte(head+strings.NewReplacer("team.pub", "demo.pub", "anna.pub", "producer.pub").Replace(snippet("criteria:")))), "hhhh", "review-missing:legal rule-not-met:size"},
		"overlay": {overlay, "adaa", ""},
	} {
		got := ""
		for _, model := range seedModels {
			v := tc.policy.Evaluate(policy.Case{Manifest: recorded(t, model), At: noon})
			got += v.Outcome.String()[:1]
			if model == "deepseek-r1" && opposed(v) != tc.reasons {
				t.Errorf("%s: %s against DeepSeek-R1, want %s", name, opposed(v), tc.reasons)
			}
		}
		if got != tc.on {
			t.Errorf("%s: %s, want %s", name, got, tc.on)
		}
	}

	scopes := withDemoKey(t, []byte(signed+snippet("scopes:")))
	unsigned := recorded(t, "deepseek-r1")
	unsigned.Signatures = nil
	for reference, want := range map[string]string{
		"ghcr.io/acme/models/r1:v1":   "a a d", // DeepSeek-R1, DeepSeek-V3, nobody signed
		"ghcr.io/acme/models/r1:edge": "a d d",
		"ghcr.io/acme/playground":     "a a a",
		"ghcr.io/acme/models":         "h h h",
		"ghcr.io/other/models/r1:v1":  "h h h",
		"":                            "h h h",
	} {
		got := ""
		for _, m := range []*provenance.Manifest{recorded(t, "deepseek-r1"), recorded(t, "deepseek-v3"), unsigned} {
			got += scopes.Evaluate(policy.Case{Reference: reference, Manifest: m, At: noon}).Outcome.String()[:1] + " "
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("scopes, %q: %s, want %s", reference, got, want)
		}
	}

	suite, err := policy.ParseSuite([]byte(snippet("apiVersion: modelcheck/v1\nkind: PolicyTest")))
	if err != nil {
		t.Fatal(err)
	}
	p := withDemoKey(t, []byte(signed+"use: [{rule: no-pickles}]\n"))
	for _, c := range suite.Cases {
		if got := c.Run(p, recorded(t, "deepseek-r1")); !got.Passed {
			t.Errorf("%s: %s", c.Name, got.Problem)
		}
	}
}

// withBase is a policy on top of another.
func withBase(t *testing.T, above, below string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(above))
	if err == nil {
		err = p.Extend(withDemoKey(t, []byte(below)))
	}
	if err == nil {
		err = p.Resolve(func(string) ([]byte, error) { return os.ReadFile("../../testdata/keys/demo.pub") })
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// opposed are the reasons that speak against a model, with their subjects.
func opposed(v policy.Verdict) string {
	var out []string
	for _, r := range v.Reasons {
		if r.Effect != policy.Allow {
			out = append(out, r.Code+":"+r.Subject)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
