package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// What a MismatchError wraps.
var (
	ErrDigestMismatch = errors.New("digest mismatch")
	ErrSizeMismatch   = errors.New("size mismatch")
)

// A MismatchError says that bytes are not the ones that were named. Sizes are
// in bytes; Got is zero where the size alone was enough to refuse.
type MismatchError struct {
	What     string   // "manifest", "blob", "config", "file"
	Files    []string // names of the model's files in it, as far as known; untrusted
	Want     Digest
	Got      Digest
	WantSize int64
	GotSize  int64 // how many bytes came, at most WantSize+1: reading stops there
}

func (e *MismatchError) Error() string {
	var b strings.Builder
	b.WriteString(e.What)
	for i, f := range e.Files {
		if i == 3 {
			fmt.Fprintf(&b, " and %d more", len(e.Files)-i)
			break
		}
		fmt.Fprintf(&b, " %q", f)
	}
	if e.size() {
		more := ""
		if e.GotSize > e.WantSize {
			more = "at least "
		}
		fmt.Fprintf(&b, " (%v): %v: %s%d bytes, want %d", e.Want, ErrSizeMismatch, more, e.GotSize, e.WantSize)
		return b.String()
	}
	fmt.Fprintf(&b, ": %v: got %v, want %v", ErrDigestMismatch, e.Got, e.Want)
	return b.String()
}

func (e *MismatchError) size() bool { return e.GotSize != e.WantSize }

// Unwrap returns ErrSizeMismatch or ErrDigestMismatch.
func (e *MismatchError) Unwrap() error {
	if e.size() {
		return ErrSizeMismatch
	}
	return ErrDigestMismatch
}
