package schemas_test

import (
	"encoding/json"
	"testing"
)

// TestManifestSchemaOfLoading: the schema by itself finds out a record that
// makes loading, weights or attestations look better than it shows.
func TestManifestSchemaOfLoading(t *testing.T) {
	s := compile(t, "manifest-v1.json")
	predicate := func(d object) object { return d["predicate"].(object) }
	file := func(d object, i int) object { return predicate(d)["files"].([]any)[i].(object) }
	loading := func(d object) object { return predicate(d)["loading"].(object) }
	weights := func(d object) object { return predicate(d)["weights"].([]any)[0].(object) }
	all := func(d object, key string, value any) {
		for i := range predicate(d)["files"].([]any) {
			file(d, i)[key] = value
		}
	}
	attested := func(change func(object)) func(object) {
		return func(d object) {
			a := object{"signer": "ci", "scheme": "sigstore-key", "predicateType": "https://slsa.dev/provenance/v1", "relation": "unknown", "identity": object{"keyFingerprint": "sha256:00"}}
			change(a)
			predicate(d)["attestations"] = []any{a}
		}
	}
	told := func(d object) {
		predicate(d)["findings"] = append(predicate(d)["findings"].([]any), object{"id": "loading-unknown", "detail": "nobody knows"})
	}
	for name, tc := range map[string]struct {
		change func(object)
		want   bool
	}{
		"golden":                     {func(object) {}, true},
		"code, and said":             {func(d object) { file(d, 0)["class"], loading(d)["class"] = "code-on-load", "code-on-load" }, true},
		"unknown, and said":          {func(d object) { file(d, 0)["class"], loading(d)["class"] = "unknown", "unknown"; told(d) }, true},
		"native by the system":       {func(d object) { file(d, 0)["class"], file(d, 0)["role"] = "native", "system" }, true},
		"attested":                   {attested(func(object) {}), true},
		"code on load, inert":        {func(d object) { file(d, 0)["class"], loading(d)["class"] = "code-on-load", "inert" }, false},
		"native, only code":          {func(d object) { file(d, 0)["class"], loading(d)["class"] = "native", "code" }, false},
		"template, inert":            {func(d object) { loading(d)["class"] = "inert" }, false},
		"unknown, inert":             {func(d object) { file(d, 0)["class"], loading(d)["class"] = "unknown", "inert"; told(d) }, false},
		"unknown, nobody says so":    {func(d object) { file(d, 0)["class"], loading(d)["class"] = "unknown", "unknown" }, false},
		"no file of its own, inert":  {func(d object) { all(d, "role", "system"); loading(d)["class"] = "inert" }, false},
		"no file, inert":             {func(d object) { predicate(d)["files"] = []any{}; loading(d)["class"] = "inert" }, false},
		"file without class":         {func(d object) { delete(file(d, 0), "class") }, false},
		"a class that says safe":     {func(d object) { file(d, 0)["class"] = "safe" }, false},
		"loading of no scope":        {func(d object) { delete(loading(d), "scope") }, false},
		"loader of no rule":          {func(d object) { loading(d)["loaders"].([]any)[0].(object)["rules"] = []any{} }, false},
		"template of no bytes":       {func(d object) { delete(loading(d)["templates"].([]any)[0].(object), "digest") }, false},
		"weights of no file":         {func(d object) { weights(d)["files"] = json.Number("0") }, false},
		"elements of no format":      {func(d object) { weights(d)["byDtype"] = object{} }, false},
		"parameters of nothing":      {func(d object) { weights(d)["stored"] = json.Number("0") }, false},
		"statement of no text":       {func(d object) { weights(d)["stated"].([]any)[0].(object)["text"] = "" }, false},
		"attested by nobody":         {attested(func(a object) { a["identity"] = object{} }), false},
		"attested by key and name":   {attested(func(a object) { a["identity"].(object)["subject"] = "x"; a["identity"].(object)["issuer"] = "y" }), false},
		"attested nothing":           {attested(func(a object) { delete(a, "predicateType") }), false},
		"attested on wordless proof": {attested(func(a object) { a["evidence"] = []any{""} }), false},
		"attested, with a verdict":   {attested(func(a object) { a["verdict"] = "verified" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, golden(t))
			tc.change(doc)
			if err := s.Validate(doc); (err == nil) != tc.want {
				t.Errorf("want valid %t: %v", tc.want, err)
			}
		})
	}
}
