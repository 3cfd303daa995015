package blob

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// blockAlign is what direct I/O wants offsets and lengths to be multiples of:
// a page, and no disk has larger sectors.
const blockAlign = 4096

// smallFile is the size in bytes below which a file is written as it comes;
// for less, nothing is gained by direct I/O, and nothing lost by fetching it
// again.
const smallFile = 8 << 20

// A writer writes one large file, in blocks and in a goroutine of its own: to
// hash and to write is what takes time, and they take it at once.
type writer struct {
	file   *os.File
	pool   *pool
	direct bool
	keep   func(keptMark) error // makes a mark last; nil: there are none

	block []byte // being filled
	n     int
	off   int64 // in the file, of block[0]

	work chan piece
	save chan keptMark
	both sync.WaitGroup

	mu    sync.Mutex
	err   error
	marks []keptMark // not yet reached by what is written
}

// A piece is a block on its way to the disk.
type piece struct {
	block []byte
	n     int
	off   int64
}

// A keptMark is the state of the hash at an offset.
type keptMark struct {
	offset int64
	state  []byte
}

// newWriter goes on writing at offset, which is a multiple of blockAlign.
func newWriter(f *os.File, direct bool, p *pool, offset int64, keep func(keptMark) error) *writer {
	w := &writer{file: f, pool: p, direct: direct, off: offset, keep: keep, work: make(chan piece, blocksPerWriter), save: make(chan keptMark, 1)}
	w.both.Go(w.run)
	w.both.Go(w.saves)
	return w
}

// Write copies b and returns; errors of earlier blocks come later.
func (w *writer) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 {
		if w.block == nil {
			if err := w.failed(); err != nil {
				return 0, err
			}
			var err error
			if w.block, err = w.pool.take(); err != nil {
				return 0, w.fail(err)
			}
		}
		n := copy(w.block[w.n:], b)
		w.n += n
		b = b[n:]
		if w.n == len(w.block) {
			w.submit()
		}
	}
	return total, nil
}

func (w *writer) submit() {
	w.work <- piece{w.block, w.n, w.off}
	w.off += int64(w.n)
	w.block, w.n = nil, 0
}

// mark is told the state of the hash. It may come before or after the bytes
// that it is about were written.
func (w *writer) mark(m keptMark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = append(w.marks, m)
}

// run writes blocks until there are no more. After a failure it only gives
// them back.
func (w *writer) run() {
	defer close(w.save)
	for p := range w.work {
		if w.failed() == nil {
			if err := w.put(p); err != nil {
				_ = w.fail(err)
			}
		}
		w.pool.give(p.block)
		w.reach(p.off + int64(p.n))
	}
}

// put writes a block; the last of a file may be of any length.
func (w *writer) put(p piece) error {
	whole := p.n
	if w.direct {
		whole -= p.n % blockAlign
	}
	if whole > 0 {
		_, err := w.file.WriteAt(p.block[:whole], p.off)
		if w.direct && errors.Is(err, syscall.EINVAL) {
			// It was opened so, and will not be written so.
			w.direct = false
			if err := buffered(w.file); err != nil {
				return err
			}
			_, err = w.file.WriteAt(p.block[:whole], p.off)
		}
		if err != nil {
			return err
		}
	}
	if whole == p.n {
		return nil
	}
	if err := buffered(w.file); err != nil {
		return err
	}
	_, err := w.file.WriteAt(p.block[whole:p.n], p.off+int64(whole))
	return err
}

// reach passes on the last mark that what is written has reached. Where the
// one before is not yet safe it waits for the next block: marks are for
// resuming and may be few.
func (w *writer) reach(written int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := -1
	for i, m := range w.marks {
		if m.offset <= written {
			last = i
		}
	}
	if w.err != nil || w.keep == nil || last < 0 {
		return
	}
	select {
	case w.save <- w.marks[last]:
		w.marks = w.marks[last+1:]
	default:
	}
}

// saves makes marks last, one after the other.
func (w *writer) saves() {
	for m := range w.save {
		if err := w.keep(m); err != nil {
			_ = w.fail(err)
		}
	}
}

// finish writes the rest, cuts the file to its size, and waits for all of it.
// The file stays open.
func (w *writer) finish() error {
	if w.n > 0 {
		w.submit()
	} else if w.block != nil {
		w.pool.give(w.block)
	}
	w.block = nil
	close(w.work)
	w.both.Wait()
	if err := w.failed(); err != nil {
		return err
	}
	return w.file.Truncate(w.off)
}

func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("%w: %w", ErrStore, err)
	}
	return w.err
}
