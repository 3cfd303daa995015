//go:build !linux

package blob

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Elsewhere than on Linux writing is plain, space is not asked for, and
// nothing is locked: every quarantine is another one, and two pulls into one
// folder are for the user to keep apart.

const directFlag = 0

func buffered(*os.File) error              { return nil }
func allocate(*os.File, int64) error       { return nil }
func syncData(f *os.File) error            { return f.Sync() }
func startSync(*os.File)                   {}
func freeSpace(*os.File) (int64, bool)     { return 0, false }
func device(fs.FileInfo) uint64            { return 0 }
func ours(fs.FileInfo) bool                { return true }
func identify(fs.FileInfo) (uint64, int64) { return 0, 0 }
func occupied(i fs.FileInfo) int64         { return i.Size() }
func lockFolder(*os.File) bool             { return true }
func waitFolder(*os.File) error            { return nil }
func aligned(n int) ([]byte, error)        { return make([]byte, n), nil }
func unaligned([]byte)                     {}

func move(from *os.File, old string, to *os.File, name string, replace bool) error {
	target := filepath.Join(to.Name(), name)
	if _, err := os.Lstat(target); err == nil && !replace {
		return &os.LinkError{Op: "rename", Old: old, New: name, Err: fs.ErrExist}
	}
	return os.Rename(filepath.Join(from.Name(), old), target)
}
