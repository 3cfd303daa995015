package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// silent is a claim that was looked for and is not stated.
func silent(id string) provenance.Claim {
	return provenance.Claim{
		ID: id, State: provenance.StateAbsent, Absence: provenance.Silent, Ceiling: provenance.Attested,
		Searched: []provenance.Document{{Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md"))}},
	}
}

func unread(id string) provenance.Claim {
	return provenance.Claim{ID: id, Ceiling: provenance.Declared, Unread: []provenance.Document{{Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md"))}}}
}

// clashing is a claim on which two documents disagree.
func clashing(id, a, b string) provenance.Claim {
	c := stated(id, a)
	c.State, c.Value = provenance.StateConflicting, nil
	c.Observations = append(c.Observations, stated(id, b).Observations...)
	return c
}

// guessed is a claim that a rule inferred.
func guessed(id, value string) provenance.Claim {
	c := stated(id, value)
	c.State, c.Observations[0].Grade, c.Observations[0].Method = provenance.StateInferred, provenance.Inferred, "shapes/1"
	c.Observations[0].Inputs = []string{"identity.name"}
	return c
}

// good is a record that every ready rule accepts, signatures and reviews apart.
func good(change ...func(*provenance.Manifest)) *provenance.Manifest {
	m := claimed()
	m.Findings = nil
	m.Loading = &provenance.Loading{Class: provenance.LoadInert, Scope: "test"}
	for i := range m.Files {
		m.Files[i].Class = provenance.LoadInert
	}
	m.Claims = []provenance.Claim{
		stated("license.weights", `"Apache-2.0"`), stated("lineage.base", `["acme/base"]`), stated("origin.country", `"FR"`),
		stated("model.parameters.total", `{"count":7000000000,"text":"7B"}`), stated("td.summary.url", `"https://acme.example/summary"`),
		silent("runtime.remoteCode"), silent("runtime.networkRequired"), stated("identity.name", `"m"`),
	}
	for _, f := range change {
		f(m)
	}
	return m
}

func claim(c provenance.Claim) func(*provenance.Manifest) {
	return func(m *provenance.Manifest) {
		kept := []provenance.Claim{}
		for _, o := range m.Claims {
			if o.ID != c.ID {
				kept = append(kept, o)
			}
		}
		m.Claims = append(kept, c)
	}
}

func without(id string) func(*provenance.Manifest) {
	return func(m *provenance.Manifest) {
		claim(provenance.Claim{ID: id})(m)
		m.Claims = m.Claims[:len(m.Claims)-1]
	}
}

func found(code string) func(*provenance.Manifest) {
	return func(m *provenance.Manifest) {
		m.Findings = append(m.Findings, provenance.Finding{ID: code, Subject: "f", Detail: "d"})
	}
}

func formatted(format string) func(*provenance.Manifest) {
	return func(m *provenance.Manifest) { m.Files[0].Format = format }
}

func unweighted(m *provenance.Manifest) { m.Files[0].Role = artifact.RoleDocument }

// signedBy signs the record with the key a.
func signedBy(key string) func(*provenance.Manifest) {
	_, print := publicKey(key)
	return func(m *provenance.Manifest) {
		m.Signatures = append(m.Signatures, provenance.Signature{Signer: "vendor", Scheme: "sigstore-key", PredicateType: signType, Relation: provenance.Producer, Identity: provenance.Identity{KeyFingerprint: print}})
	}
}

// descended says that the record knows the digest of a model of the lineage.
func descended(claim string, d artifact.Digest) func(*provenance.Manifest) {
	return func(m *provenance.Manifest) {
		source := stated(claim, `"x"`).Observations[0].Source
		m.Lineage = append(m.Lineage, provenance.Lineage{Relation: provenance.LineageBase, Name: "acme/base", Digest: d, Claim: claim, Grade: provenance.Declared, Source: source})
	}
}

type readyCase struct {
	with, legal string
	good, bad   []*provenance.Manifest
}

func readyCases() map[string]readyCase {
	type list = []*provenance.Manifest
	id := func(value string) func(*provenance.Manifest) { return claim(stated("license.weights", value)) }
	parameters := func(n string) func(*provenance.Manifest) {
		return claim(stated("model.parameters.total", `{"count":`+n+`,"text":"x"}`))
	}
	return map[string]readyCase{
		"license-allowed": {
			with: "{licenses: [MIT, Apache-2.0]}",
			good: list{good(), good(id(`"MIT OR GPL-3.0-only"`)), good(id(`"mit"`))},
			bad: list{good(id(`"GPL-3.0-only"`)), good(id(`"MIT AND GPL-3.0-only"`)), good(id(`"Apache-2.0 WITH LLVM-exception"`)), good(without("license.weights")),
				good(claim(silent("license.weights"))), good(claim(clashing("license.weights", `"MIT"`, `"GPL-3.0-only"`))), good(claim(guessed("license.weights", `"MIT"`))), good(claim(unread("license.weights")))},
		},
		"no-pickles": {
			good: list{good(), good(formatted("gguf"))},
			bad:  list{good(formatted("pickle")), good(formatted("torch-zip")), good(formatted("")), good(unweighted), good(found(provenance.CodeSerializedObjects))},
		},
		"no-code-on-load": {
			good: list{good()},
			bad: list{good(found(provenance.CodeCodeOnLoad)), good(found(provenance.CodeNativeCode)), good(found(provenance.CodeSerializedObjects)),
				good(claim(stated("runtime.remoteCode", `{"required":"yes"}`))), good(claim(unread("runtime.remoteCode"))), good(without("runtime.remoteCode"))},
		},
		"no-egress": {
			good: list{good(), good(claim(stated("runtime.networkRequired", `"no"`)))},
			bad: list{good(found(provenance.CodeNetworkOnLoad)), good(found(provenance.CodeExternalContent)), good(claim(stated("runtime.networkRequired", `"yes"`))),
				good(claim(unread("runtime.networkRequired"))), good(claim(clashing("runtime.networkRequired", `"yes"`, `"no"`))), good(without("runtime.networkRequired"))},
		},
		"training-summary-present": {
			good: list{good()},
			bad: list{good(claim(silent("td.summary.url"))), good(claim(unread("td.summary.url"))), good(claim(guessed("td.summary.url", `"x"`))), good(without("td.summary.url")),
				good(claim(clashing("td.summary.url", `"https://a"`, `"https://b"`)))},
		},
		"disclosed": {
			with: "{claims: [td.summary.url, identity.name]}",
			good: list{good()},
			bad:  list{good(claim(silent("td.summary.url"))), good(without("identity.name")), good(claim(guessed("identity.name", `"m"`)))},
		},
		"base-model-approved": {
			with: "{models: [acme/base, acme/other, '" + licence.String() + "']}",
			good: list{good(), good(descended("lineage.base", licence)), good(descended("lineage.teachers", sheet)), good(claim(stated("lineage.base", `["acme/other","acme/base"]`)))},
			bad: list{good(descended("lineage.base", sheet)), good(descended("lineage.base", licence), descended("lineage.base", training)), good(claim(stated("lineage.base", `["evil/base"]`))), good(claim(stated("lineage.base", `["acme/base","evil/base"]`))), good(claim(stated("lineage.base", `"acme/base"`))),
				good(claim(silent("lineage.base"))), good(claim(guessed("lineage.base", `["acme/base"]`))), good(without("lineage.base")), good(claim(stated("lineage.base", `["ACME/base"]`)))},
		},
		"origin-country-allowed": {
			with: "{countries: [FR, DE], grade: declared}", legal: "Art. 5 of the contract",
			good: list{good(), good(claim(stated("origin.country", `"DE"`)))},
			bad: list{good(claim(stated("origin.country", `"US"`))), good(claim(silent("origin.country"))), good(claim(guessed("origin.country", `"FR"`))),
				good(claim(clashing("origin.country", `"FR"`, `"DE"`))), good(without("origin.country"))},
		},
		"parameters-in-range": {
			with: "{max: 70_000_000_000, min: 1000}",
			good: list{good(), good(parameters("1000")), good(parameters("70000000000"))},
			bad:  list{good(parameters("999")), good(parameters("70000000001")), good(claim(silent("model.parameters.total"))), good(without("model.parameters.total")), good(claim(guessed("model.parameters.total", `{"count":7000,"text":"7k"}`)))},
		},
		"signer-is-producer": {
			good: list{good(signedBy("a"))},
			bad:  list{good(), good(signedBy("b")), good(signedBy("mallory"))},
		},
		"reviewed-within": {with: "{days: 30}", bad: list{good(), good(signedBy("a"))}}, // reviews: TestReviewedWithin
		"no-conflicts": {
			with: "{claims: [license.weights, identity.name]}",
			good: list{good(), good(claim(silent("license.weights")))},
			bad:  list{good(claim(clashing("license.weights", `"MIT"`, `"X"`))), good(claim(unread("identity.name"))), good(without("identity.name"))},
		},
	}
}

func using(name string, tc readyCase) string {
	more := ""
	if tc.with != "" {
		more += ", with: " + tc.with
	}
	if tc.legal != "" {
		more += ", legalBasis: " + tc.legal
	}
	return head + "signers: [{name: a, relation: producer, key: {file: a}}, {name: b, relation: repackager, key: {file: b}}]\n" +
		"allowUnsigned: true\nuse: [{rule: " + name + more + "}]\n"
}

// Every ready rule is there, off by itself, and does what its title says.
func TestReadyRules(t *testing.T) {
	ready, err := policy.ReadyRules()
	if err != nil {
		t.Fatal(err)
	}
	cases := readyCases()
	if len(ready) != len(cases) {
		t.Errorf("%d ready rules, %d are tested", len(ready), len(cases))
	}
	for _, r := range ready {
		t.Run(r.Name, func(t *testing.T) {
			tc, ok := cases[r.Name]
			if !ok || r.Title == "" {
				t.Fatal("not tested, or without title")
			}
			p := parse(t, using(r.Name, tc))
			for i, m := range tc.good {
				if err := provenance.Validate(m); err != nil {
					t.Fatal(err)
				}
				if v := p.Evaluate(policy.Case{Manifest: m, At: noon}); v.Outcome != policy.Allow || hasCode(v, provenance.CodeRuleWarned) {
					t.Errorf("good record %d: %+v", i, v)
				}
			}
			if len(tc.bad) < 2 || len(tc.bad) < 3 && r.Name != "reviewed-within" {
				t.Errorf("%d denied neighbours", len(tc.bad))
			}
			for i, m := range tc.bad {
				if err := provenance.Validate(m); err != nil {
					t.Fatal(err)
				}
				v := p.Evaluate(policy.Case{Manifest: m, At: noon})
				if v.Outcome != policy.Deny || !refusedBy(v, r.Name) {
					t.Errorf("bad record %d: %+v", i, v)
				}
			}
		})
	}
}

// refusedBy says whether a rule speaks against the model, in words that its
// parameters were put into.
func refusedBy(v policy.Verdict, rule string) bool {
	for _, r := range v.Reasons {
		if r.Subject == rule && r.Effect == policy.Deny && !strings.Contains(r.Message, "with.") {
			return true
		}
	}
	return false
}

func TestReadyRulesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ use, want string }{
		"unknown":           {"{rule: no-evil}", `no ready rule "no-evil" (known: base-model-approved`},
		"no name":           {"{with: {a: b}}", "name of a ready rule"},
		"missing parameter": {"{rule: license-allowed}", "with.licenses is missing"},
		"unknown parameter": {"{rule: license-allowed, with: {licences: [MIT]}}", `unknown key "licences"`},
		"no parameters":     {"{rule: no-egress, with: {a: b}}", "has no parameters"},
		"empty list":        {"{rule: license-allowed, with: {licenses: []}}", "empty"},
		"no list":           {"{rule: license-allowed, with: {licenses: MIT}}", "want a list"},
		"number, negative":  {"{rule: parameters-in-range, with: {max: -1}}", "whole number"},
		"number, words":     {"{rule: parameters-in-range, with: {max: 7B}}", "whole number"},
		"days":              {"{rule: reviewed-within, with: {days: 0}}", "at least 1"},
		"grade":             {"{rule: training-summary-present, with: {grade: inferred}}", "want one of declared"},
		"no legal basis":    {"{rule: origin-country-allowed, with: {countries: [FR]}}", "legalBasis"},
		"effect":            {"{rule: no-egress, effect: allow}", "deny, hold or warn"},
		"own require":       {"{rule: no-egress, require: 'true'}", "unknown key"},
		"twice":             {"{rule: no-egress}, {rule: no-egress}", "twice"},
		"name":              {"{rule: no-egress, name: X}", "small letters"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.Parse([]byte(head + "allowUnsigned: true\nuse: [" + tc.use + "]\n")); err == nil || !strings.Contains(err.Error(), tc.want) || line(err) != 4 {
				t.Errorf("error %v, want line 4: %q", err, tc.want)
			}
		})
	}
	// A value cannot break out of its place.
	m := good(claim(stated("license.weights", `"X"`)))
	p := parse(t, head+"allowUnsigned: true\nuse: [{rule: license-allowed, with: {licenses: ['\"]) || true || license.within([\"']}}]\n")
	if v := p.Evaluate(policy.Case{Manifest: m}); v.Outcome != policy.Deny {
		t.Errorf("%+v", v)
	}
}

// Without reviews the rule denies; a review in force of the right age meets it.
func TestReviewedWithin(t *testing.T) {
	p := parse(t, regulated()+"use: [{rule: reviewed-within, with: {days: 30}}]\n")
	m := record(p, []provenance.Candidate{byKey("publisher")})
	legal, risk := reviewBy("anna", "legal", m, p), reviewBy("ben", "model-risk", m, p)
	c := reviewed(p, m, legal, risk)
	for days, want := range map[int]policy.Outcome{0: policy.Allow, 30: policy.Allow, 31: policy.Deny, 60: policy.Deny} {
		c.At = reviewedOn.Add(time.Duration(days) * 24 * time.Hour)
		if v := p.Evaluate(c); v.Outcome != want || hasCode(v, provenance.CodeRuleNotMet) != (want == policy.Deny) {
			t.Errorf("after %d days: %+v", days, v)
		}
	}
	none := reviewed(p, m)
	none.At = reviewedOn
	if v := p.Evaluate(none); !hasCode(v, provenance.CodeRuleNotMet) {
		t.Errorf("no review: %+v", v)
	}
	rejected := reviewBy("anna", "legal", m, p, func(r *provenance.Review, _ *policy.SignedReview) { r.Decision = provenance.Abstain })
	if v := p.Evaluate(reviewed(p, m, rejected)); !hasCode(v, provenance.CodeRuleNotMet) {
		t.Errorf("an abstention: %+v", v)
	}
}
