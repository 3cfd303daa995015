package check_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// TestDecodeReports reads recorded reports, alone and together, and refuses
// their edited neighbours.
func TestDecodeReports(t *testing.T) {
	data, err := os.ReadFile("../../testdata/golden/report-allow.json")
	if err != nil {
		t.Fatal(err)
	}
	reports, err := check.DecodeReports(data)
	if err != nil || len(reports) != 1 || !reports[0].Verdict.Allowed() || reports[0].ManifestBytes() == nil {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	two, err := check.DecodeReports([]byte(`{"reports":[` + string(data) + `,` + string(data) + `]}`))
	if err != nil || len(two) != 2 {
		t.Fatalf("%d reports, %v", len(two), err)
	}
	edit := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte {
			out := bytes.Replace(b, []byte(from), []byte(to), 1)
			if bytes.Equal(out, b) {
				t.Fatalf("%q is not in the report", from)
			}
			return out
		}
	}
	for name, c := range map[string]struct {
		edit func([]byte) []byte
		want string
	}{
		"another version":     {edit(`"schemaVersion": "1"`, `"schemaVersion": "2"`), "schemaVersion"},
		"a licence":           {edit(`"value": "MIT"`, `"value": "GPL-3.0-only"`), "not one that was observed"},
		"a sentence":          {edit(`was trained on`, `was taught with`), "has the digest"},
		"a file's digest":     {edit(`"path": "README.md"`, `"path": "README.mdx"`), ""},
		"the record's digest": {edit(`"manifestDigest": "sha256:`, `"manifestDigest": "sha256:00`), ""},
		"allowed despite a failure": {func(b []byte) []byte {
			return append(bytes.TrimRight(b, "}\n"), []byte(`,"error":{"code":"x","message":"y"}}`)...)
		}, "allows what was not examined"},
		"allowed without a record": {func([]byte) []byte { return []byte(`{"schemaVersion":"1","verdict":{"outcome":"allow"}}`) }, "allows what was not examined"},
		"a digest without its record": {func([]byte) []byte {
			return []byte(`{"schemaVersion":"1","verdict":{"outcome":"deny"},"manifestDigest":"sha256:` + strings.Repeat("0", 64) + `"}`)
		}, "not in it"},
		"no report": {func([]byte) []byte { return []byte(`{"reports":[]}`) }, "no report"},
		"a list":    {func([]byte) []byte { return []byte(`[]`) }, ""},
	} {
		if got, err := check.DecodeReports(c.edit(data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d reports, %v", name, len(got), err)
		}
	}
	if _, err := check.DecodeReports([]byte(`{"schemaVersion":"1","verdict":{"outcome":"allow"}}`)); !errors.Is(err, check.ErrContradiction) {
		t.Errorf("not a contradiction: %v", err)
	}
}

// TestDecodeReportsKeeps: what is read is what was written.
func TestDecodeReportsKeeps(t *testing.T) {
	for _, name := range []string{"allow", "deny", "hold", "failure"} {
		data, err := os.ReadFile("../../testdata/golden/report-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		reports, err := check.DecodeReports(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := json.Marshal(reports[0], json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(data, &a) != nil || json.Unmarshal(again, &b) != nil {
			t.Fatal(name)
		}
		x, _ := json.Marshal(a, json.Deterministic(true))
		y, _ := json.Marshal(b, json.Deterministic(true))
		if !bytes.Equal(x, y) {
			t.Errorf("%s is not the same", name)
		}
	}
}
