package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// only is a policy that asks for one signer, of this kind.
func only(signer string) string {
	return head + "trustedRoots: [{name: sigstore, file: root.json}]\nsigners: [{name: a, " + signer + "}]\nrequire: {signatures: {anyOf: [a]}}\n"
}

func signedAt(source string, times ...string) func(*provenance.Candidate) {
	return func(c *provenance.Candidate) {
		c.SignedAt = nil
		for _, t := range times {
			c.SignedAt = append(c.SignedAt, provenance.Timestamp{Time: t, Source: source})
		}
	}
}

// A key that is trusted for a time needs a trusted time within it.
func TestKeyWindow(t *testing.T) {
	const late, none, verified = provenance.CodeExpiredAtTime, provenance.CodeNoTimestamp, provenance.CodeSignatureVerified
	both := parse(t, only(`key: {file: a, notBefore: 2026-01-01T00:00:00Z, notAfter: "2026-07-01T02:00:00+02:00"}`))
	after := parse(t, only(`key: {file: a, notBefore: "2026-01-01T00:00:00Z"}`))
	until := parse(t, only(`key: {file: a, notAfter: "2026-07-01T00:00:00Z"}`))
	for name, tc := range map[string]struct {
		p      *policy.Policy
		change func(*provenance.Candidate)
		code   string
	}{
		"within":                {both, signedAt("rfc3161", "2026-03-01T00:00:00Z"), verified},
		"within, by a log":      {both, signedAt("rekor-set", "2026-03-01T00:00:00Z"), verified},
		"first second":          {both, signedAt("rfc3161", "2026-01-01T00:00:00Z"), verified},
		"last second":           {both, signedAt("rfc3161", "2026-07-01T00:00:00Z"), verified},
		"second before":         {both, signedAt("rfc3161", "2025-12-31T23:59:59Z"), late},
		"second after":          {both, signedAt("rfc3161", "2026-07-01T00:00:01Z"), late},
		"one of two":            {both, signedAt("rfc3161", "2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z"), late},
		"no time":               {both, signedAt("rfc3161"), none},
		"its own word":          {both, signedAt("claimed", "2026-03-01T00:00:00Z"), none},
		"the time of today":     {both, signedAt("current-time", "2026-03-01T00:00:00Z"), none},
		"no time at all":        {both, signedAt("rfc3161", "yesterday"), none},
		"no end":                {after, signedAt("rfc3161", "2099-01-01T00:00:00Z"), verified},
		"no end, before":        {after, signedAt("rfc3161", "2025-01-01T00:00:00Z"), late},
		"no end, no time":       {after, signedAt("rfc3161"), none},
		"no beginning":          {until, signedAt("rfc3161", "1999-01-01T00:00:00Z"), verified},
		"no beginning, after":   {until, signedAt("rfc3161", "2026-07-01T00:00:01Z"), late},
		"no beginning, no time": {until, signedAt("rfc3161"), none},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := policy.Deny
			if tc.code == verified {
				outcome = policy.Allow
			}
			expect(t, judge(tc.p, candidates{with(byKey("a"), tc.change)}), outcome, tc.code)
		})
	}
	k := both.Keys()
	if len(k) != 1 || !k[0].NotBefore.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !k[0].NotAfter.Equal(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("keys %+v", k)
	}
}

// A key can be asked for a log entry.
func TestKeyInLog(t *testing.T) {
	p, relaxed := parse(t, only("key: {file: a, requireLog: true}")), parse(t, only("key: {file: a, requireLog: false}"))
	logged := with(byKey("a"), func(c *provenance.Candidate) { c.Checked = []string{"subject", "transparency-log"} })
	index := int64(7)
	claimed := with(byKey("a"), func(c *provenance.Candidate) { c.LogIndex, c.Checked = &index, []string{"subject"} })
	expect(t, judge(p, candidates{logged}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{claimed}), policy.Deny, provenance.CodeLogInclusionFailed)
	expect(t, judge(p, candidates{byKey("a")}), policy.Deny, provenance.CodeLogInclusionFailed)
	expect(t, judge(p, candidates{with(logged, func(c *provenance.Candidate) { c.Checked = []string{"transparency-log?"} })}), policy.Deny, provenance.CodeLogInclusionFailed)
	expect(t, judge(p, candidates{with(byKey("b"), func(c *provenance.Candidate) { c.Checked = logged.Checked })}), policy.Deny, provenance.CodeSignatureWrongKey)
	expect(t, judge(relaxed, candidates{byKey("a")}), policy.Allow, provenance.CodeSignatureVerified)
}

