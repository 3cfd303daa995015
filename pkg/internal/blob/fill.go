package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// folder opens a folder below the target, one name after the other and never
// through a link. It makes what is missing where it is told to.
func (t *Target) folder(dir string, make bool) (*os.Root, error) {
	at, err := t.root.OpenRoot(".")
	if err != nil || dir == "." {
		return at, err
	}
	for name := range strings.SplitSeq(dir, "/") {
		next, err := below(at, name, make)
		if err := errors.Join(err, at.Close()); err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// below opens a folder in a folder. What was looked at must be what was opened.
func below(at *os.Root, name string, make bool) (*os.Root, error) {
	if make {
		if err := at.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	before, err := at.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%q: %w", name, ErrInTheWay)
	}
	next, err := at.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := next.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%q: %w", name, ErrInTheWay)
	}
	if err != nil {
		return nil, errors.Join(err, next.Close())
	}
	return next, nil
}

// fill renames files into one folder, notes what they are there, and makes the
// names last.
func (t *Target) fill(dir string, files []Placement, stamps map[string]Stamp) (err error) {
	folder, err := t.folder(dir, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	open, err := folder.Open(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, open.Close()) }()
	for _, f := range files {
		name := path.Base(f.Path)
		if err := t.give(open, folder, f); err != nil {
			return err
		}
		info, err := folder.Lstat(name)
		if err != nil {
			return err
		}
		stamps[f.Path] = stamp(info)
	}
	if err := open.Sync(); err != nil {
		return err
	}
	// The folders above hold new names too.
	for ; dir != "."; dir = path.Dir(dir) {
		if err := t.syncFolder(path.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// give renames one file. What was not there when it was looked at is not
// replaced now either: nobody has looked at it.
func (t *Target) give(to *os.File, folder *os.Root, f Placement) error {
	name := path.Base(f.Path)
	replace := t.old[f.Path]
	if replace {
		info, err := folder.Lstat(name)
		if err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%q: %w", f.Path, ErrInTheWay)
		}
	}
	return move(t.q.lock, f.Stored.name, to, name, replace)
}

func (t *Target) syncFolder(dir string) error {
	folder, err := t.folder(dir, false)
	if err != nil {
		return err
	}
	open, err := folder.Open(".")
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	return errors.Join(open.Sync(), open.Close(), folder.Close())
}

// Write puts a document into the folder of record, whole or not at all.
func (t *Target) Write(name string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %q: %w: %w", FolderOfRecord+"/"+name, ErrStore, err)
		}
	}()
	if err := t.q.write("document", data); err != nil {
		return err
	}
	return t.fill(FolderOfRecord, []Placement{{Path: FolderOfRecord + "/" + name, Stored: Stored{name: "document"}}}, map[string]Stamp{})
}

// forgetReceipt removes all documents of an earlier pull.
func (t *Target) forgetReceipt() error {
	folder, err := t.folder(FolderOfRecord, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"receipt.json", "manifest.json"} {
		if rerr := folder.Remove(name); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return errors.Join(err, folder.Close(), t.syncFolder(FolderOfRecord))
}

// write makes a small file in the quarantine and makes it last.
func (q *Quarantine) write(name string, data []byte) error {
	f, err := q.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
}

// ready makes all files last, and gives a file that has several names a copy
// for each: a link would make one file of two.
func (q *Quarantine) ready(files []Placement) ([]Placement, error) {
	out := make([]Placement, 0, len(files))
	taken := map[string]bool{}
	for _, f := range files {
		if taken[f.Stored.name] {
			name := fmt.Sprintf("copy-%06d", q.copies.Add(1))
			if err := q.copyFile(f.Stored.name, name); err != nil {
				return nil, err
			}
			f.Stored.name = name
		}
		taken[f.Stored.name] = true
		out = append(out, f)
	}
	return out, q.syncPostponed(out)
}

func (q *Quarantine) copyFile(from, to string) error {
	src, err := q.root.Open(from)
	if err != nil {
		return err
	}
	dst, err := q.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = io.Copy(dst, src)
	q.postpone(dst)
	return errors.Join(err, dst.Chmod(0o644), dst.Close(), src.Close())
}

// postpone notes that a file is to be made last with the others.
func (q *Quarantine) postpone(f *os.File) {
	startSync(f)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.late = true
}

// syncers is how many files are made last at a time: the system puts what they
// wait for together.
const syncers = 8

// syncPostponed makes what was postponed last, file by file: one call for the
// whole file system would wait for what others write as well.
func (q *Quarantine) syncPostponed(files []Placement) error {
	q.mu.Lock()
	late := q.late
	q.mu.Unlock()
	if !late {
		return nil
	}
	errs := make([]error, len(files))
	each(Config{Workers: syncers}, len(files), minBuffer, func(_ *worker, i int) {
		f, err := q.root.Open(files[i].Stored.name)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		errs[i] = err
	})
	return errors.Join(errs...)
}

func stamp(info fs.FileInfo) Stamp {
	s := Stamp{Size: info.Size(), Modified: info.ModTime().UTC()}
	inode, changed := identify(info)
	if s.Inode = inode; changed != 0 {
		s.Changed = time.Unix(0, changed).UTC()
	}
	return s
}

// StampOf looks at a regular file below dir without reading it.
func StampOf(dir, name string) (Stamp, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Stamp{}, err
	}
	info, err := root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q: %w", name, ErrInTheWay)
	}
	return stampIf(info, err, root.Close())
}

func stampIf(info fs.FileInfo, errs ...error) (Stamp, error) {
	if err := errors.Join(errs...); err != nil {
		return Stamp{}, err
	}
	return stamp(info), nil
}
