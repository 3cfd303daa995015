package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

const (
	// maxTreeFiles: the largest published model repositories have some
	// thousands of files.
	maxTreeFiles = 100_000
	// maxTreeDepth bounds the recursion; file systems allow far more.
	maxTreeDepth = 64
)

// A TreeFile is an entry of a plain tree that is no folder.
type TreeFile struct {
	Path string // slash-separated, relative to the tree
	Size int64  // bytes; 0 where Irregular is set
	// Irregular is "" for a regular file, else what it is instead: "symlink",
	// "fifo", "socket", "device" or "irregular". Such a thing is never opened.
	Irregular string
}

// A Tree is a folder of files. It is safe for concurrent use.
type Tree struct {
	root *os.Root

	mu   sync.Mutex
	seen map[string]fs.FileInfo // as listed by Files
}

// OpenTree opens the folder at path. Errors wrap ErrNotFound where there is
// nothing.
func OpenTree(path string) (*Tree, error) {
	root, err := os.OpenRoot(filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening %q: %w: %w", path, ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", path, err)
	}
	return &Tree{root: root, seen: map[string]fs.FileInfo{}}, nil
}

// Close releases the folder.
func (t *Tree) Close() error { return t.root.Close() }

// Files lists every entry below the folder, hidden ones too, sorted by path.
// Links are not followed. At most 100,000 entries and 64 levels: ErrLimit.
func (t *Tree) Files(ctx context.Context) ([]TreeFile, error) {
	var list []TreeFile
	if err := t.walk(ctx, ".", 0, &list); err != nil {
		return nil, fmt.Errorf("listing files: %w", err)
	}
	slices.SortFunc(list, func(a, b TreeFile) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

func (t *Tree) walk(ctx context.Context, dir string, depth int, list *[]TreeFile) error {
	if depth > maxTreeDepth {
		return &LimitError{What: "depth of folders", Limit: maxTreeDepth, Got: int64(depth)}
	}
	entries, err := t.readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			if err := t.walk(ctx, name, depth+1, list); err != nil {
				return err
			}
			continue
		}
		info, err := t.root.Lstat(name)
		if err != nil {
			return err
		}
		if len(*list) == maxTreeFiles {
			return &LimitError{What: "number of files", Limit: maxTreeFiles, Got: maxTreeFiles + 1}
		}
		f := TreeFile{Path: name, Irregular: irregular(info.Mode())}
		if f.Irregular == "" {
			f.Size = info.Size()
			t.mu.Lock()
			t.seen[name] = info
			t.mu.Unlock()
		}
		*list = append(*list, f)
	}
	return nil
}

// readDir lists a folder that must be one itself and not a link to one.
func (t *Tree) readDir(dir string) ([]fs.DirEntry, error) {
	before, err := t.root.Lstat(dir)
	if err != nil {
		return nil, err
	}
	f, err := t.root.Open(dir)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err == nil && !(after.IsDir() && os.SameFile(before, after)) {
		err = fmt.Errorf("%w: %q was replaced", ErrChanged, dir)
	}
	var entries []fs.DirEntry
	for err == nil {
		var some []fs.DirEntry
		some, err = f.ReadDir(1024)
		if entries = append(entries, some...); len(entries) > maxTreeFiles {
			err = &LimitError{What: "entries of a folder", Limit: maxTreeFiles, Got: int64(len(entries))}
		}
	}
	if err == io.EOF {
		err = nil
	}
	return entries, errors.Join(err, f.Close())
}

// irregular names what is no regular file.
func irregular(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return ""
	case m&fs.ModeSymlink != 0:
		return "symlink"
	case m&fs.ModeNamedPipe != 0:
		return "fifo"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	default:
		return "irregular"
	}
}

// Open opens a regular file of the tree. The reader ends with ErrChanged
// instead of io.EOF, and Close returns it too, where the file is not the one
// that Files listed, or did not stay the same while it was read.
func (t *Tree) Open(name string) (io.ReadCloser, error) {
	f, err := openRegular(t.root, filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening %q: %w: %w", name, ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %q: %w", name, err), f.Close())
	}
	r := &treeReader{tree: t, name: name, file: f, first: info}
	t.mu.Lock()
	if listed, ok := t.seen[name]; ok {
		r.first = listed
	}
	t.mu.Unlock()
	if err := r.unchanged(info); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// A treeReader reads a file that somebody else may be writing.
type treeReader struct {
	tree  *Tree
	name  string
	file  *os.File
	first fs.FileInfo // what the file was when it was first looked at
	read  int64
}

// Read implements io.Reader.
func (r *treeReader) Read(p []byte) (int, error) {
	// One byte more than listed shows that the file grows; a log that is
	// written for ever is not read for ever.
	left := r.first.Size() + 1 - r.read
	if left <= 0 {
		return 0, fmt.Errorf("reading %q: %w: it grew", r.name, ErrChanged)
	}
	n, err := r.file.Read(p[:min(int64(len(p)), left)])
	r.read += int64(n)
	if err == io.EOF {
		if cerr := r.check(); cerr != nil {
			return n, cerr
		}
	}
	return n, err
}

// check compares the open file and its name with what was first seen.
func (r *treeReader) check() error {
	if r.read > r.first.Size() {
		return fmt.Errorf("reading %q: %w: it grew", r.name, ErrChanged)
	}
	open, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("reading %q: %w", r.name, err)
	}
	if err := r.unchanged(open); err != nil {
		return err
	}
	named, err := r.tree.root.Lstat(filepath.FromSlash(r.name))
	if err != nil {
		return fmt.Errorf("reading %q: %w: %w", r.name, ErrChanged, err)
	}
	return r.unchanged(named)
}

func (r *treeReader) unchanged(now fs.FileInfo) error {
	if !os.SameFile(r.first, now) || now.Size() != r.first.Size() || !now.ModTime().Equal(r.first.ModTime()) {
		return fmt.Errorf("reading %q: %w", r.name, ErrChanged)
	}
	return nil
}

// Close closes the file and looks at it a last time.
func (r *treeReader) Close() error {
	return errors.Join(r.check(), r.file.Close())
}
