// Package wire walks over a protobuf message as it streams past, along a
// schema of the few fields that somebody wants to see.
//
// It knows no message type, it decodes no message, and it keeps nothing but
// the short fields that are asked for. Encoding: protobuf.dev, "Encoding";
// numbers and wire types are protowire's.
package wire

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// maxDepth is the deepest nesting followed. Protobuf's own readers stop at 100
// messages; control flow in graphs nests some five graphs.
const maxDepth = 100

// ErrMalformed is wrapped by every error about bytes that are no message of
// the schema.
var ErrMalformed = errors.New("malformed protobuf")

// A Message says what to look at in one message type. Other fields are passed
// by.
type Message struct {
	Name   string
	Nested map[protowire.Number]*Message
	// Keep: fields of which up to so many bytes are handed over.
	Keep map[protowire.Number]uint64
	// Numbers: fields that are handed over as numbers.
	Numbers map[protowire.Number]bool
}

// A Visitor is told of what the schema asks for, in the order of the file.
type Visitor interface {
	Begin(m *Message)
	End(m *Message)
	// Bytes hands over a field; of one longer than Keep says b is nil.
	Bytes(m *Message, n protowire.Number, b []byte, size uint64)
	Number(m *Message, n protowire.Number, v uint64)
}

type level struct {
	m   *Message
	end uint64
}

// A Parser is an io.Writer for one message. Use New.
type Parser struct {
	feed  feed.Feed
	visit Visitor
	stack []level
	value uint64
	shift uint
	then  func(uint64)
	field protowire.Number
	byOne feed.Step
}

// New returns a parser for a message of size bytes, or of all that comes where
// size is negative.
func New(size int64, m *Message, v Visitor) *Parser {
	end := uint64(math.MaxInt64)
	if size >= 0 {
		end = uint64(size)
	}
	p := &Parser{visit: v, stack: []level{{m, end}}}
	p.byOne = p.one
	v.Begin(m)
	p.next()
	return p
}

// Write reads on. It never fails; Err tells.
func (p *Parser) Write(b []byte) (int, error) { return p.feed.Write(b) }

// Err says after the last byte whether the whole input was one message.
func (p *Parser) Err() error {
	if err := p.feed.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !p.feed.Stopped() && !p.betweenFields() {
		return fmt.Errorf("%w: at byte %d: %w", ErrMalformed, p.feed.Offset(), feed.ErrTruncated)
	}
	return nil
}

// betweenFields says whether a message of unknown size may end here.
func (p *Parser) betweenFields() bool {
	return len(p.stack) == 1 && p.stack[0].end == math.MaxInt64 && p.field == 0 && p.shift == 0 && p.feed.Offset() == p.feed.Seen()
}

func (p *Parser) fail(format string, args ...any) { p.feed.Fail(fmt.Errorf(format, args...)) }

func (p *Parser) top() level { return p.stack[len(p.stack)-1] }

// next closes what ends here, and asks for the next field.
func (p *Parser) next() {
	p.field = 0
	for at := uint64(p.feed.Offset()); at == p.top().end; {
		p.visit.End(p.top().m)
		if len(p.stack) == 1 {
			return
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
	p.varint(p.tag)
}

func (p *Parser) varint(then func(uint64)) {
	p.value, p.shift, p.then = 0, 0, then
	p.ask(1, p.byOne)
}

// ask takes bytes that must lie inside the message at hand.
func (p *Parser) ask(n uint64, s feed.Step) {
	if p.inside(n) {
		p.feed.Take(n, s)
	}
}

func (p *Parser) inside(n uint64) bool {
	if at := uint64(p.feed.Offset()); n > p.top().end-at {
		p.fail("at byte %d: a field of %d bytes leaves its message", at, n)
		return false
	}
	return true
}

func (p *Parser) one(b []byte) {
	if p.shift == 63 && b[0] > 1 {
		p.fail("at byte %d: a number over 64 bits", p.feed.Offset())
		return
	}
	p.value |= uint64(b[0]&0x7f) << p.shift
	if b[0] >= 0x80 {
		p.shift += 7
		p.ask(1, p.byOne)
		return
	}
	p.shift = 0
	p.then(p.value)
}

func (p *Parser) tag(v uint64) {
	n, t := protowire.DecodeTag(v)
	if !n.IsValid() {
		p.fail("at byte %d: field number %d", p.feed.Offset(), n)
		return
	}
	p.field = n
	switch t {
	case protowire.VarintType:
		p.varint(p.number)
	case protowire.Fixed32Type:
		p.ask(4, func([]byte) { p.next() })
	case protowire.Fixed64Type:
		p.ask(8, func([]byte) { p.next() })
	case protowire.BytesType:
		p.varint(p.bytes)
	default: // groups, which no schema here has
		p.fail("at byte %d: wire type %d", p.feed.Offset(), t)
	}
}

func (p *Parser) number(v uint64) {
	if m := p.top().m; m.Numbers[p.field] {
		p.visit.Number(m, p.field, v)
	}
	p.next()
}

func (p *Parser) bytes(size uint64) {
	if !p.inside(size) {
		return
	}
	m := p.top().m
	if nested := m.Nested[p.field]; nested != nil {
		if len(p.stack) == maxDepth {
			p.fail("nested deeper than %d: %w", maxDepth, feed.ErrTooLarge)
			return
		}
		p.stack = append(p.stack, level{nested, uint64(p.feed.Offset()) + size})
		p.visit.Begin(nested)
		p.next()
		return
	}
	field := p.field
	keep, wanted := m.Keep[field]
	if wanted && size <= keep {
		p.feed.Take(size, func(b []byte) {
			p.visit.Bytes(m, field, b, size)
			p.next()
		})
		return
	}
	p.feed.Skip(size, func([]byte) {
		if wanted {
			p.visit.Bytes(m, field, nil, size)
		}
		p.next()
	})
}