// A threshold above one is not taken on trust.
func TestThresholds(t *testing.T) {
	base := one("issuer: " + issuer + ", subject: ann@acme.example")
	if got := parse(t, base).Thresholds(); got != (policy.Thresholds{CertificateTimestamps: 1, LogEntries: 1, Timestamps: 1}) {
		t.Errorf("default %+v", got)
	}
	asking := func(evidence string) *policy.Policy {
		return parse(t, base[:len(base)-2]+", evidence: "+evidence+"}\n")
	}
	p := asking("{certificateTimestamps: 2, logEntries: 3, timestamps: 2}")
	if got := p.Thresholds(); got != (policy.Thresholds{CertificateTimestamps: 2, LogEntries: 3, Timestamps: 2}) {
		t.Errorf("thresholds %+v", got)
	}
	ann := func(scts, logs, times int) provenance.Candidate {
		return with(byPerson("ann@acme.example", issuer), func(c *provenance.Candidate) {
			c.Evidence = provenance.Evidence{CertificateTimestamps: scts, LogEntries: logs, Timestamps: times}
		})
	}
	expect(t, judge(p, candidates{ann(2, 3, 2)}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{ann(9, 9, 9)}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{ann(1, 3, 2)}), policy.Deny, provenance.CodeCertificateNotLogged)
	expect(t, judge(p, candidates{ann(2, 2, 2)}), policy.Deny, provenance.CodeLogInclusionFailed)
	expect(t, judge(p, candidates{ann(2, 3, 1)}), policy.Deny, provenance.CodeNoTimestamp)
	expect(t, judge(p, candidates{ann(0, 0, 0)}), policy.Deny, provenance.CodeCertificateNotLogged)
	expect(t, judge(asking("{logEntries: 1}"), candidates{ann(0, 0, 0)}), policy.Allow, provenance.CodeSignatureVerified)
	if a, b := asking("{logEntries: 1}").Digest(), parse(t, base).Digest(); a != b {
		t.Error("saying the default makes another policy")
	}
}

// An own authority: the time of signing is proven unless the policy says that
// the time of the check will do.
func TestOwnAuthority(t *testing.T) {
	const verified = provenance.CodeSignatureVerified
	p := parse(t, only("certificate: {chain: chain-corp, issuer: corp, subject: ann@acme.example}"))
	now := parse(t, head+"signers: [{name: a, certificate: {chain: chain-corp, subjectPattern: '(ann|bob)@acme\\.example', time: current}}]\nrequire: {signatures: {anyOf: [a]}}")
	ann := byCA("ann@acme.example", "corp")
	here := with(byCA("ann@acme.example", "a"), signedAt("current-time", "2026-01-01T00:00:00Z"))
	for name, tc := range map[string]struct {
		p    *policy.Policy
		c    provenance.Candidate
		code string
	}{
		"ann":                   {p, ann, verified},
		"of a model":            {p, with(ann, func(c *provenance.Candidate) { c.Scheme, c.PredicateType = "oms-x509", policy.ModelSignatureType }), verified},
		"somebody else":         {p, byCA("bob@acme.example", "corp"), provenance.CodeSignatureWrongIdentity},
		"of another authority":  {p, byCA("ann@acme.example", "other"), provenance.CodeSignatureWrongIssuer},
		"of no authority":       {p, byCA("ann@acme.example", ""), provenance.CodeSignatureWrongIssuer},
		"of Sigstore":           {p, with(ann, func(c *provenance.Candidate) { c.Scheme = "sigstore-keyless" }), provenance.CodeSignatureWrongIssuer},
		"under a root":          {p, with(ann, func(c *provenance.Candidate) { c.Identity.TrustedRoot = "sigstore" }), provenance.CodeSignatureWrongIssuer},
		"and a key":             {p, with(ann, func(c *provenance.Candidate) { c.Identity.KeyFingerprint = "sha256:00" }), provenance.CodeSignatureWrongKey},
		"no time":               {p, with(ann, signedAt("rfc3161")), provenance.CodeNoTimestamp},
		"the time of the check": {p, with(ann, signedAt("current-time", "2026-01-01T00:00:00Z")), provenance.CodeNoTimestamp},
		"now":                   {now, here, verified},
		"now, bob":              {now, byCA("bob@acme.example", "a"), verified},
		"now, without a time":   {now, with(here, signedAt("rfc3161")), verified},
		"now, eve":              {now, byCA("eve@acme.example", "a"), provenance.CodeSignatureWrongIdentity},
		"now, longer":           {now, byCA("ann@acme.example.org", "a"), provenance.CodeSignatureWrongIdentity},
		"now, another":          {now, byCA("ann@acme.example", "corp"), provenance.CodeSignatureWrongIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := policy.Deny
			if tc.code == verified {
				outcome = policy.Allow
			}
			expect(t, judge(tc.p, candidates{tc.c}), outcome, tc.code)
		})
	}
	if got := p.CAs(); len(got) != 1 || got[0].Name != "corp" || string(got[0].Chain) != string(chain("corp")) || got[0].CurrentTime {
		t.Errorf("authorities %+v", got)
	}
	if got := now.CAs(); len(got) != 1 || got[0].Name != "a" || !got[0].CurrentTime {
		t.Errorf("authorities %+v", got)
	}
}

