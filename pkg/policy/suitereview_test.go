package policy_test

import (
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const suiteHead = "apiVersion: modelcheck/v1\nkind: PolicyTest\npolicy: p.yaml\ncases:\n  - name: one\n    record: r.json\n"

// A case supposes reviews by the policy's own signers, and nobody else's.
func TestSuiteReviews(t *testing.T) {
	p := parse(t, regulated())
	m := record(p, candidates{byKey("publisher")})
	legal, risk := "{by: anna, role: legal, met: [license-acceptable]}", "{by: ben, role: model-risk, met: [training-data-disclosed]}"
	waived := "{by: ben, role: model-risk, waives: [training-data-disclosed], age: 180d}"
	missing := "reasons: ['review-missing:model-risk']"
	for name, tc := range map[string]struct{ reviews, expect string }{
		"both":                    {legal + ", " + risk, "outcome: allow"},
		"waived by who may":       {legal + ", " + waived, "outcome: allow"},
		"one":                     {legal, "outcome: hold, " + missing},
		"the same person":         {"{by: ben, role: legal, met: [license-acceptable]}, " + risk, "outcome: hold, " + missing},
		"self-asserted role":      {legal + ", {by: anna, role: model-risk, met: [training-data-disclosed]}", "outcome: hold, " + missing},
		"who signed the model":    {legal + ", {by: publisher, role: model-risk, met: [training-data-disclosed]}", "outcome: hold, " + missing},
		"another criterion":       {legal + ", {by: ben, role: model-risk, met: [license-acceptable]}", "outcome: hold, " + missing},
		"too old":                 {legal + ", " + strings.Replace(waived, "180d", "181d", 1), "outcome: hold, " + missing},
		"an abstention":           {legal + ", " + strings.Replace(risk, "role:", "decision: abstain, role:", 1), "outcome: hold, " + missing},
		"a rejection":             {legal + ", " + risk + ", {by: cem, role: model-risk, decision: reject}", "outcome: deny, reasons: [review-rejected]"},
		"nobody":                  {"{by: mallory, role: legal, met: [license-acceptable]}", `no signer "mallory"`},
		"no such criterion":       {"{by: anna, role: legal, met: [nice]}", `no criterion "nice"`},
		"approves without a word": {"{by: anna, role: legal}", "assessed no criterion"},
	} {
		t.Run(name, func(t *testing.T) {
			expect := tc.expect
			if !strings.HasPrefix(expect, "outcome") {
				expect = "outcome: hold, reasons: [x]"
			}
			s, err := policy.ParseSuite([]byte(suiteHead + "    at: 2026-11-20\n    reviews: [" + tc.reviews + "]\n    expect: {" + expect + "}\n"))
			if err != nil {
				t.Fatal(err)
			}
			got := s.Cases[0].Run(p, m)
			if expect == tc.expect && !got.Passed || expect != tc.expect && !strings.Contains(got.Problem, tc.expect) {
				t.Errorf("%s", got.Problem)
			}
		})
	}
}

// Signers of every kind review in tests, where the policy names them exactly.
func TestSuiteReviewers(t *testing.T) {
	who := map[string]string{
		"key":         "key: {file: k}",
		"keyless":     "keyless: {issuer: https://i.example, subject: k@acme.example, extensions: {runnerEnvironment: hosted}}",
		"certificate": "certificate: {chain: chain-acme, subject: k@acme.example}",
		"pattern":     "keyless: {issuer: https://i.example, subjectPattern: '.*@acme\\.example'}",
	}
	logs := map[string]string{"keyless": ", evidence: {logEntries: 2}"}
	for name, signer := range who {
		p := parse(t, head+"trustedRoots: [{name: root, file: root.json}]\nsigners: [{name: k, "+signer+"}, {name: publisher, key: {file: publisher, requireLog: true}}]\n"+
			"criteria: [{id: c, digest: '"+licence.String()+"'}]\nreviewers: [{name: K, roles: [legal], signers: [k]}]\n"+
			"require: {signatures: {anyOf: [publisher]}"+logs[name]+", reviews: {quorum: [{role: legal, criteria: [c]}]}}\n")
		c := byKey("publisher")
		c.Checked = []string{"transparency-log"}
		s, err := policy.ParseSuite([]byte(suiteHead + "    at: 2026-11-20\n    reviews: [{by: k, role: legal, met: [c]}]\n    expect: {outcome: allow}\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := s.Cases[0].Run(p, record(p, candidates{c}))
		if name == "pattern" {
			if got.Passed || !strings.Contains(got.Problem, "named by a pattern") {
				t.Errorf("%s: %+v", name, got)
			}
		} else if !got.Passed || got.Verdict.Outcome != policy.Allow || !hasCode(got.Verdict, provenance.CodeReviewCounted) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestSuiteReviewsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no time":       {"    reviews: [{by: a, role: b}]\n", "say at"},
		"no signer":     {"    at: 2026-11-20\n    reviews: [{role: b}]\n", "want by"},
		"no role":       {"    at: 2026-11-20\n    reviews: [{by: a}]\n", "and role"},
		"empty":         {"    at: 2026-11-20\n    reviews: []\n", "empty"},
		"unknown key":   {"    at: 2026-11-20\n    reviews: [{by: a, role: b, name: c}]\n", "unknown key"},
		"decision":      {"    at: 2026-11-20\n    reviews: [{by: a, role: b, decision: approve-with-conditions}]\n", "want approve, reject or abstain"},
		"age":           {"    at: 2026-11-20\n    reviews: [{by: a, role: b, age: 1w}]\n", "90d or 36h"},
		"met, no list":  {"    at: 2026-11-20\n    reviews: [{by: a, role: b, met: c}]\n", "want a list"},
		"by, no string": {"    at: 2026-11-20\n    reviews: [{by: [a], role: b}]\n", "by"},
	} {
		if _, err := policy.ParseSuite([]byte(suiteHead + tc.text + "    expect: {outcome: allow}\n")); err == nil || !strings.Contains(err.Error(), tc.want) || line(err) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
