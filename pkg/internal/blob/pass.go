package blob

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A worker's buffers. The larger they are, the less CPU goes into handing them
// on; four are enough to keep reader, hash and sink busy at the same time
// (measured on one blob: 4.95 s in one goroutine, 3.41 s in two). A worker that
// has no others beside it has more of them: what one processor does not get
// done for a while, another need not wait for (5.3 s with 16, 6.1 s with 4, where
// neighbours took from both).
const (
	maxBuffer   = 512 << 10
	minBuffer   = 64 << 10
	bufferCount = 4
	// ringMemory bounds the buffers of all workers together, in bytes, down to
	// bufferCount of minBuffer each.
	ringMemory = 8 << 20
)

// maxEmptyReads is how often a reader may return neither bytes nor an error;
// the same figure as bufio's.
const maxEmptyReads = 100

// A worker reads one blob after the other into the same few buffers.
type worker struct {
	progress func(n int64)
	size     int  // of a buffer, in bytes
	count    int  // of buffers
	alone    bool // reads, hashes and writes by itself, with one buffer
	ring     ring
}

// A buffer goes from the reader to the hash, the sink and the disk, and back
// when all are done with it.
type buffer struct {
	data  []byte
	n     int
	users atomic.Int32
}

// A lender lends buffers.
type lender interface {
	take() (*buffer, error)
	give(b *buffer)
}

// A ring is a worker's own buffers.
type ring chan *buffer

func (r ring) take() (*buffer, error) { return <-r, nil }
func (r ring) give(b *buffer)         { r <- b }

// blocks are the buffers of blobs that are written as they are: what was read
// is written from where it lies.
type blocks struct{ *pool }

func (l blocks) take() (*buffer, error) {
	b, err := l.pool.take()
	return &buffer{data: b}, err
}
func (l blocks) give(b *buffer) { l.pool.give(b.data) }

func (w *worker) buffers() ring {
	if w.ring == nil {
		count := w.count
		if w.alone {
			count = 1
		}
		w.ring = make(ring, count)
		for range count {
			w.ring <- &buffer{data: make([]byte, w.size)}
		}
	}
	return w.ring
}

// A pass is one reading of one blob.
type pass struct {
	job       *Job
	algorithm artifact.Algorithm
	compare   bool // with job.Want.Digest; otherwise sum is all that is asked for

	hash    hash.Hash
	sinkErr error // the sink's own failure, or the disk's; hashing goes on
	keepErr error
	hashErr error
	sum     artifact.Digest
}

// read opens the blob and compares size and digest. It returns when nobody
// uses the sink or the buffers any more.
func (w *worker) read(ctx context.Context, p *pass) (err error) {
	r, err := open(ctx, p.job)
	if err != nil {
		return err
	}
	defer func() { err = join(err, closeReader(p, r)) }()
	p.hash = p.algorithm.New()
	hashing := io.Writer(p.hash)
	if p.job.Mark != nil {
		hashing = &marker{hash: p.hash, mark: p.job.Mark}
	}
	users := []user{{w: hashing, failed: &p.hashErr}}
	if p.job.Sink != nil {
		users = append(users, user{w: p.job.Sink, failed: &p.sinkErr})
	}
	var lend lender = w.buffers()
	if fill := p.fill(); fill != nil {
		users = append(users, user{w: fill, failed: new(error)}) // it keeps its own
		if fill.disk != nil {
			lend = blocks{fill.cache.pool}
		}
	}
	if part := p.part(); part != nil {
		users = append(users, user{w: part, failed: &p.keepErr})
		if part.large() {
			lend = blocks{part.q.pool}
		}
	}
	got, err := w.share(ctx, p, r, lend, users)
	if p.sinkErr = join(p.sinkErr, p.keepErr); p.sinkErr != nil {
		p.sinkErr = &SinkError{What: p.job.What, Files: p.job.Files, Err: p.sinkErr}
	}
	if err := join(err, p.hashErr); err != nil {
		return err
	}
	return p.settle(got)
}

func (p *pass) part() *Part {
	if p.job.Part == nil {
		return nil
	}
	return p.job.Part()
}

func (p *pass) fill() *Fill {
	if p.job.Fill == nil {
		return nil
	}
	return p.job.Fill()
}

// A user is one of those who are handed every buffer.
type user struct {
	in     chan *buffer
	w      io.Writer
	failed *error
}

