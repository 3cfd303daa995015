package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const (
	// lockWait is how long a layout may be locked by others. A lock is held
	// for one small file to be written.
	lockWait = 30 * time.Second
	// lockFile stands in for the lock where the system has none for folders.
	lockFile = "index.json.lock"
)

// errLocked is somebody else's lock.
var errLocked = errors.New("locked")

// lock takes the layout's exclusive lock and returns how to give it back. It is
// the system's lock on the folder itself, which leaves nothing behind and ends
// with the process; where the system has none (Windows, some network file
// systems), a file that only one can create.
func (l *layout) lock(ctx context.Context) (unlock func() error, err error) {
	dir, err := l.root.Open(".")
	if err != nil {
		return nil, err
	}
	err = l.wait(ctx, func() error { return flock(dir) })
	if err == nil {
		return dir.Close, nil
	}
	if err = errors.Join(err, dir.Close()); errors.Is(err, errors.ErrUnsupported) {
		return l.lockByFile(ctx)
	}
	return nil, err
}

func (l *layout) lockByFile(ctx context.Context) (unlock func() error, err error) {
	err = l.wait(ctx, func() error {
		f, err := l.root.OpenFile(lockFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return errLocked
		}
		if err != nil {
			return err
		}
		return f.Close()
	})
	switch {
	case errors.Is(err, ErrBusy):
		return nil, fmt.Errorf("%w (the file %q says so; a process that died may have left it)", err, lockFile)
	case err != nil:
		return nil, err
	}
	return func() error { return l.root.Remove(lockFile) }, nil
}

// wait tries until somebody else's lock is gone.
func (l *layout) wait(ctx context.Context, try func() error) error {
	pause := 5 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		if err := try(); !errors.Is(err, errLocked) {
			return err
		}
		if waited > lockWait {
			return fmt.Errorf("%w for over %v", ErrBusy, lockWait)
		}
		pause = min(2*pause, 100*time.Millisecond)
		if err := l.sleep(ctx, pause); err != nil {
			return err
		}
	}
}
