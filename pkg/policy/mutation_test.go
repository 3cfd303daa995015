package policy_test

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Every field of a signer bites: removed or altered in the policy, or altered
// in the signature, what was allowed is not (CVE-2025-29778: fields that were
// read and never compared).
func TestEveryFieldOfASignerBites(t *testing.T) {
	type variant = map[string]string
	base := variant{
		"issuer": "issuer: https://i.example", "subject": "subject: ann@acme.example",
		"root": "trustedRoot: corp", "extensions": "extensions: {runnerEnvironment: hosted}",
	}
	write := func(v variant) string {
		keyless := ""
		for _, field := range []string{"issuer", "subject", "root", "extensions"} {
			if v[field] != "" {
				keyless += v[field] + ", "
			}
		}
		return head + `
trustedRoots: [{name: corp, file: corp.json}, {name: sigstore, file: root.json}]
signers:
  - {name: ann, keyless: {` + keyless + `}}
  - {name: bob, keyless: {issuer: "https://i.example", subject: bob@acme.example, trustedRoot: sigstore}}
require: {signatures: {anyOf: [ann, bob]}}
`
	}
	ann := with(byPerson("ann@acme.example", "https://i.example"), func(c *provenance.Candidate) { c.Identity.TrustedRoot = "corp" })
	expect(t, judge(parse(t, write(base)), candidates{ann}), policy.Allow, provenance.CodeSignatureVerified)

	for name, change := range map[string]variant{
		"issuer altered":           {"issuer": "issuer: https://i.example.org"},
		"issuer, other pattern":    {"issuer": "issuerPattern: 'https://i\\.example\\.org'"},
		"issuer, prefix pattern":   {"issuer": "issuerPattern: 'https://i'"},
		"issuer removed":           {"issuer": ""},
		"subject altered":          {"subject": "subject: Ann@acme.example"},
		"subject, other pattern":   {"subject": "subjectPattern: '.*@acme\\.org'"},
		"subject, part of it":      {"subject": "subjectPattern: 'ann@acme'"},
		"subject removed":          {"subject": ""},
		"root altered":             {"root": "trustedRoot: sigstore"},
		"root unknown":             {"root": "trustedRoot: other"},
		"root removed":             {"root": ""},
		"extension value altered":  {"extensions": "extensions: {runnerEnvironment: own}"},
		"extension name altered":   {"extensions": "extensions: {RunnerEnvironment: hosted}"},
		"extension added":          {"extensions": "extensions: {runnerEnvironment: hosted, sourceRepositoryRef: main}"},
		"extensions, nothing left": {"extensions": "extensions: {}"},
	} {
		t.Run("policy/"+name, func(t *testing.T) {
			v := variant{}
			for field, text := range base {
				v[field] = text
			}
			for field, text := range change {
				v[field] = text
			}
			p, err := policy.Parse([]byte(write(v)))
			if err != nil {
				return // a policy that does not load allows nothing
			}
			if got := judge(resolve(t, p), candidates{ann}); got.Allowed() {
				t.Errorf("still allowed: %+v", got)
			}
		})
	}
	for name, change := range map[string]func(*provenance.Candidate){
		"issuer":         func(c *provenance.Candidate) { c.Identity.Issuer += "/" },
		"no issuer":      func(c *provenance.Candidate) { c.Identity.Issuer = "" },
		"subject":        func(c *provenance.Candidate) { c.Identity.Subject = "bann@acme.example" },
		"no subject":     func(c *provenance.Candidate) { c.Identity.Subject = "" },
		"root":           func(c *provenance.Candidate) { c.Identity.TrustedRoot = "sigstore" },
		"no root":        func(c *provenance.Candidate) { c.Identity.TrustedRoot = "" },
		"extension":      func(c *provenance.Candidate) { c.Identity.Extensions = map[string]string{"runnerEnvironment": "own"} },
		"no extensions":  func(c *provenance.Candidate) { c.Identity.Extensions = nil },
		"key":            func(c *provenance.Candidate) { c.Identity.KeyFingerprint = "sha256:00" },
		"predicate type": func(c *provenance.Candidate) { c.PredicateType += "x" },
		"scheme":         func(c *provenance.Candidate) { c.Scheme = "" },
		"verdict":        func(c *provenance.Candidate) { c.Verdict = provenance.Refused },
		"code":           func(c *provenance.Candidate) { c.Code = "" },
	} {
		t.Run("signature/"+name, func(t *testing.T) {
			if got := judge(parse(t, write(base)), candidates{with(ann, change)}); got.Allowed() {
				t.Errorf("still allowed: %+v", got)
			}
		})
	}
}

// Signing again in another run gives the same record: only what the policy
// demands of a certificate is kept.
func TestMatchKeepsWhatThePolicyDemands(t *testing.T) {
	p := parse(t, keyless)
	got := p.Match(byPerson(workflow, issuer))
	if len(got) != 1 || got[0].Signer != "vendor" || got[0].Relation != provenance.Producer || len(got[0].Identity.Extensions) != 0 {
		t.Errorf("got %+v", got)
	}
	if got := p.Match(refused(provenance.CodeSignatureBad)); got != nil {
		t.Errorf("a refused candidate is by %+v", got)
	}
	if got := (&policy.Policy{}).Match(byKey("a")); got != nil {
		t.Errorf("the zero policy knows %+v", got)
	}
}