// share reads, and hands what was read to all users at once; to one after the
// other where there are enough other blobs to keep all processors busy.
func (w *worker) share(ctx context.Context, p *pass, r io.Reader, lend lender, users []user) (int64, error) {
	if w.alone || p.job.Want.Size <= smallBlob {
		return w.pump(ctx, p, r, lend, users, func(u *user, b *buffer) { u.use(lend, b) })
	}
	depth := bufferCount
	if own, ok := lend.(ring); ok {
		depth = cap(own)
	}
	var group sync.WaitGroup
	for i := range users {
		u := &users[i]
		u.in = make(chan *buffer, depth)
		group.Go(func() { u.consume(lend) })
	}
	got, err := w.pump(ctx, p, r, lend, users, func(u *user, b *buffer) { u.in <- b })
	for _, u := range users {
		close(u.in)
	}
	group.Wait()
	return got, err
}

// pump reads until the end, an error, or one byte more than there may be.
// That byte is counted and goes to nobody.
func (w *worker) pump(ctx context.Context, p *pass, r io.Reader, lend lender, users []user, hand func(*user, *buffer)) (got int64, err error) {
	defer caught(&err)
	want := p.job.Want.Size
	for got <= want {
		b, err := lend.take()
		if err != nil {
			return got, fmt.Errorf("reading %s: %w", p, err)
		}
		room := b.data
		if rest := want - got; rest < int64(len(room)) {
			room = room[:rest+1]
		}
		var rerr error
		if b.n, rerr = w.readFull(ctx, p, r, room); b.n == 0 {
			lend.give(b)
		} else {
			if got += int64(b.n); got > want {
				b.n--
			}
			b.users.Store(int32(len(users)))
			for i := range users {
				hand(&users[i], b)
			}
		}
		if rerr == io.EOF {
			return got, nil
		}
		if rerr != nil {
			return got, fmt.Errorf("reading %s: %w", p, rerr)
		}
	}
	return got, nil
}

// readFull reads until the buffer is full or there is no more. A panic of the
// reader is an error, so that the buffer is not lost.
func (w *worker) readFull(ctx context.Context, p *pass, r io.Reader, room []byte) (full int, err error) {
	defer caught(&err)
	empty := 0
	for full < len(room) {
		if err := context.Cause(ctx); err != nil {
			return full, err
		}
		n, err := r.Read(room[full:])
		if n < 0 || n > len(room)-full {
			return full, fmt.Errorf("%w: %d bytes read into %d", io.ErrShortBuffer, n, len(room)-full)
		}
		full += n
		if p.job.Progress != nil && n > 0 {
			p.job.Progress(int64(n))
		}
		if w.progress != nil && n > 0 {
			w.progress(int64(n))
		}
		if empty++; n > 0 {
			empty = 0
		}
		switch {
		case err != nil:
			return full, err
		case empty >= maxEmptyReads:
			return full, io.ErrNoProgress
		}
	}
	return full, nil
}

func (u *user) consume(lend lender) {
	for b := range u.in {
		u.use(lend, b)
	}
}

// use writes a buffer to its user, or, after a failure, lets it pass.
func (u *user) use(lend lender, b *buffer) {
	if *u.failed == nil && b.n > 0 {
		*u.failed = write(u.w, b.data[:b.n])
	}
	if b.users.Add(-1) == 0 {
		lend.give(b)
	}
}

func write(w io.Writer, p []byte) (err error) {
	defer caught(&err)
	n, err := w.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// settle is the check that the rest of the package exists for.
func (p *pass) settle(got int64) error {
	want := p.job.Want
	bad := &artifact.MismatchError{What: p.job.What, Files: p.job.Files, Want: want.Digest, WantSize: want.Size, GotSize: got}
	if bad.What == "" {
		bad.What = "blob"
	}
	if got != want.Size {
		return bad
	}
	p.sum = artifact.DigestOf(p.algorithm, p.hash.Sum(nil))
	if bad.Got = p.sum; p.compare && bad.Got != want.Digest {
		return bad
	}
	return nil
}

func open(ctx context.Context, job *Job) (r io.ReadCloser, err error) {
	defer caught(&err)
	r, err = job.Open(ctx)
	if err == nil && r == nil {
		return nil, fmt.Errorf("%w: the opener gave nothing to read", ErrJob)
	}
	return r, err
}

// closeReader: a reader may find only at its end that the file changed while
// it was being read, so its error counts.
func closeReader(p *pass, r io.Closer) (err error) {
	defer caught(&err)
	if err := r.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", p, err)
	}
	return nil
}
