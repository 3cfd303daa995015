package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDeployFleet runs the command of deploy/fleet/job.yaml as its pods would:
// one list that is allowed, one that is not, one that does not exist.
func TestDeployFleet(t *testing.T) {
	data, err := os.ReadFile("../../deploy/fleet/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job deployment
	if err := yaml.Unmarshal(data, &job); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin := filepath.Join(t.TempDir(), "modelcheck")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, bin) // testscript.Main runs the command by this name
	}
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, "demo"), os.DirFS("../../testdata/demo/layout"))
	}
	key, kerr := os.ReadFile("../../testdata/keys/demo.pub")
	if err != nil || kerr != nil {
		t.Fatal(err, kerr)
	}
	for name, content := range map[string]string{
		"policy.yaml": ciPolicy, "demo.pub": string(key),
		"0": "oci-layout:demo:v1\n",
		"1": "oci-layout:demo:v1\noci-layout:demo:nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := job.Spec.Template.Spec.Containers[0].Command
	for index, want := range map[string]int{"0": exitAllow, "1": exitNoVerdict, "2": exitNoVerdict} {
		var args []string
		for _, a := range line[1:] {
			args = append(args, strings.ReplaceAll(a, "$(JOB_COMPLETION_INDEX)", index))
		}
		cmd := exec.CommandContext(t.Context(), bin, args...)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("list %s: exit %d, want %d\n%s", index, code, want, out)
		}
	}
}
