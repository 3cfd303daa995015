//go:build unix && !aix && !solaris && !illumos

package registry

import (
	"errors"
	"os"
	"syscall"
)

// flock locks an open folder until it is closed, without waiting.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		case errors.Is(err, syscall.EBADF), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK):
			// NFS makes it a lock on bytes, which wants a file that may be
			// written (flock(2), §NFS details).
			return errors.ErrUnsupported
		default:
			return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// syncFolder makes the names in a folder last. Some file systems keep no
// folders that could be synced.
func syncFolder(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
