package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lockName is a file that is never removed: a lock on a file that comes and
// goes is none.
const lockName = ".lock"

// A change is what an update or an import writes. A nil field is removed.
type change struct {
	root, signing, state []byte
	sidecar              *Sidecar
}

// prepare makes the folder and shows that it can be written, before anything is
// fetched.
func (s *Store) prepare() error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	unlock()
	return nil
}

// lock keeps other processes from writing. It is held for the time of a few
// renames, never during a transfer.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of trusted roots: %w", err)
	}
	unlock, err = lockedfile.MutexAt(filepath.Join(s.dir, lockName)).Lock()
	if err != nil {
		return nil, fmt.Errorf("locking the folder of trusted roots: %w", err)
	}
	return unlock, nil
}

// commit writes a change under the lock. Each file is replaced whole; the
// sidecar goes last, so that after a crash in between it is about other bytes
// than the root's, which counts as "age unknown" and not as a younger root.
func (s *Store) commit(name string, c change) error {
	side, err := encode(c.sidecar)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		suffix string
		data   []byte
	}{{stateSuffix, c.state}, {signingSuffix, c.signing}, {rootSuffix, c.root}, {sidecarSuffix, side}} {
		path := s.path(name, f.suffix)
		if f.data == nil {
			err = os.Remove(path)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		} else {
			err = writeFile(path, f.data)
		}
		if err != nil {
			return fmt.Errorf("installing trusted root %q: %w", name, err)
		}
	}
	return nil
}

// writeFile replaces a file whole or not at all: a reader sees the old bytes or
// the new ones, also after a loss of power.
func writeFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

// syncDir makes a rename last. Windows cannot do that to a folder, and a file
// system that refuses has nothing to say about the file's content.
func syncDir(dir string) {
	if runtime.GOOS == "windows" {
		return
	}
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
