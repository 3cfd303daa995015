package policy_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// one is a policy with the given keyless rule.
func one(rule string) string {
	return head + "trustedRoots: [{name: r, file: root.json}]\nsigners: [{name: a, keyless: {" + rule + "}}]\nrequire: {signatures: {anyOf: [a]}}\n"
}

// keyed is a policy with the given requirement over the keys a and b.
func keyed(require string) string {
	return head + "signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]\nrequire: {signatures: " + require + "}\n"
}

func inlinePEM() string {
	b, _ := publicKey("a")
	return strings.ReplaceAll(string(b), "\n", "\\n")
}

func TestParseRefuses(t *testing.T) {
	ok := keyed("{anyOf: [a, b]}")
	if _, err := policy.Parse([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		yaml string
		line int // 0: none is known
		want string
	}{
		"empty":                  {"", 0, "empty"},
		"comment only":           {"# nothing\n", 0, "empty"},
		"null":                   {"~", 1, "want a mapping"},
		"a list":                 {"- a", 1, "want a mapping"},
		"an empty mapping":       {"{}", 1, "no apiVersion"},
		"no kind":                {"apiVersion: modelcheck/v1", 1, "no kind"},
		"another version":        {strings.Replace(ok, "modelcheck/v1", "modelcheck/v2", 1), 1, "apiVersion"},
		"another kind":           {strings.Replace(ok, "kind: Policy", "kind: Pod", 1), 2, "kind"},
		"too large":              {ok + strings.Repeat("#", 1<<20), 0, "over the limit"},
		"not UTF-8":              {ok + "\xff", 0, "UTF-8"},
		"tab":                    {"apiVersion: modelcheck/v1\n\tkind: Policy", 0, "line 2"},
		"second document":        {ok + "---\n" + ok, 5, "second document"},
		"second document, empty": {ok + "---\n", 5, "second document"},
		"unknown key":            {ok + "rules: []\n", 5, `unknown key "rules"`},
		"case variant":           {strings.Replace(ok, "kind:", "Kind:", 1), 2, `unknown key "Kind"`},
		"duplicate key":          {ok + "kind: Policy\n", 5, "twice"},
		"anchor":                 {strings.Replace(ok, "anyOf: [a", "anyOf: &x [a", 1), 4, "anchors"},
		"alias":                  {head + "signers: &s [{name: a, key: {file: a}}]\nrequire: *s\n", 3, "anchors"},
		"merge":                  {head + "<<: {allowUnsigned: true}\n", 3, "merge"},
		"tag":                    {head + "allowUnsigned: !!bool true\n", 3, "tags"},
		"binary":                 {head + "allowUnsigned: !!binary dHJ1ZQ==\n", 3, "tags"},
		"key is no string":       {head + "1: 2\n", 3, "want a string"},
		"deep":                   {head + "findings: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), 3, "deeper"},
		"bomb":                   {head + "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 3, "anchors"},

		"no signers":                {head, 1, "no signers"},
		"no signers, but required":  {head + "require: {signatures: {anyOf: [a]}}", 3, "no signer is named"},
		"empty signers":             {head + "signers: []\nallowUnsigned: true", 3, "empty"},
		"signers null":              {head + "signers:\nallowUnsigned: true", 3, "want a list"},
		"signers not required":      {head + "signers: [{name: a, key: {file: a}}]", 1, "anyOf: [a]"},
		"allowUnsigned is a string": {head + "allowUnsigned: \"true\"", 3, "true or false"},
		"allowUnsigned: yes":        {head + "allowUnsigned: yes", 3, "true or false"},
		"allowUnsigned: True":       {head + "allowUnsigned: True", 3, "true or false"},
		"unsigned and required":     {ok + "allowUnsigned: true\n", 4, "not meant"},
		"signer without name":       {head + "signers: [{key: {file: a}}]", 3, "without name"},
		"signer named no":           {head + "signers: [{name: no, key: {file: 1}}]", 3, "want a string"},
		"signer twice":              {head + "signers:\n- {name: a, key: {file: a}}\n- {name: a, key: {file: b}}", 5, "twice"},
		"signer of no kind":         {head + "signers: [{name: a}]", 3, "exactly one"},
		"signer of both kinds":      {head + "signers: [{name: a, key: {file: a}, keyless: {}}]", 3, "exactly one"},
		"signer with invisible":     {head + "signers: [{name: \"a\\u200b\", key: {file: a}}]", 3, "cannot be seen"},
		"signer turned around":      {head + "signers: [{name: \"a\\u202e\", key: {file: a}}]", 3, "cannot be seen"},
		"signer with line feed":     {head + "signers: [{name: \"a\\nb\", key: {file: a}}]", 3, "cannot be seen"},
		"signer with blank":         {head + "signers: [{name: \" a\", key: {file: a}}]", 3, "cannot be seen"},
		"relation":                  {head + "signers: [{name: a, relation: friend, key: {file: a}}]", 3, "relation"},
		"relation unknown":          {head + "signers: [{name: a, relation: unknown, key: {file: a}}]", 3, "relation"},
		"key of nothing":            {head + "signers: [{name: a, key: {}}]", 3, "exactly one"},
		"key twice over":            {head + "signers: [{name: a, key: {file: a, pem: b}}]", 3, "exactly one"},
		"key is a string":           {head + "signers: [{name: a, key: cosign.pub}]", 3, "want a mapping"},
		"pem is none":               {head + "signers: [{name: a, key: {pem: b}}]", 3, "not a PEM"},
		"unused signer":             {keyed("{anyOf: [a]}"), 4, `"b" is named and nothing asks`},
		"unknown signer":            {keyed("{anyOf: [a, b, c]}"), 4, `no signer "c"`},
		"nobody in particular":      {keyed("{anyOf: []}"), 4, "empty"},
		"required twice":            {keyed("{anyOf: [a, b, a]}"), 4, "twice"},
		"two requirements":          {keyed("{anyOf: [a], allOf: [b]}"), 4, "exactly one"},
		"no requirement":            {keyed("{}"), 4, "exactly one"},
		"threshold 0":               {keyed("{atLeast: {count: 0, of: [a, b]}}"), 4, "at least 1"},
		"threshold -1":              {keyed("{atLeast: {count: -1, of: [a, b]}}"), 4, "at least 1"},
		"threshold 3 of 2":          {keyed("{atLeast: {count: 3, of: [a, b]}}"), 4, "never be met"},
		"threshold 01":              {keyed("{atLeast: {count: 01, of: [a, b]}}"), 4, "at least 1"},
		"threshold 0x1":             {keyed("{atLeast: {count: 0x1, of: [a, b]}}"), 4, "at least 1"},
		"threshold 1.0":             {keyed("{atLeast: {count: 1.0, of: [a, b]}}"), 4, "at least 1"},
		"threshold 1e0":             {keyed("{atLeast: {count: 1e0, of: [a, b]}}"), 4, "at least 1"},
		"threshold \"1\"":           {keyed("{atLeast: {count: \"1\", of: [a, b]}}"), 4, "at least 1"},
		"threshold of all":          {keyed("{atLeast: {count: 99999999999999999999, of: [a, b]}}"), 4, "at least 1"},
		"threshold of nobody":       {keyed("{atLeast: {count: 1}}"), 4, "want count and of"},
		"no predicate types":        {head + "signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}, predicateTypes: []}", 4, "empty"},

		"no issuer":                {one("subject: x@acme.example"), 4, "issuer"},
		"no subject":               {one("issuer: https://i.example"), 4, "subject"},
		"empty issuer":             {one("issuer: '', subject: x@acme.example"), 4, "blank"},
		"issuer and pattern":       {one("issuer: a, issuerPattern: b, subject: x"), 4, "exactly one"},
		"misspelt pattern":         {one("issuer: https://i.example, subjectRegExp: x"), 4, "unknown key"},
		"pattern does not parse":   {one("issuer: https://i.example, subjectPattern: '('"), 4, "compile"},
		"pattern leaves its group": {one("issuer: https://i.example, subjectPattern: 'a)|(b'"), 4, "compile"},
		"pattern .*":               {one("issuer: https://i.example, subjectPattern: '.*'"), 4, "empty string"},
		"pattern .+":               {one("issuer: https://i.example, subjectPattern: '.+'"), 4, "nobody in particular"},
		"pattern ^.*$":             {one("issuer: https://i.example, subjectPattern: '^.*$'"), 4, "empty string"},
		"pattern or anything":      {one("issuer: https://i.example, subjectPattern: 'ann@acme\\.example|.+'"), 4, "nobody in particular"},
		"pattern .*@.*":            {one("issuer: https://i.example, subjectPattern: '.*@.*'"), 4, "mallory"},
		"pattern https://.*":       {one("issuer: https://i.example, subjectPattern: 'https://.*'"), 4, "mallory"},
		"issuer pattern .*":        {one("issuerPattern: '.*', subject: x@acme.example"), 4, "empty string"},
		"extension is no string":   {one("issuer: i, subject: s, extensions: {a: true}"), 4, "want a string"},
		"keyless without root":     {head + "signers: [{name: a, keyless: {issuer: i, subject: s}}]", 3, "no trustedRoots"},
		"root without file":        {head + "trustedRoots: [{name: r}]", 3, "no file"},
		"root twice":               {head + "trustedRoots: [{name: r, file: a}, {name: r, file: b}]", 3, "twice"},
		"which root":               {head + "trustedRoots: [{name: r, file: a}, {name: s, file: b}]\nsigners: [{name: a, keyless: {issuer: i, subject: s}}]", 4, "say which"},
		"unknown root":             {one("issuer: i, subject: s, trustedRoot: x"), 4, `no trusted root "x"`},
		"unused root":              {head + "trustedRoots: [{name: r, file: a}, {name: s, file: b}]\nsigners: [{name: a, keyless: {issuer: i, subject: s, trustedRoot: r}}]", 4, "no signer uses it"},

		"inline key twice": {head + "signers: [{name: a, key: {pem: \"" + inlinePEM() + "\"}}, {name: b, key: {pem: \"" + inlinePEM() + "\"}}]\nrequire: {signatures: {anyOf: [a, b]}}", 0, "same key"},

		"unknown finding":   {ok + "findings: {allow: [unheard-of]}", 5, "no finding"},
		"signature finding": {ok + "findings: {allow: [signature-missing]}", 5, "no finding"},
		"fixed finding":     {ok + "findings: {allow: [digest-mismatch]}", 5, "always denies"},
		"finding held":      {ok + "findings: {hold: [unsafe-file-name]}", 5, "always denies"},
		"two effects":       {ok + "findings: {allow: [unnamed-layer], hold: [unnamed-layer]}", 5, "two effects"},
		"finding twice":     {ok + "findings: {allow: [unnamed-layer, unnamed-layer]}", 5, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(tc.yaml))
			if p != nil || !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), tc.want) || line(err) != tc.line {
				t.Errorf("got %v (line %d), want %q in line %d", err, line(err), tc.want, tc.line)
			}
		})
	}
}

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
		"ext":      one("issuer: i, subject: s, extensions: {a: b}"),
		"root":     strings.Replace(one("issuer: i, subject: s"), "root.json", "corp.json", 1),
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
	if got := q.SignatureTypes(); !slices.Equal(got, []string{policy.DefaultSignatureType}) {
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

// Whatever Parse accepts demands something or says aloud that it does not, and
// means the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{keyless, twoOfThree, one("issuer: i, subject: s"), head + "allowUnsigned: true", head + "findings: {deny: [code-on-load]}", "{}", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			if p != nil || !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		if err := p.Resolve(readFiles); err != nil {
			return
		}
		q, err := policy.Parse(data)
		if err != nil || q.Resolve(readFiles) != nil || q.Digest() != p.Digest() {
			t.Fatalf("read again: %v, %v", q, err)
		}
		v := judge(p, nil)
		unsigned := slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool { return r.Code == provenance.CodeUnsignedAllowed })
		if v.Allowed() && !unsigned {
			t.Fatalf("allows an unsigned artifact: %+v", v)
		}
	})
}

func TestErrorsName(t *testing.T) {
	_, err := policy.Parse([]byte(head + "rules: 1\n"))
	if got, want := fmt.Sprint(err), `invalid policy: line 3, column 1: policy: unknown key "rules" (known: apiVersion, kind, trustedRoots, signers, require, allowUnsigned, findings)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
