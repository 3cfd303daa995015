package trust

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// importVar makes TestImportForever import two roots in turn until it is killed.
const importVar = "MODELCHECK_TEST_IMPORT"

func TestImportForever(t *testing.T) {
	dir := os.Getenv(importVar)
	if dir == "" {
		t.Skip("only as a process that TestKilled kills")
	}
	s := storeIn(t, filepath.Join(dir, "trust"))
	a, b := read0(t, filepath.Join(dir, "a")), read0(t, filepath.Join(dir, "b"))
	for i := 0; ; i++ {
		root := a
		if i%2 == 1 {
			root = b
		}
		if _, err := s.Import(Import{JSON: root, FetchedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilled: whatever moment a writer dies in, what lies there is one of the
// two roots, whole, and its sidecar is its own or none; and the next one writes.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	a, b := trustedRoot(t), trustedRoot(t)
	for name, data := range map[string][]byte{"a": a, "b": b} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := storeIn(t, filepath.Join(dir, "trust"))
	if _, err := s.Import(Import{JSON: a}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImportForever$")
		cmd.Env = append(os.Environ(), importVar+"="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			r, err := s.Load(DefaultName)
			if err != nil || (!bytes.Equal(r.JSON, a) && !bytes.Equal(r.JSON, b)) || (r.Sidecar != nil && r.Sidecar.Digest != r.Digest) {
				t.Errorf("%v %q", err, r.JSON)
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
		if _, err := s.Import(Import{JSON: a}); err != nil {
			t.Errorf("after the kill: %v", err)
		}
	}
}
