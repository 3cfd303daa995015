package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// brokenWriter fails or panics on every write.
type brokenWriter struct{ panics bool }

func (w brokenWriter) Write([]byte) (int, error) {
	if w.panics {
		panic("out of paper")
	}
	return 0, errors.New("no space left on device")
}

var allowed = []string{"verify", "oci-layout:../../testdata/demo/layout:v1", "--key", "../../testdata/keys/demo.pub"}

func TestAllowed(t *testing.T) {
	var out, stderr bytes.Buffer
	if code := run(t.Context(), allowed, streams{out: &out, err: &stderr, env: os.Getenv}); code != exitAllow {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
}

// TestPanic: a defect ends with 1 and says so, never with 0.
func TestPanic(t *testing.T) {
	var stderr bytes.Buffer
	code := run(t.Context(), allowed, streams{out: brokenWriter{panics: true}, err: &stderr, env: os.Getenv})
	if code != exitNoVerdict {
		t.Errorf("exit %d, want %d", code, exitNoVerdict)
	}
	if !strings.Contains(stderr.String(), "modelcheck: error: internal error: out of paper") {
		t.Errorf("stderr: %s", &stderr)
	}
}

// TestUnwritableReport: a verdict that nobody can read is none.
func TestUnwritableReport(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var stderr bytes.Buffer
		code := run(t.Context(), append(allowed, "--output", format), streams{out: brokenWriter{}, err: &stderr, env: os.Getenv})
		if code != exitNoVerdict || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%s: exit %d: %s", format, code, &stderr)
		}
	}
}

// TestExitCode: every outcome has one exit status, and only Allowed has 0.
func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitAllow},
		{verdictError{}, exitNoVerdict},
		{verdictError{1}, exitNoVerdict}, // an Allow that did not come through Allowed
		{verdictError{2}, exitHold},
		{verdictError{3}, exitDeny},
		{verdictError{99}, exitNoVerdict},
		{errors.New("x"), exitNoVerdict},
		{usageError{errors.New("x")}, exitUsage},
		{errors.Join(errors.New("x"), usageError{errors.New("y")}), exitUsage},
	} {
		if got := exitCode(c.err, &bytes.Buffer{}); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

// TestErrorsDocumented: every reason code stands in docs/errors.md, and every
// code there exists.
func TestErrorsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for line := range strings.Lines(string(doc)) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			code, _, _ := strings.Cut(rest, "`")
			documented[code] = true
		}
	}
	codes := reasonCodes(t)
	if len(codes) < 40 {
		t.Fatalf("only %d codes", len(codes))
	}
	for _, code := range codes {
		if !documented[code] {
			t.Errorf("docs/errors.md does not explain %q", code)
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("docs/errors.md explains %q, which does not exist", code)
	}
}

// reasonCodes reads the constants from their source.
func reasonCodes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../pkg/provenance/codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Code") {
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	return codes
}

// TestJSONReportIsPure: whatever happens, stdout is one JSON document.
func TestJSONReportIsPure(t *testing.T) {
	for _, args := range [][]string{
		append(allowed, "--output", "json"),
		{"verify", "oci-layout:../../testdata/demo/layout:v1", "--output", "json"},
		{"verify", "oci-layout:../../testdata/demo/layout:v9", "--output", "json"},
		{"verify", "nonsense", "--output", "json"},
		{"inspect", "oci-layout:../../testdata/demo/layout:v1", "--output", "json"},
	} {
		var out, stderr bytes.Buffer
		run(t.Context(), args, streams{out: &out, err: &stderr, env: os.Getenv})
		var report map[string]any
		dec := json.NewDecoder(&out)
		if err := dec.Decode(&report); err != nil || dec.More() {
			t.Errorf("%v: %v", args, err)
		}
		validate(t, args, report)
	}
}
