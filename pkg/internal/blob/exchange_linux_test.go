package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two names in a folder at once.
func exchange(dir, a, b string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Renameat2(int(f.Fd()), a, int(f.Fd()), b, unix.RENAME_EXCHANGE)
}
