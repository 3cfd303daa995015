package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
)

var errIrregular = errors.New("neither a file nor a folder")

// A tree is a model in a folder, or in one file.
type tree struct {
	root      string   // absolute
	signature string   // path of the signature's own file in it, "" if it lies elsewhere
	ignore    []string // paths to leave out, with what is below them
}

// inside returns the path of a file in the tree, "" if it lies elsewhere.
func (t tree) inside(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(t.root, abs)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", nil //nolint:nilerr // it cannot be put in terms of the tree: it lies elsewhere
	}
	return filepath.ToSlash(rel), nil
}

func (t tree) ignores(path string) bool {
	return slices.ContainsFunc(t.ignore, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// read hashes every file, also with what needs returns for it.
func (t tree) read(needs func(path string, size int64) *oms.Hasher) ([]oms.File, error) {
	var files []oms.File
	err := filepath.WalkDir(t.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Base(name) // of a model of one file
		if name != t.root {
			if path, err = t.inside(name); err != nil {
				return err
			}
		}
		switch {
		case name != t.root && t.ignores(path):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		f, err := readFile(name, path, needs)
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		f.Symlink = d.Type()&fs.ModeSymlink != 0
		files = append(files, f)
		return nil
	})
	return files, err
}

// readFile hashes a file, or what a link leads to.
func readFile(name, path string, needs func(path string, size int64) *oms.Hasher) (f oms.File, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return f, err
	}
	if !info.Mode().IsRegular() {
		return f, errIrregular
	}
	file, err := os.Open(name)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h, more := sha256.New(), needs(path, info.Size())
	n, err := io.Copy(io.MultiWriter(h, more), file)
	if err != nil {
		return f, err
	}
	return oms.File{Path: path, Size: n, SHA256: artifact.DigestOf(artifact.SHA256, h.Sum(nil)), Hashed: more}, nil
}
