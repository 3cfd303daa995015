package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// ciPolicy is the policy.yaml that the snippets of docs/ci.md expect.
const ciPolicy = `apiVersion: modelcheck/v1
kind: Policy
signers:
  - name: release
    key: {file: demo.pub}
require:
  signatures: {anyOf: [release]}
`

// TestCI runs the commands of the snippets in docs/ci.md as they stand there,
// in testdata/ci: PLATFORM-N.sh is the Nth script of a platform's snippet.
func TestCI(t *testing.T) {
	root := absolute(t, "../..")
	snippets := ciSnippets(t)
	demo := filepath.Join(root, "testdata", "demo", "layout")
	reg := serve(t, registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	digest := push(t, demo, reg+"/models/tiny")
	key, err := os.ReadFile(filepath.Join(root, "testdata", "keys", "demo.pub"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(root, "testdata", "ci"),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"unsign": unsign},
		Setup: func(e *testscript.Env) error {
			e.Setenv("REG", reg)
			e.Setenv("DIGEST", digest)
			e.Setenv("UNSIGNED", filepath.Join(e.WorkDir, "unsigned"))
			files := map[string]string{"policy.yaml": ciPolicy, "demo.pub": string(key)}
			for name, script := range snippets {
				files[name] = script
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return os.CopyFS(filepath.Join(e.WorkDir, "unsigned"), os.DirFS(demo))
		},
	})
}

// ciSnippets takes the shell scripts out of the YAML in docs/ci.md. The step
// that installs modelcheck is left out: here it is installed.
func ciSnippets(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	add := func(platform string, scripts []string) {
		for i, s := range scripts {
			out[fmt.Sprintf("%s-%d.sh", platform, i+1)] = s + "\n"
		}
	}
	for _, block := range strings.Split(string(doc), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var snippet struct {
			Jobs map[string]struct {
				Steps []struct{ Name, Run string }
			}
			Models struct{ Script []string }
			Spec   struct{ Steps []struct{ Script string } }
		}
		if err := yaml.Unmarshal([]byte(block), &snippet); err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		var github, tekton []string
		for _, job := range snippet.Jobs {
			for _, step := range job.Steps {
				if step.Run != "" && step.Name != "Install" {
					github = append(github, step.Run)
				}
			}
		}
		for _, step := range snippet.Spec.Steps {
			tekton = append(tekton, step.Script)
		}
		add("github", github)
		add("gitlab", snippet.Models.Script)
		add("tekton", tekton)
	}
	if len(out) != 4 {
		t.Fatalf("docs/ci.md holds %d scripts, want 2 of GitHub, 1 of GitLab, 1 of Tekton", len(out))
	}
	return out
}
