// Package zipfile reads a zip file front to back as it streams past, and
// accepts it only where every reader sees the same members.
//
// Some readers trust the local headers, others the central directory at the
// end; torch.load looks at the first bytes, Python's zipfile at the last. So
// members must tile the file from its first byte, both headers must agree, and
// nothing may stand between, before or behind (PKWARE APPNOTE 6.3.10, §4.3).
package zipfile

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// Limits. A parser needs at most MaxMembers × 80 bytes.
const (
	// MaxMembers is above what a checkpoint of 10,000 tensors has.
	MaxMembers = 65_536
	// maxName in bytes. torch's names stay below 100.
	maxName = 4096
)

// What errors of this package wrap.
var (
	ErrMalformed = errors.New("malformed zip")
	// ErrNotExamined: a form of zip that no model uses, or over a limit.
	ErrNotExamined = errors.New("zip that is not examined")
)

// The compression methods that are told apart.
const (
	Stored   = 0
	Deflated = 8
)

// A Member is one member as its local header names it. Sizes are in bytes and
// -1 where the local header does not say.
type Member struct {
	Name       string
	Method     uint16
	Encrypted  bool
	Compressed int64
	Size       int64
}

// A Watcher is told of members in order. Open returns what gets the member's
// bytes as they are stored, or nil; Close is called behind its last byte.
type Watcher interface {
	Open(m Member) io.Writer
	Close()
}

// local is what is remembered of a member until the directory is read.
type local struct {
	offset           int64
	crc              uint32
	compressed, size uint64
	flags, method    uint16
	name             [16]byte
	listed           bool
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	feed    feed.Feed
	watch   Watcher
	members []local
	byPlace map[int64]int
	names   map[[16]byte]struct{}
	now     local
	member  Member
	out     io.Writer
	sum     uint32
	count   uint64 // bytes of the member at hand so far
	left    uint64
	matched int   // bytes of a descriptor's signature
	central int64 // where the directory begins
	listed  int
	ended   bool
	zip64   int64 // where the zip64 end record begins, 0 without
	byScan  feed.Some
	byData  feed.Some
}

// New returns a parser.
func New(w Watcher) *Parser {
	p := &Parser{watch: w, byPlace: map[int64]int{}, names: map[[16]byte]struct{}{}}
	p.byScan, p.byData = p.scan, p.data
	p.feed.Take(4, p.signature)
	return p
}

// Write reads on. It never fails; Err tells.
func (p *Parser) Write(b []byte) (int, error) { return p.feed.Write(b) }

// Err says after the last byte whether the file is one that all readers see
// alike: nil, or an error that wraps ErrMalformed or ErrNotExamined.
func (p *Parser) Err() error {
	err := p.feed.End()
	switch {
	case errors.Is(err, ErrNotExamined):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case !p.ended || p.feed.Seen() != p.feed.Offset():
		return fmt.Errorf("%w: %d bytes after its end", ErrMalformed, p.feed.Seen()-p.feed.Offset())
	}
	return nil
}

func (p *Parser) fail(format string, args ...any) { p.feed.Fail(fmt.Errorf(format, args...)) }

func (p *Parser) signature(b []byte) {
	switch string(b) {
	case "PK\x03\x04":
		p.feed.Take(26, p.localHeader)
	case "PK\x01\x02":
		p.beginDirectory()
		p.feed.Take(42, p.entry)
	case "PK\x05\x06":
		p.beginDirectory()
		p.feed.Take(18, p.end)
	default:
		p.fail("at byte %d: %q where a header is due", p.feed.Offset()-4, b)
	}
}

