// Package gguf reads a GGUF file as it streams past: its keys, its tensors,
// and where every byte belongs.
//
// It keeps no tensor data. Format: ggml docs/gguf.md; what is accepted is what
// the reference reader accepts (src/gguf.cpp at d99724f), and less where that
// reader looks away: bytes behind the last tensor, padding that is not zero.
package gguf

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// Limits. A parser needs at most 16 bytes per key, 32 per tensor, and one
// piece of feed.MaxTake: below 16 MiB for the worst file.
const (
	// MaxHeader in bytes: vocabularies of 129k tokens make 5 to 15 MB.
	MaxHeader = 64 << 20
	// MaxKeys: files in the wild have some dozens; split models a few more.
	MaxKeys = 65_536
	// MaxTensors: DeepSeek-V3's single GGUF has 1,025 (experts are merged).
	MaxTensors = 262_144
	maxKey     = 65_535   // bytes; docs/gguf.md
	maxName    = 63       // bytes; GGML_MAX_NAME with its final zero
	maxRank    = 4        // GGML_MAX_DIMS
	maxString  = 16 << 20 // bytes; a tokenizer as JSON reaches some MiB
	maxAlign   = 64 << 10 // bytes; the default is 32, pages are 4 to 64 KiB
	// MaxValue is the longest string that is handed over; longer ones are
	// passed by and handed over without their text.
	MaxValue = 1 << 20
	// maxItems and maxItem bound the arrays of texts that are handed over:
	// tags, languages, datasets. Vocabularies are passed by.
	maxItems = 64
	maxItem  = 1 << 10
)

// What errors of this package wrap.
var (
	ErrMalformed   = errors.New("malformed GGUF")
	ErrUnsupported = errors.New("GGUF that is not examined")
)

// A Value is one key with a string or a number.
type Value struct {
	Key     string
	Text    string // of strings
	Bits    uint64 // of numbers, as stored, little-endian
	Type    uint32
	List    []string // of short arrays of short strings
	Omitted bool     // a string over MaxValue, or another array: only the key is known
}

// A Tensor is where a tensor lies. Offset counts bytes from the start of the
// data; Shape has the dimension that varies slowest first, as elsewhere.
type Tensor struct {
	Name         string
	Type         string
	Shape        []uint64
	Offset, Size uint64
}

// A Header is what a valid file says about itself.
type Header struct {
	Version  uint32
	Keys     uint64
	Tensors  int
	Elements uint64
	ByType   map[string]uint64 // elements
	Data     int64             // where tensor data begin, bytes
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	size    int64
	feed    feed.Feed
	each    func(Value)
	tensor  func(Tensor)
	header  Header
	shape   []uint64
	keys    uint64 // to come
	tensors uint64 // to come
	names   map[[16]byte]struct{}
	align   uint64
	value   Value
	items   uint64 // of an array, to come
	end     uint64 // of the last tensor with its padding, from the data's start
	extents []uint64
}

// New returns a parser for a file of size bytes; each, unless nil, is called
// for every key in order, before the file as a whole was checked.
func New(size int64, each func(Value)) *Parser {
	p := &Parser{size: size, each: each, align: 32, names: map[[16]byte]struct{}{}, header: Header{ByType: map[string]uint64{}}}
	p.feed.Take(8, p.magic)
	return p
}

// Each makes the parser call f for every tensor in order, before the file as a
// whole was checked.
func (p *Parser) Each(f func(Tensor)) { p.tensor = f }

// Data is where the tensors' data begin, in bytes of the file, or -1 while the
// header is being read and where it is not well formed.
func (p *Parser) Data() int64 {
	if p.header.Data == 0 || p.feed.Err() != nil {
		return -1
	}
	return p.header.Data
}

// Write reads on. It never fails; Header tells.
func (p *Parser) Write(b []byte) (int, error) { return p.feed.Write(b) }

// Header returns the header after the last byte, or an error that wraps
// ErrMalformed, ErrUnsupported or feed.ErrTooLarge.
func (p *Parser) Header() (Header, error) {
	err := p.feed.End()
	switch {
	case errors.Is(err, ErrUnsupported), errors.Is(err, feed.ErrTooLarge):
		return Header{}, err
	case err != nil:
		return Header{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	case p.feed.Seen() != p.size || p.feed.Offset() != p.size:
		return Header{}, fmt.Errorf("%w: %d bytes after the last tensor", ErrMalformed, p.size-p.feed.Offset())
	}
	return p.header, nil
}

// Head returns the header as soon as Data is known, before anything is known
// of the data; nil until then.
func (p *Parser) Head() *Header {
	if p.Data() < 0 {
		return nil
	}
	h := p.header
	return &h
}

// Err is what is wrong with the bytes so far.
func (p *Parser) Err() error { return p.feed.Err() }

func (p *Parser) fail(format string, args ...any) { p.feed.Fail(fmt.Errorf(format, args...)) }

func (p *Parser) magic(b []byte) {
	if string(b[:4]) != "GGUF" {
		p.fail("no magic")
		return
	}
	p.header.Version = binary.LittleEndian.Uint32(b[4:])
	switch v := p.header.Version; {
	case v == 2 || v == 3:
		p.feed.Take(16, p.counts)
	case v == 0:
		p.fail("version 0")
	case v&0xffff == 0:
		p.fail("%w: big-endian", ErrUnsupported)
	default: // the reference reader refuses version 1 too
		p.fail("%w: version %d", ErrUnsupported, v)
	}
}

func (p *Parser) counts(b []byte) {
	p.tensors, p.keys = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	switch {
	case p.tensors > MaxTensors:
		p.fail("%d tensors are over the limit of %d: %w", p.tensors, MaxTensors, feed.ErrTooLarge)
	case p.keys > MaxKeys:
		p.fail("%d keys are over the limit of %d: %w", p.keys, MaxKeys, feed.ErrTooLarge)
	default:
		p.header.Keys, p.header.Tensors = p.keys, int(p.tensors)
		p.nextKey()
	}
}

// inBudget says whether n more bytes may belong to the header.
func (p *Parser) inBudget(n uint64) bool {
	at := uint64(p.feed.Offset())
	switch {
	case n > uint64(p.size) || at+n > uint64(p.size):
		p.fail("at byte %d: %d bytes are due, the file ends: %w", at, n, feed.ErrTruncated)
		return false
	case at+n > MaxHeader:
		p.fail("header over %d bytes: %w", MaxHeader, feed.ErrTooLarge)
		return false
	}
	return true
}

func (p *Parser) take(n uint64, s feed.Step) {
	if p.inBudget(n) {
		p.feed.Take(n, s)
	}
}

func (p *Parser) skip(n uint64, s feed.Step) {
	if p.inBudget(n) {
		p.feed.Skip(n, s)
	}
}

func (p *Parser) u64(s func(uint64)) {
	p.take(8, func(b []byte) { s(binary.LittleEndian.Uint64(b)) })
}

func (p *Parser) u32(s func(uint32)) {
	p.take(4, func(b []byte) { s(binary.LittleEndian.Uint32(b)) })
}

// fresh notes a name and says whether it is new.
func (p *Parser) fresh(name []byte) bool {
	sum := sha256.Sum256(name)
	id := [16]byte(sum[:16])
	if _, ok := p.names[id]; ok {
		return false
	}
	p.names[id] = struct{}{}
	return true
}

// padded rounds n up to the alignment.
func (p *Parser) padded(n uint64) (uint64, bool) {
	sum, carry := bits.Add64(n, p.align-1, 0)
	return sum &^ (p.align - 1), carry == 0
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
