package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const attested = head + `
signers:
  - {name: release, key: {file: a}}
  - {name: builder, key: {file: b}}
  - {name: scanner, key: {file: c}}
require:
  signatures: {anyOf: [release]}
  attestations:
    - {name: build, predicateType: "` + slsa + `", signedBy: {anyOf: [builder]}}
    - {name: bill, predicateType: "https://cyclonedx.org/bom", signedBy: {allOf: [release, {anyOf: [builder, scanner]}]}}
`

const bom = "https://cyclonedx.org/bom"

// Attestations are demanded by exact type and signer, and are nothing else.
func TestAttestations(t *testing.T) {
	const (
		signed, holds   = provenance.CodeSignatureVerified, provenance.CodeAttestationVerified
		unsigned, lacks = provenance.CodeSignatureMissing, provenance.CodeAttestationMissing
	)
	p := parse(t, attested)
	a, b, c := byKey("a"), byKey("b"), byKey("c")
	build, ours, theirs := attesting(b, slsa), attesting(a, bom), attesting(c, bom)
	for name, tc := range map[string]struct {
		c     candidates
		want  policy.Outcome
		codes []string
	}{
		"all":                       {candidates{a, build, ours, theirs}, policy.Allow, []string{signed, holds}},
		"all, the other one":        {candidates{a, build, ours, attesting(b, bom)}, policy.Allow, []string{signed, holds}},
		"all, and strangers":        {candidates{a, build, ours, theirs, attesting(byKey("d"), slsa), refused(provenance.CodeNotASignature)}, policy.Allow, []string{signed, holds}},
		"only signed":               {candidates{a}, policy.Deny, []string{signed, lacks}},
		"only attested":             {candidates{build, ours, theirs}, policy.Deny, []string{unsigned, holds}},
		"no build":                  {candidates{a, ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"build by another":          {candidates{a, attesting(c, slsa), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"build by a stranger":       {candidates{a, attesting(byKey("d"), slsa), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"another type":              {candidates{a, attesting(b, slsa+"1"), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"no type":                   {candidates{a, attesting(b, ""), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"build as a signature":      {candidates{a, with(build, func(c *provenance.Candidate) { c.Code = signed }), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"build refused":             {candidates{a, with(build, func(c *provenance.Candidate) { c.Verdict = provenance.Refused }), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"build unchecked":           {candidates{a, with(build, func(c *provenance.Candidate) { c.Verdict = provenance.Unchecked }), ours, theirs}, policy.Deny, []string{signed, holds, lacks}},
		"half of the bill":          {candidates{a, build, ours}, policy.Deny, []string{signed, holds, lacks}},
		"bill without us":           {candidates{a, build, theirs, attesting(b, bom)}, policy.Deny, []string{signed, holds, lacks}},
		"signature as attestation":  {candidates{attesting(a, policy.DefaultSignatureType), build, ours, theirs}, policy.Deny, []string{provenance.CodeNotASignature, holds}},
		"model signature, attested": {candidates{attesting(a, policy.ModelSignatureType), build, ours, theirs}, policy.Deny, []string{provenance.CodeNotASignature, holds}},
		"older signature, attested": {candidates{attesting(a, ""), build, ours, theirs}, policy.Deny, []string{provenance.CodeNotASignature, holds}},
		"nothing":                   {nil, policy.Deny, []string{unsigned, lacks}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, judge(p, tc.c), tc.want, tc.codes...)
			one, _ := json.Marshal(judge(p, tc.c))
			slices.Reverse(tc.c)
			two, _ := json.Marshal(judge(p, append(tc.c, tc.c...)))
			if string(one) != string(two) {
				t.Errorf("the order decides:\n%s\n%s", one, two)
			}
			if gate := p.Gate(tc.c); (gate.Outcome == policy.Deny) != (tc.want == policy.Deny) {
				t.Errorf("the gate says %v", gate.Outcome)
			}
			for _, c := range tc.c {
				if len(p.Match(c)) > 0 && len(p.Attests(c)) > 0 {
					t.Errorf("both a signature and an attestation: %+v", c)
				}
			}
		})
	}
}

// The record holds the attestations that are asked for, by those who are asked.
func TestRecordedAttestations(t *testing.T) {
	p := parse(t, attested)
	for name, tc := range map[string]struct {
		c    provenance.Candidate
		want int
	}{
		"asked":            {attesting(byKey("b"), slsa), 1},
		"not asked":        {attesting(byKey("b"), "https://spdx.dev/Document"), 0},
		"not asked of him": {attesting(byKey("c"), slsa), 0},
		"a stranger":       {attesting(byKey("d"), slsa), 0},
		"a signature":      {byKey("b"), 0},
	} {
		got := p.Attests(tc.c)
		if len(got) != tc.want || len(got) > 0 && (got[0].Signer != "builder" || got[0].PredicateType != slsa || got[0].Scheme != "sigstore-key") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	m := record(p, candidates{byKey("a"), attesting(byKey("b"), slsa), attesting(byKey("a"), bom), attesting(byKey("c"), bom)})
	expect(t, p.Evaluate(policy.Case{Manifest: m}), policy.Allow, provenance.CodeSignatureVerified, provenance.CodeAttestationVerified)
	for i := range m.Attestations { // each of them is needed, and its facts are
		for name, change := range map[string]func(*provenance.Attestation){
			"type":   func(a *provenance.Attestation) { a.PredicateType += "x" },
			"scheme": func(a *provenance.Attestation) { a.Scheme = "x509" },
			"key":    func(a *provenance.Attestation) { _, a.Identity.KeyFingerprint = publicKey("d") },
		} {
			less := *m
			less.Attestations = slices.Clone(m.Attestations)
			change(&less.Attestations[i])
			if v := p.Evaluate(policy.Case{Manifest: &less}); v.Allowed() {
				t.Errorf("%d without its %s: %+v", i, name, v)
			}
		}
	}
	named := *m
	named.Attestations = slices.Clone(m.Attestations)
	named.Attestations[0].Signer = "by another name"
	expect(t, p.Evaluate(policy.Case{Manifest: &named}), policy.Allow, provenance.CodeSignatureVerified, provenance.CodeAttestationVerified)
	v := p.Evaluate(policy.Case{Manifest: record(p, candidates{byKey("a"), attesting(byKey("a"), bom)}), Candidates: candidates{attesting(byKey("d"), slsa)}})
	_, stranger := publicKey("d")
	if got := v.Reasons[1].Message; !strings.Contains(got, "one is by key \""+stranger) {
		t.Errorf("reason %q", got)
	}
}

// Unsigned models can be allowed for the sake of what is attested of them.
func TestAttestedAndUnsigned(t *testing.T) {
	p := parse(t, head+"allowUnsigned: true\nsigners: [{name: a, key: {file: a}}]\nrequire: {attestations: [{name: build, predicateType: "+slsa+", signedBy: {anyOf: [a]}}]}")
	expect(t, judge(p, candidates{attesting(byKey("a"), slsa)}), policy.Allow, provenance.CodeUnsignedAllowed, provenance.CodeAttestationVerified)
	expect(t, judge(p, nil), policy.Deny, provenance.CodeUnsignedAllowed, provenance.CodeAttestationMissing)
	expect(t, judge(p, candidates{byKey("a")}), policy.Deny, provenance.CodeSignatureVerified, provenance.CodeAttestationMissing)
	expect(t, judge(p, candidates{attesting(byKey("b"), slsa)}), policy.Deny, provenance.CodeUnsignedAllowed, provenance.CodeAttestationMissing)
}

// A policy can name the type of an attestation as a signature; then it is no
// attestation any more.
func TestTypesThatCount(t *testing.T) {
	typed := func(types string) *policy.Policy {
		return parse(t, head+"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}, predicateTypes: ["+types+"]}")
	}
	of := func(predicateType string) provenance.Candidate {
		return with(byKey("a"), func(c *provenance.Candidate) { c.PredicateType = predicateType })
	}
	for name, tc := range map[string]struct {
		p    *policy.Policy
		c    provenance.Candidate
		want policy.Outcome
	}{
		"named":                      {typed(slsa), of(slsa), policy.Allow},
		"named, but cosign's":        {typed(slsa), of(policy.DefaultSignatureType), policy.Deny},
		"named, but a model's":       {typed(slsa), of(policy.ModelSignatureType), policy.Deny},
		"named, but older":           {typed(slsa), of(""), policy.Deny},
		"older only":                 {typed("no-statement"), of(""), policy.Allow},
		"older only, but cosign's":   {typed("no-statement"), of(policy.DefaultSignatureType), policy.Deny},
		"older only, by that name":   {typed("no-statement"), of("no-statement"), policy.Deny},
		"older only, an attestation": {typed("no-statement"), attesting(of(""), ""), policy.Deny},
	} {
		if v := judge(tc.p, candidates{tc.c}); v.Outcome != tc.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if got := typed("no-statement, x").SignatureTypes(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("types %q", got)
	}
}

// A policy can accept some schemes only.
func TestSchemes(t *testing.T) {
	schemed := func(schemes string) *policy.Policy {
		return parse(t, head+"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}, schemes: ["+schemes+"]}")
	}
	of := func(scheme string) provenance.Candidate {
		return with(byKey("a"), func(c *provenance.Candidate) { c.Scheme = scheme })
	}
	expect(t, judge(schemed("sigstore-key"), candidates{of("sigstore-key")}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(schemed("sigstore-key"), candidates{of("oms-key")}), policy.Deny, provenance.CodeSignatureWrongScheme)
	expect(t, judge(schemed("oms-key, x509"), candidates{of("sigstore-key")}), policy.Deny, provenance.CodeSignatureWrongScheme)
	expect(t, judge(schemed("oms-key, x509"), candidates{of("x509")}), policy.Deny, provenance.CodeSignatureWrongKey)
	expect(t, judge(schemed("oms-key, x509"), candidates{of("oms-key")}), policy.Allow, provenance.CodeSignatureVerified)
	m := record(schemed("oms-key"), candidates{of("oms-key")})
	expect(t, schemed("sigstore-key").Evaluate(policy.Case{Manifest: m}), policy.Deny, provenance.CodeSignatureMissing)
}
