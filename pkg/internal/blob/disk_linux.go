package blob

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// directFlag opens a file past the page cache: page-cache writes cost more
// than hashing (measured: 0.70 against 0.88 of the peer's time).
const directFlag = unix.O_DIRECT

// buffered turns direct I/O off again, for the tail that is no whole block.
func buffered(f *os.File) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_DIRECT != 0 {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags&^unix.O_DIRECT)
	}
	return err
}

// allocate takes the space of the whole file at once. File systems that cannot
// are fine without.
func allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return &fs.PathError{Op: "allocate", Path: f.Name(), Err: err}
	}
	return nil
}

func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// startSync has the system begin to write a file, so that little is left to
// wait for when all are made last. Whether it does is of no consequence.
func startSync(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}

// freeSpace returns the bytes that may still be written, false where nobody
// knows.
func freeSpace(f *os.File) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	if s.Bavail > uint64(1<<62)/uint64(s.Bsize) {
		return 1 << 62, true
	}
	return int64(s.Bavail) * s.Bsize, true
}

// move renames between two open folders. With replace false an existing name
// is an error that wraps fs.ErrExist.
func move(from *os.File, old string, to *os.File, name string, replace bool) error {
	flags := uint(0)
	if !replace {
		flags = unix.RENAME_NOREPLACE
	}
	err := unix.Renameat2(int(from.Fd()), old, int(to.Fd()), name, flags)
	if !replace && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)) {
		// The file system does not know the flag; a hard link never replaces.
		err = unix.Linkat(int(from.Fd()), old, int(to.Fd()), name, 0)
		if err == nil {
			err = unix.Unlinkat(int(from.Fd()), old, 0)
		}
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: name, Err: err}
	}
	return nil
}

// occupied returns the bytes that a file takes on the disk.
func occupied(i fs.FileInfo) int64 { return i.Sys().(*syscall.Stat_t).Blocks * 512 }

func device(i fs.FileInfo) uint64 { return i.Sys().(*syscall.Stat_t).Dev }

func ours(i fs.FileInfo) bool { return int(i.Sys().(*syscall.Stat_t).Uid) == os.Geteuid() }

// identify returns what changes when somebody touches a file: its inode and
// the time of its last change, in nanoseconds, which no program can set.
func identify(i fs.FileInfo) (inode uint64, changed int64) {
	s := i.Sys().(*syscall.Stat_t)
	return s.Ino, s.Ctim.Nano()
}

// lockFolder locks an open folder until it is closed, without waiting.
func lockFolder(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }

// waitFolder is lockFolder with waiting.
func waitFolder(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// aligned returns memory that direct I/O takes, outside the collector's heap, in
// huge pages where the system has them: it looks up every page that is written.
func aligned(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil {
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
	return b, err
}

func unaligned(b []byte) { _ = unix.Munmap(b) }
