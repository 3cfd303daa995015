package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// stack puts one policy on another, as the command does.
func stack(t *testing.T, below, above string) (*policy.Policy, error) {
	t.Helper()
	p, err := policy.Parse([]byte(above))
	if err != nil {
		return nil, err
	}
	if err := p.Extend(parse(t, below)); err != nil {
		return nil, err
	}
	return p, p.Resolve(readFiles)
}

func stacked(t *testing.T, below, above string) *policy.Policy {
	t.Helper()
	p, err := stack(t, below, above)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	organisation = head + `
signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]
require: {signatures: {anyOf: [a, b]}}
findings: {deny: [code-on-load], hold: [native-code], allow: [unknown-packaging]}
rules: [{name: licence, require: 'license.within(["MIT", "Apache-2.0"])'}]
`
	onTop = head + "extends: base.yaml\n"
)

// licensed is good's record as a and b signed it.
func licensed(by string, change ...func(*provenance.Manifest)) *provenance.Manifest {
	m := good(change...)
	m.Signatures = nil
	for _, key := range strings.Fields(by) {
		signedBy(key)(m)
	}
	return m
}

// TestOverlayTightens: what an overlay adds counts, and what it leaves unsaid is
// as below.
func TestOverlayTightens(t *testing.T) {
	for name, tc := range map[string]struct {
		overlay string
		by      string
		change  func(*provenance.Manifest)
		want    policy.Outcome
		code    string
	}{
		"nothing said":       {"", "a", nil, policy.Allow, provenance.CodeSignatureVerified},
		"nobody signed":      {"", "", nil, policy.Deny, provenance.CodeSignatureMissing},
		"a stranger signed":  {"", "c", nil, policy.Deny, provenance.CodeSignatureMissing},
		"findings as below":  {"", "a", found(provenance.CodeCodeOnLoad), policy.Deny, provenance.CodeCodeOnLoad},
		"allowed below":      {"", "a", found(provenance.CodeUnknownPackaging), policy.Allow, ""},
		"no longer allowed":  {"findings: {hold: [unknown-packaging]}", "a", found(provenance.CodeUnknownPackaging), policy.Hold, provenance.CodeUnknownPackaging},
		"hold denies":        {"findings: {deny: [native-code]}", "a", found(provenance.CodeNativeCode), policy.Deny, provenance.CodeNativeCode},
		"a rule more":        {"rules: [{name: small, require: 'files.size() > 99'}]", "a", nil, policy.Deny, provenance.CodeRuleNotMet},
		"a signer more":      {"signers: [{name: c, key: {file: c}}]\nrequire: {signatures: {anyOf: [c]}}", "a", nil, policy.Deny, provenance.CodeSignatureMissing},
		"a signer instead":   {"signers: [{name: c, key: {file: c}}]\nrequire: {signatures: {anyOf: [c]}}", "c", nil, policy.Deny, provenance.CodeSignatureMissing},
		"both":               {"signers: [{name: c, key: {file: c}}]\nrequire: {signatures: {anyOf: [c]}}", "a c", nil, policy.Allow, provenance.CodeSignatureVerified},
		"one of those below": {"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {allOf: [a]}}", "b", nil, policy.Deny, provenance.CodeSignatureMissing},
		"a scope":            {"scopes: [{name: x, prefix: ghcr.io/acme/}]", "a", nil, policy.Hold, provenance.CodeScopeUnmatched},
		"expired":            {"expires: 2020-01-01", "a", nil, policy.Deny, provenance.CodePolicyExpired},
		"an attestation":     {"signers: [{name: a, key: {file: a}}]\nrequire: {attestations: [{name: sbom, predicateType: https://x.example/v1, signedBy: {anyOf: [a]}}]}", "a", nil, policy.Deny, provenance.CodeAttestationMissing},
	} {
		t.Run(name, func(t *testing.T) {
			p := stacked(t, organisation, onTop+tc.overlay+"\n")
			m := licensed(tc.by)
			if tc.change != nil {
				tc.change(m)
			}
			v := p.Evaluate(policy.Case{Manifest: m, At: noon})
			if v.Outcome != tc.want || tc.code != "" && !hasCode(v, tc.code) {
				t.Errorf("%+v, want %v with %s", v, tc.want, tc.code)
			}
			if v.Policy != p.Digest() || p.Digest() == parse(t, organisation).Digest() {
				t.Errorf("policy %v of %v", v.Policy, p.Digest())
			}
		})
	}
}

