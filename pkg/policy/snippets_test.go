package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
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
		default:
			continue // other chapters test theirs
		}
		if err != nil {
			t.Errorf("snippet %d: %v\n%s", i, err, text)
		}
		ran++
	}
	if ran < 5 {
		t.Errorf("only %d snippets", ran)
	}
}
