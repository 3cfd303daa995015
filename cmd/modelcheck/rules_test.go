package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/schemas"
)

// TestRulesSchema holds what rules prints to its schema.
func TestRulesSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Rules()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"rules", "-o", "json"}, {"rules", "MC-CONFIG-URL", "-o", "json"}} {
		var out bytes.Buffer
		if code := run(t.Context(), args, streams{out: &out, err: os.Stderr, env: os.Getenv}); code != exitAllow {
			t.Fatalf("exit %d", code)
		}
		printed, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(printed); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestRulesHavePages: what rules prints is the page in docs/rules.
func TestRulesHavePages(t *testing.T) {
	for _, r := range check.Rules() {
		page, err := os.ReadFile("../../docs/rules/" + r.ID + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		var out bytes.Buffer
		if code := run(t.Context(), []string{"rules", r.ID}, streams{out: &out, err: os.Stderr, env: os.Getenv}); code != exitAllow || !bytes.Equal(out.Bytes(), page) {
			t.Errorf("%s: exit %d, or not the page", r.ID, code)
		}
	}
}