// TestOverlayCannotLoosen: whatever it says, the overlay allows nothing that is
// not allowed below; what would seem to is refused.
func TestOverlayCannotLoosen(t *testing.T) {
	team := "signers: [{name: c, key: {file: c}}]\nrequire: {signatures: {anyOf: [c]}}\n"
	for name, above := range map[string]string{
		"allowUnsigned":            "allowUnsigned: true\n",
		"allowUnsigned in a scope": "scopes: [{name: x, prefix: ghcr.io/acme/, allowUnsigned: true}]\n",
		"findings allow":           "findings: {allow: [code-on-load]}\n",
		"findings from deny":       "findings: {hold: [code-on-load]}\n",
		"findings from hold":       "findings: {allow: [native-code]}\n",
		"the usual effect":         "findings: {allow: [format-mismatch]}\n",
		"a rule of the same name":  "rules: [{name: licence, require: 'true'}]\n",
		"one within a scope":       "scopes: [{name: x, prefix: ghcr.io/acme/, rules: [{name: licence, require: 'true'}]}]\n",
		"a signer's name":          "signers: [{name: a, key: {file: c}}]\nrequire: {signatures: {anyOf: [a]}}\n",
		"a signer's relation":      "signers: [{name: a, relation: producer, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\n",
		"a key under another name": "signers: [{name: mine, key: {file: a}}]\nrequire: {signatures: {anyOf: [mine]}}\n",
		"predicate types":          team[:len(team)-2] + ", predicateTypes: [https://x.example/v1]}\n",
		"a signature as attestation": "signers: [{name: c, key: {file: c}}]\nrequire: {predicateTypes: [no-statement], attestations: " +
			"[{name: x, predicateType: \"" + signType + "\", signedBy: {anyOf: [c]}}]}\n",
	} {
		if p, err := stack(t, organisation, onTop+above); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
	// What is no contradiction is judged beside what is below.
	for name, tc := range map[string]struct{ above, by string }{
		"own signers":          {team, "c"},
		"scopes":               {team + "scopes: [{name: x, prefix: ghcr.io/acme/, require: {signatures: {anyOf: [c]}}}]\n", "c"},
		"weaker rules":         {"rules: [{name: anything, require: 'true'}]\n", ""},
		"other schemes":        {"signers: [{name: a, key: {file: a}}]\nrequire: {schemes: [oms-key], signatures: {anyOf: [a]}}\n", "a"},
		"fewer have to sign":   {"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\n", ""},
		"accepting summaries":  {"signers: [{name: v, relation: verifier, key: {file: v}}]\nsummaries: {signedBy: {anyOf: [v]}, maxAge: 9d}\n", "v"},
		"own attestations too": {team, "c v"},
	} {
		p := stacked(t, organisation, onTop+tc.above)
		c := policy.Case{Reference: "ghcr.io/acme/x:v1", Manifest: licensed(tc.by), At: noon}
		if v := p.Evaluate(c); v.Outcome != policy.Deny || tc.by != "a" && !hasCode(v, provenance.CodeSignatureMissing) {
			t.Errorf("%s: %+v", name, v)
		}
		if v := p.EvaluateSummaries(c.Manifest.Subject, nil, c); v.Outcome != policy.Deny || p.AcceptsSummaries() {
			t.Errorf("%s: by summaries: %+v", name, v)
		}
	}
}

// TestOverlayUnread: a policy whose base was not read decides nothing.
func TestOverlayUnread(t *testing.T) {
	p, err := policy.Parse([]byte(onTop))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(readFiles); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("resolved: %v", err)
	}
	c := policy.Case{Manifest: licensed("a"), At: noon}
	if v := p.Evaluate(c); v.Outcome != policy.Undecided || p.Gate(nil).Outcome != policy.Undecided || !p.Digest().IsZero() {
		t.Errorf("%+v", v)
	}
	unread, err := policy.Parse([]byte(organisation))
	if err != nil {
		t.Fatal(err)
	}
	for name, below := range map[string]*policy.Policy{"nil": nil, "unresolved": unread, "itself": p, "zero": {}} {
		if err := p.Extend(below); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := parse(t, organisation).Extend(parse(t, organisation)); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("one that extends nothing: %v", err)
	}
}

