package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ErrSpoiled is wrapped where bytes that an earlier run left are not those that
// it hashed. It says nothing about the artifact: they are to be fetched again.
var ErrSpoiled = errors.New("what an earlier run left is damaged")

// The names of blobs in a quarantine: "sha256-HEX", with an ending until the
// digest matched.
const (
	partPrefix  = "sha"
	partEnding  = ".part"
	marksEnding = ".marks"
)

// A Part is a blob on its way to the disk, which is a file of the model as it
// is. What was written before an interruption is read again, hashed again, and
// not fetched again.
type Part struct {
	q    *Quarantine
	want artifact.Descriptor
	name string

	held  int64  // bytes that an earlier run left
	state []byte // of the hash at held, nil where nobody noted it

	// Failed, where it is not nil, is told at once that the disk failed.
	Failed func(error)

	file  *os.File
	marks *os.File
	slot  int // of the marks, to be written next
	small bool
	disk  *disk // of a large file
	at    int64 // where the next bytes go
	seen  int64

	marked   int64 // of the last mark, by the goroutine that hashes
	markedAt time.Time

	spoiled atomic.Bool
	closed  bool
	whole   bool // closed with nil, and nothing failed
}

// Part opens the file of a blob, or what there is of it. It must be closed.
func (q *Quarantine) Part(want artifact.Descriptor) (*Part, error) {
	p := &Part{q: q, want: want, name: want.Digest.Algorithm().String() + "-" + want.Digest.Hex(), small: want.Size < smallFile}
	if err := p.open(); err != nil {
		return nil, fmt.Errorf("opening the file of %v: %w: %w", want.Digest, ErrStore, errors.Join(err, p.closeFiles()))
	}
	return p, nil
}

func (p *Part) open() error {
	if info, err := p.q.root.Lstat(p.name); err == nil && info.Mode().IsRegular() && info.Size() == p.want.Size && info.Size() > 0 {
		p.held = info.Size()
		return nil
	}
	if !p.small {
		if err := p.openMarks(); err != nil {
			return err
		}
	}
	flags := os.O_WRONLY | os.O_CREATE
	if p.held == 0 {
		flags |= os.O_TRUNC
	}
	var err error
	direct := false
	if !p.small {
		p.file, err = p.q.root.OpenFile(p.name+partEnding, flags|directFlag, 0o600)
		direct = err == nil && directFlag != 0
	}
	if p.small || errors.Is(err, syscall.EINVAL) {
		p.file, err = p.q.root.OpenFile(p.name+partEnding, flags, 0o600)
	}
	if err != nil || p.small {
		return err
	}
	if err := allocate(p.file, p.want.Size); err != nil {
		return err
	}
	p.at = p.held
	p.disk = newDisk(p.file, direct, p.keep)
	return nil
}

// openMarks finds out how much of the part is known to be on the disk.
func (p *Part) openMarks() error {
	f, err := p.q.root.OpenFile(p.name+marksEnding, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	p.marks = f
	m, slot := readMarks(f, p.want.Digest, p.want.Size)
	info, err := p.q.root.Lstat(p.name + partEnding)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < m.offset {
		m = keptMark{}
	}
	if m.offset == 0 {
		return f.Truncate(0)
	}
	p.held, p.state, p.slot = m.offset, m.state, 1-slot
	return nil
}

// Kept is how many bytes an earlier run left, which need not be fetched.
func (p *Part) Kept() int64 { return p.held }

// Remains names what there is of a part that was closed, whole or not, for
// somebody who wants to look at it.
func (p *Part) Remains() (Stored, bool) {
	if p.whole || p.file == nil {
		return p.Stored(), p.whole
	}
	return Stored{name: p.name + partEnding, size: p.seen}, p.seen > 0
}

// Stored names the file for Place, once it was closed with nil.
func (p *Part) Stored() Stored { return Stored{name: p.name, size: p.want.Size} }

// Open gives all bytes of the blob: those that are here, and from rest those
// from an offset on.
func (p *Part) Open(ctx context.Context, rest func(ctx context.Context, offset int64) (io.ReadCloser, error)) (io.ReadCloser, error) {
	if p.held == 0 {
		return rest(ctx, 0)
	}
	name := p.name
	if p.held < p.want.Size || p.file != nil {
		name += partEnding
	}
	f, err := p.q.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading what is left of %v: %w: %w", p.want.Digest, ErrStore, err)
	}
	return &resumed{ctx: ctx, part: p, here: f, rest: rest}, nil
}

