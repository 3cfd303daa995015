package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManifestGuide runs every command of docs/manifest.md in its order, in a
// folder with the demo model under dist/model, and holds its exit status: 0,
// or the number that the line before it ends with ("# exit 3").
func TestManifestGuide(t *testing.T) {
	doc, err := os.ReadFile("../../docs/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	root := absolute(t, "../..")
	dir := t.TempDir()
	demo := filepath.Join(root, "testdata", "demo")
	if err := os.CopyFS(filepath.Join(dir, "dist", "model"), os.DirFS(filepath.Join(demo, "layout"))); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "model"), os.DirFS(filepath.Join(demo, "model"))); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(root, "testdata", "keys", "demo.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cosign.pub"), key, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	ran := 0
	want := exitAllow
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSuffix(line, "\n")
		if _, code, ok := strings.Cut(line, "# exit "); ok && strings.HasPrefix(line, "#") {
			if _, err := fmt.Sscan(code, &want); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		command, ok := strings.CutPrefix(line, "$ modelcheck ")
		if !ok {
			continue
		}
		var out, talk bytes.Buffer
		if code := run(t.Context(), shellFields(command), streams{out: &out, err: &talk, env: func(string) string { return "" }}); code != want {
			t.Errorf("%s: exit %d, want %d\n%s%s", command, code, want, out.String(), talk.String())
		}
		ran++
		want = exitAllow
	}
	if ran < 4 {
		t.Errorf("only %d commands", ran)
	}
}

// shellFields splits a line at spaces outside single quotation marks.
func shellFields(s string) []string {
	var out []string
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
