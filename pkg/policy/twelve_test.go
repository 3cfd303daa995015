package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const slsa = "https://slsa.dev/provenance/v1"

// fourSigners is a policy with this requirement, that knows a workflow, two
// keys and a person of an own authority: those of them whom it asks for.
func fourSigners(require string) string {
	signers := ""
	for _, s := range [][2]string{
		{"release", `relation: producer, keyless: {issuer: "` + issuer + `", extensions: {runnerEnvironment: hosted},
      subjectPattern: 'https://github\.com/acme/models/\.github/workflows/release\.yaml@refs/tags/v[0-9]+'}`},
		{"alice", `key: {file: a, notBefore: "2026-01-01T00:00:00Z", notAfter: "2026-12-31T23:59:59Z"}`},
		{"bob", `key: {file: b, requireLog: true}`},
		{"ops", `certificate: {chain: chain-corp, issuer: corp, subject: ops@acme.example}`},
	} {
		if strings.Contains(require, s[0]) {
			signers += "  - {name: " + s[0] + ", " + s[1] + "}\n"
		}
	}
	return head + "trustedRoots: [{name: sigstore, file: root.json}]\nsigners:\n" + signers + "require: " + require + "\n"
}

// at gives a candidate a time that a timestamp authority vouches for.
func at(c provenance.Candidate, time string) provenance.Candidate {
	c.SignedAt = []provenance.Timestamp{{Time: time, Source: "rfc3161"}}
	return c
}

// twelve are what was found attached to one artifact: all layouts, several
// signers, some broken. The names say what is wrong with them.
func twelve() map[string]provenance.Candidate {
	in := func(layout string, c provenance.Candidate, change func(*provenance.Candidate)) provenance.Candidate {
		c = with(c, change)
		c.Layout = layout
		return c
	}
	same := func(*provenance.Candidate) {}
	logged := func(c *provenance.Candidate) {
		c.PredicateType, c.Checked = "", []string{"signature", "subject", "transparency-log"}
	}
	return map[string]provenance.Candidate{
		"release":         in("referrers-api", byPerson(workflow, issuer), same),
		"release oms":     in("bundle-file", byPerson(workflow, issuer), func(c *provenance.Candidate) { c.Scheme, c.PredicateType = "oms-keyless", policy.ModelSignatureType }),
		"alice":           in("fallback-tag", at(byKey("a"), "2026-06-01T12:00:00Z"), same),
		"alice late":      in("layout-index", at(byKey("a"), "2027-01-01T00:00:00Z"), same),
		"alice slsa":      in("cosign-att-tag", attesting(at(byKey("a"), "2026-06-01T12:00:00Z"), slsa), same),
		"alice elsewhere": in("fallback-tag", refused(provenance.CodeSignatureWrongSubject), same),
		"bob":             in("cosign-sig-tag", byKey("b"), logged),
		"bob unlogged":    in("referrers-api", byKey("b"), same),
		"ops":             in("model-file", byCA("ops@acme.example", "corp"), func(c *provenance.Candidate) { c.Scheme, c.PredicateType = "oms-x509", policy.ModelSignatureType }),
		"broken":          in("referrers-api", refused(provenance.CodeSignatureBad), same),
		"stranger":        in("referrers-api", byPerson("https://github.com/mallory/models/.github/workflows/release.yaml@refs/tags/v1", issuer), same),
		"notation":        in("layout-index", refused(provenance.CodeNotASignature), same),
	}
}

// Each candidate by itself: who it is by, or why it does not count.
func TestTwelveCandidates(t *testing.T) {
	p := parse(t, fourSigners("{signatures: {anyOf: [release, alice, bob, ops]}}"))
	all := twelve()
	if len(all) != 12 {
		t.Fatalf("%d candidates", len(all))
	}
	for name, want := range map[string]struct {
		signer string // "": nobody's, for the reason
		code   string
		words  string // in the reason
	}{
		"release":         {"release", provenance.CodeSignatureVerified, "acme/models"},
		"release oms":     {"release", provenance.CodeSignatureVerified, "acme/models"},
		"alice":           {"alice", provenance.CodeSignatureVerified, "key"},
		"alice late":      {"", provenance.CodeExpiredAtTime, `signed by "alice"`},
		"alice slsa":      {"", provenance.CodeNotASignature, slsa},
		"alice elsewhere": {"", provenance.CodeSignatureWrongSubject, "refused for a test"},
		"bob":             {"bob", provenance.CodeSignatureVerified, "key"},
		"bob unlogged":    {"", provenance.CodeLogInclusionFailed, `signed by "bob"`},
		"ops":             {"ops", provenance.CodeSignatureVerified, `by authority "corp"`},
		"broken":          {"", provenance.CodeSignatureBad, "refused for a test"},
		"stranger":        {"", provenance.CodeSignatureWrongIdentity, "mallory"},
		"notation":        {"", provenance.CodeNotASignature, "refused for a test"},
	} {
		t.Run(name, func(t *testing.T) {
			outcome, signers := policy.Deny, []string(nil)
			if want.signer != "" {
				outcome, signers = policy.Allow, []string{want.signer}
			}
			v := judge(p, candidates{all[name]})
			expect(t, v, outcome, want.code)
			if !strings.Contains(v.Reasons[0].Message, want.words) {
				t.Errorf("reason %q, want %q in it", v.Reasons[0].Message, want.words)
			}
			var got []string
			for _, s := range p.Match(all[name]) {
				got = append(got, s.Signer)
			}
			if !slices.Equal(got, signers) {
				t.Errorf("by %q, want %q", got, signers)
			}
		})
	}
}

