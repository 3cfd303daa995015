package policy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const head = "apiVersion: modelcheck/v1\nkind: Policy\n"

const keyless = head + `
trustedRoots: [{name: sigstore, file: root.json}]
signers:
  - name: vendor
    relation: producer
    keyless: {issuer: "` + issuer + `", subjectPattern: 'https://github\.com/acme/models/\.github/workflows/release\.yaml@refs/tags/v[0-9]+'}
require: {signatures: {anyOf: [vendor]}}
`

const twoOfThree = head + `
signers:
  - {name: a, key: {file: a}}
  - {name: b, key: {file: b}}
  - {name: c, key: {file: c}}
require: {signatures: {atLeast: {count: 2, of: [a, b, c]}}}
`

type candidates = []provenance.Candidate

func with(c provenance.Candidate, change func(*provenance.Candidate)) provenance.Candidate {
	c.Identity.Extensions = map[string]string{"runnerEnvironment": "hosted", "sourceRepositoryDigest": "1"}
	if c.Identity.KeyFingerprint != "" {
		c.Identity.Extensions = nil
	}
	change(&c)
	return c
}

// Every allowed case stands among denied neighbours.
func TestSignatures(t *testing.T) {
	const verified, missing = provenance.CodeSignatureVerified, provenance.CodeSignatureMissing
	good := byPerson(workflow, issuer)
	key := build(t, policy.Settings{KeyFiles: []string{"a"}})
	anyKey := build(t, policy.Settings{KeyFiles: []string{"a", "b"}})
	person := parse(t, keyless)
	both := parse(t, head+"signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]\nrequire: {signatures: {allOf: [a, b]}}")
	quorum := parse(t, twoOfThree)
	for name, tc := range map[string]struct {
		p     *policy.Policy
		c     candidates
		want  policy.Outcome
		codes []string
	}{
		"key":                   {key, candidates{byKey("a")}, policy.Allow, []string{verified}},
		"key: none":             {key, nil, policy.Deny, []string{missing}},
		"key: another":          {key, candidates{byKey("b")}, policy.Deny, []string{provenance.CodeSignatureWrongKey}},
		"key: refused":          {key, candidates{refused(provenance.CodeSignatureBad)}, policy.Deny, []string{provenance.CodeSignatureBad}},
		"key: copied":           {key, candidates{refused(provenance.CodeSignatureWrongSubject)}, policy.Deny, []string{provenance.CodeSignatureWrongSubject}},
		"key: a person":         {key, candidates{good}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"key: attestation":      {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.PredicateType = "https://slsa.dev/provenance/v1" })}, policy.Deny, []string{provenance.CodeNotASignature}},
		"key: unchecked":        {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Verdict = provenance.Unchecked })}, policy.Deny, []string{provenance.CodeSignatureBad}},
		"key: code disagrees":   {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Code = provenance.CodeSignatureBad })}, policy.Deny, []string{provenance.CodeSignatureBad}},
		"key: no such verdict":  {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Verdict = 9 })}, policy.Deny, []string{provenance.CodeSignatureBad}},
		"key: no scheme":        {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Scheme = "" })}, policy.Deny, []string{provenance.CodeSignatureWrongScheme}},
		"key: unknown scheme":   {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Scheme = "pgp" })}, policy.Deny, []string{provenance.CodeSignatureWrongScheme}},
		"key: as a certificate": {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Scheme = "x509" })}, policy.Deny, []string{provenance.CodeSignatureWrongKey}},
		"key: of a model":       {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Scheme, c.PredicateType = "oms-key", policy.ModelSignatureType })}, policy.Allow, []string{verified}},
		"key: older":            {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.PredicateType = "" })}, policy.Allow, []string{verified}},
		"key: pending": {key, candidates{with(byKey("a"), func(c *provenance.Candidate) {
			c.Verdict, c.Code = provenance.Unchecked, provenance.CodeSignaturePending
		})}, policy.Deny, []string{provenance.CodeSignaturePending}},
		"key: and a certificate": {key, candidates{with(byKey("a"), func(c *provenance.Candidate) { c.Identity.Subject, c.Identity.Issuer = workflow, issuer })}, policy.Deny, []string{provenance.CodeSignatureWrongKey}},
		"key: two refusals":      {key, candidates{refused(provenance.CodeSignatureBad), refused(provenance.CodeNotASignature)}, policy.Deny, []string{provenance.CodeSignatureBad, provenance.CodeNotASignature}},
		"key: good and bad":      {key, candidates{refused(provenance.CodeSignatureBad), byKey("a")}, policy.Allow, []string{verified}},

		"any key: first":   {anyKey, candidates{byKey("a")}, policy.Allow, []string{verified}},
		"any key: second":  {anyKey, candidates{byKey("b")}, policy.Allow, []string{verified}},
		"any key: neither": {anyKey, candidates{byKey("c")}, policy.Deny, []string{provenance.CodeSignatureWrongKey}},

		"person":                       {person, candidates{good}, policy.Allow, []string{verified}},
		"person: another issuer":       {person, candidates{byPerson(workflow, "https://accounts.example")}, policy.Deny, []string{provenance.CodeSignatureWrongIssuer}},
		"person: slash after issuer":   {person, candidates{byPerson(workflow, issuer+"/")}, policy.Deny, []string{provenance.CodeSignatureWrongIssuer}},
		"person: branch":               {person, candidates{byPerson("https://github.com/acme/models/.github/workflows/release.yaml@refs/heads/main", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: more after":           {person, candidates{byPerson(workflow+"-evil", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: more before":          {person, candidates{byPerson("https://evil.example/"+workflow, issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: line after":           {person, candidates{byPerson(workflow+"\n", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: line before":          {person, candidates{byPerson("x\n"+workflow, issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: dot is a dot":         {person, candidates{byPerson("https://githubXcom/acme/models/.github/workflows/release.yaml@refs/tags/v1", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: upper case":           {person, candidates{byPerson("https://github.com/ACME/models/.github/workflows/release.yaml@refs/tags/v1", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: no issuer":            {person, candidates{byPerson(workflow, "")}, policy.Deny, []string{provenance.CodeSignatureWrongIssuer}},
		"person: nobody":               {person, candidates{byPerson("", issuer)}, policy.Deny, []string{provenance.CodeSignatureWrongIdentity}},
		"person: under another root":   {person, candidates{with(good, func(c *provenance.Candidate) { c.Identity.TrustedRoot = "corp" })}, policy.Deny, []string{provenance.CodeSignatureWrongIssuer}},
		"person: under the root":       {person, candidates{with(good, func(c *provenance.Candidate) { c.Identity.TrustedRoot = "sigstore" })}, policy.Allow, []string{verified}},
		"person: of no trusted root":   {person, candidates{refused(provenance.CodeUntrustedRoot)}, policy.Deny, []string{provenance.CodeUntrustedRoot}},
		"person: a proof of something": {person, candidates{with(good, func(c *provenance.Candidate) { c.PredicateType = "https://in-toto.io/attestation" })}, policy.Deny, []string{provenance.CodeNotASignature}},

		"both":          {both, candidates{byKey("a"), byKey("b")}, policy.Allow, []string{verified}},
		"both: one":     {both, candidates{byKey("a")}, policy.Deny, []string{verified, missing}},
		"both: twice":   {both, candidates{byKey("a"), with(byKey("a"), func(c *provenance.Candidate) { c.Layout = "fallback-tag" })}, policy.Deny, []string{verified, missing}},
		"both: one bad": {both, candidates{byKey("a"), refused(provenance.CodeSignatureBad)}, policy.Deny, []string{verified, missing, provenance.CodeSignatureBad}},

		"two of three":              {quorum, candidates{byKey("c"), byKey("a")}, policy.Allow, []string{verified}},
		"two of three: all":         {quorum, candidates{byKey("c"), byKey("a"), byKey("b")}, policy.Allow, []string{verified}},
		"two of three: one":         {quorum, candidates{byKey("c")}, policy.Deny, []string{verified, missing}},
		"two of three: one, twice":  {quorum, candidates{byKey("c"), byKey("c")}, policy.Deny, []string{verified, missing}},
		"two of three: a stranger":  {quorum, candidates{byKey("c"), byKey("d")}, policy.Deny, []string{verified, missing, provenance.CodeSignatureWrongKey}},
		"two of three: none at all": {quorum, nil, policy.Deny, []string{missing}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, judge(tc.p, tc.c), tc.want, tc.codes...)
			slices.Reverse(tc.c)
			expect(t, judge(tc.p, tc.c), tc.want, tc.codes...)
		})
	}
}

// One person who matches two patterns is one signer.
func TestOnePersonCountsOnce(t *testing.T) {
	p := parse(t, head+`
trustedRoots: [{name: sigstore, file: root.json}]
signers:
  - {name: release, keyless: {issuer: "https://i.example", subjectPattern: '.*@acme\.example'}}
  - {name: review, keyless: {issuer: "https://i.example", subjectPattern: '(ann|bob)@acme\.example'}}
require: {signatures: {allOf: [release, review]}}
`)
	ann, bob, eve := byPerson("ann@acme.example", "https://i.example"), byPerson("bob@acme.example", "https://i.example"), byPerson("eve@acme.example", "https://i.example")
	again := with(ann, func(c *provenance.Candidate) {
		c.Identity.Extensions = map[string]string{"sourceRepositoryDigest": "2"}
	})
	expect(t, judge(p, candidates{ann, bob}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{eve, bob}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{ann}), policy.Deny, provenance.CodeSignatureVerified, provenance.CodeSignatureMissing)
	expect(t, judge(p, candidates{ann, again}), policy.Deny, provenance.CodeSignatureVerified, provenance.CodeSignatureMissing)
	expect(t, judge(p, candidates{eve}), policy.Deny, provenance.CodeSignatureVerified, provenance.CodeSignatureMissing)
}

// What the record says of a signer is matched again by its facts.
func TestTheRecordIsNotBelievedByName(t *testing.T) {
	p := build(t, policy.Settings{KeyFiles: []string{"a"}})
	for name, change := range map[string]func(*provenance.Signature){
		"another key": func(s *provenance.Signature) {
			_, s.Identity.KeyFingerprint = publicKey("b")
		},
		"another type":  func(s *provenance.Signature) { s.PredicateType = "https://slsa.dev/provenance/v1" },
		"a certificate": func(s *provenance.Signature) { s.Identity = provenance.Identity{Subject: "key", Issuer: "key"} },
	} {
		m := record(p, candidates{byKey("a")})
		change(&m.Signatures[0])
		t.Run(name, func(t *testing.T) {
			expect(t, p.Evaluate(policy.Case{Manifest: m}), policy.Deny, provenance.CodeSignatureMissing)
		})
	}
	m := record(p, candidates{byKey("a")})
	m.Signatures[0].Signer = "somebody else's name for it"
	expect(t, p.Evaluate(policy.Case{Manifest: m}), policy.Allow, provenance.CodeSignatureVerified)
	m.Signatures = nil // and candidates never count by themselves
	expect(t, p.Evaluate(policy.Case{Manifest: m, Candidates: candidates{byKey("a")}}), policy.Deny, provenance.CodeSignatureMissing)
}

func TestUnsigned(t *testing.T) {
	allow := build(t, policy.Settings{AllowUnsigned: true})
	withKey := build(t, policy.Settings{AllowUnsigned: true, KeyFiles: []string{"a"}})
	nobody := build(t, policy.Settings{})
	denied := provenance.Finding{ID: provenance.CodeUnnamedLayer, Detail: "d"}
	expect(t, judge(allow, nil), policy.Allow, provenance.CodeUnsignedAllowed)
	expect(t, judge(withKey, candidates{byKey("a")}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(withKey, candidates{byKey("b")}), policy.Allow, provenance.CodeUnsignedAllowed)
	expect(t, judge(allow, nil, denied), policy.Deny, provenance.CodeUnsignedAllowed, provenance.CodeUnnamedLayer)
	expect(t, judge(nobody, nil), policy.Hold, provenance.CodeNoTrust)
	expect(t, judge(nobody, candidates{byKey("a")}), policy.Hold, provenance.CodeNoTrust)
	expect(t, judge(nobody, nil, denied), policy.Deny, provenance.CodeNoTrust, provenance.CodeUnnamedLayer)
}

func TestSilenceDenies(t *testing.T) {
	p := build(t, policy.Settings{AllowUnsigned: true})
	fault := provenance.Finding{ID: provenance.CodeDigestMismatch, Detail: "other bytes", Subject: "sha256:…"}
	expect(t, p.Evaluate(policy.Case{}), policy.Undecided, provenance.CodeNotDecided)
	expect(t, p.Evaluate(policy.Case{Candidates: candidates{byKey("a")}, At: time.Unix(0, 0)}), policy.Undecided, provenance.CodeNotDecided)
	expect(t, p.Evaluate(policy.Case{Faults: []provenance.Finding{fault}}), policy.Deny, provenance.CodeDigestMismatch)
	expect(t, p.Evaluate(policy.Case{Manifest: record(p, nil), Faults: []provenance.Finding{fault}}), policy.Deny, provenance.CodeDigestMismatch, provenance.CodeUnsignedAllowed)

	empty := record(p, nil)
	empty.Files, empty.Loading.Class = nil, provenance.LoadUnknown
	expect(t, p.Evaluate(policy.Case{Manifest: empty}), policy.Deny, provenance.CodeEmptyArtifact, provenance.CodeUnsignedAllowed)
	system := record(p, nil)
	system.Files[0].Role, system.Loading.Class = artifact.RoleSystem, provenance.LoadUnknown
	expect(t, p.Evaluate(policy.Case{Manifest: system}), policy.Deny, provenance.CodeEmptyArtifact, provenance.CodeUnsignedAllowed)
	expect(t, p.Evaluate(policy.Case{Manifest: &provenance.Manifest{}}), policy.Deny, provenance.CodeRecordInvalid, provenance.CodeEmptyArtifact, provenance.CodeLoadingUnknown, provenance.CodeUnsignedAllowed)
	silent := record(p, nil)
	silent.Loading = nil
	expect(t, p.Evaluate(policy.Case{Manifest: silent}), policy.Hold, provenance.CodeLoadingUnknown, provenance.CodeUnsignedAllowed)

	unread, err := policy.Build(policy.Settings{KeyFiles: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*policy.Policy{nil, {}, unread} {
		expect(t, p.Evaluate(policy.Case{Manifest: record(&policy.Policy{}, nil)}), policy.Undecided, provenance.CodePolicyInvalid)
	}
	if (policy.Verdict{}).Allowed() || (policy.Verdict{Outcome: 77}).Allowed() {
		t.Error("allowed by nobody")
	}
	if s := policy.Outcome(77).String(); s != "deny" {
		t.Errorf("Outcome(77) = %q", s)
	}
}

func TestFindings(t *testing.T) {
	p := build(t, policy.Settings{AllowUnsigned: true})
	finding := func(code string) provenance.Finding {
		return provenance.Finding{ID: code, Subject: "s", Detail: "d"}
	}
	for _, e := range policy.Effects() {
		t.Run(e.Code, func(t *testing.T) {
			if e.Why == "" || (e.Fixed && e.Outcome != policy.Deny) {
				t.Errorf("%+v", e)
			}
			codes := []string{provenance.CodeUnsignedAllowed}
			if e.Outcome != policy.Allow {
				codes = append(codes, e.Code)
			}
			expect(t, judge(p, nil, finding(e.Code)), e.Outcome, codes...)
			for word, outcome := range map[string]policy.Outcome{"allow": policy.Allow, "hold": policy.Hold, "deny": policy.Deny} {
				own, err := policy.Parse([]byte(head + "allowUnsigned: true\nfindings: {" + word + ": [" + e.Code + "]}"))
				if e.Fixed && outcome != policy.Deny {
					if err == nil {
						t.Errorf("%s was relaxed", e.Code)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				expect(t, judge(own, nil, finding(e.Code)), outcome, e.Code, provenance.CodeUnsignedAllowed)
				expect(t, judge(own, nil, finding(e.Code), finding("unheard-of")), policy.Deny, e.Code, provenance.CodeUnsignedAllowed, "unheard-of")
			}
		})
	}
	expect(t, judge(p, nil, finding(provenance.CodePlatformsDiffer), finding(provenance.CodeUnnamedLayer)), policy.Deny,
		provenance.CodePlatformsDiffer, provenance.CodeUnnamedLayer, provenance.CodeUnsignedAllowed)
}

// A reason says what it is about, once.
func TestFindingsNamed(t *testing.T) {
	p := build(t, policy.Settings{AllowUnsigned: true})
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, tc := range map[string]struct{ subject, detail, want string }{
		"named":            {"a/b.bin", "the header is too long", `"a/b.bin": the header is too long`},
		"named already":    {"a/b.bin", `what "a/b.bin" does is not known`, `what "a/b.bin" does is not known`},
		"a part of a word": {"header", "the header is too long", `"header": the header is too long`},
		"hostile":          {"a\x1b\"\n", "the header is too long", `"a\x1b\"\n": the header is too long`},
		"a digest":         {digest, "the blob is not read", `"` + digest + `": the blob is not read`},
		"a digest already": {digest, "the blob " + digest + " is not read", "the blob " + digest + " is not read"},
		"of nothing":       {"", "the header is too long", "the header is too long"},
	} {
		v := judge(p, nil, provenance.Finding{ID: provenance.CodeFormatMalformed, Subject: tc.subject, Detail: tc.detail})
		if got := v.Reasons[0]; got.Code != provenance.CodeFormatMalformed || got.Message != tc.want {
			t.Errorf("%s: %+v, want %s", name, got, tc.want)
		}
	}
}

// Relaxing a finding can never be what allows.
func TestRelaxedFindingsDoNotAllow(t *testing.T) {
	p := parse(t, head+"signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}\nfindings: {allow: [unnamed-layer]}")
	f := provenance.Finding{ID: provenance.CodeUnnamedLayer, Detail: "d"}
	expect(t, judge(p, candidates{byKey("a")}, f), policy.Allow, provenance.CodeUnnamedLayer, provenance.CodeSignatureVerified)
	expect(t, judge(p, nil, f), policy.Deny, provenance.CodeUnnamedLayer, provenance.CodeSignatureMissing)
	expect(t, judge(p, candidates{byKey("b")}, f), policy.Deny, provenance.CodeUnnamedLayer, provenance.CodeSignatureWrongKey)
	expect(t, p.Evaluate(policy.Case{Faults: []provenance.Finding{f}}), policy.Deny, provenance.CodeUnnamedLayer)
}

func TestVerdictIsDeterministic(t *testing.T) {
	p := parse(t, twoOfThree)
	c := candidates{byKey("a"), byKey("b"), byKey("c"), refused(provenance.CodeSignatureBad), byPerson("x", "y")}
	var findings []provenance.Finding
	for _, e := range policy.Effects() {
		findings = append(findings, provenance.Finding{ID: e.Code, Detail: "d"})
	}
	one, err := json.Marshal(judge(p, c, findings...))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(c)
	slices.Reverse(findings)
	two, _ := json.Marshal(judge(p, append(c, c...), append(findings, findings...)...))
	if string(one) != string(two) {
		t.Errorf("the order decides:\n%s\n%s", one, two)
	}
}

// pending is a candidate about files that were not hashed yet.
func pending(c provenance.Candidate) provenance.Candidate {
	c.Verdict, c.Code = provenance.Unchecked, provenance.CodeSignaturePending
	return c
}

// A model signature by somebody whom the policy does not name is refused for
// who made it, before its files are read, and not for being unread.
func TestGateTellsWhoseItIs(t *testing.T) {
	person := byPerson("eve@example.com", issuer)
	p := parse(t, fourSigners("{signatures: {anyOf: [release, alice]}}"))
	schemes := parse(t, fourSigners("{signatures: {anyOf: [alice]}, schemes: [sigstore-key]}"))
	for name, tc := range map[string]struct {
		p    *policy.Policy
		c    provenance.Candidate
		code string
	}{
		"another person":       {p, pending(person), provenance.CodeSignatureWrongIdentity},
		"another issuer":       {p, pending(byPerson(workflow, "https://elsewhere.example")), provenance.CodeSignatureWrongIssuer},
		"another key":          {p, pending(byKey("b")), provenance.CodeSignatureWrongKey},
		"outside the window":   {p, pending(at(byKey("a"), "2027-01-01T00:00:00Z")), provenance.CodeExpiredAtTime},
		"not an accepted type": {p, pending(with(person, func(c *provenance.Candidate) { c.PredicateType = slsa })), provenance.CodeNotASignature},
		"not accepted scheme":  {schemes, pending(with(byKey("a"), func(c *provenance.Candidate) { c.Scheme = "oms-key" })), provenance.CodeSignatureWrongScheme},
	} {
		t.Run(name, func(t *testing.T) {
			list := []provenance.Candidate{tc.c}
			v := tc.p.Gate(list)
			if v.Outcome != policy.Deny || len(v.Reasons) != 1 || v.Reasons[0].Code != tc.code {
				t.Errorf("%v %+v, want %s", v.Outcome, v.Reasons, tc.code)
			}
			if list[0].Verdict != provenance.Unchecked {
				t.Errorf("the gate turned the candidate into %v", list[0].Verdict)
			}
		})
	}
}

// The gate closes exactly where the signatures deny, and never opens a door.
func TestGate(t *testing.T) {
	key := build(t, policy.Settings{KeyFiles: []string{"a"}})
	quorum := parse(t, twoOfThree)
	for name, tc := range map[string]struct {
		p    *policy.Policy
		c    candidates
		want policy.Outcome
	}{
		"signed":         {key, candidates{byKey("a")}, policy.Undecided},
		"unsigned":       {key, nil, policy.Deny},
		"another key":    {key, candidates{byKey("b")}, policy.Deny},
		"refused":        {key, candidates{refused(provenance.CodeSignatureBad)}, policy.Deny},
		"two of three":   {quorum, candidates{byKey("a"), byKey("b")}, policy.Undecided},
		"one of three":   {quorum, candidates{byKey("a")}, policy.Deny},
		"pending":        {key, candidates{pending(byKey("a"))}, policy.Undecided},
		"pending, other": {key, candidates{pending(byKey("b"))}, policy.Deny},
		"one, pending":   {quorum, candidates{byKey("a"), pending(byKey("b"))}, policy.Undecided},
		"one, itself":    {quorum, candidates{byKey("a"), pending(byKey("a"))}, policy.Deny},
		"allow unsigned": {build(t, policy.Settings{AllowUnsigned: true}), nil, policy.Undecided},
		"nobody trusted": {build(t, policy.Settings{}), nil, policy.Undecided},
		"no policy":      {&policy.Policy{}, candidates{byKey("a")}, policy.Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			v := tc.p.Gate(tc.c)
			if v.Outcome != tc.want || v.Allowed() {
				t.Errorf("got %v, want %v: %+v", v.Outcome, tc.want, v.Reasons)
			}
			waiting := slices.ContainsFunc(tc.c, func(c provenance.Candidate) bool { return c.Verdict == provenance.Unchecked })
			if full := judge(tc.p, tc.c); (full.Outcome == policy.Deny) != (v.Outcome == policy.Deny) && !waiting {
				t.Errorf("the gate says %v, the judge %v", v.Outcome, full.Outcome)
			}
		})
	}
}
