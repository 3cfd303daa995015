package oms

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What a RefusedError wraps. All but the first three say how a statement is
// malformed, and come with ErrMalformed.
var (
	ErrOldFormat      = errors.New("a model signature of the abandoned format v0.1") // §5.1, historical note
	ErrOtherPredicate = errors.New("not a model signature")
	ErrTooLarge       = errors.New("over a limit")
	ErrMalformed      = errors.New("malformed model signature")

	ErrSubject       = errors.New("unusable subject")       // §6.5
	ErrSerialization = errors.New("unusable serialization") // §5.2.2, §6.2.1
	ErrAlgorithm     = errors.New("unusable digest")        // §7
	ErrName          = errors.New("unusable name")          // §6.1.2
	ErrDuplicate     = errors.New("name stands twice")
	ErrOrder         = errors.New("resources not sorted") // §5.2.1
	ErrShards        = errors.New("shards do not fit")    // §6.3.2
	ErrRootDigest    = errors.New("root digest differs")  // §6.5.1
)

// A RefusedError says why a payload is no statement that can be used.
type RefusedError struct {
	reason error
	detail string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%v: %s", e.reason, e.detail) }

// Unwrap returns the reason and, where the payload is malformed, ErrMalformed.
func (e *RefusedError) Unwrap() []error {
	switch e.reason {
	case ErrOldFormat, ErrOtherPredicate, ErrTooLarge, ErrMalformed:
		return []error{e.reason}
	default:
		return []error{e.reason, ErrMalformed}
	}
}

// Code returns the reason code for a signature candidate.
func (e *RefusedError) Code() string {
	switch e.reason {
	case ErrOldFormat, ErrOtherPredicate:
		return provenance.CodeNotASignature
	case ErrTooLarge:
		return provenance.CodeLimitExceeded
	default:
		return provenance.CodeSignatureMalformed
	}
}

func refuse(reason error, format string, args ...any) *RefusedError {
	return &RefusedError{reason: reason, detail: fmt.Sprintf(format, args...)}
}

// maxQuoted bounds a stranger's word in a sentence, in bytes.
const maxQuoted = 120

// quoted makes a stranger's word fit for a sentence.
func quoted(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToGraphic(strings.ToValidUTF8(s[:maxQuoted], "")) + "…"
	}
	return strconv.QuoteToGraphic(s)
}