// TestOverlayLevels: four policies may stand on each other, and each counts.
func TestOverlayLevels(t *testing.T) {
	p := parse(t, organisation)
	for i, rule := range []string{"one", "two", "three", "four"} {
		above, err := policy.Parse([]byte(onTop + "rules: [{name: " + rule + ", require: 'files.size() > 0'}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		err = above.Extend(p)
		if i+1 == policy.MaxLevels {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("level %d: %v", i+1, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p = above
	}
	for by, want := range map[string]policy.Outcome{"a": policy.Allow, "": policy.Deny} {
		c := policy.Case{Manifest: licensed(by), At: noon}
		if v := p.Evaluate(c); v.Outcome != want || v.Policy != p.Digest() {
			t.Errorf("%q: %+v", by, v)
		}
		if got := p.Explain(c); len(got) != 4 || len(p.Rules()) != 4 {
			t.Errorf("%d rules explained", len(got))
		}
	}
}

// TestOverlayRoots: a root of the overlay vouches for nothing that is asked
// below.
func TestOverlayRoots(t *testing.T) {
	roots := func(list string) string { return "trustedRoots: [" + list + "]\n" }
	root, corp := "{name: root, file: root.json}", "{name: corp, file: corp.json}"
	logged := "signers: [{name: a, key: {file: a, requireLog: true}}]\nrequire: {signatures: {anyOf: [a]}}\n"
	person := "signers: [{name: p, keyless: {issuer: https://i.example, subject: p}}]\nrequire: {signatures: {anyOf: [p]}}\n"
	for name, tc := range map[string]struct {
		below, above string
		fine         bool
	}{
		"the same root":                 {roots(root) + logged, roots(root) + person, true},
		"another root":                  {roots(root) + logged, roots(corp) + person, false},
		"its name for another":          {roots(root) + logged, roots("{name: root, file: corp.json}") + person, false},
		"another name for it":           {roots(root) + logged, roots("{name: mine, file: root.json}") + person, false},
		"one more":                      {roots(root) + logged, roots(root+", "+corp) + strings.Replace(person, "subject: p}", "subject: p, trustedRoot: corp}", 1), false},
		"another, where none is asked":  {"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\n", roots(corp) + person, true},
		"below another than above asks": {roots(root) + person, roots(corp) + strings.ReplaceAll(logged, "name: a", "name: a"), false},
	} {
		_, err := stack(t, head+tc.below, onTop+tc.above)
		if tc.fine && err != nil || !tc.fine && !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOverlayHandsOver: whoever verifies signatures gets what all levels need.
func TestOverlayHandsOver(t *testing.T) {
	keyless := "trustedRoots: [{name: root, file: root.json, maxAge: %s}]\nsigners: [{name: %s, keyless: {issuer: https://i.example, subject: %[2]s}}]\nrequire: {signatures: {anyOf: [%[2]s]}, evidence: {logEntries: %s}%s}\n"
	write := func(age, name, logs, more string) string {
		return strings.NewReplacer("%[2]s", name).Replace(strings.Replace(strings.Replace(strings.Replace(strings.Replace(keyless, "%s", age, 1), "%s", name, 1), "%s", logs, 1), "%s", more, 1))
	}
	p := stacked(t, head+write("90d", "p", "2", ""), onTop+write("30d", "q", "1", ", predicateTypes: [no-statement]"))
	if got := p.Thresholds().LogEntries; got != 2 {
		t.Errorf("%d log entries", got)
	}
	if got := p.Roots(); len(got) != 1 || got[0].MaxAge.Hours() != 30*24 {
		t.Errorf("roots %+v", got)
	}
	if got := p.SignatureTypes(); len(got) != 2 {
		t.Errorf("types %v: what counts below must be verified", got)
	}
	both := stacked(t, organisation, onTop+"signers: [{name: a, key: {file: a}}, {name: c, key: {file: c}}]\nrequire: {signatures: {allOf: [a, c]}}\n")
	if got := both.Keys(); len(got) != 3 {
		t.Errorf("keys %+v", got)
	}
	if got := both.Match(byKey("a")); len(got) != 1 || got[0].Signer != "a" {
		t.Errorf("matches %+v", got)
	}
	if got := both.Match(byKey("b")); len(got) != 1 || got[0].Signer != "b" {
		t.Errorf("matches %+v", got)
	}
	if v := both.Gate(candidates{byKey("c")}); v.Outcome != policy.Deny {
		t.Errorf("gate: %+v", v)
	}
	if v := both.Gate(candidates{byKey("a"), byKey("c")}); v.Outcome != policy.Undecided {
		t.Errorf("gate: %+v", v)
	}
}

// TestOverlayReviews: quorum and waivers are each policy's own.
func TestOverlayReviews(t *testing.T) {
	below := parse(t, regulated())
	p := stacked(t, regulated(), onTop+"rules: [{name: more, require: 'files.size() > 0'}]\n")
	m := record(below, candidates{byKey("publisher")})
	c := reviewed(p, m)
	if v := p.Evaluate(c); v.Outcome != policy.Hold || !hasCode(v, provenance.CodeReviewMissing) {
		t.Errorf("%+v", v)
	}
	if !p.RequiresReviews() || !p.Reviews(c).Required || len(p.Criteria()) != len(below.Criteria()) {
		t.Error("the overlay hides the reviews that are asked for below")
	}
}

func TestParseExtends(t *testing.T) {
	signer := "signers: [{name: a, key: {file: a}}]\n"
	remote := "oci://ghcr.io/acme/policy@sha256:" + strings.Repeat("0", 64)
	for yaml, fine := range map[string]bool{
		"extends: ../base.yaml\n": true,
		signer + "extends: {policy: '" + remote + "', signedBy: [a]}\n":             true,
		"extends: '" + remote + "'\n":                                               false, // by whom?
		signer + "extends: {policy: '" + remote + "'}\n":                            false,
		signer + "extends: {policy: '" + remote + "', signedBy: []}\n":              false,
		signer + "extends: {policy: '" + remote + "', signedBy: [b]}\n":             false,
		signer + "extends: {policy: oci://ghcr.io/acme/policy:v1, signedBy: [a]}\n": false,
		signer + "extends: {policy: base.yaml, signedBy: [a]}\n":                    false,
		"extends: https://acme.example/base.yaml\n":                                 false,
		"extends: ''\n":                            false,
		"extends: [base.yaml]\n":                   false,
		signer + "extends: base.yaml\n":            false, // nothing asks for a
		"extends: base.yaml\nextends: base.yaml\n": false,
		signer + "extends: {policy: '" + remote + "', signedBy: [a], allowUnsigned: 1}\n": false,
	} {
		_, err := policy.Parse([]byte(head + yaml))
		if fine && err != nil || !fine && (err == nil || line(err) == 0) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

// TestVouching: who must have signed the policy below is said by the one above.
func TestVouching(t *testing.T) {
	remote := "oci://ghcr.io/acme/policy@sha256:" + strings.Repeat("0", 64)
	p, err := policy.Parse([]byte(head + "signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]\nrequire: {signatures: {anyOf: [b]}}\nextends: {policy: '" + remote + "', signedBy: [a]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	by, err := p.Vouching()
	if err != nil {
		t.Fatal(err)
	}
	if v := by.Signed(candidates{byKey("a")}); v.Outcome != policy.Undecided {
		t.Errorf("before its key was read: %+v", v)
	}
	resolve(t, by)
	for name, tc := range map[string]struct {
		signed candidates
		want   policy.Outcome
	}{
		"a":            {candidates{byKey("a")}, policy.Allow},
		"a and others": {candidates{byKey("b"), byKey("a")}, policy.Allow},
		"b":            {candidates{byKey("b")}, policy.Deny},
		"nobody":       {nil, policy.Deny},
		"attested":     {candidates{attesting(byKey("a"), "https://x.example/v1")}, policy.Deny},
		"pending":      {candidates{pending(byKey("a"))}, policy.Deny},
		"refused":      {candidates{refused(provenance.CodeSignatureBad)}, policy.Deny},
	} {
		if v := by.Signed(tc.signed); v.Outcome != tc.want || v.Allowed() != (tc.want == policy.Allow) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := parse(t, head+"allowUnsigned: true\n").Signed(nil); v.Allowed() {
		t.Errorf("allowUnsigned: %+v", v)
	}
	if v := (*policy.Policy)(nil).Signed(nil); v.Allowed() {
		t.Errorf("nil: %+v", v)
	}
}
