package schemas_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
	"github.com/modelcheck/modelcheck/schemas"
)

const base = "https://github.com/modelcheck/modelcheck/schemas/"

// files are the published schemas by name.
func files() map[string][]byte {
	out := map[string][]byte{}
	for _, d := range schemas.All() {
		out[d.File] = d.JSON
	}
	return out
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for file, data := range files() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(base+file, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(base + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func document(t *testing.T, data []byte) map[string]any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := doc.(map[string]any)
	if !ok {
		t.Fatalf("not an object: %s", data)
	}
	return m
}

// golden is the manifest that package provenance writes in its tests.
func golden(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../pkg/provenance/testdata/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type object = map[string]any

func claim(doc object, id string) object {
	for _, c := range doc["predicate"].(object)["claims"].([]any) {
		if c.(object)["id"] == id {
			return c.(object)
		}
	}
	panic("no claim " + id)
}

func observation(doc object, id string) object {
	return claim(doc, id)["observations"].([]any)[0].(object)
}

// The schema by itself, without this program, finds a record out.
func TestManifestSchemaRefusesDishonesty(t *testing.T) {
	s := compile(t, "manifest-v1.json")
	if err := s.Validate(document(t, golden(t))); err != nil {
		t.Fatalf("the golden manifest: %v", err)
	}
	const absent, conflict, declared, verified = "td.sources.publicDatasets", "license.weights", "td.size.text", "runtime.remoteCode"
	for name, change := range map[string]func(object){
		"conflict with a value":      func(d object) { claim(d, conflict)["value"] = "MIT" },
		"conflict of one":            func(d object) { c := claim(d, conflict); c["observations"] = c["observations"].([]any)[:1] },
		"absent without searched":    func(d object) { delete(claim(d, absent), "searched") },
		"absent, searched nothing":   func(d object) { claim(d, absent)["searched"] = []any{} },
		"absent with a value":        func(d object) { claim(d, absent)["value"] = []any{"c4"} },
		"absent, not said how":       func(d object) { delete(claim(d, absent), "absence") },
		"absent, silent, observed":   func(d object) { claim(d, absent)["observations"] = claim(d, declared)["observations"] },
		"absent, stated by nobody":   func(d object) { claim(d, absent)["absence"] = "stated-none" },
		"verified without evidence":  func(d object) { delete(claim(d, verified), "observations") },
		"verified by a declaration":  func(d object) { observation(d, verified)["grade"] = "declared" },
		"verified in no bytes":       func(d object) { delete(observation(d, verified)["source"].(object), "digest") },
		"declared as verified":       func(d object) { claim(d, declared)["state"] = "verified" },
		"verified as declared":       func(d object) { claim(d, verified)["state"] = "declared" },
		"above the ceiling":          func(d object) { claim(d, verified)["ceiling"] = "declared" },
		"without a value":            func(d object) { delete(claim(d, declared), "value") },
		"an empty value":             func(d object) { claim(d, declared)["value"] = "" },
		"not examined, with results": func(d object) { claim(d, declared)["state"] = "notExamined" },
		"attested by nobody": func(d object) {
			claim(d, declared)["state"] = "attested"
			observation(d, declared)["grade"] = "attested"
		},
		"attested by a repackager": func(d object) {
			claim(d, declared)["state"] = "attested"
			o := observation(d, declared)
			o["grade"], o["speaker"] = "attested", object{"relation": "repackager", "signer": "ci"}
		},
		"attested, no producer signed": func(d object) {
			claim(d, declared)["state"] = "attested"
			o := observation(d, declared)
			o["grade"], o["speaker"] = "attested", object{"relation": "producer", "signer": "ci"}
		},
		"signer of a declaration": func(d object) { observation(d, declared)["speaker"].(object)["signer"] = "ci" },
		"a rule that declares":    func(d object) { observation(d, declared)["source"].(object)["kind"] = "rule" },
		"a score":                 func(d object) { d["predicate"].(object)["score"] = 95 },
		"a time":                  func(d object) { d["predicate"].(object)["createdAt"] = "2026-01-01T00:00:00Z" },
		"unknown state":           func(d object) { claim(d, declared)["state"] = "safe" },
		"no subject":              func(d object) { d["subject"] = []any{} },
		"two subjects": func(d object) {
			d["subject"] = append(d["subject"].([]any), object{"digest": object{"sha256": string(bytes.Repeat([]byte("0"), 64))}})
		},
		"another predicate": func(d object) { d["predicateType"] = "https://slsa.dev/provenance/v1" },
		"size beyond 2^53": func(d object) {
			d["predicate"].(object)["files"].([]any)[0].(object)["size"] = json.Number("9007199254740992")
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, golden(t))
			change(doc)
			if s.Validate(doc) == nil {
				t.Error("accepted")
			}
		})
	}
}

// Schema and parser agree about what a policy is, as far as a schema can see.
func TestPolicySchemaAgreesWithTheParser(t *testing.T) {
	s := compile(t, "policy-v1.json")
	const head = "apiVersion: modelcheck/v1\nkind: Policy\n"
	const keys = head + "signers: [{name: a, key: {file: a}}, {name: b, relation: producer, key: {file: b}}]\n"
	const roots = head + "trustedRoots: [{name: r, file: r.json}]\n"
	for name, tc := range map[string]struct {
		yaml string
		want bool
	}{
		"unsigned":            {head + "allowUnsigned: true", true},
		"any of":              {keys + "require: {signatures: {anyOf: [a, b]}}", true},
		"all of, findings":    {keys + "require: {signatures: {allOf: [a, b]}, predicateTypes: [x]}\nfindings: {deny: [code-on-load]}", true},
		"at least":            {keys + "require: {signatures: {atLeast: {count: 2, of: [a, b]}}}\nallowUnsigned: false", true},
		"keyless":             {roots + "signers: [{name: a, keyless: {issuer: i, subjectPattern: 's', extensions: {buildTrigger: v, sourceRepositoryURIPattern: v}, trustedRoot: r}}]\nrequire: {signatures: {anyOf: [a]}}", true},
		"groups":              {keys + "require: {signatures: {allOf: [a, {anyOf: [b]}]}}", true},
		"at least, of groups": {keys + "require: {signatures: {atLeast: {count: 1, of: [a, {allOf: [b]}]}}}", true},
		"own authority":       {roots + "signers: [{name: a, certificate: {chain: f, issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", true},
		"own authority, now":  {head + "signers: [{name: a, certificate: {chain: f, subjectPattern: s, time: current}}]\nrequire: {signatures: {anyOf: [a]}}", true},
		"key for a time":      {roots + "signers: [{name: a, key: {file: f, notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-01T01:30:00+01:00', requireLog: true}}]\nrequire: {signatures: {anyOf: [a]}}", true},
		"ages":                {head + "trustedRoots: [{name: r, file: r.json, warnAge: 36h, maxAge: 90d}]\nsigners: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}, evidence: {certificateTimestamps: 2, logEntries: 1, timestamps: 32}}", true},
		"schemes, types":      {keys + "require: {signatures: {anyOf: [a, b]}, schemes: [sigstore-key, oms-key], predicateTypes: [no-statement, x]}", true},
		"attestations":        {keys + "require: {signatures: {anyOf: [a]}, attestations: [{name: n, predicateType: t, signedBy: {allOf: [a, {anyOf: [b]}]}}]}", true},
		"attested, unsigned":  {keys + "allowUnsigned: true\nrequire: {attestations: [{name: n, predicateType: t, signedBy: {anyOf: [a]}}]}", true},

		"groups of groups":          {keys + "require: {signatures: {anyOf: [a, {anyOf: [{anyOf: [b]}]}]}}", false},
		"empty group":               {keys + "require: {signatures: {anyOf: [a, b, {}]}}", false},
		"group of two kinds":        {keys + "require: {signatures: {anyOf: [a, {anyOf: [b], allOf: [b]}]}}", false},
		"own authority of nothing":  {head + "signers: [{name: a, certificate: {subject: s, time: current}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"own authority, anybody":    {head + "signers: [{name: a, certificate: {chain: f, time: current}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"own authority, noon":       {roots + "signers: [{name: a, certificate: {chain: f, subject: s, time: noon}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"own authority, and a key":  {roots + "signers: [{name: a, key: {file: f}, certificate: {chain: f, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"own authority, pem":        {head + "signers: [{name: a, certificate: {pem: x, subject: s, time: current}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"key until a day":           {roots + "signers: [{name: a, key: {file: f, notAfter: '2026-01-01'}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"key until half a second":   {roots + "signers: [{name: a, key: {file: f, notAfter: '2026-01-01T00:00:00.5Z'}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"key logged, in words":      {roots + "signers: [{name: a, key: {file: f, requireLog: 'true'}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"unknown extension":         {roots + "signers: [{name: a, keyless: {issuer: i, subject: s, extensions: {e: v}}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"no extension":              {roots + "signers: [{name: a, keyless: {issuer: i, subject: s, extensions: {}}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"age of minutes":            {head + "trustedRoots: [{name: r, file: r.json, maxAge: 90m}]\nsigners: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"age of nothing":            {head + "trustedRoots: [{name: r, file: r.json, warnAge: 0d}]\nsigners: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"no evidence":               {roots + "signers: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}, evidence: {logEntries: 0}}", false},
		"too much evidence":         {roots + "signers: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}, evidence: {logEntries: 33}}", false},
		"evidence of nothing":       {roots + "signers: [{name: a, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}, evidence: {}}", false},
		"unknown scheme":            {keys + "require: {signatures: {anyOf: [a, b]}, schemes: [sigstore]}", false},
		"attestation without type":  {keys + "require: {signatures: {anyOf: [a, b]}, attestations: [{name: n, signedBy: {anyOf: [a]}}]}", false},
		"attestation by anybody":    {keys + "require: {signatures: {anyOf: [a, b]}, attestations: [{name: n, predicateType: t}]}", false},
		"attestations of nothing":   {keys + "require: {signatures: {anyOf: [a, b]}, attestations: []}", false},
		"attested and no signature": {keys + "require: {attestations: [{name: n, predicateType: t, signedBy: {anyOf: [a, b]}}]}", false},
		"rules":                     {head + "allowUnsigned: true\nrules: [{name: a-1, require: 'true'}, {name: b, require: 'files.size() > 0', effect: warn, message: '{files.size()} files', legalBasis: l, docs: 'https://x'}]", true},
		"ready rules":               {head + "allowUnsigned: true\nuse: [{rule: no-egress}, {rule: license-allowed, name: l, effect: hold, with: {licenses: [MIT]}}]\nexpires: '2030-01-01'", true},
		"scopes":                    {keys + "scopes: [{name: x, prefix: a/, require: {signatures: {anyOf: [a, b]}}}, {name: y, pattern: '^b/.*$', allowUnsigned: true, rules: [{name: r, require: 'true'}]}]", true},

		"unknown ready rule":   {head + "allowUnsigned: true\nuse: [{rule: no-evil}]", false},
		"ready rule of none":   {head + "allowUnsigned: true\nuse: [{with: {a: b}}]", false},
		"scope of nothing":     {keys + "require: {signatures: {anyOf: [a, b]}}\nscopes: [{name: x}]", false},
		"scope of two":         {keys + "require: {signatures: {anyOf: [a, b]}}\nscopes: [{name: x, exact: a, prefix: b/}]", false},
		"scope, open prefix":   {keys + "require: {signatures: {anyOf: [a, b]}}\nscopes: [{name: x, prefix: b}]", false},
		"scope, no anchors":    {keys + "require: {signatures: {anyOf: [a, b]}}\nscopes: [{name: x, pattern: b}]", false},
		"expires, in words":    {head + "allowUnsigned: true\nexpires: soon", false},
		"no rules":             {head + "allowUnsigned: true\nrules: []", false},
		"rule without name":    {head + "allowUnsigned: true\nrules: [{require: 'true'}]", false},
		"rule with capitals":   {head + "allowUnsigned: true\nrules: [{name: A, require: 'true'}]", false},
		"rule of nothing":      {head + "allowUnsigned: true\nrules: [{name: a}]", false},
		"rule with a bool":     {head + "allowUnsigned: true\nrules: [{name: a, require: true}]", false},
		"rule that allows":     {head + "allowUnsigned: true\nrules: [{name: a, require: 'true', effect: allow}]", false},
		"rule without page":    {head + "allowUnsigned: true\nrules: [{name: a, require: 'true', docs: 'http://x'}]", false},
		"rule that triggers":   {head + "allowUnsigned: true\nrules: [{name: a, when: 'true'}]", false},
		"nothing":              {head, false},
		"not unsigned":         {head + "allowUnsigned: false", false},
		"no requirement":       {keys, false},
		"required, unsigned":   {keys + "require: {signatures: {anyOf: [a, b]}}\nallowUnsigned: true", false},
		"two requirements":     {keys + "require: {signatures: {anyOf: [a], allOf: [b]}}", false},
		"threshold 0":          {keys + "require: {signatures: {atLeast: {count: 0, of: [a, b]}}}", false},
		"unknown key":          {keys + "require: {signatures: {anyOf: [a, b]}}\nrules: []", false},
		"no issuer":            {roots + "signers: [{name: a, keyless: {subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"issuer twice over":    {roots + "signers: [{name: a, keyless: {issuer: i, issuerPattern: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"key and keyless":      {roots + "signers: [{name: a, key: {file: f}, keyless: {issuer: i, subject: s}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"relation unknown":     {head + "signers: [{name: a, relation: unknown, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"name with a blank":    {head + "signers: [{name: ' a', key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}}", false},
		"another version":      {"apiVersion: v2\nkind: Policy\nallowUnsigned: true", false},
		"findings of nothing":  {head + "allowUnsigned: true\nfindings: {allow: []}", false},
		"allowUnsigned, words": {head + "allowUnsigned: 'true'", false},
	} {
		t.Run(name, func(t *testing.T) {
			var doc any
			if err := yaml.Unmarshal([]byte(tc.yaml), &doc); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(doc); (err == nil) != tc.want {
				t.Errorf("schema: %v, want valid %v", err, tc.want)
			}
			if _, err := policy.Parse([]byte(tc.yaml)); (err == nil) != tc.want {
				t.Errorf("parser: %v, want valid %v", err, tc.want)
			}
		})
	}
}

// The policies in the repository are policies, by schema and by parser.
func TestPolicySamples(t *testing.T) {
	s := compile(t, "policy-v1.json")
	files, err := filepath.Glob("../testdata/policies/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d policies: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := yaml.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: schema: %v", file, err)
		}
		if _, err := policy.Parse(data); err != nil {
			t.Errorf("%s: parser: %v", file, err)
		}
	}
}

// An editor shows what a field means, whichever it is.
func TestPolicySchemaDescribesEveryField(t *testing.T) {
	root := document(t, schemas.Policy())
	defs := root["$defs"].(object)
	var look func(name string, of object)
	look = func(name string, of object) {
		properties, _ := of["properties"].(object)
		for field, def := range properties {
			field, def := name+"."+field, def.(object)
			look(field, def)
			target, _ := def["$ref"].(string)
			described, _ := defs[strings.TrimPrefix(target, "#/$defs/")].(object)
			if def["description"] == nil && described["description"] == nil {
				t.Errorf("%s has no description", field)
			}
		}
	}
	look("policy", root)
	for name, def := range defs {
		look(name, def.(object))
	}
}

// Schema and parser know the same certificate extensions.
func TestPolicySchemaKnowsTheExtensions(t *testing.T) {
	const policyOf = "apiVersion: modelcheck/v1\nkind: Policy\ntrustedRoots: [{name: r, file: r.json}]\nsigners: [{name: a, keyless: {issuer: i, subject: s, extensions: {NAME: v}}}]\nrequire: {signatures: {anyOf: [a]}}"
	_, err := policy.Parse([]byte(policyOf))
	if err == nil {
		t.Fatal("NAME is an extension")
	}
	_, list, _ := strings.Cut(strings.TrimSuffix(err.Error(), ")"), "with Pattern: ")
	var want []string
	for _, name := range strings.Split(list, ", ") {
		want = append(want, name, name+"Pattern")
	}
	slices.Sort(want)
	names := document(t, schemas.Policy())["$defs"].(object)["extensions"].(object)["properties"].(object)
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Errorf("the schema has %q, the parser %q", got, want)
	}
	for name := range names {
		if _, err := policy.Parse([]byte(strings.Replace(policyOf, "NAME", name, 1))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemasAreCopies(t *testing.T) {
	schemas.Manifest()[0] = 'x'
	if schemas.Manifest()[0] != '{' || schemas.Policy()[0] != '{' || schemas.Report()[0] != '{' {
		t.Error("a caller changed the schema")
	}
}

// The schema names the ready rules that there are.
func TestPolicySchemaKnowsTheReadyRules(t *testing.T) {
	ready, err := policy.ReadyRules()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range ready {
		names = append(names, r.Name)
	}
	use := document(t, schemas.Policy())["$defs"].(object)["use"].(object)["properties"].(object)["rule"].(object)
	if got := words(use["enum"]); !slices.Equal(got, names) {
		t.Errorf("the schema has %q, the library %q", got, names)
	}
}

// Every code that a policy can name is one that the record can hold.
func TestFindingCodesAreWords(t *testing.T) {
	for _, e := range policy.Effects() {
		if e.Code == "" || slices.Contains([]string{provenance.CodeSignatureMissing, provenance.CodeNoTrust}, e.Code) {
			t.Errorf("%q is no finding", e.Code)
		}
	}
}
