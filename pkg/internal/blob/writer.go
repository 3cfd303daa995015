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

// A disk writes blocks to one large file, past the page cache where it can, and
// makes marks last.
type disk struct {
	file   *os.File
	direct bool
	keep   func(keptMark) error // makes a mark last; nil: there are none
	save   chan keptMark
	saving sync.WaitGroup

	mu    sync.Mutex
	err   error
	marks []keptMark // not yet reached by what is written
}

// A keptMark is the state of the hash at an offset.
type keptMark struct {
	offset int64
	state  []byte
}

func newDisk(f *os.File, direct bool, keep func(keptMark) error) *disk {
	d := &disk{file: f, direct: direct, keep: keep, save: make(chan keptMark, 1)}
	d.saving.Go(d.saves)
	return d
}

// mark is told the state of the hash. It may come before or after the bytes
// that it is about were written.
func (w *disk) mark(m keptMark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = append(w.marks, m)
}

// write writes a block, in the order of the file. After a failure it does not.
func (w *disk) write(block []byte, off int64) error {
	err := w.failed()
	if err == nil {
		if err = w.put(block, off); err != nil {
			err = w.fail(err)
		}
	}
	w.reach(off + int64(len(block)))
	return err
}

// put writes a block at a multiple of blockAlign; the last of a file may be of
// any length.
func (w *disk) put(block []byte, off int64) error {
	whole := len(block)
	if w.direct {
		whole -= whole % blockAlign
	}
	if whole > 0 {
		_, err := w.file.WriteAt(block[:whole], off)
		if w.direct && errors.Is(err, syscall.EINVAL) {
			// It was opened so, and will not be written so.
			w.direct = false
			if err := buffered(w.file); err != nil {
				return err
			}
			_, err = w.file.WriteAt(block[:whole], off)
		}
		if err != nil {
			return err
		}
	}
	if whole == len(block) {
		return nil
	}
	if err := buffered(w.file); err != nil {
		return err
	}
	_, err := w.file.WriteAt(block[whole:], off+int64(whole))
	return err
}

// reach passes on the last mark that what is written has reached. Where the
// one before is not yet safe it waits for the next block: marks are for
// resuming and may be few.
func (w *disk) reach(written int64) {
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
func (w *disk) saves() {
	for m := range w.save {
		if err := w.keep(m); err != nil {
			_ = w.fail(err)
		}
	}
}

// finish waits for the marks and cuts the file to its size in bytes. The file
// stays open.
func (w *disk) finish(size int64) error {
	close(w.save)
	w.saving.Wait()
	if err := w.failed(); err != nil {
		return err
	}
	return w.file.Truncate(size)
}

func (w *disk) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *disk) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("%w: %w", ErrStore, err)
	}
	return w.err
}

// A writer copies what it is given into blocks, and writes them in a goroutine
// of its own.
type writer struct {
	*disk
	pool  *pool
	block []byte // being filled
	n     int
	off   int64 // in the file, of block[0]

	work chan piece
	done sync.WaitGroup
}

// A piece is a block on its way to the disk.
type piece struct {
	block []byte
	n     int
	off   int64
}

func newWriter(f *os.File, direct bool, p *pool) *writer {
	w := &writer{disk: newDisk(f, direct, nil), pool: p, work: make(chan piece, blocksPerWriter)}
	w.done.Go(w.run)
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

// run writes blocks until there are no more, and gives them back.
func (w *writer) run() {
	for p := range w.work {
		_ = w.write(p.block[:p.n], p.off) // kept, and told by finish
		w.pool.give(p.block)
	}
}

// finish writes the rest and waits for all of it.
func (w *writer) finish() error {
	if w.n > 0 {
		w.submit()
	} else if w.block != nil {
		w.pool.give(w.block)
	}
	w.block = nil
	close(w.work)
	w.done.Wait()
	return w.disk.finish(w.off)
}
