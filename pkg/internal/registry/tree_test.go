package registry

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func openTree(t *testing.T, dir string) *Tree {
	t.Helper()
	tree, err := OpenTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func TestTreeFiles(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	writeFile(t, dir, "b.txt", "bb")
	writeFile(t, dir, "b/x", "x")
	writeFile(t, dir, ".hidden/.file", "h")
	writeFile(t, dir, "a", "")
	secret := writeFile(t, outside, "secret", "s")
	for name, target := range map[string]string{"link": "b.txt", "out": secret, "folder": outside, "dangling": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := openTree(t, dir)
	got, err := tree.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []TreeFile{
		{".hidden/.file", 1, ""}, {"a", 0, ""}, {"b.txt", 2, ""}, {"b/x", 1, ""},
		{"dangling", 0, "symlink"}, {"folder", 0, "symlink"}, {"link", 0, "symlink"}, {"out", 0, "symlink"}, {"pipe", 0, "fifo"},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
		r, err := tree.Open(want[i].Path)
		if want[i].Irregular != "" {
			if !errors.Is(err, ErrResponse) || !strings.Contains(err.Error(), want[i].Irregular) {
				t.Errorf("%s was opened: %v", want[i].Path, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || int64(len(b)) != want[i].Size {
			t.Errorf("%s: %d bytes, error %v", want[i].Path, len(b), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"../" + filepath.Base(outside) + "/secret", "folder/secret", "/etc/passwd", "b"} {
		if r, err := tree.Open(name); err == nil {
			r.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := tree.Open("none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Files(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func TestOpenTree(t *testing.T) {
	if _, err := OpenTree(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	if tree, err := OpenTree(writeFile(t, t.TempDir(), "file", "")); err == nil {
		tree.Close()
		t.Error("a file is no tree")
	}
}

func TestTreeChanged(t *testing.T) {
	const content = "0123456789"
	later := time.Now().Add(time.Hour)
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, path string)
	}{
		{"nothing", nil},
		{"grown", func(t *testing.T, path string) { appendTo(t, path, "x") }},
		{"shrunk", func(t *testing.T, path string) { must(t, os.Truncate(path, 5)) }},
		{"shrunk in secret", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.Truncate(path, 5))
			must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}},
		{"touched", func(t *testing.T, path string) { must(t, os.Chtimes(path, later, later)) }},
		{"replaced", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			other := writeFile(t, filepath.Dir(path), "other", content)
			must(t, os.Chtimes(other, info.ModTime(), info.ModTime()))
			must(t, os.Rename(other, path))
		}},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }},
		{"a link now", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".moved"))
			must(t, os.Symlink("file.moved", path))
		}},
	} {
		t.Run(tc.name+" while reading", func(t *testing.T) {
			dir := t.TempDir()
			path := writeFile(t, dir, "file", content)
			r, err := openTree(t, dir).Open("file")
			must(t, err)
			_, err = io.ReadFull(r, make([]byte, 5))
			must(t, err)
			if tc.change != nil {
				tc.change(t, path)
			}
			_, rerr := io.ReadAll(r)
			cerr := r.Close()
			for _, err := range []error{rerr, cerr} {
				if want := tc.change != nil; errors.Is(err, ErrChanged) != want || (!want && err != nil) {
					t.Errorf("error %v", err)
				}
			}
		})
		if tc.change == nil || tc.name == "removed" || tc.name == "a link now" {
			continue
		}
		t.Run(tc.name+" after listing", func(t *testing.T) {
			dir := t.TempDir()
			path := writeFile(t, dir, "file", content)
			tree := openTree(t, dir)
			_, err := tree.Files(t.Context())
			must(t, err)
			tc.change(t, path)
			if r, err := tree.Open("file"); !errors.Is(err, ErrChanged) {
				if err == nil {
					r.Close()
				}
				t.Errorf("error %v, want ErrChanged", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, s string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(s)
	must(t, errors.Join(err, f.Close()))
}
