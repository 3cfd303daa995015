package inspect

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
)

// Limits of Peek, in bytes.
const (
	// peekFirst is read of every file: it tells the format and holds whole
	// headers of small files. Of 4 GiB it is 0.0004 %.
	peekFirst = 16 << 10
	// peekStep is how much of a longer header is asked for at once. The headers
	// of DeepSeek-V3's shards have some 90 kB each.
	peekStep = 256 << 10
	// peekMost bounds one file: it is the limit on a GGUF header, and far above
	// safetensors headers in the wild.
	peekMost = gguf.MaxHeader
	// peekZip bounds a zip's directory; one of 10,000 tensors has some 1 MB.
	peekZip = 4 << 20
	// peekBlock is what a zip's directory is read in.
	peekBlock = 64 << 10
)

// Unverified is what the header of a file seems to say. It comes from bytes
// that no hash covers: it has no findings, no observations and no class, and no
// way leads from it to a record or a verdict.
type Unverified struct {
	Format   string            // one of the Format constants, by the first bytes
	Tensors  int               // 0 where they are not told apart
	Elements uint64            // stored numbers
	ByDType  map[string]uint64 // elements
	Members  int               // of a zip, by its directory
	Header   int64             // bytes before the data
	Read     int64             // bytes that were asked for
	Requests int

	shapes *shapes // for MeasureUnverified
	data   uint64
}

// A RangeReader fills p with the bytes of one file from offset on, or fails.
type RangeReader func(p []byte, offset int64) error

// Peek reads the header of the file at path, of size bytes, and little more.
// With an error, what was seen so far is returned too.
func Peek(path string, size int64, read RangeReader) (Unverified, error) {
	p := &peeker{size: size, read: read}
	head := make([]byte, min(size, peekFirst))
	if err := p.fill(head, 0); err != nil {
		return p.seen, err
	}
	p.seen.Format = identify(path, size, head)
	var err error
	switch p.seen.Format {
	case FormatSafetensors:
		err = p.safetensors(head)
	case FormatGGUF:
		err = p.gguf(head)
	case FormatZip:
		err = p.zip()
	}
	return p.seen, err
}

type peeker struct {
	size int64
	read RangeReader
	seen Unverified
}

func (p *peeker) fill(b []byte, offset int64) error {
	p.seen.Read += int64(len(b))
	p.seen.Requests++
	return p.read(b, offset)
}

// follow gives a parser the file from its begin until it has enough, and not
// beyond end. Never are more than peekStep bytes held.
func (p *peeker) follow(head []byte, end int64, w io.Writer, enough func() bool) error {
	buf := head
	for at := int64(0); ; {
		_, _ = w.Write(buf) // parsers keep their errors to themselves
		if at += int64(len(buf)); enough() || at >= end {
			return nil
		}
		if at >= peekMost {
			return fmt.Errorf("the header has more than %d bytes", peekMost)
		}
		if len(buf) < peekStep {
			buf = make([]byte, peekStep)
		}
		buf = buf[:min(int64(cap(buf)), end-at)]
		if err := p.fill(buf, at); err != nil {
			return err
		}
	}
}

func (p *peeker) safetensors(head []byte) error {
	p.seen.shapes = newShapes()
	parser := safetensors.New(p.size, p.seen.shapes.tensor)
	end := 8 + int64(binary.LittleEndian.Uint64(head)) // identify saw that it fits into the file
	if err := p.follow(head, end, parser, parser.Done); err != nil {
		return err
	}
	h, err := parser.Header()
	if err != nil {
		return err
	}
	p.seen.Tensors, p.seen.Elements, p.seen.ByDType, p.seen.Header = h.Tensors, h.Elements, maps.Clone(h.ByDType), parser.Data()
	p.seen.data = h.Data
	return nil
}

func (p *peeker) gguf(head []byte) error {
	parser := gguf.New(p.size, nil)
	if err := p.follow(head, p.size, parser, func() bool { return parser.Head() != nil || parser.Err() != nil }); err != nil {
		return err
	}
	h := parser.Head()
	if h == nil {
		_, err := parser.Header()
		return errors.Join(err, errors.New("the header is not complete"))
	}
	p.seen.Tensors, p.seen.Elements, p.seen.ByDType = h.Tensors, h.Elements, maps.Clone(h.ByType)
	p.seen.Header = min(h.Data, p.size) // without tensors the padding may be missing
	return nil
}

// zip reads the directory at the end. What it says may differ from what the
// members are: only reading all of it tells.
func (p *peeker) zip() error {
	r, err := zip.NewReader(&blocks{p: p}, p.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return err
	}
	p.seen.Members = len(r.File)
	for _, f := range r.File {
		if path.Base(f.Name) == "data.pkl" {
			p.seen.Format = FormatTorchZip
		}
	}
	return nil
}

// blocks is an io.ReaderAt that reads in large blocks, keeps the last one, and
// ends at its bound.
type blocks struct {
	p     *peeker
	begin int64
	have  []byte
	spent int64
}

func (b *blocks) ReadAt(to []byte, at int64) (int, error) {
	n := 0
	for n < len(to) {
		if at+int64(n) >= b.p.size {
			return n, io.EOF
		}
		if err := b.load((at + int64(n)) / peekBlock * peekBlock); err != nil {
			return n, err
		}
		n += copy(to[n:], b.have[at+int64(n)-b.begin:])
	}
	return n, nil
}

func (b *blocks) load(begin int64) error {
	if b.have != nil && b.begin == begin {
		return nil
	}
	have := make([]byte, min(peekBlock, b.p.size-begin))
	if b.spent += int64(len(have)); b.spent > peekZip {
		return fmt.Errorf("the directory has more than %d bytes", peekZip)
	}
	if err := b.p.fill(have, begin); err != nil {
		return err
	}
	b.begin, b.have = begin, have
	return nil
}
