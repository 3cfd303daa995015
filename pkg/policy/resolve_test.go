package policy_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestDigestIsOfTheContent(t *testing.T) {
	a := parse(t, keyed("{anyOf: [a, b]}"))
	same := parse(t, "# spelled otherwise\nkind: \"Policy\"\nrequire:\n  signatures:\n    atLeast: {count: 1, of: [b, a]}\nsigners:\n- key: {file: b}\n  name: b\n- name: a\n  key: {file: a}\napiVersion: modelcheck/v1\nallowUnsigned: false\n")
	if a.Digest().IsZero() || a.Digest() != same.Digest() {
		t.Errorf("%v and %v", a.Digest(), same.Digest())
	}
	if d := parse(t, strings.Replace(keyed("{anyOf: [a, b]}"), "file: a", "pem: \""+inlinePEM()+"\"", 1)).Digest(); d != a.Digest() {
		t.Errorf("the same key, written out: %v, want %v", d, a.Digest())
	}
	seen := map[string]string{a.Digest().String(): "a"}
	for name, yaml := range map[string]string{
		"all":      keyed("{allOf: [a, b]}"),
		"key":      strings.Replace(keyed("{anyOf: [a, b]}"), "file: b", "file: c", 1),
		"relation": strings.Replace(keyed("{anyOf: [a, b]}"), "name: a,", "name: a, relation: producer,", 1),
		"findings": keyed("{anyOf: [a, b]}") + "findings: {hold: [code-on-load]}",
		"types":    strings.Replace(keyed("{anyOf: [a, b]}"), "[a, b]}", "[a, b]}, predicateTypes: [https://t.example]", 1),
		"unsigned": head + "allowUnsigned: true",
		"keyless":  one("issuer: i, subject: s"),
		"subject":  one("issuer: i, subject: t"),
		"pattern":  one("issuer: i, subjectPattern: s"),
		"issuer":   one("issuer: j, subject: s"),
		"ext":      one("issuer: i, subject: s, extensions: {buildTrigger: b}"),
		"root":     strings.Replace(one("issuer: i, subject: s"), "root.json", "corp.json", 1),
		"max age":  strings.Replace(one("issuer: i, subject: s"), "root.json", "root.json, maxAge: 1d", 1),
		"warn age": strings.Replace(one("issuer: i, subject: s"), "root.json", "root.json, warnAge: 24h", 1),
		"ext 2":    one("issuer: i, subject: s, extensions: {buildTriggerPattern: b}"),
		"from":     keyWith("notBefore: '2026-01-01T00:00:00Z'", true),
		"until":    keyWith("notAfter: '2026-01-01T00:00:00Z'", true),
		"logged":   keyWith("requireLog: true", true),
		"chain":    ca("chain: chain-x, subject: s, time: current"),
		"chain 2":  ca("chain: chain-y, subject: s, time: current"),
		"chain 3":  ca("chain: \"chain-x+x'\", subject: s, time: current"),
		"ca name":  ca("chain: chain-x, issuer: x, subject: s, time: current"),
		"ca time":  strings.Replace(ca("chain: chain-x, subject: s"), "signers", "trustedRoots: [{name: r, file: root.json}]\nsigners", 1),
		"asking":   asking("schemes: [sigstore-key]"),
		"asking 2": asking("predicateTypes: [no-statement]"),
		"attested": asking("attestations: [{name: n, predicateType: t, signedBy: {anyOf: [a]}}]"),
		"att name": asking("attestations: [{name: m, predicateType: t, signedBy: {anyOf: [a]}}]"),
		"att type": asking("attestations: [{name: n, predicateType: u, signedBy: {anyOf: [a]}}]"),
		"scts":     thresholded("{certificateTimestamps: 2}"),
		"logs":     thresholded("{logEntries: 2}"),
		"times":    thresholded("{timestamps: 2}"),
		"group":    keyed("{anyOf: [a, {anyOf: [b]}]}"),
	} {
		d := parse(t, yaml).Digest().String()
		if other, twice := seen[d]; twice || d == "" {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
}

func TestResolve(t *testing.T) {
	p, err := policy.Parse([]byte(keyless + ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Files(); !slices.Equal(got, []string{"root.json"}) || len(p.Roots()) != 0 || !p.Digest().IsZero() {
		t.Errorf("before: files %q, roots %v, digest %v", got, p.Roots(), p.Digest())
	}
	resolve(t, p)
	if r := p.Roots(); len(r) != 1 || r[0].Name != "sigstore" || len(r[0].JSON) == 0 {
		t.Errorf("roots %+v", r)
	}
	q := parse(t, keyed("{anyOf: [a, b]}"))
	if k := q.Keys(); len(k) != 2 || k[0].Name != "a" || !strings.Contains(string(k[0].PEM), "PUBLIC KEY") {
		t.Errorf("keys %+v", k)
	}
	if got := q.SignatureTypes(); !slices.Equal(got, []string{policy.ModelSignatureType, policy.DefaultSignatureType}) {
		t.Errorf("types %q", got)
	}
	for file, want := range map[string]error{"missing": fs.ErrNotExist, "garbage": policy.ErrTrustMaterial, "b": policy.ErrInvalid} {
		p, err := policy.Parse([]byte(strings.Replace(keyed("{anyOf: [a, b]}"), "file: a", "file: "+file, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Resolve(readFiles); !errors.Is(err, want) || !p.Digest().IsZero() || len(p.Keys()) != 0 {
			t.Errorf("%s: %v, want %v; keys %v", file, err, want, p.Keys())
		}
	}
	if err := (&policy.Policy{}).Resolve(readFiles); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("zero policy: %v", err)
	}
}

func TestKeysThatNobodyShouldTrust(t *testing.T) {
	good, _ := publicKey("a")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skipf("no weak key to test with: %v", err)
	}
	weakDER, _ := x509.MarshalPKIXPublicKey(weak.Public())
	for name, tc := range map[string]struct{ pem, want string }{
		"private":     {string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("x")})), "private key"},
		"certificate": {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "want PUBLIC KEY"},
		"two keys":    {string(good) + string(good), "more after"},
		"text before": {"hello\n" + string(good), "not a PEM"},
		"headers":     {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"a": "b"}, Bytes: []byte("x")})), "want PUBLIC KEY"},
		"not DER":     {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "not a public key"},
		"weak":        {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: weakDER})), "1024 bits"},
		"empty":       {"", "not a PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Build(policy.Settings{KeyFiles: []string{"k"}})
			if err != nil {
				t.Fatal(err)
			}
			err = p.Resolve(func(string) ([]byte, error) { return []byte(tc.pem), nil })
			if !errors.Is(err, policy.ErrTrustMaterial) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	for name, s := range map[string]policy.Settings{
		"identity without issuer":  {Subject: "x@acme.example", RootFile: "root.json"},
		"pattern without issuer":   {SubjectPattern: "x@acme\\.example", RootFile: "root.json"},
		"issuer without identity":  {Issuer: "https://i.example", RootFile: "root.json"},
		"identity without root":    {Issuer: "https://i.example", Subject: "x@acme.example"},
		"identity and its pattern": {Issuer: "https://i.example", Subject: "x", SubjectPattern: "x", RootFile: "root.json"},
		"pattern that all match":   {Issuer: "https://i.example", SubjectPattern: ".*", RootFile: "root.json"},
		"key twice":                {KeyFiles: []string{"a", "a"}},
		"key without name":         {KeyFiles: []string{""}},
	} {
		if p, err := policy.Build(s); p != nil || !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	p := build(t, policy.Settings{KeyFiles: []string{"a", "b"}, Issuer: "https://i.example", Subject: "x@acme.example", RootFile: "root.json", Relation: provenance.Producer})
	if got := p.Files(); !slices.Equal(got, []string{"a", "b", "root.json"}) {
		t.Errorf("files %q", got)
	}
	for i, c := range (candidates{byKey("a"), byKey("b"), byPerson("x@acme.example", "https://i.example")}) {
		expect(t, judge(p, candidates{c}), policy.Allow, provenance.CodeSignatureVerified)
		if got := p.Match(c); len(got) != 1 || got[0].Relation != provenance.Producer || strings.Contains(got[0].Signer, "/") {
			t.Errorf("%d: %+v", i, got)
		}
	}
	expect(t, judge(p, candidates{byKey("c")}), policy.Deny, provenance.CodeSignatureWrongKey)
	expect(t, judge(p, nil), policy.Deny, provenance.CodeSignatureMissing)
	expect(t, judge(p, candidates{byPerson("x@acme.example", "https://j.example")}), policy.Deny, provenance.CodeSignatureWrongIssuer)
}

// Flags can name a person of an own authority.
func TestBuildOwnAuthority(t *testing.T) {
	for name, s := range map[string]policy.Settings{
		"nobody":           {ChainFile: "chain-x", RootFile: "root.json"},
		"and an issuer":    {ChainFile: "chain-x", Issuer: "https://i.example", Subject: "s", RootFile: "root.json"},
		"no time":          {ChainFile: "chain-x", Subject: "s"},
		"now, of Sigstore": {Issuer: "https://i.example", Subject: "s", RootFile: "root.json", CurrentTime: true},
		"now, of nobody":   {CurrentTime: true},
	} {
		if p, err := policy.Build(s); p != nil || !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	p := build(t, policy.Settings{ChainFile: "chain-x", SubjectPattern: ".*@acme\\.example", RootFile: "root.json", KeyFiles: []string{"a"}})
	now := build(t, policy.Settings{ChainFile: "chain-x", Subject: "ann@acme.example", CurrentTime: true})
	if got := p.Files(); !slices.Equal(got, []string{"a", "chain-x", "root.json"}) {
		t.Errorf("files %q", got)
	}
	authority := p.CAs()[0].Name
	expect(t, judge(p, candidates{byCA("ann@acme.example", authority)}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{byKey("a")}), policy.Allow, provenance.CodeSignatureVerified)
	expect(t, judge(p, candidates{byCA("ann@acme.org", authority)}), policy.Deny, provenance.CodeSignatureWrongIdentity)
	expect(t, judge(p, candidates{byCA("ann@acme.example", "x")}), policy.Deny, provenance.CodeSignatureWrongIssuer)
	expect(t, judge(p, candidates{with(byCA("ann@acme.example", authority), signedAt("rfc3161"))}), policy.Deny, provenance.CodeNoTimestamp)
	expect(t, judge(now, candidates{with(byCA("ann@acme.example", authority), signedAt("rfc3161"))}), policy.Allow, provenance.CodeSignatureVerified)
}

// What is handed on about roots is what was written.
func TestRootAges(t *testing.T) {
	p := parse(t, strings.Replace(one("issuer: i, subject: s"), "root.json", "root.json, warnAge: 36h, maxAge: 90d", 1))
	if r := p.Roots(); len(r) != 1 || r[0].WarnAge != 36*time.Hour || r[0].MaxAge != 90*24*time.Hour {
		t.Errorf("roots %+v", r)
	}
	if r := parse(t, one("issuer: i, subject: s")).Roots(); r[0].WarnAge != 0 || r[0].MaxAge != 0 {
		t.Errorf("roots %+v", r)
	}
}

func TestChainsThatNobodyShouldTrust(t *testing.T) {
	cert := string(chain("x"))
	for name, tc := range map[string]struct{ pem, want string }{
		"empty":         {"", "not a PEM"},
		"garbage":       {"garbage", "not a PEM"},
		"text after":    {cert + "garbage", "not a PEM"},
		"text between":  {cert + "garbage\n" + string(chain("y")), "not a PEM"},
		"a leaf":        {string(chain("leaf")), "no authority"},
		"and a leaf":    {cert + string(chain("leaf")), "no authority"},
		"no root":       {string(chain("x'")), "no root"},
		"twice":         {cert + cert, "stands twice"},
		"too many":      {string(chain(strings.Fields("a b c d e f g h i j k l m n o p q")...)), "more than 16"},
		"a key":         {string(must(publicKey("a"))), "want CERTIFICATE"},
		"a private key": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "keep it secret"},
		"not DER":       {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "cannot be read"},
		"headers":       {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: []byte("x")})), "want CERTIFICATE"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(ca("chain: f, subject: s, time: current")))
			if err != nil {
				t.Fatal(err)
			}
			err = p.Resolve(func(string) ([]byte, error) { return []byte(tc.pem), nil })
			if !errors.Is(err, policy.ErrTrustMaterial) || !strings.Contains(err.Error(), tc.want) || len(p.CAs()) != 0 || !p.Digest().IsZero() {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	good, err := policy.Parse([]byte(ca("chain: \"chain-x+x'\", subject: s, time: current")))
	if err != nil || good.Resolve(readFiles) != nil {
		t.Errorf("a root and what it issued: %v", err)
	}
}

