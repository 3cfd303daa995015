package policy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const scoped = head + `
signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}, {name: c, key: {file: c}}]
rules: [{name: everywhere, require: 'files.size() > 0'}]
scopes:
  - {name: all, prefix: ghcr.io/acme/, require: {signatures: {anyOf: [a]}}}
  - {name: chat, prefix: ghcr.io/acme/chat/, require: {signatures: {anyOf: [b]}}}
  - {name: versions, pattern: '^ghcr\.io/acme/chat/[a-z]+:v[0-9]+$', require: {signatures: {anyOf: [c]}}}
  - {name: one, exact: ghcr.io/acme/chat/x, require: {signatures: {allOf: [a, b, c]}}}
  - {name: tag, exact: 'ghcr.io/acme/play:dev', allowUnsigned: true, rules: [{name: no-code, require: '!findings.exists(f, f.id == "code-on-load")'}]}
`

func TestScopes(t *testing.T) {
	p := parse(t, scoped)
	for _, tc := range []struct {
		reference string
		by        string
		want      policy.Outcome
		code      string
	}{
		{"ghcr.io/acme/x:v1", "a", policy.Allow, provenance.CodeSignatureVerified},
		{"ghcr.io/acme/x:v1", "b", policy.Deny, provenance.CodeSignatureMissing},
		{"ghcr.io/acme/x:v1", "", policy.Deny, provenance.CodeSignatureMissing},
		{"ghcr.io/acme/chat/y:latest", "b", policy.Allow, provenance.CodeSignatureVerified}, // the longer prefix
		{"ghcr.io/acme/chat/y:latest", "a", policy.Deny, ""},
		{"ghcr.io/acme/chat/y:v1", "c", policy.Allow, provenance.CodeSignatureVerified}, // the pattern says more
		{"ghcr.io/acme/chat/y:v1", "b", policy.Deny, ""},
		{"ghcr.io/acme/chat/y:v1x", "c", policy.Deny, ""}, // not the whole of it
		{"ghcr.io/acme/chat/x:v1", "c", policy.Deny, ""},  // exactly this one
		{"ghcr.io/acme/chat/x:v1", "a b c", policy.Allow, provenance.CodeSignatureVerified},
		{"ghcr.io/acme/chat/xy:v1", "c", policy.Allow, provenance.CodeSignatureVerified},
		{"ghcr.io/acme/play:dev", "", policy.Allow, provenance.CodeUnsignedAllowed},
		{"ghcr.io/acme/play:prod", "", policy.Deny, provenance.CodeSignatureMissing},
		{"ghcr.io/acme-evil/x:v1", "a b c", policy.Hold, provenance.CodeScopeUnmatched},
		{"evil.example/ghcr.io/acme/x:v1", "a b c", policy.Hold, provenance.CodeScopeUnmatched},
		{"GHCR.io/acme/x:v1", "a", policy.Hold, provenance.CodeScopeUnmatched}, // not the canonical spelling
		{"dir:ghcr.io/acme/x", "a", policy.Hold, provenance.CodeScopeUnmatched},
		{"", "a b c", policy.Hold, provenance.CodeScopeUnmatched},
	} {
		t.Run(tc.reference+" by "+tc.by, func(t *testing.T) {
			var signed candidates
			for _, name := range strings.Fields(tc.by) {
				signed = append(signed, byKey(name))
			}
			v := p.Evaluate(policy.Case{Reference: tc.reference, Manifest: record(p, signed), Candidates: signed})
			if v.Outcome != tc.want || tc.code != "" && !hasCode(v, tc.code) {
				t.Errorf("%+v, want %v with %s", v, tc.want, tc.code)
			}
			if of := p.For(tc.reference); of.Digest() != p.Digest() || of.Gate(signed).Outcome == policy.Deny != (tc.want == policy.Deny) {
				t.Errorf("for the reference: %v, gate %+v", of.Digest(), of.Gate(signed))
			}
		})
	}
	m := record(p, nil, provenance.Finding{ID: provenance.CodeCodeOnLoad, Detail: "d"})
	if v := p.Evaluate(policy.Case{Reference: "ghcr.io/acme/play:dev", Manifest: m}); v.Outcome != policy.Deny || !hasCode(v, provenance.CodeRuleNotMet) {
		t.Errorf("a scope's own rule: %+v", v)
	}
	m.Files = nil
	if v := p.Evaluate(policy.Case{Reference: "ghcr.io/acme/play:dev", Manifest: m}); !hasCode(v, provenance.CodeRuleNotMet) {
		t.Errorf("a rule for all: %+v", v)
	}
}