// Mark is the job's: at the end of what was here the hash must be in the state
// that it was in before, and later states are noted down.
func (p *Part) Mark(hashed int64, state []byte) error {
	switch {
	case hashed == p.held && p.state != nil && !bytes.Equal(state, p.state):
		p.spoiled.Store(true)
		return fmt.Errorf("%v: the first %d bytes: %w", p.want.Digest, hashed, ErrSpoiled)
	case p.disk != nil && markDue(hashed, max(p.held, p.marked), time.Since(p.markedAt)):
		p.disk.mark(keptMark{hashed, state})
		p.marked, p.markedAt = hashed, time.Now()
	}
	return nil
}

// keep makes a mark last: the bytes first, then what is said of them.
func (p *Part) keep(m keptMark) error {
	if err := syncData(p.file); err != nil {
		return err
	}
	err := writeMark(p.marks, p.slot, m, p.want.Digest, p.want.Size)
	p.slot = 1 - p.slot
	return err
}

// large says whether the blob is written in blocks, each from where it was read
// into.
func (p *Part) large() bool { return p.disk != nil }

// Write takes the blob's next bytes and leaves those alone that are here.
func (p *Part) Write(b []byte) (int, error) {
	err := p.write(b)
	if err == nil {
		return len(b), nil
	}
	if p.Failed != nil {
		p.Failed(err)
	}
	return 0, err
}

func (p *Part) write(b []byte) error {
	skip := min(max(0, p.held-p.seen), int64(len(b)))
	p.seen += int64(len(b))
	b = b[skip:]
	switch {
	case len(b) == 0:
		return nil
	case p.file == nil:
		return fmt.Errorf("%w: more than %d bytes for %v", ErrStore, p.want.Size, p.want.Digest)
	case p.small:
		if _, err := p.file.Write(b); err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		return nil
	}
	err := p.disk.write(b, p.at)
	p.at += int64(len(b))
	return err
}

// Close ends the writing. With nil, said after size and digest matched, the
// file is whole and waits to be placed. Else what is safe is left for the next
// time, unless err says that it is of no use.
func (p *Part) Close(err error) error {
	if p.closed {
		return nil
	}
	p.closed = true
	var failed error
	if p.disk != nil {
		failed = p.disk.finish(p.at)
	}
	whole := err == nil && failed == nil && p.seen == p.want.Size
	if p.file != nil && whole {
		failed = errors.Join(p.file.Chmod(0o644), p.settle(), p.q.root.Rename(p.name+partEnding, p.name))
	}
	useless := errors.Is(err, ErrSpoiled) || errors.Is(err, artifact.ErrDigestMismatch) || errors.Is(err, artifact.ErrSizeMismatch)
	failed = errors.Join(failed, p.closeFiles())
	if whole || useless {
		failed = errors.Join(failed, p.forget(useless))
	}
	if failed != nil {
		return fmt.Errorf("keeping %v: %w: %w", p.want.Digest, ErrStore, failed)
	}
	p.whole = whole
	if useless && p.held > 0 {
		return fmt.Errorf("%v: %w", p.want.Digest, ErrSpoiled)
	}
	return nil
}

// settle makes a large file last now; small ones are many, and follow together.
func (p *Part) settle() error {
	if p.small {
		p.q.postpone(p.file)
		return nil
	}
	return syncData(p.file)
}

// forget removes the marks. What was held and is damaged goes too; what was
// fetched and is not what was asked for stays, so that it can be looked at.
func (p *Part) forget(useless bool) error {
	var names []string
	if !p.small {
		names = append(names, p.name+marksEnding)
	}
	if useless && p.held > 0 {
		names = append(names, p.name, p.name+partEnding)
	}
	var err error
	for _, name := range names {
		if rerr := p.q.root.Remove(name); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

func (p *Part) closeFiles() error {
	var err error
	for _, f := range []*os.File{p.file, p.marks} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}
