package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A deployment is what the files in deploy/ci have of a shell, by platform.
type deployment struct {
	Runs struct {
		Using string
		Steps []struct{ ID, Shell, Run string }
	}
	Modelcheck struct{ Script []string } `yaml:".modelcheck"`
	Repos      []struct {
		Hooks []struct{ ID, Entry, Language, Files string }
	}
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Spec       struct {
		Steps    []struct{ Script string }
		Template struct {
			Spec struct {
				Containers []struct{ Command []string }
			}
		}
	}
}

func (d deployment) scripts() []string {
	out := append([]string{}, d.Modelcheck.Script...)
	for _, s := range d.Runs.Steps {
		out = append(out, s.Run)
	}
	for _, s := range d.Spec.Steps {
		out = append(out, s.Script)
	}
	for _, r := range d.Repos {
		for _, h := range r.Hooks {
			out = append(out, h.Entry)
		}
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		out = append(out, strings.Join(c.Command, " "))
	}
	return out
}

// TestDeployCI lints the files in deploy/ci: YAML with what their platforms
// need, scripts that a shell can read and into which nothing is written from
// outside, and flags that exist. Each script then runs, before a lockfile and
// behind one that somebody edited.
func TestDeployCI(t *testing.T) {
	files, err := filepath.Glob("../../deploy/ci/*")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	bin := filepath.Join(t.TempDir(), "modelcheck")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, bin) // testscript.Main runs the command by this name
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var d deployment
			if err := yaml.Unmarshal(data, &d); err != nil {
				t.Fatal(err)
			}
			scripts := d.scripts()
			if len(scripts) != 1 {
				t.Fatalf("%d scripts, want 1", len(scripts))
			}
			script := scripts[0]
			if strings.Contains(script, "${{") || strings.Contains(script, "$(params") {
				t.Error("what comes from outside is written into a script")
			}
			runDeployed(t, bin, script)
		})
	}
}