// What policies make of the twelve, and of some of them. Every set that is
// allowed stands among sets that are not.
func TestPoliciesOverTwelve(t *testing.T) {
	const (
		anyOf  = "{signatures: {anyOf: [release, alice, bob, ops]}}"
		allOf  = "{signatures: {allOf: [release, alice, bob, ops]}}"
		twoOf  = "{signatures: {atLeast: {count: 2, of: [release, alice, bob]}}}"
		nested = "{signatures: {allOf: [release, {anyOf: [alice, bob]}]}}"
		either = "{signatures: {anyOf: [ops, {allOf: [alice, bob]}]}}"
	)
	bad := []string{"alice late", "alice slsa", "alice elsewhere", "bob unlogged", "broken", "stranger", "notation"}
	for _, tc := range []struct {
		require string
		without string // of all twelve, comma separated
		only    string // or these alone
		want    policy.Outcome
	}{
		{anyOf, "", "", policy.Allow},
		{anyOf, "", "release oms", policy.Allow},
		{anyOf, "", "ops", policy.Allow},
		{anyOf, "release,release oms,alice,bob,ops", "", policy.Deny},
		{anyOf, "", "alice late", policy.Deny},
		{anyOf, "", "bob unlogged", policy.Deny},
		{anyOf, "", "alice slsa", policy.Deny},
		{anyOf, "", "stranger", policy.Deny},

		{allOf, "", "", policy.Allow},
		{allOf, "release", "", policy.Allow}, // it signed the model, too
		{allOf, "release,release oms", "", policy.Deny},
		{allOf, "alice", "", policy.Deny},
		{allOf, "bob", "", policy.Deny},
		{allOf, "ops", "", policy.Deny},

		{twoOf, "", "", policy.Allow},
		{twoOf, "", "release,alice", policy.Allow},
		{twoOf, "", "alice,bob", policy.Allow},
		{twoOf, "", "release,release oms", policy.Deny}, // one identity
		{twoOf, "", "release,alice late", policy.Deny},
		{twoOf, "", "release,alice slsa", policy.Deny},
		{twoOf, "", "release,bob unlogged", policy.Deny},
		{twoOf, "", "release,ops", policy.Deny}, // ops is not among the three
		{twoOf, "", "release,stranger", policy.Deny},

		{nested, "", "", policy.Allow},
		{nested, "", "release oms,bob", policy.Allow},
		{nested, "", "release,alice", policy.Allow},
		{nested, "", "release,release oms", policy.Deny},
		{nested, "", "alice,bob", policy.Deny},
		{nested, "", "release,ops", policy.Deny},
		{nested, "", "release,alice late,bob unlogged", policy.Deny},

		{either, "", "ops", policy.Allow},
		{either, "", "alice,bob", policy.Allow},
		{either, "", "alice", policy.Deny},
		{either, "", "bob,alice late", policy.Deny},
		{either, "", "release,alice", policy.Deny},
	} {
		t.Run(fmt.Sprint(tc.require, "/", tc.only, "/-", tc.without), func(t *testing.T) {
			p := parse(t, fourSigners(tc.require))
			var c candidates
			for name, one := range twelve() {
				chosen := slices.Contains(strings.Split(tc.only, ","), name)
				if tc.only == "" {
					chosen = !slices.Contains(strings.Split(tc.without, ","), name)
				}
				if chosen {
					c = append(c, one)
				}
			}
			v := judge(p, c)
			if v.Outcome != tc.want || v.Allowed() != (tc.want == policy.Allow) {
				t.Errorf("%v, want %v: %+v", v.Outcome, tc.want, v.Reasons)
			}
			if gate := p.Gate(c); (gate.Outcome == policy.Deny) != (tc.want == policy.Deny) {
				t.Errorf("the gate says %v", gate.Outcome)
			}
			if tc.only == "" && tc.want == policy.Deny { // all that was found is explained
				for _, name := range bad {
					code := twelve()[name].Digest.String()
					if !slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool { return r.Subject == code && r.Effect == policy.Deny }) {
						t.Errorf("no reason for %q: %+v", name, v.Reasons)
					}
				}
			}
		})
	}
}

// The reasons of one denial, word for word, in any order of the candidates.
func TestReasonsAreWhole(t *testing.T) {
	p := parse(t, fourSigners("{signatures: {atLeast: {count: 2, of: [release, alice, bob]}}}"))
	all := twelve()
	c := candidates{all["release"], all["alice late"], all["bob unlogged"], all["stranger"], all["ops"], all["release oms"]}
	for range 3 {
		var got []string
		for _, r := range judge(p, c).Reasons {
			got = append(got, r.Effect.String()+" "+r.Code+": "+r.Message)
		}
		_, alice := publicKey("a")
		_, bob := publicKey("b")
		want := []string{
			"deny expired-at-time: signed by \"alice\": key \"" + alice + "\"; it was made at 2027-01-01T00:00:00Z, and the key is trusted from 2026-01-01T00:00:00Z to 2026-12-31T23:59:59Z",
			"deny log-inclusion-failed: signed by \"bob\": key \"" + bob + "\"; no transparency log that is trusted holds it",
			"deny signature-missing: not by \"alice\", \"bob\": 1 of 2 required signatures",
			"deny signature-wrong-identity: signed by \"https://github.com/mallory/models/.github/workflows/release.yaml@refs/tags/v1\" by issuer \"" + issuer + "\", whom the policy does not name",
			"deny signature-wrong-identity: signed by \"ops@acme.example\" by authority \"corp\", whom the policy does not name",
			"allow signature-verified: signed by \"release\": \"" + workflow + "\" by issuer \"" + issuer + "\"",
		}
		slices.Sort(want[3:5])
		slices.Sort(got[3:5])
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		slices.Reverse(c)
		c = append(c[1:], c[0])
	}
}
