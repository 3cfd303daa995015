package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// wideness says when a blob is read over several connections. One connection may
// bring far less than the network could: content networks and object stores bound
// each by itself. Where one brings enough, several cost more than they bring.
type wideness struct {
	after int64 // bytes that are read before its speed is judged, and judged again
	below int64 // bytes per second of waiting; faster is left alone
	parts int   // at a time, of all blobs of a repository together
	part  int64 // bytes
}

// usualWidth takes 12 MiB of memory. From a server that gave 100 MB/s to each
// connection, 4 GiB came in 11 s instead of 44.
var usualWidth = wideness{after: 32 << 20, below: 256 << 20, parts: 4, part: 3 << 20}

// A wideReader reads a blob as narrow does, and where that is slow by ranges, some
// ahead, which it hands out in order. What comes is as unverified as ever. When a
// range fails, or all of them together are no faster, one connection goes on.
type wideReader struct {
	ctx    context.Context
	src    *remote
	d      artifact.Descriptor
	off    int64         // bytes handed out, or skipped at the beginning
	narrow io.ReadCloser // nil while there are parts
	ahead  *ahead        // nil while there is narrow
	tried  bool          // ranges were, and are not again
	closed bool

	judged int64 // off when the speed was last judged
	waited time.Duration
	speed  float64 // of one connection, bytes per second
}

// wide reads on where narrow stands.
func (r *remote) wide(ctx context.Context, d artifact.Descriptor, offset int64, narrow io.ReadCloser) io.ReadCloser {
	if d.Size-offset < 2*r.width.after || r.wire.limit.bounded() {
		return narrow
	}
	r.reading.Add(1)
	return &wideReader{ctx: ctx, src: r, d: d, off: offset, narrow: narrow, judged: offset}
}

// Read implements io.Reader.
func (w *wideReader) Read(p []byte) (int, error) {
	start := w.src.wire.now()
	n, err := w.read(p)
	w.off += int64(n)
	w.waited += w.src.wire.now().Sub(start)
	if err == nil && w.off-w.judged >= w.src.width.after {
		err = w.judge()
	}
	return n, err
}

func (w *wideReader) read(p []byte) (int, error) {
	if w.ahead == nil {
		return w.narrow.Read(p)
	}
	n, err := w.ahead.read(p)
	if err == nil || err == io.EOF || w.ctx.Err() != nil {
		return n, err
	}
	w.src.log.InfoContext(w.ctx, "reading on over one connection", slog.String("digest", w.d.Digest.String()), slog.Any("error", err))
	if err := w.narrowAgain(); err != nil {
		return 0, err
	}
	return w.narrow.Read(p)
}

// judge looks at the speed and changes from one way of reading to the other.
func (w *wideReader) judge() error {
	speed := float64(w.off-w.judged) / max(w.waited.Seconds(), 1e-9)
	w.judged, w.waited = w.off, 0
	parts := w.src.width.parts / int(max(w.src.reading.Load(), 1))
	switch {
	case w.ahead != nil && speed <= w.speed:
		return w.narrowAgain()
	case w.ahead == nil && !w.tried && speed < float64(w.src.width.below) && parts > 1 && w.d.Size-w.off >= w.src.width.after:
		w.tried, w.speed = true, speed
		_ = w.narrow.Close() // what was sent ahead is lost
		w.narrow, w.ahead = nil, w.src.readAhead(w.ctx, w.d, w.off, parts)
	}
	return nil
}

func (w *wideReader) narrowAgain() error {
	w.ahead.close()
	w.ahead = nil
	b := &blobReader{ctx: w.ctx, src: w.src, d: w.d, off: w.off}
	w.narrow = b
	return b.reconnect()
}

// Close ends the transfer.
func (w *wideReader) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.src.reading.Add(-1)
	if w.ahead != nil {
		w.ahead.close()
		return nil
	}
	return w.narrow.Close()
}

// ahead is a window of ranges of one blob that are on their way.
type ahead struct {
	ctx   context.Context
	stop  context.CancelFunc
	src   *remote
	d     artifact.Descriptor
	next  int64   // where the next range starts
	parts []*part // in order
	err   error   // why there is no more
	group sync.WaitGroup
}

type part struct {
	room []byte
	data []byte     // of it, what is not handed out yet
	done chan error // nil: data is there
}

func (r *remote) readAhead(ctx context.Context, d artifact.Descriptor, offset int64, parts int) *ahead {
	a := &ahead{src: r, d: d, next: offset}
	a.ctx, a.stop = context.WithCancel(ctx)
	for range parts {
		a.ask(make([]byte, r.width.part))
	}
	return a
}

// ask asks for the next range, if there is one.
func (a *ahead) ask(room []byte) {
	room = room[:cap(room)]
	if rest := a.d.Size - a.next; rest < int64(len(room)) {
		room = room[:rest]
	}
	if len(room) == 0 {
		return
	}
	p := &part{room: room, data: room, done: make(chan error, 1)}
	offset := a.next
	a.group.Go(func() { p.done <- a.src.readRange(a.ctx, a.d, offset, room) })
	a.parts, a.next = append(a.parts, p), a.next+int64(len(room))
}

// read hands out what comes next, and asks for more when a part was used up.
func (a *ahead) read(b []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if len(a.parts) == 0 {
		return 0, io.EOF
	}
	p := a.parts[0]
	if p.done != nil {
		if err := <-p.done; err != nil {
			a.err = errors.Join(err, context.Cause(a.ctx))
			return 0, a.err
		}
		p.done = nil
	}
	n := copy(b, p.data)
	if p.data = p.data[n:]; len(p.data) == 0 {
		a.parts = a.parts[1:]
		a.ask(p.room)
	}
	return n, nil
}

// close waits until nobody writes to the parts any more.
func (a *ahead) close() {
	a.stop()
	a.group.Wait()
}