func hasCode(v policy.Verdict, code string) bool {
	for _, r := range v.Reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

func TestScopesThatAreRefused(t *testing.T) {
	const signers = head + "signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\n"
	with := func(scopes string) string { return signers + "scopes:\n" + scopes }
	for name, tc := range map[string]struct {
		yaml string
		line int
		want string
	}{
		"empty":                       {signers + "scopes: []", 5, "empty"},
		"no name":                     {with("- {prefix: a/}"), 6, "without name"},
		"of nothing":                  {with("- {name: x}"), 6, "exactly one of"},
		"of two kinds":                {with("- {name: x, prefix: a/, exact: b}"), 6, "exactly one of"},
		"twice":                       {with("- {name: x, prefix: a/}\n- {name: x, prefix: b/}"), 7, "twice"},
		"the same prefix":             {with("- {name: x, prefix: a/}\n- {name: y, prefix: a/}"), 7, "equally specific"},
		"the same exactly":            {with("- {name: x, exact: a/b}\n- {name: y, exact: a/b}"), 7, "equally specific"},
		"patterns with one beginning": {with("- {name: x, pattern: '^a/.*$'}\n- {name: y, pattern: '^a/[b-z]+$'}"), 7, "equally specific"},
		"patterns without beginning":  {with("- {name: x, pattern: '^.*/a$'}\n- {name: y, pattern: '^.+/b$'}"), 7, "equally specific"},
		"pattern, no anchors":         {with("- {name: x, pattern: 'ghcr\\.io/acme/.*'}"), 6, `write '^ghcr\.io/acme/.*$'`},
		"pattern, one anchor":         {with("- {name: x, pattern: '^ghcr\\.io/acme/.*'}"), 6, `write '^ghcr\.io/acme/.*$'`},
		"pattern, a dollar":           {with("- {name: x, pattern: '^a\\$'}"), 6, "not anchored"},
		"pattern, broken":             {with("- {name: x, pattern: '^a($'}"), 6, "does not compile"},
		"pattern, two in one":         {with("- {name: x, pattern: '^a)|(b$'}"), 6, "does not compile"},
		"prefix of others":            {with("- {name: x, prefix: ghcr.io/acme}"), 6, `"ghcr.io/acme/"`},
		"unknown signer":              {with("- {name: x, prefix: a/, require: {signatures: {anyOf: [b]}}}"), 6, `no signer "b"`},
		"signed and unsigned":         {with("- {name: x, prefix: a/, allowUnsigned: true, require: {signatures: {anyOf: [a]}}}"), 6, "not meant"},
		"requires nothing":            {with("- {name: x, prefix: a/, require: {}}"), 6, "no require.signatures"},
		"schemes of its own":          {with("- {name: x, prefix: a/, require: {schemes: [x509]}}"), 6, "unknown key"},
		"a rule twice":                {signers + "rules: [{name: r, require: 'true'}]\nscopes:\n- {name: x, prefix: a/, rules: [{name: r, require: 'false'}]}", 7, `rule "r" stands twice`},
		"nobody asked":                {head + "signers: [{name: a, key: {file: a}}]\nscopes:\n- {name: x, prefix: a/}", 5, "does not say who must sign"},
		"unused signer":               {head + "signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]\nscopes:\n- {name: x, prefix: a/, require: {signatures: {anyOf: [a]}}}", 1, `"b" is named and nothing asks`},
		"expires, no date":            {signers + "expires: soon", 5, "want a date"},
		"expires, a number":           {signers + "expires: 2027", 5, "want a date"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse([]byte(tc.yaml))
			var e *policy.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) || e.Line != tc.line {
				t.Fatalf("error %v, want line %d: %q", err, tc.line, tc.want)
			}
		})
	}
}

func TestExpires(t *testing.T) {
	const signers = head + "signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\n"
	p := parse(t, signers+"expires: 2026-06-02\n")
	if p.Digest() == parse(t, signers).Digest() || p.Digest() == parse(t, signers+"expires: 2026-06-03").Digest() {
		t.Error("the digest does not hold the time")
	}
	signed := candidates{byKey("a")}
	for at, want := range map[string]policy.Outcome{
		"2026-06-01T23:59:59Z": policy.Allow, "2026-06-02T00:00:00Z": policy.Deny, "2030-01-01T00:00:00Z": policy.Deny, "2026-06-02T01:00:00+02:00": policy.Allow, "0001-01-01T00:00:00Z": policy.Deny,
	} {
		time, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		v := p.Evaluate(policy.Case{Manifest: record(p, signed), Candidates: signed, At: time})
		if v.Outcome != want || hasCode(v, provenance.CodePolicyExpired) != (want == policy.Deny) {
			t.Errorf("at %s: %+v", at, v)
		}
	}
}
