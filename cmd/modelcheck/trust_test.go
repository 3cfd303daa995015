package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/schemas"
)

const trustData = "../../testdata/trust"

// trustRun runs the command with a configuration folder of its own.
func trustRun(t *testing.T, config string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(name string) string {
		if name == configVar {
			return config
		}
		return ""
	}
	code = run(t.Context(), args, streams{out: &out, err: &errs, env: env})
	return code, out.String(), errs.String()
}

// TestTrustUpdate: the first update says where trust begins, the next ones need
// nothing, and verify uses what they installed.
func TestTrustUpdate(t *testing.T) {
	server := httptest.NewServer(http.FileServer(http.Dir(trustData + "/tuf")))
	defer server.Close()
	config := t.TempDir()
	code, out, stderr := trustRun(t, config, "trust", "update", "--mirror", server.URL, "--root", trustData+"/tuf/1.root.json")
	if code != 0 || !strings.Contains(stderr, `installed trusted root "default"`) || !strings.Contains(out, "TUF, "+server.URL) ||
		!strings.Contains(out, "root 1 until 2126-01-01") || !strings.Contains(out, "0 h old") {
		t.Fatalf("exit %d\n%s\n%s", code, out, stderr)
	}
	want, err := os.ReadFile(trustData + "/trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(config, "trust", "default.json"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("installed %q, %v", got, err)
	}
	code, out, stderr = trustRun(t, config, "trust", "update", "--output", "json")
	if code != 0 || !strings.Contains(stderr, "has not changed") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	validateTrust(t, out)
	if code, _, stderr = trustRun(t, config, "trust", "update", "--root", trustData+"/other_root.json"); code != exitNoVerdict || !strings.Contains(stderr, "follows another TUF root") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	server.Close()
	if code, _, stderr = trustRun(t, config, "trust", "update"); code != exitNoVerdict || !strings.Contains(stderr, "mirror not reached") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	code, out, stderr = trustRun(t, config, "verify", "oci-layout:../../testdata/demo/layout:v1", "--max-root-age", "1h",
		"--certificate-identity", "a", "--certificate-oidc-issuer", "b", "--output", "json")
	if code != exitDeny || !strings.Contains(out, `"installed": "default"`) || stderr != "" {
		t.Errorf("exit %d\n%s\n%s", code, out, stderr)
	}
}

// TestTrustJSON: every verb prints what the schema describes.
func TestTrustJSON(t *testing.T) {
	config := t.TempDir()
	for _, args := range [][]string{
		{"trust", "list"},
		{"trust", "show", trustData + "/trusted_root.json"},
		{"trust", "import", trustData + "/trusted_root.json", "--fetched-at", "2026-01-02"},
		{"trust", "list"},
		{"trust", "show"},
	} {
		code, out, stderr := trustRun(t, config, append(args, "--output", "json")...)
		if code != 0 {
			t.Errorf("%q: exit %d: %s", args, code, stderr)
		}
		validateTrust(t, out)
	}
}

func validateTrust(t *testing.T, report string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, data := range [][]byte{schemas.Manifest(), schemas.Trust()} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(doc.(map[string]any)["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://github.com/modelcheck/modelcheck/schemas/trust-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(report))
	if err != nil {
		t.Fatalf("%v: %s", err, report)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, report)
	}
}
