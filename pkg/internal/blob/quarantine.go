package blob

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ErrStore is wrapped by every error about the disk that files are written to:
// no space, no permission, something in the way.
var ErrStore = errors.New("could not store")

// slots is how many pulls of one artifact into one folder keep what they have
// for the next run; more at a time work, and start from nothing.
const slots = 16

// A QuarantineConfig says what OpenQuarantine needs. Dir and Subject are
// required.
type QuarantineConfig struct {
	Dir     string          // the folder that the files are for; it need not exist
	Subject artifact.Digest // of the artifact: the next quarantine for both takes over what this one leaves
	Workers int             // writers at a time, as in Config
}

// A Quarantine is a private folder beside the one that files are for, on the
// same file system. Only its owner may look into it, and one process at a time
// works in it. It is safe for concurrent use.
type Quarantine struct {
	dir  string   // absolute
	home *os.Root // the folder that holds the quarantine
	name string   // in home
	mark string   // what the names of all quarantines for dir begin with
	root *os.Root
	lock *os.File
	pool *pool
	gone bool // removed

	members atomic.Int64
	copies  atomic.Int64
	mu      sync.Mutex
	late    bool // some file is still to be made last
}

// OpenQuarantine makes the folder, or takes over one that an earlier run left.
// Errors wrap ErrStore.
func OpenQuarantine(cfg QuarantineConfig) (*Quarantine, error) {
	q, err := openQuarantine(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a quarantine for %q: %w: %w", cfg.Dir, ErrStore, err)
	}
	return q, nil
}

func openQuarantine(cfg QuarantineConfig) (*Quarantine, error) {
	if cfg.Dir == "" || cfg.Subject.IsZero() {
		return nil, errors.New("no folder or no artifact given")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	q := &Quarantine{dir: dir, pool: newPool(cfg.Workers)}
	if err := q.settleIn(cfg.Subject.Hex()[:12]); err != nil {
		return nil, errors.Join(err, q.release())
	}
	return q, nil
}

// settleIn finds the place: beside the folder, or inside of it where it is a
// file system of its own or nothing may be written beside it.
func (q *Quarantine) settleIn(subject string) error {
	info, err := os.Lstat(q.dir)
	exists := err == nil
	switch {
	case exists && !info.IsDir():
		return fmt.Errorf("%q is no folder", q.dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	beside, base := filepath.Dir(q.dir), filepath.Base(q.dir)
	err = errors.New("it has no folder above it")
	if beside != q.dir && !(exists && otherDevice(beside, q.dir)) {
		q.mark = "." + base + ".modelcheck-"
		if err = q.open(beside, subject); err == nil {
			return nil
		}
	}
	if !exists {
		return err
	}
	q.mark = ".modelcheck-quarantine-"
	return q.open(q.dir, subject)
}

func (q *Quarantine) open(home, subject string) error {
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	q.home = root
	for i := range slots {
		name := q.mark + subject
		if i > 0 {
			name += "." + strconv.Itoa(i+1)
		}
		if taken, err := q.take(name); taken || err != nil {
			return errors.Join(err, q.closeIf(err))
		}
	}
	var random [8]byte
	rand.Read(random[:]) // never fails
	taken, err := q.take(q.mark + hex.EncodeToString(random[:]))
	if err == nil && !taken {
		err = errors.New("every name for it is taken")
	}
	return errors.Join(err, q.closeIf(err))
}

func (q *Quarantine) closeIf(err error) error {
	if err == nil {
		return nil
	}
	home := q.home
	q.home = nil
	return home.Close()
}

// take makes the folder or takes it over. What belongs to somebody else, what
// somebody else may write into, and what another process works in is left
// alone.
func (q *Quarantine) take(name string) (bool, error) {
	if err := q.home.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	before, err := q.home.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its owner was done with it just now
	}
	if err != nil || !before.IsDir() || before.Mode().Perm()&0o077 != 0 || !ours(before) {
		return false, err
	}
	root, err := q.home.OpenRoot(name)
	if err != nil {
		return false, nil
	}
	lock, err := root.Open(".")
	if err != nil {
		return false, errors.Join(err, root.Close())
	}
	opened, err := lock.Stat()
	locked := err == nil && os.SameFile(before, opened) && lockFolder(lock)
	// Whoever held the lock before us may have removed the folder.
	after, lerr := q.home.Lstat(name)
	if !locked || lerr != nil || !os.SameFile(before, after) {
		return false, errors.Join(err, lock.Close(), root.Close())
	}
	q.name, q.root, q.lock = name, root, lock
	return true, nil
}

// Close leaves what the next run can go on with: blobs, whole or in part.
// After Remove it only lets go.
func (q *Quarantine) Close() error {
	var err error
	if q.root != nil && !q.gone {
		err = q.tidy()
	}
	return errors.Join(err, q.release())
}

// tidy removes what is no blob, and the folder if nothing is left.
func (q *Quarantine) tidy() error {
	names, err := listNames(q.root, ".")
	left := 0
	for _, name := range names {
		if strings.HasPrefix(name, partPrefix) {
			left++
			continue
		}
		err = errors.Join(err, q.root.RemoveAll(name))
	}
	if left == 0 && err == nil {
		return q.Remove()
	}
	return err
}

// Remove removes the folder and all in it, and what earlier runs for the same
// folder left and nobody works in.
func (q *Quarantine) Remove() error {
	err := q.home.RemoveAll(q.name)
	q.gone = err == nil
	names, lerr := listNames(q.home, ".")
	err = errors.Join(err, lerr)
	for _, name := range names {
		if !q.sibling(name) {
			continue
		}
		other := &Quarantine{home: q.home, mark: q.mark}
		if taken, terr := other.take(name); taken && terr == nil {
			err = errors.Join(err, q.home.RemoveAll(name), other.lock.Close(), other.root.Close())
		}
	}
	return err
}

// sibling says whether name is one that open gives.
func (q *Quarantine) sibling(name string) bool {
	rest, ok := strings.CutPrefix(name, q.mark)
	rest, _, _ = strings.Cut(rest, ".")
	return ok && name != q.name && (len(rest) == 12 || len(rest) == 16) && strings.Trim(rest, "0123456789abcdef") == ""
}

// Room wants space for the blobs that are not here yet. What archives hold may
// take more than they do; that shows when it is written.
func (q *Quarantine) Room(blobs []artifact.Descriptor) error {
	free, known := freeSpace(q.lock)
	if !known {
		return nil
	}
	var need int64
	for _, d := range blobs {
		left := d.Size
		for _, ending := range []string{"", partEnding} {
			name := d.Digest.Algorithm().String() + "-" + d.Digest.Hex() + ending
			if info, err := q.root.Lstat(name); err == nil {
				left = max(0, left-occupied(info))
			}
		}
		if left > 1<<62-need {
			left = 1<<62 - need
		}
		need += left
	}
	if need > free {
		return fmt.Errorf("making room: %w: %w: %d bytes are needed and %d are free", ErrStore, syscall.ENOSPC, need, free)
	}
	return nil
}

func (q *Quarantine) release() error {
	var err error
	if q.lock != nil {
		err = errors.Join(err, q.lock.Close())
	}
	if q.root != nil {
		err = errors.Join(err, q.root.Close())
	}
	if q.home != nil {
		err = errors.Join(err, q.home.Close())
	}
	q.lock, q.root, q.home = nil, nil, nil
	q.pool.drop()
	return err
}

// otherDevice says whether two folders lie on two file systems, so that
// nothing can be renamed from one into the other.
func otherDevice(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && device(x) != device(y)
}
