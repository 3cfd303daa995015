package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// insideArtifact says whether a file lies in the folder that holds the
// artifact, wherever links lead.
func insideArtifact(ref artifact.Reference, file string) bool {
	if ref.Path() == "" || file == "" {
		return false
	}
	folder, err := resolved(ref.Path())
	if err != nil {
		return false // there is no artifact either
	}
	path, err := resolved(file)
	if err != nil {
		return false // nor a file: it was a pipe
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func resolved(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(name)
}

// writableByAll looks at the file and its folder. A folder with the sticky bit
// protects files from others; Windows has no such bits.
func writableByAll(file string) bool {
	if runtime.GOOS == "windows" || file == "" {
		return false
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	dir, err := os.Stat(filepath.Dir(file))
	return err == nil && (info.Mode()&0o002 != 0 || (dir.Mode()&0o002 != 0 && dir.Mode()&os.ModeSticky == 0))
}
