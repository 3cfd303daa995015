package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func (r *remote) blob(ctx context.Context, d artifact.Descriptor) (io.ReadCloser, error) {
	return r.blobFrom(ctx, d, 0)
}

func (r *remote) blobFrom(ctx context.Context, d artifact.Descriptor, offset int64) (io.ReadCloser, error) {
	b := &blobReader{ctx: ctx, src: r, d: d, off: offset}
	if err := b.reconnect(); err != nil {
		return nil, err
	}
	return r.wide(ctx, d, offset, b), nil
}

// A blobReader reads a blob through as many connections as it takes. It holds
// its context as an http.Response does: reading is the rest of the request.
type blobReader struct {
	ctx   context.Context
	src   *remote
	d     artifact.Descriptor
	body  io.ReadCloser // nil between two connections
	off   int64         // bytes handed out
	whole int64         // off when a body from the very beginning was last stepped into
	spent patience
	err   error   // why reading is over
	home  *remote // where to go on when src, a mirror, fails; nil: src is it
}

// Read implements io.Reader.
func (b *blobReader) Read(p []byte) (int, error) {
	for b.err == nil {
		// One byte more than promised is enough to see that there is more.
		left := b.d.Size + 1 - b.off
		if left <= 0 {
			b.err = io.EOF
			break
		}
		if len(p) == 0 {
			return 0, nil
		}
		if b.body == nil {
			if b.err = b.reconnect(); b.err != nil {
				b.goHome()
				continue
			}
		}
		n, err := b.body.Read(p[:min(int64(len(p)), left)])
		b.off += int64(n)
		if n > 0 {
			b.spent.progress()
		}
		if err != nil {
			b.err = b.interrupted(err)
			b.goHome()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// goHome has the registry go on where a mirror failed, or ended too early.
func (b *blobReader) goHome() {
	if b.err == nil || b.home == nil || b.ctx.Err() != nil || b.err == io.EOF && b.off >= b.d.Size {
		return
	}
	b.src.log.InfoContext(b.ctx, "a mirror failed, the registry goes on", slog.String("mirror", b.src.base.Host), slog.Any("error", b.err))
	b.drop()
	b.src, b.home, b.err, b.spent, b.whole = b.home, nil, nil, patience{}, 0
}

// interrupted decides what the end of a body means: nil to go on with a new
// connection.
func (b *blobReader) interrupted(err error) error {
	if cause := context.Cause(b.ctx); cause != nil {
		return cause
	}
	if b.off >= b.d.Size {
		// Every byte that was promised is here, and the hash will say whether
		// they are the right ones. What the framing says adds nothing.
		return io.EOF
	}
	b.drop()
	if err == io.EOF {
		// Complete by HTTP's count and short by the descriptor's. Which of
		// them is wrong shows when the rest is asked for: a whole body that
		// ends at the same place again belongs to a blob that is shorter than
		// promised. Reading ends, and whoever hashes finds the size wrong.
		if b.off > 0 && b.whole == b.off {
			return io.EOF
		}
		err = &brokenError{err: io.ErrUnexpectedEOF, body: true}
	}
	return b.wait(err)
}

// wait pauses before the next connection, or says why there is none.
func (b *blobReader) wait(err error) error {
	if !b.spent.again(err) {
		what := "connection closed"
		if broken := (*brokenError)(nil); errors.As(err, &broken) && broken.timeout() {
			what = fmt.Sprintf("no data for %v", b.src.wire.dialer.idle)
		}
		return fmt.Errorf("%w: %s at %d of %d bytes: %w", ErrIncomplete, what, b.off, b.d.Size, err)
	}
	b.src.log.InfoContext(b.ctx, "resuming a blob", slog.String("digest", b.d.Digest.String()),
		slog.Int64("offset", b.off), slog.Any("error", err))
	return b.src.sleep(b.ctx, backoff(b.spent.count))
}

// reconnect opens the body at b.off. It starts at the registry's own URL each
// time: redirect targets and tokens are valid for minutes only.
func (b *blobReader) reconnect() error {
	for {
		err := b.connect()
		if err == nil {
			return nil
		}
		var broken *brokenError
		if b.ctx.Err() != nil || !errors.As(err, &broken) {
			return err
		}
		if werr := b.wait(err); werr != nil {
			if b.off == 0 && errors.Is(err, ErrUnreachable) {
				return err // nothing was transferred: nobody was reached
			}
			return werr
		}
	}
}

func (b *blobReader) connect() error {
	header := http.Header{"Accept": {"*/*"}}
	if b.off > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", b.off))
	}
	resp, err := b.src.get(b.ctx, b.src.url("blobs/"+b.d.Digest.String()), header)
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return b.skip(resp.Body)
	case http.StatusPartialContent:
		if start, ok := rangeStart(resp.Header.Get("Content-Range")); !ok || start != b.off {
			resp.Body.Close()
			return refuse("asked for bytes from %d and got Content-Range %q", b.off, clip(resp.Header.Get("Content-Range")))
		}
		b.body = resp.Body
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		resp.Body.Close()
		if b.off > 0 {
			return b.restart()
		}
	}
	defer resp.Body.Close()
	return statusError(resp)
}

// restart asks for the whole blob where a registry refuses a range: either it
// knows no ranges, or the blob ends where we stand, which then shows.
func (b *blobReader) restart() error {
	resp, err := b.src.get(b.ctx, b.src.url("blobs/"+b.d.Digest.String()), http.Header{"Accept": {"*/*"}})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return statusError(resp)
	}
	return b.skip(resp.Body)
}

// skip steps over what was handed out already, in a body that starts at the
// beginning.
func (b *blobReader) skip(body io.ReadCloser) error {
	n, err := io.CopyN(io.Discard, body, b.off)
	if err == io.EOF {
		err = &brokenError{err: io.ErrUnexpectedEOF, body: true}
	}
	if err != nil {
		body.Close()
		return fmt.Errorf("stepping over %d bytes, at %d: %w", b.off, n, err)
	}
	b.body, b.whole = body, b.off
	return nil
}

func (b *blobReader) drop() {
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
}

// Close ends the transfer.
func (b *blobReader) Close() error {
	b.drop()
	if b.err == nil {
		b.err = errClosed
	}
	return nil
}

var errClosed = errors.New("read after close")

// rangeStart reads RFC 9110, §14.4: "bytes START-END/TOTAL".
func rangeStart(v string) (int64, bool) {
	rest, ok := strings.CutPrefix(v, "bytes ")
	if !ok {
		return 0, false
	}
	first, _, ok := strings.Cut(rest, "-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(first, 10, 64)
	return n, err == nil && n >= 0 && first[0] != '+'
}