func must(b []byte, _ string) []byte { return b }

// One chain has one name.
func TestSignersOfOneAuthority(t *testing.T) {
	two := func(first, second string) error {
		p, err := policy.Parse([]byte(head + "trustedRoots: [{name: r, file: root.json}]\nsigners: [{name: a, certificate: {" + first + ", subject: s}}, {name: b, certificate: {" + second + ", subject: t}}]\nrequire: {signatures: {anyOf: [a, b]}}"))
		if err != nil {
			t.Fatal(err)
		}
		if err = p.Resolve(readFiles); err == nil && len(p.CAs()) != 1 && strings.Contains(second, "issuer: corp") {
			t.Errorf("authorities %+v", p.CAs())
		}
		return err
	}
	if err := two("chain: chain-x", "chain: chain-y"); err != nil {
		t.Error(err)
	}
	if err := two("chain: chain-x, issuer: corp", "chain: chain-x, issuer: corp"); err != nil {
		t.Error(err)
	}
	for name, tc := range map[string][2]string{
		"no name":         {"chain: chain-x", "chain: chain-x"},
		"two names":       {"chain: chain-x, issuer: c", "chain: chain-x, issuer: d"},
		"part in common":  {"chain: chain-x", "chain: chain-x+y"},
		"two chains":      {"chain: chain-x, issuer: c", "chain: chain-y, issuer: c"},
		"two times":       {"chain: chain-x, issuer: c", "chain: chain-x, issuer: c, time: current"},
		"the other's one": {"chain: chain-x", "chain: chain-y, issuer: a"},
	} {
		if err := two(tc[0], tc[1]); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
