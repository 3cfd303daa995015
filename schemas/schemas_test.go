package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
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
	return map[string][]byte{"manifest-v1.json": schemas.Manifest(), "policy-v1.json": schemas.Policy(), "report-v1.json": schemas.Report()}
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
		"unsigned":             {head + "allowUnsigned: true", true},
		"any of":               {keys + "require: {signatures: {anyOf: [a, b]}}", true},
		"all of, findings":     {keys + "require: {signatures: {allOf: [a, b]}, predicateTypes: [x]}\nfindings: {deny: [code-on-load]}", true},
		"at least":             {keys + "require: {signatures: {atLeast: {count: 2, of: [a, b]}}}\nallowUnsigned: false", true},
		"keyless":              {roots + "signers: [{name: a, keyless: {issuer: i, subjectPattern: 's', extensions: {e: v}, trustedRoot: r}}]\nrequire: {signatures: {anyOf: [a]}}", true},
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

func TestSchemasAreCopies(t *testing.T) {
	schemas.Manifest()[0] = 'x'
	if schemas.Manifest()[0] != '{' || schemas.Policy()[0] != '{' || schemas.Report()[0] != '{' {
		t.Error("a caller changed the schema")
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
