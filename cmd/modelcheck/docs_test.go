package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

// TestDocumentedPolicy: the policy in docs/policy.md is a policy.
func TestDocumentedPolicy(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../testdata/policies/documented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```yaml\n"+string(want)+"```") {
		t.Error("docs/policy.md does not show testdata/policies/documented.yaml")
	}
	if _, err := policy.Parse(want); err != nil {
		t.Error(err)
	}
}

// TestDocumentedCriteria: the digests in docs/policy.md are those of the texts
// that the program brings.
func TestDocumentedCriteria(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"review", "criteria"}, streams{out: &out, err: os.Stderr, env: os.Getenv}); code != exitAllow {
		t.Fatalf("exit %d", code)
	}
	shown := regexp.MustCompile(`(?m)^  - \{id: [a-z-]+, digest: "sha256:[0-9a-f]+"\}$`).FindAllString(string(doc), -1)
	if len(shown) == 0 {
		t.Error("docs/policy.md shows no criterion")
	}
	for _, line := range shown {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("docs/policy.md shows %s, which the program does not", line)
		}
	}
}

// TestTranscript: the transcript in README.md is what the command prints, but
// for the lines that stand as "…".
func TestTranscript(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```text\n$ modelcheck ")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatal("README.md shows no transcript")
	}
	command, shown, _ := strings.Cut(block, "\n")
	t.Chdir("../..")
	var out bytes.Buffer
	if code := run(t.Context(), strings.Fields(command), streams{out: &out, err: os.Stderr, env: os.Getenv}); code != exitAllow {
		t.Fatalf("exit %d", code)
	}
	left := out.String()
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) == "…" {
			continue
		}
		_, after, found := strings.Cut("\n"+left, "\n"+strings.TrimSuffix(line, "\n")+"\n")
		if !found {
			t.Errorf("README.md shows a line that is not printed, or not there: %q", line)
			continue
		}
		left = after
	}
}

// TestLinks: every relative link in the documents leads somewhere.
func TestLinks(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(docs) < 4 {
		t.Fatalf("%d documents: %v", len(docs), err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, doc := range append(docs, "../../README.md") {
		data, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			}
		}
	}
}
