// Package safetensors reads the header of a safetensors file as it streams
// past and holds it to what every known reader accepts.
//
// It keeps no tensor data, and where readers of the format disagree it
// refuses: leading white space, duplicate names, unknown fields and unknown
// dtypes are errors here although some reader takes them. Format and limits:
// safetensors/src/tensor.rs and README at 24b0b28 (2026-05-12).
package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// Limits. A parser needs at most MaxTensors × 32 bytes for places and names,
// and one entry: below 10 MiB for the worst header, some kB for a usual one.
const (
	// MaxHeader is the reference reader's own MAX_HEADER_SIZE, in bytes.
	MaxHeader = 100_000_000
	// MaxTensors is above the 91,991 tensors of all 163 shards of DeepSeek-V3
	// together; no single file in the wild comes near it.
	MaxTensors = 131_072
	// MaxMember is the longest entry in bytes, which only __metadata__ can be:
	// training logs of some LoRA trainers reach several 100 kB.
	MaxMember = 2 << 20
)

// ErrMalformed is wrapped by every error about a file that breaks the format.
var ErrMalformed = errors.New("malformed safetensors")

// A Header is what a valid file says about itself. Sizes are in bytes.
type Header struct {
	Size     uint64 // of the header's JSON
	Data     uint64
	Tensors  int
	Elements uint64
	ByDType  map[string]uint64 // elements
	Metadata map[string]string
}

// A Parser is an io.Writer for the whole file or for as much of its start as
// there is. Use New.
type Parser struct {
	size  int64
	feed  feed.Feed
	split splitter
	left  uint64 // header bytes to come
	// complete: the header was read to its end and is well formed.
	complete bool
	header   Header
	spans    []span
	dec      *jsontext.Decoder // one for all entries: it keeps its buffer
	each     func(Tensor)
}

type span struct {
	begin, end uint64
	name       [16]byte // of its SHA-256: finds duplicates without keeping names
}

// New returns a parser for a file of size bytes. Where each is not nil it is
// called for every tensor in the header's order, before the header as a whole
// was checked.
func New(size int64, each func(Tensor)) *Parser {
	p := &Parser{size: size, each: each, dec: jsontext.NewDecoder(bytes.NewReader(nil)), header: Header{ByDType: map[string]uint64{}}}
	p.split.emit = p.member
	p.feed.Take(8, p.length)
	return p
}

// Write reads on. It never fails; Header tells.
func (p *Parser) Write(b []byte) (int, error) { return p.feed.Write(b) }

// Header returns the header after the last byte was written, or an error that
// wraps ErrMalformed, feed.ErrTooLarge or feed.ErrTruncated.
func (p *Parser) Header() (Header, error) {
	if err := p.feed.End(); err != nil {
		if errors.Is(err, feed.ErrTooLarge) {
			return Header{}, fmt.Errorf("reading a safetensors header: %w", err)
		}
		return Header{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if p.feed.Seen() > p.size {
		return Header{}, fmt.Errorf("%w: %d bytes came, want %d", ErrMalformed, p.feed.Seen(), p.size)
	}
	return p.header, nil
}

// Data is where the tensors' data begin, in bytes of the file, or -1 while the
// header is being read and where it is not well formed.
func (p *Parser) Data() int64 {
	if !p.complete {
		return -1
	}
	return 8 + int64(p.header.Size)
}

// Done says whether the header was read, or will never be.
func (p *Parser) Done() bool { return p.feed.Stopped() }

func (p *Parser) length(b []byte) {
	n := binary.LittleEndian.Uint64(b)
	switch {
	case n > MaxHeader:
		p.feed.Fail(fmt.Errorf("header of %d bytes is over the format's limit of %d", n, MaxHeader))
		return
	case p.size < 8 || n > uint64(p.size)-8:
		p.feed.Fail(fmt.Errorf("header of %d bytes does not fit into a file of %d", n, p.size))
		return
	}
	p.header.Size, p.header.Data, p.left = n, uint64(p.size)-8-n, n
	p.more()
}

// chunk is how much of the header is taken at once; nothing is copied where
// the stream brings more.
const chunk = 4096

func (p *Parser) more() {
	if p.left == 0 {
		if err := p.finish(); err != nil {
			p.feed.Fail(err)
			return
		}
		p.complete = true
		return
	}
	p.feed.Take(min(p.left, chunk), p.piece)
}

func (p *Parser) piece(b []byte) {
	p.left -= uint64(len(b))
	if err := p.split.write(b); err != nil {
		p.feed.Fail(err)
		return
	}
	p.more()
}

func (p *Parser) member(text []byte) error {
	e, err := p.parseMember(text)
	if err != nil {
		return err
	}
	if e.metadata != nil {
		if p.header.Metadata != nil {
			return errors.New("two __metadata__ entries")
		}
		p.header.Metadata = e.metadata
		return nil
	}
	if len(p.spans) == MaxTensors {
		return fmt.Errorf("more than %d tensors: %w", MaxTensors, feed.ErrTooLarge)
	}
	sum := sha256.Sum256([]byte(e.tensor.Name))
	p.spans = append(p.spans, span{e.tensor.Begin, e.tensor.End, [16]byte(sum[:16])})
	p.header.Tensors++
	sumElements := p.header.Elements + e.tensor.Elements
	if sumElements < p.header.Elements {
		return errors.New("number of all elements overflows 64 bits")
	}
	p.header.Elements = sumElements
	p.header.ByDType[e.tensor.DType] += e.tensor.Elements
	if p.each != nil {
		p.each(e.tensor)
	}
	return nil
}

// finish accounts for every byte: tensors tile the data without hole and
// overlap, and nothing stands behind the last (Metadata::validate and
// MetadataIncompleteBuffer of the reference).
func (p *Parser) finish() error {
	if p.split.state != afterObject {
		return errors.New("header object is not closed")
	}
	spans := p.spans
	p.spans = nil
	slices.SortFunc(spans, func(a, b span) int { return slices.Compare(a.name[:], b.name[:]) })
	for i := 1; i < len(spans); i++ {
		if spans[i].name == spans[i-1].name {
			return errors.New("two tensors have the same name")
		}
	}
	slices.SortFunc(spans, func(a, b span) int {
		return slices.Compare([]uint64{a.begin, a.end}, []uint64{b.begin, b.end})
	})
	end := uint64(0)
	for _, s := range spans {
		if s.begin > end {
			return fmt.Errorf("bytes %d to %d of the data belong to no tensor", end, s.begin)
		}
		if s.begin < end {
			return fmt.Errorf("two tensors share the data from byte %d", s.begin)
		}
		end = s.end
	}
	switch {
	case end < p.header.Data:
		return fmt.Errorf("%d bytes after the last tensor", p.header.Data-end)
	case end > p.header.Data:
		return fmt.Errorf("tensors need %d bytes of data, there are %d", end, p.header.Data)
	}
	return nil
}