// A record that was made under a policy which demands less does not satisfy one
// that demands more: what was not demanded was not written down.
func TestRecordsOfALaxerPolicy(t *testing.T) {
	window := only(`key: {file: a, notAfter: "2026-07-01T00:00:00Z"}`)
	keylessTwice := one("issuer: " + issuer + ", subject: ann@acme.example")
	keylessTwice = keylessTwice[:len(keylessTwice)-2] + ", evidence: {timestamps: 2}}\n"
	everything := func(c provenance.Candidate) provenance.Candidate {
		c = at(c, "2026-03-01T00:00:00Z")
		c.Checked = []string{"transparency-log"}
		c.Evidence = provenance.Evidence{CertificateTimestamps: 9, LogEntries: 9, Timestamps: 9}
		return c
	}
	for name, tc := range map[string]struct {
		lax, strict string
		c           provenance.Candidate
	}{
		"log":        {only("key: {file: a}"), only("key: {file: a, requireLog: true}"), byKey("a")},
		"window":     {only("key: {file: a}"), window, byKey("a")},
		"narrower":   {only(`key: {file: a, notAfter: "2027-07-01T00:00:00Z"}`), window, byKey("a")},
		"time":       {only("certificate: {chain: chain-corp, subject: s, time: current}"), only("certificate: {chain: chain-corp, subject: s}"), byCA("s", "a")},
		"thresholds": {one("issuer: " + issuer + ", subject: ann@acme.example"), keylessTwice, byPerson("ann@acme.example", issuer)},
		"extensions": {one("issuer: " + issuer + ", subject: ann@acme.example"), one("issuer: " + issuer + ", subject: ann@acme.example, extensions: {runnerEnvironment: hosted}"), byPerson("ann@acme.example", issuer)},
	} {
		t.Run(name, func(t *testing.T) {
			c := everything(tc.c)
			lax, strict := parse(t, tc.lax), parse(t, tc.strict)
			own := record(strict, candidates{c})
			expect(t, strict.Evaluate(policy.Case{Manifest: own}), policy.Allow, provenance.CodeSignatureVerified)
			old := record(lax, candidates{c})
			expect(t, lax.Evaluate(policy.Case{Manifest: old}), policy.Allow, provenance.CodeSignatureVerified)
			expect(t, strict.Evaluate(policy.Case{Manifest: old}), policy.Deny, provenance.CodeSignatureMissing)
		})
	}
}

// The record says what was demanded and holds: not when, and not where.
func TestRecordedEvidence(t *testing.T) {
	p := parse(t, only(`key: {file: a, notAfter: "2026-07-01T00:00:00Z", requireLog: true}`))
	c := at(byKey("a"), "2026-03-01T00:00:00Z")
	c.Checked = []string{"transparency-log"}
	again := at(c, "2026-04-01T00:00:00Z")
	got, other := p.Match(c), p.Match(again)
	if len(got) != 1 || !slices.Equal(got[0].Evidence, []string{"transparency-log", "trusted-time:../2026-07-01T00:00:00Z"}) {
		t.Fatalf("got %+v", got)
	}
	if len(other) != 1 || !slices.Equal(got[0].Evidence, other[0].Evidence) {
		t.Errorf("signing again changes the record: %+v", other)
	}
}