func (p *Parser) localHeader(b []byte) {
	le := binary.LittleEndian
	p.now = local{offset: p.feed.Offset() - 30, flags: le.Uint16(b[2:]), method: le.Uint16(b[4:]), crc: le.Uint32(b[10:]),
		compressed: uint64(le.Uint32(b[14:])), size: uint64(le.Uint32(b[18:]))}
	name, extra := uint64(le.Uint16(b[22:])), uint64(le.Uint16(b[24:]))
	switch {
	case len(p.members) == MaxMembers:
		p.fail("%w: more than %d members", ErrNotExamined, MaxMembers)
	case name == 0 || name > maxName:
		p.fail("member name of %d bytes", name)
	case p.now.flags&^(flagEncrypted|flagLevel|flagDescriptor|flagUTF8) != 0:
		p.fail("%w: member flags 0x%04x", ErrNotExamined, p.now.flags)
	default:
		p.feed.Take(name+extra, func(b []byte) { p.named(b[:name], b[name:]) })
	}
}

// The general purpose bits that models have (APPNOTE §4.4.4).
const (
	flagEncrypted  = 1 << 0
	flagLevel      = 3 << 1
	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11
)

func (p *Parser) named(name, extra []byte) {
	sum := sha256.Sum256(name)
	p.now.name = [16]byte(sum[:16])
	if _, ok := p.names[p.now.name]; ok {
		p.fail("two members have the name %q", name)
		return
	}
	p.names[p.now.name] = struct{}{}
	if err := p.now.wide(extra); err != nil {
		p.fail("member %q: %w", name, err)
		return
	}
	p.member = Member{Name: string(name), Method: p.now.method, Encrypted: p.now.flags&flagEncrypted != 0, Compressed: -1, Size: -1}
	p.sum, p.count, p.matched = 0, 0, 0
	if p.now.flags&flagDescriptor != 0 {
		p.out = p.watch.Open(p.member)
		p.feed.Stream(p.byScan)
		return
	}
	if p.now.compressed > 1<<62 || p.now.size > 1<<62 {
		p.fail("member %q: a size over all bounds", name)
		return
	}
	p.member.Compressed, p.member.Size = int64(p.now.compressed), int64(p.now.size)
	p.out = p.watch.Open(p.member)
	p.left = p.now.compressed
	if p.left == 0 {
		p.finish()
		return
	}
	p.feed.Stream(p.byData)
}

// wide reads the sizes of a zip64 extra field where the header refers to it.
func (l *local) wide(extra []byte) error {
	if l.flags&flagDescriptor != 0 {
		return nil // sizes follow behind the data
	}
	sizes := []*uint64{}
	for _, n := range []*uint64{&l.size, &l.compressed} {
		if *n == 1<<32-1 {
			sizes = append(sizes, n)
		}
	}
	return zip64Extra(extra, sizes)
}

func zip64Extra(extra []byte, into []*uint64) error {
	if len(into) == 0 {
		return nil
	}
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			break
		}
		field := extra[4 : 4+n]
		extra = extra[4+n:]
		if id != 1 {
			continue
		}
		if len(field) < 8*len(into) {
			return errors.New("zip64 field is too short")
		}
		for i, n := range into {
			*n = binary.LittleEndian.Uint64(field[8*i:])
		}
		return nil
	}
	return errors.New("no zip64 field")
}

// pass hands stored bytes on.
func (p *Parser) pass(b []byte) {
	p.count += uint64(len(b))
	if p.now.method == Stored && p.now.flags&flagEncrypted == 0 {
		p.sum = crc32.Update(p.sum, crc32.IEEETable, b)
	}
	if p.out != nil {
		_, _ = p.out.Write(b)
	}
}

func (p *Parser) data(b []byte) int {
	n := min(uint64(len(b)), p.left)
	p.pass(b[:n])
	p.left -= n
	if p.left > 0 {
		p.feed.Stream(p.byData)
	} else {
		p.finish()
	}
	return int(n)
}

// finish closes the member at hand.
func (p *Parser) finish() {
	p.watch.Close()
	p.out = nil
	if p.now.method == Stored && p.now.flags&flagEncrypted == 0 {
		if p.now.size != p.count || p.now.crc != p.sum {
			p.fail("member %q: size or checksum differ from its data", p.member.Name)
			return
		}
	}
	p.byPlace[p.now.offset] = len(p.members)
	p.members = append(p.members, p.now)
	p.feed.Take(4, p.signature)
}
