package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestSameBytes: the record of an artifact does not depend on who makes it,
// where, when and how often. Each run is a process of its own, with its own
// seeds of maps; the files are written in another order, under another name,
// by another mask, with other times.
func TestSameBytes(t *testing.T) {
	exe, err := exec.LookPath("modelcheck") // TestMain puts it there
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(absolute(t, "../../testdata/demo/model"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	machines := [][]string{
		{"HOME=/nowhere", "TZ=UTC", "LANG=C", "GOMAXPROCS=1", "HOSTNAME=a", "USER=a"},
		{"HOME=" + t.TempDir(), "TZ=Pacific/Kiritimati", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=" + strconv.Itoa(runtime.NumCPU()+3), "HOSTNAME=b", "USER=b", "XDG_CONFIG_HOME=/nowhere", "NO_COLOR=1"},
	}
	var first [2][]byte // of the layout, and of the folder
	for i := range 6 {
		dir := filepath.Join(t.TempDir(), "machine-"+strconv.Itoa(i))
		if err := os.MkdirAll(filepath.Join(dir, "model"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(dir, "layout"), os.DirFS(absolute(t, "../../testdata/demo/layout"))); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			slices.Reverse(names)
		}
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(absolute(t, "../../testdata/demo/model"), name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "model", name), data, []os.FileMode{0o644, 0o600}[i%2])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for k, ref := range []string{"oci-layout:layout:v1", "dir:model"} {
			if i%2 == 1 { // another spelling of the same place
				ref = []string{"oci-layout:" + dir + "/layout:v1", "dir:" + dir + "/model"}[k]
			}
			cmd := exec.Command(exe, "manifest", "generate", ref, "--allow-unsigned")
			cmd.Dir, cmd.Env = dir, append(slices.Clone(machines[i%2]), "PATH="+os.Getenv("PATH"))
			var talk bytes.Buffer
			cmd.Stderr = &talk
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, &talk)
			}
			if _, err := provenance.Decode(out); err != nil {
				t.Fatal(err)
			}
			if first[k] == nil {
				first[k] = out
			}
			if !bytes.Equal(out, first[k]) {
				t.Errorf("run %d, %s: other bytes", i, ref)
			}
		}
	}
}
