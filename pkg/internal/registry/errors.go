package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// What errors of this package wrap. An error that wraps none of them comes
// from the local disk or from a context.
var (
	// ErrNotFound: whoever was asked answered that it is not there.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: the registry, or its token service, refused the
	// credentials or their absence (401, 403).
	ErrUnauthorized = errors.New("not authorized")
	// ErrUnreachable: nobody answered.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrRateLimited: the registry told us to come later. Such errors wrap
	// ErrUnreachable as well: the question was not answered.
	ErrRateLimited = errors.New("registry asks to wait")
	// ErrResponse: there was an answer, but not one that can be used.
	ErrResponse = errors.New("unusable answer")
	// ErrIncomplete: a body broke off and could not be resumed.
	ErrIncomplete = errors.New("transfer incomplete")
	// ErrLimit: a bound of this package was exceeded; nothing was cut off
	// silently.
	ErrLimit = errors.New("limit exceeded")
	// ErrChanged: a file of a plain tree changed while it was being read.
	ErrChanged = errors.New("file changed while it was read")
	// ErrForeignSubject: a listed referrer is about another artifact.
	ErrForeignSubject = errors.New("referrer is about another artifact")
	// ErrAmbiguous: a layout holds several artifacts that the reference could
	// mean.
	ErrAmbiguous = errors.New("ambiguous reference")
	// ErrAttachment: what was to be attached is not fit for it; nothing was
	// sent or written.
	ErrAttachment = errors.New("unusable attachment")
	// ErrReadBack: the store said that it took something, and does not have
	// it, or has something else.
	ErrReadBack = errors.New("read-back failed")
	// ErrBusy: somebody else kept a layout locked for too long.
	ErrBusy = errors.New("layout is locked")
)

// A PendingError says what an Attach that failed has left to do. Whatever it
// did is whole and stays; attaching the same again does the rest.
type PendingError struct {
	Manifest artifact.Digest // of the attachment
	Pending  []string        // of "blobs", "manifest" and "listing", in this order
	Err      error
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("%v (pending: %s of %v)", e.Err, strings.Join(e.Pending, ", "), e.Manifest)
}

// Unwrap returns Err.
func (e *PendingError) Unwrap() error { return e.Err }

// A LimitError tells which bound was exceeded. It wraps ErrLimit.
type LimitError struct {
	What       string
	Limit, Got int64 // Got is what was seen or declared, at least Limit+1
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %v: %d is over %d", e.What, ErrLimit, e.Got, e.Limit)
}

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

// A StatusError is an HTTP status other than the one that was asked for.
type StatusError struct {
	Host       string
	Status     int
	Code       string // the registry's error code, "" if it sent none
	Message    string // the registry's words; untrusted, at most 200 bytes
	RetryAfter string // the header as sent; untrusted
}

func (e *StatusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, " %q", e.Message)
	}
	if e.RetryAfter != "" {
		fmt.Fprintf(&b, ", retry after %q", e.RetryAfter)
	}
	return b.String()
}

// Unwrap returns the sentinels that the status stands for.
func (e *StatusError) Unwrap() []error {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return []error{ErrUnauthorized}
	case http.StatusNotFound:
		return []error{ErrNotFound}
	case http.StatusTooManyRequests:
		return []error{ErrRateLimited, ErrUnreachable}
	case http.StatusRequestTimeout:
		return []error{ErrUnreachable}
	default:
		return []error{ErrResponse}
	}
}

// A refusal is a thing that the registry asked for and that this client does
// not do. Asking again would not change it.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }
func (e *refusal) Unwrap() error { return ErrResponse }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// A brokenError is a failure of the connection, in contrast to an answer.
type brokenError struct {
	err  error
	body bool // the head of the answer had come already
}

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// timeout says whether the connection fell silent rather than broke.
func (e *brokenError) timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.err, &t) && t.Timeout()
}
