package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const summaries = head + `
signers:
  - {name: release, key: {file: a}}
  - {name: ci, relation: verifier, key: {file: b}}
  - {name: lab, relation: verifier, key: {file: c}}
require:
  signatures: {anyOf: [release]}
summaries:
  signedBy: {anyOf: [ci, lab]}
  maxAge: 30d
`

// The one spelling is read; what would accept more than it seems to is not.
func TestParseSummaries(t *testing.T) {
	parse(t, summaries+"  time: stated\n  verifier: https://v.example\n  policies: [sha256:"+strings.Repeat("0", 64)+"]\n")
	for name, edit := range map[string][2]string{
		"nobody":           {"  signedBy: {anyOf: [ci, lab]}\n", ""},
		"no age":           {"  maxAge: 30d\n", ""},
		"endless":          {"30d", "0d"},
		"no verifier":      {"relation: verifier, key: {file: b}", "relation: producer, key: {file: b}"},
		"no relation":      {"relation: verifier, key: {file: b}", "key: {file: b}"},
		"unknown signer":   {"[ci, lab]", "[ci, lab, who]"},
		"nobody asks":      {"[ci, lab]", "[ci]"},
		"unknown key":      {"  maxAge: 30d\n", "  maxAge: 30d\n  always: true\n"},
		"unknown time":     {"  maxAge: 30d\n", "  maxAge: 30d\n  time: none\n"},
		"bad digest":       {"  maxAge: 30d\n", "  maxAge: 30d\n  policies: [sha256:0]\n"},
		"no policies":      {"  maxAge: 30d\n", "  maxAge: 30d\n  policies: []\n"},
		"a summary signs":  {"require:\n", "require:\n  predicateTypes: [" + provenance.SummaryType + "]\n"},
		"a record signs":   {"require:\n", "require:\n  predicateTypes: [" + provenance.PredicateType + "]\n"},
		"a summary at all": {"require:\n", "require:\n  attestations: [{name: x, predicateType: \"" + provenance.SummaryType + "\", signedBy: {anyOf: [ci]}}]\n"},
	} {
		_, err := policy.Parse([]byte(strings.Replace(summaries, edit[0], edit[1], 1)))
		if err == nil || line(err) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEvaluateSummaries: a summary counts only as a whole, and never alone.
func TestEvaluateSummaries(t *testing.T) {
	now := time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC)
	subject := record(parse(t, summaries), nil).Subject
	p, both := parse(t, summaries), parse(t, strings.Replace(summaries, "anyOf: [ci", "allOf: [ci", 1))
	id := parse(t, summaries+"  verifier: https://other.example\n")
	said := parse(t, summaries+"  time: stated\n")
	type edit func(*policy.SummaryCandidate)
	by := func(p *policy.Policy, who string, edits ...edit) policy.SummaryCandidate {
		c := attesting(byKey(who), provenance.SummaryType)
		c.SignedAt = []provenance.Timestamp{{Time: "2026-06-29T00:00:00Z", Source: "rfc3161"}}
		s := policy.SummaryCandidate{Candidate: c, Summary: provenance.Summary{
			Subject: subject, VerifierID: "https://v.example", Resource: "oci:x", At: now.Add(-24 * time.Hour), Policy: p.Digest(),
			Result: provenance.Passed, Properties: []string{provenance.PropertyBytes},
		}}
		for _, e := range edits {
			e(&s)
		}
		return s
	}
	signedAt := func(times ...string) edit {
		return func(s *policy.SummaryCandidate) {
			s.Candidate.SignedAt = nil
			for _, at := range times {
				s.Candidate.SignedAt = append(s.Candidate.SignedAt, provenance.Timestamp{Time: at, Source: "rekor-set"})
			}
		}
	}
	failed := func(s *policy.SummaryCandidate) { s.Summary.Result, s.Summary.Properties = provenance.Failed, nil }
	unread := func(s *policy.SummaryCandidate) { s.Problem = "cut off" }
	const (
		accepted, missing = provenance.CodeSummaryAccepted, provenance.CodeSummaryMissing
		stale, stranger   = provenance.CodeSummaryStale, provenance.CodeSummaryWrongSigner
	)
	type found = []policy.SummaryCandidate
	for name, tc := range map[string]struct {
		p     *policy.Policy
		found found
		codes []string // the first is what decides
	}{
		"one":                             {p, found{by(p, "b")}, []string{accepted}},
		"the other, and a stranger":       {p, found{by(p, "c"), by(p, "d")}, []string{accepted}},
		"both of both":                    {both, found{by(both, "b"), by(both, "c")}, []string{accepted}},
		"by its own word":                 {said, found{by(said, "b", signedAt())}, []string{accepted}},
		"none":                            {p, nil, []string{missing}},
		"one of both":                     {both, found{by(both, "b")}, []string{missing, accepted}},
		"one twice":                       {both, found{by(both, "b"), by(both, "b")}, []string{missing, accepted}},
		"by the producer":                 {p, found{by(p, "a")}, []string{stranger}},
		"by a stranger":                   {p, found{by(p, "d")}, []string{stranger}},
		"not proven":                      {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Candidate.Verdict = provenance.Refused })}, []string{stranger}},
		"unchecked":                       {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Candidate.Verdict = provenance.Unchecked })}, []string{stranger}},
		"a signature":                     {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Candidate.Code = provenance.CodeSignatureVerified })}, []string{stranger}},
		"another policy":                  {p, found{by(both, "b")}, []string{provenance.CodeSummaryWrongPolicy}},
		"no policy":                       {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Summary.Policy = artifact.Digest{} })}, []string{provenance.CodeSummaryWrongPolicy}},
		"another artifact":                {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Summary.Subject = p.Digest() })}, []string{provenance.CodeSummaryMalformed}},
		"no result":                       {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Summary.Result = provenance.NoResult })}, []string{provenance.CodeSummaryFailed}},
		"failed":                          {p, found{by(p, "b", failed)}, []string{provenance.CodeSummaryFailed}},
		"failed long ago, and passed":     {p, found{by(p, "b", failed, signedAt("2020-01-01T00:00:00Z")), by(p, "c")}, []string{provenance.CodeSummaryFailed, accepted}},
		"unread, and passed":              {p, found{by(p, "c"), by(p, "b", unread)}, []string{provenance.CodeSummaryMalformed, accepted}},
		"a stranger's failed, and passed": {p, found{by(p, "d", failed), by(p, "c")}, []string{accepted}},
		"another verifier":                {id, found{by(id, "b")}, []string{stranger}},
		"no bytes":                        {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Summary.Properties = []string{provenance.PropertyPolicy} })}, []string{provenance.CodeSummaryInsufficient}},
		"old":                             {p, found{by(p, "b", signedAt("2026-05-30T23:59:59Z"))}, []string{stale}},
		"old, stamped again":              {p, found{by(p, "b", signedAt("2026-06-29T00:00:00Z", "2026-01-01T00:00:00Z"))}, []string{stale}},
		"old by its own word":             {p, found{by(p, "b", func(s *policy.SummaryCandidate) { s.Summary.At = now.Add(-31 * 24 * time.Hour) })}, []string{stale}},
		"of an age nobody knows":          {p, found{by(p, "b", signedAt())}, []string{stale}},
		"of no age":                       {said, found{by(said, "b", signedAt(), func(s *policy.SummaryCandidate) { s.Summary.At = time.Time{} })}, []string{stale}},
		"to come":                         {p, found{by(p, "b", signedAt("2026-07-01T00:00:00Z"), func(s *policy.SummaryCandidate) { s.Summary.At = now.Add(24 * time.Hour) })}, []string{stale}},
	} {
		want, codes := policy.Deny, append([]string{provenance.CodeSignatureVerified}, tc.codes...)
		if tc.codes[0] == accepted {
			want = policy.Allow
		}
		signed := candidates{byKey("a")}
		t.Run(name, func(t *testing.T) {
			expect(t, tc.p.EvaluateSummaries(subject, tc.found, policy.Case{Manifest: record(tc.p, signed), Candidates: signed, At: now}), want, codes...)
			expect(t, tc.p.EvaluateSummaries(subject, tc.found, policy.Case{Candidates: signed, At: now}), want, tc.codes...)
		})
	}
	t.Run("rules, reviews and scopes need the record", func(t *testing.T) {
		scoped := parse(t, summaries+"scopes: [{name: all, prefix: r.example/, allowUnsigned: true}]\n").For("r.example/m:v1")
		ruled := parse(t, summaries+"rules: [{name: x, require: \"size(files) > 0\", effect: deny, message: no}]\n")
		for _, p := range []*policy.Policy{scoped, ruled} {
			signed, good := candidates{byKey("a")}, found{by(p, "b")}
			expect(t, p.EvaluateSummaries(subject, good, policy.Case{Candidates: signed, At: now}), policy.Deny, accepted, provenance.CodeSummaryInsufficient)
			if v := p.EvaluateSummaries(subject, good, policy.Case{Manifest: record(p, signed), Candidates: signed, At: now}); !v.Allowed() {
				t.Errorf("%+v", v)
			}
		}
	})
	t.Run("beside it", func(t *testing.T) {
		signed, good := candidates{byKey("a")}, found{by(p, "b")}
		expect(t, p.EvaluateSummaries(subject, good, policy.Case{At: now}), policy.Deny, accepted, provenance.CodeSignatureMissing)
		expect(t, p.EvaluateSummaries(subject, good, policy.Case{Manifest: record(p, signed), At: now}), policy.Deny, accepted, provenance.CodeSignatureVerified, provenance.CodeSignatureMissing)
		expect(t, p.EvaluateSummaries(subject, good, policy.Case{Candidates: signed, At: now, Faults: []provenance.Finding{{ID: provenance.CodeDigestMismatch, Detail: "x"}}}), policy.Deny, accepted, provenance.CodeDigestMismatch)
		held := record(p, signed, provenance.Finding{ID: provenance.CodeUnknownPackaging, Detail: "x"})
		expect(t, p.EvaluateSummaries(subject, good, policy.Case{Manifest: held, Candidates: signed, At: now}), policy.Hold, accepted, provenance.CodeSignatureVerified, provenance.CodeUnknownPackaging)
		other := record(p, signed)
		other.Subject = p.Digest()
		other.Artifact.Members[0].Digest = other.Subject
		expect(t, p.EvaluateSummaries(subject, good, policy.Case{Manifest: other, Candidates: signed, At: now}), policy.Deny, accepted, provenance.CodeSignatureVerified, provenance.CodeSummaryMalformed)
		expect(t, new(policy.Policy).EvaluateSummaries(subject, good, policy.Case{Candidates: signed, At: now}), policy.Undecided, provenance.CodePolicyInvalid)
	})
}
