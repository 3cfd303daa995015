package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// A persistence is how much trouble writing has made.
type persistence struct {
	patience
	waited time.Duration
}

// A lostSession is an upload that the registry no longer knows.
type lostSession struct{ err error }

func (e *lostSession) Error() string { return e.err.Error() }
func (e *lostSession) Unwrap() error { return e.err }

// persist waits where a write that failed may succeed later, else returns err.
// It does not repeat anything: what is left to do is to be looked at anew.
func (r *remote) persist(ctx context.Context, spent *persistence, err error) error {
	var (
		status *StatusError
		lost   *lostSession
		asked  time.Duration
	)
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &lost), errors.As(err, &status) && passing(status.Status):
		spent.count++
		spent.weight++
		if status != nil {
			asked, _ = retryAfter(status.RetryAfter, r.wire.now())
		}
		if spent.weight >= patienceEnd {
			return err
		}
	case !spent.again(err):
		return err
	}
	wait := max(asked, backoff(spent.count))
	if spent.waited += wait; wait > maxWait || spent.waited > maxWaits {
		return err
	}
	r.log.InfoContext(ctx, "looking again after a failed write", slog.Duration("wait", wait), slog.Any("error", err))
	return r.sleep(ctx, wait)
}