func runDeployed(t *testing.T, bin, script string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v %s", err, out)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, err := os.ReadFile("../../testdata/keys/demo.pub")
	if err != nil {
		t.Fatal(err)
	}
	write("policy.yaml", []byte(ciPolicy))
	write("demo.pub", key)
	if err := os.CopyFS(filepath.Join(dir, "demo"), os.DirFS("../../testdata/demo/layout")); err != nil {
		t.Fatal(err)
	}
	sh := func(script string, env ...string) (int, string) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir = dir
		cmd.Env = append([]string{"PATH=" + filepath.Dir(bin) + ":" + os.Getenv("PATH"), "HOME=" + dir, "POLICY=policy.yaml", "SARIF=r.sarif",
			"REFERENCES=", "MODELCHECK_POLICY=policy.yaml", "GITHUB_OUTPUT=" + filepath.Join(dir, "outputs"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary")}, env...)
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if code, out := sh(script); code != exitNoVerdict {
		t.Errorf("no lockfile: exit %d\n%s", code, out)
	}
	if code, out := sh("modelcheck lock oci-layout:demo:v1 --policy policy.yaml"); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if code, out := sh(script); code != exitAllow {
		t.Errorf("exit %d\n%s", code, out)
	}
	if strings.Contains(script, "REFERENCES") {
		outputs, err := os.ReadFile(filepath.Join(dir, "outputs"))
		if err != nil || !bytes.Contains(outputs, []byte("outcome=allow\ndigest=sha256:")) {
			t.Errorf("%v %s", err, outputs)
		}
		if code, out := sh(script, "REFERENCES=oci-layout:demo:v1; touch owned\nnonsense"); code != exitUsage {
			t.Errorf("exit %d\n%s", code, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "owned")); err == nil {
			t.Error("a reference was run")
		}
	}
	lock, err := os.ReadFile(filepath.Join(dir, "modelcheck.lock"))
	if err != nil {
		t.Fatal(err)
	}
	write("modelcheck.lock", bytes.Replace(lock, []byte(`"policy": "sha256:`), []byte(`"policy":  "sha256:`), 1))
	if code, out := sh(script); code != exitUsage {
		t.Errorf("edited: exit %d\n%s", code, out)
	}
}

// TestDocumentedAttest runs the commands of docs/attest.md and those of the
// lockfile in docs/ci.md, under the policy that docs/attest.md shows.
func TestDocumentedAttest(t *testing.T) {
	attestDoc, err := os.ReadFile("../../docs/attest.md")
	if err != nil {
		t.Fatal(err)
	}
	ciDoc, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(doc []byte, kind string) string {
		_, rest, ok := strings.Cut(string(doc), "```"+kind+"\n")
		text, _, closed := strings.Cut(rest, "```")
		if !ok || !closed {
			t.Fatalf("no block of %s", kind)
		}
		return text
	}
	dir := t.TempDir()
	write := func(name string, data []byte, err error) {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	demo, err := os.ReadFile("../../testdata/keys/demo.pub")
	write("demo.pub", demo, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	write("verifier.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	write("ci.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), err)
	write("policy.yaml", []byte(block(attestDoc, "yaml")), nil)
	if err := os.CopyFS(filepath.Join(dir, "demo"), os.DirFS("../../testdata/demo/layout")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	ran := 0
	for line := range strings.Lines(block(attestDoc, "sh") + block(ciDoc, "sh")) {
		args := strings.Fields(strings.ReplaceAll(line, "registry.example/models/tiny:v1", "oci-layout:demo:v1"))
		var out bytes.Buffer
		env := func(name string) string { return map[string]string{configVar: dir}[name] }
		if code := run(t.Context(), args[1:], streams{out: &out, err: &out, env: env}); code != exitAllow {
			t.Errorf("%s: exit %d\n%s", line, code, &out)
		}
		ran++
	}
	if ran != 5 {
		t.Errorf("%d commands, want 5", ran)
	}
}

// TestDocumentedSettings runs verify with the configuration file that docs/ci.md
// shows, and with the outputs of the environment in place of its.
func TestDocumentedSettings(t *testing.T) {
	doc, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```yaml\napiVersion: modelcheck/v1\nkind: Config\n")
	text, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("docs/ci.md shows no configuration file")
	}
	layout, err := filepath.Abs("../../testdata/demo/layout")
	if err != nil {
		t.Fatal(err)
	}
	key, err := filepath.Abs("../../testdata/keys/demo.pub")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		policy  string
		outputs string
		exit    int
		files   []string
	}{
		"as documented":          {"demo.pub", "", exitAllow, []string{"modelcheck.xml"}},
		"its policy is used":     {"other.pub", "", exitDeny, []string{"modelcheck.xml"}},
		"outputs of environment": {"demo.pub", "text\nmarkdown=m.md\ngitlab=g.json", exitAllow, []string{"g.json", "m.md"}},
		"no such output":         {"demo.pub", "text\nprose=m.md", exitUsage, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range map[string]string{
				"config.yaml": "apiVersion: modelcheck/v1\nkind: Config\n" + text,
				"policy.yaml": "apiVersion: modelcheck/v1\nkind: Policy\nsigners: [{name: demo, key: {file: " + filepath.Join(filepath.Dir(key), tc.policy) + "}}]\nrequire: {signatures: {anyOf: [demo]}}\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var out, talk bytes.Buffer
			env := map[string]string{"MODELCHECK_CONFIG": filepath.Join(dir, "config.yaml"), "MODELCHECK_OUTPUT": tc.outputs}
			code := run(t.Context(), []string{"verify", "oci-layout:" + layout + ":v1"}, streams{out: &out, err: &talk, env: func(name string) string { return env[name] }})
			if code != tc.exit {
				t.Fatalf("exit %d, want %d\n%s%s", code, tc.exit, &out, &talk)
			}
			var got []string
			entries, err := os.ReadDir(dir)
			for _, e := range entries {
				if e.Name() != "config.yaml" && e.Name() != "policy.yaml" {
					got = append(got, e.Name())
				}
			}
			if err != nil || !slices.Equal(got, tc.files) {
				t.Errorf("wrote %q, want %q (%v)", got, tc.files, err)
			}
			if tc.exit != exitUsage && !strings.Contains(talk.String(), "policy") {
				t.Errorf("what the settings are is not said: %s", &talk)
			}
		})
	}
}
