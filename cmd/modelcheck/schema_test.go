package main

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/schemas"
)

// validate holds a report against the published schema.
func validate(t *testing.T, what any, report any) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	for _, data := range [][]byte{schemas.Manifest(), schemas.Review(), schemas.Report()} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(doc.(map[string]any)["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://github.com/modelcheck/modelcheck/schemas/report-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(report); err != nil {
		t.Errorf("%v: %v", what, err)
	}
}
