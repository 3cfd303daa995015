package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// maxTries counts the first one.
	maxTries = 5
	// maxWait is the longest single wait that a registry can ask for. More is
	// an error at once, which shows what was asked for: a person decides.
	maxWait = time.Minute
	// maxWaits bounds the waits of one request together (RP-12: an error
	// within two minutes).
	maxWaits = 90 * time.Second
	// firstBackoff doubles with each try.
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 8 * time.Second
)

// A retrier repeats requests that failed before their answer's body began.
type retrier struct {
	next  http.RoundTripper
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	log   *slog.Logger
}

// RoundTrip implements http.RoundTripper. Where the tries are used up, or the
// registry asks for a longer wait than maxWait, the last answer is returned as
// it is: its status and Retry-After belong into the error.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	var waited time.Duration
	for try := 1; ; try++ {
		if try > 1 && req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req = req.Clone(ctx)
			req.Body = body
		}
		resp, err := r.next.RoundTrip(req)
		if try == maxTries || writes(req) || !again(resp, err) {
			return resp, err
		}
		wait := backoff(try)
		if resp != nil {
			if asked, ok := retryAfter(resp.Header.Get("Retry-After"), r.now()); ok {
				wait = asked
			}
		}
		if waited += wait; wait > maxWait || waited > maxWaits {
			return resp, err
		}
		status := 0
		if resp != nil {
			status = resp.StatusCode
			resp.Body.Close() // not drained: an error page may be endless
		}
		r.log.InfoContext(ctx, "asking the registry again", slog.Int("try", try), slog.Int("status", status),
			slog.Duration("wait", wait), slog.Any("error", err))
		if err := r.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// writes says whether the request changes the repository. Its caller knows
// whether it may come twice: an index that is put again may be out of date.
func writes(req *http.Request) bool {
	return req.Method == http.MethodPut || req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/blobs/uploads/")
}

// again says whether the same request may have another outcome. Time-outs are
// left to the callers, who know how much time a question is worth.
func again(resp *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
	return passing(resp.StatusCode)
}

// passing says whether a status is about the moment and not about the request.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	default:
		return status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported
	}
}

// backoff returns the wait after the given try, with jitter so that a thousand
// clients do not come back in the same instant.
func backoff(try int) time.Duration {
	d := min(firstBackoff<<min(try-1, 10), maxBackoff)
	return d/2 + rand.N(d/2+1)
}

// retryAfter reads RFC 9110, §10.2.3: seconds or a date. What is negative,
// past or neither counts as absent.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		if n < 0 {
			return 0, false
		}
		return time.Duration(min(n, 1<<31)) * time.Second, true
	}
	if strings.Trim(value, "0123456789") == "" {
		return 1 << 31 * time.Second, true // more seconds than fit
	}
	at, err := http.ParseTime(value)
	if err != nil || !at.After(now) {
		return 0, false
	}
	return at.Sub(now), true
}
