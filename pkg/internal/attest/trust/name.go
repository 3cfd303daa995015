package trust

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// DefaultName is the root that is used where nobody names another.
const DefaultName = "default"

// maxName bounds names: the longest suffix still fits into the 255 bytes that
// file systems allow, and a name into one column.
const maxName = 64

// ErrName is wrapped by errors about a name that no root can have.
var ErrName = errors.New("invalid name of a trusted root")

// CheckName refuses what is not 1 to 64 lower-case letters, digits, hyphens and
// underscores that begin with a letter or digit. So a name is never a path, and
// two names are never one file where upper and lower case are the same.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrName, len(name), maxName)
	}
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_'):
		default:
			return fmt.Errorf("%w: %q, want lower-case letters, digits, - and _", ErrName, name)
		}
	}
	return nil
}

// IsName tells a name from the path of a file by its spelling alone, never by
// what lies on disk: a file that somebody puts into the current folder must not
// take the place of a root. A path holds a dot or a separator.
func IsName(s string) bool { return CheckName(s) == nil }

// The files of a root. A name holds no dot, so that no root's file is another's
// sidecar.
const (
	rootSuffix    = ".json"
	sidecarSuffix = ".meta.json"
	stateSuffix   = ".tuf.json"
	signingSuffix = ".signing.json"
)

// sidecarPath is where the sidecar of a root lies, installed or not.
func sidecarPath(root string) string {
	return strings.TrimSuffix(root, rootSuffix) + sidecarSuffix
}

// path returns the file of a root with the given suffix. The name was checked.
func (s *Store) path(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }
