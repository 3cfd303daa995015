package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// What stands in the way of placing files. Both wrap ErrStore too.
var (
	// ErrInTheWay: there is a link, a folder or another thing that is no
	// regular file, and nothing is written over or through it.
	ErrInTheWay = errors.New("not written over or through what is no regular file")
	// ErrDiffers: there is another file under the name.
	ErrDiffers = errors.New("there is another file")
)

// FolderOfRecord is the folder beside the files that holds what is said of
// them. A model's files may not be in it.
const FolderOfRecord = ".modelcheck"

// A Placement says where a file goes. Path is slash-separated, relative and
// clean; Digest is what the bytes have been seen to be, a SHA-256.
type Placement struct {
	Path   string
	Digest artifact.Digest
	Stored Stored
}

// A Stamp is what a file was seen to be without reading it.
type Stamp struct {
	Size     int64 // bytes
	Modified time.Time
	Inode    uint64    // 0 where the system has none
	Changed  time.Time // ctime, which no program can set; zero where the system has none
}

// A Target is the folder that files leave the quarantine for, locked against
// other pulls.
type Target struct {
	q     *Quarantine
	root  *os.Root
	dir   *os.File
	force bool
	made  bool
	old   map[string]bool // files that may be replaced, as looked at
}

// Target opens the folder, and makes it if it is not there. With force, other
// files under the same names are replaced. It must be closed.
func (q *Quarantine) Target(force bool) (*Target, error) {
	t, err := q.openTarget(q.dir, force)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w: %w", q.dir, ErrStore, err)
	}
	return t, nil
}

// MayPutApart says before anything is fetched whether Apart could make dir.
func (q *Quarantine) MayPutApart(dir string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping apart in %q: %w: %w", dir, ErrStore, cmp.Or(err, fs.ErrExist))
	}
	if above := filepath.Dir(dir); otherDevice(above, filepath.Join(q.home.Name(), q.name)) {
		return fmt.Errorf("keeping apart in %q: %w: it is on another file system than %q", dir, ErrStore, q.dir)
	}
	return nil
}

// Apart is a new folder for what may not leave, to look into. It must not
// exist, and lie on the quarantine's file system.
func (q *Quarantine) Apart(dir string) (*Target, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	t, err := q.openTarget(dir, false)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w: %w", dir, ErrStore, err)
	}
	return t, nil
}

func (q *Quarantine) openTarget(dir string, force bool) (*Target, error) {
	t := &Target{q: q, force: force, old: map[string]bool{}}
	err := os.Mkdir(dir, 0o755)
	if t.made = err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	before, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, ErrInTheWay
	}
	if t.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if t.dir, err = t.root.Open("."); err != nil {
		return nil, errors.Join(err, t.root.Close())
	}
	after, err := t.dir.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = ErrInTheWay
	}
	if err == nil {
		err = waitFolder(t.dir)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Close unlocks the folder.
func (t *Target) Close() error { return errors.Join(t.dir.Close(), t.root.Close()) }

// Place renames the files into the folder. All names are looked at before the
// first is given, so that what stands in the way of one keeps all away. An old
// receipt goes first: it would be about other files.
func (t *Target) Place(ctx context.Context, files []Placement) (map[string]Stamp, error) {
	stamps, err := t.place(ctx, files)
	if err != nil {
		if t.made {
			_ = os.Remove(t.q.dir) // only if nothing is in it
		}
		return nil, fmt.Errorf("placing files: %w: %w", ErrStore, err)
	}
	return stamps, nil
}

func (t *Target) place(ctx context.Context, files []Placement) (map[string]Stamp, error) {
	folders := map[string][]Placement{}
	for _, f := range files {
		if err := wellNamed(f.Path); err != nil {
			return nil, err
		}
		folders[path.Dir(f.Path)] = append(folders[path.Dir(f.Path)], f)
	}
	order := slices.Sorted(maps.Keys(folders))
	for _, dir := range order {
		if err := t.look(ctx, dir, folders[dir]); err != nil {
			return nil, err
		}
	}
	files, err := t.q.ready(files)
	if err != nil {
		return nil, err
	}
	clear(folders)
	for _, f := range files {
		folders[path.Dir(f.Path)] = append(folders[path.Dir(f.Path)], f)
	}
	if err := t.forgetReceipt(); err != nil {
		return nil, err
	}
	stamps := make(map[string]Stamp, len(files))
	for _, dir := range order {
		if err := t.fill(dir, folders[dir], stamps); err != nil {
			return nil, err
		}
	}
	return stamps, t.dir.Sync()
}

// wellNamed: names come from package packaging and are clean; this room does
// not take its word for it.
func wellNamed(name string) error {
	first, _, _ := strings.Cut(name, "/")
	if !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name || name == "." {
		return fmt.Errorf("%q is no name below a folder", name)
	}
	if strings.EqualFold(first, FolderOfRecord) {
		return fmt.Errorf("%q is where this program's own records are", name)
	}
	return nil
}

// look refuses what is in the way of files in one folder.
func (t *Target) look(ctx context.Context, dir string, files []Placement) error {
	folder, err := t.folder(dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if t.old[f.Path], err = t.existing(ctx, folder, f); err != nil {
			break
		}
	}
	return errors.Join(err, folder.Close())
}

// existing says whether there is a file that may be replaced: the same one, or
// any with force.
func (t *Target) existing(ctx context.Context, folder *os.Root, f Placement) (bool, error) {
	name := path.Base(f.Path)
	info, err := folder.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%q: %w", f.Path, ErrInTheWay)
	case t.force:
		return true, nil
	case info.Size() != f.Stored.size:
		return false, fmt.Errorf("%q: %w", f.Path, ErrDiffers)
	}
	sum, err := hashFile(ctx, folder, name, info.Size())
	if err == nil && sum != f.Digest {
		err = fmt.Errorf("%q: %w", f.Path, ErrDiffers)
	}
	return err == nil, err
}

func hashFile(ctx context.Context, folder *os.Root, name string, size int64) (artifact.Digest, error) {
	sums, errs := Sum(ctx, Config{Workers: 1}, []SumJob{{Name: name, Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		return folder.Open(name)
	}}})
	if errors.Is(errs[0], artifact.ErrSizeMismatch) {
		return artifact.Digest{}, nil // it is changing: another one
	}
	return sums[0], errs[0]
}
