package gguf

import (
	"encoding/binary"
	"math/bits"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

func (p *Parser) nextKey() {
	if p.keys == 0 {
		p.names = map[[16]byte]struct{}{}
		p.nextTensor()
		return
	}
	p.keys--
	p.u64(func(n uint64) {
		if n == 0 || n > maxKey {
			p.fail("key of %d bytes", n)
			return
		}
		p.take(n, p.key)
	})
}

func (p *Parser) key(b []byte) {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f { // docs/gguf.md: keys are ASCII
			p.fail("key %q has a byte that is not printable ASCII", b)
			return
		}
	}
	if !p.fresh(b) {
		p.fail("key %q stands twice", b)
		return
	}
	p.value = Value{Key: string(b)}
	p.u32(func(t uint32) {
		p.value.Type = t
		size, ok := valueSize(t)
		switch {
		case !ok:
			p.fail("key %q has unknown type %d", p.value.Key, t)
		case t == typeString:
			p.text()
		case t == typeArray:
			p.array()
		default:
			p.take(size, p.number)
		}
	})
}

func (p *Parser) number(b []byte) {
	var wide [8]byte
	copy(wide[:], b)
	p.value.Bits = binary.LittleEndian.Uint64(wide[:])
	if p.value.Type == typeBool && p.value.Bits > 1 {
		p.fail("key %q: a truth value of %d", p.value.Key, p.value.Bits)
		return
	}
	if p.value.Key == "general.alignment" {
		a := p.value.Bits
		switch {
		case p.value.Type != typeUint32 || a == 0 || a&(a-1) != 0:
			p.fail("alignment of %d is no 32-bit power of two", a)
			return
		case a > maxAlign:
			p.fail("alignment of %d is over the limit of %d: %w", a, maxAlign, feed.ErrTooLarge)
			return
		}
		p.align = a
	}
	p.hand()
}

// hand gives the key to the caller and goes on.
func (p *Parser) hand() {
	if p.value.Key == "general.alignment" && p.value.Type != typeUint32 {
		p.fail("alignment is no 32-bit number")
		return
	}
	if p.each != nil {
		p.each(p.value)
	}
	p.nextKey()
}

func (p *Parser) text() {
	p.u64(func(n uint64) {
		switch {
		case n > maxString:
			p.fail("key %q: a string of %d bytes is over the limit of %d: %w", p.value.Key, n, maxString, feed.ErrTooLarge)
		case n > MaxValue:
			p.value.Omitted = true
			p.skip(n, func([]byte) { p.hand() })
		default:
			p.take(n, func(b []byte) {
				p.value.Text = string(b)
				p.hand()
			})
		}
	})
}

func (p *Parser) array() {
	p.value.Omitted = true
	p.take(12, func(b []byte) {
		t, n := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
		size, ok := valueSize(t)
		switch {
		case !ok || t == typeArray: // the reference reader refuses arrays of arrays
			p.fail("key %q: array of type %d", p.value.Key, t)
		case t == typeString:
			p.items = n
			if n <= maxItems {
				p.value.Omitted, p.value.List = false, []string{}
			}
			p.nextItem()
		default:
			hi, bytes := bits.Mul64(n, size)
			if hi != 0 {
				p.fail("key %q: array of %d items overflows", p.value.Key, n)
				return
			}
			p.skip(bytes, func([]byte) { p.hand() })
		}
	})
}

func (p *Parser) nextItem() {
	if p.items == 0 {
		p.hand()
		return
	}
	p.items--
	p.take(8, p.itemLength)
}

func (p *Parser) itemLength(b []byte) {
	n := binary.LittleEndian.Uint64(b)
	if n > maxString {
		p.fail("key %q: a string of %d bytes is over the limit of %d: %w", p.value.Key, n, maxString, feed.ErrTooLarge)
		return
	}
	if p.value.List != nil && n <= maxItem {
		p.take(n, func(b []byte) {
			p.value.List = append(p.value.List, string(b))
			p.nextItem()
		})
		return
	}
	p.value.List, p.value.Omitted = nil, true
	p.skip(n, p.item)
}

func (p *Parser) item([]byte) { p.nextItem() }
