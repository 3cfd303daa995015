package gguf

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

func (p *Parser) nextTensor() {
	if p.tensors == 0 {
		p.names = nil
		p.padHeader()
		return
	}
	p.tensors--
	p.u64(func(n uint64) {
		if n == 0 || n > maxName {
			p.fail("tensor name of %d bytes", n)
			return
		}
		p.take(n, p.tensorName)
	})
}

func (p *Parser) tensorName(b []byte) {
	if !p.fresh(b) {
		p.fail("two tensors have the name %q", b)
		return
	}
	p.value = Value{Key: string(b)} // for messages
	p.u32(func(rank uint32) {
		if rank > maxRank {
			p.fail("tensor %q has %d dimensions", p.value.Key, rank)
			return
		}
		p.take(uint64(rank)*8+12, p.tensorInfo)
	})
}

func (p *Parser) tensorInfo(b []byte) {
	rest := b[len(b)-12:]
	id, offset := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint64(rest[4:])
	t, ok := typeOf(id)
	if !ok {
		p.fail("tensor %q has unknown type %d", p.value.Key, id)
		return
	}
	n, row := uint64(1), uint64(1)
	p.shape = p.shape[:0]
	for i := 0; i < len(b)-12; i += 8 {
		d := binary.LittleEndian.Uint64(b[i:])
		hi, lo := bits.Mul64(n, d)
		if d > math.MaxInt64 || hi != 0 || lo > math.MaxInt64 {
			p.fail("tensor %q: number of elements overflows", p.value.Key)
			return
		}
		if i == 0 {
			row = d
		}
		n = lo
		p.shape = append(p.shape, d)
	}
	if row%t.elements != 0 {
		p.fail("tensor %q: a row of %d is no multiple of %d, the block of %s", p.value.Key, row, t.elements, t.name)
		return
	}
	p.place(t, n, offset)
}

// place holds the reference's rule that offsets are the running sum of padded
// sizes, so that tensors tile the data.
func (p *Parser) place(t blockType, n, offset uint64) {
	hi, size := bits.Mul64(n/t.elements, t.bytes)
	end, carry := bits.Add64(p.end, size, 0)
	switch {
	case hi != 0 || carry != 0 || end > math.MaxInt64:
		p.fail("tensor %q: size overflows", p.value.Key)
		return
	case offset != p.end:
		p.fail("tensor %q begins at %d of the data, want %d", p.value.Key, offset, p.end)
		return
	case end > uint64(p.size):
		p.fail("tensor %q ends at %d of the data, the file has %d bytes", p.value.Key, end, p.size)
		return
	}
	p.end, _ = p.padded(end)
	if p.tensor != nil {
		shape := slices.Clone(p.shape)
		slices.Reverse(shape)
		p.tensor(Tensor{Name: p.value.Key, Type: t.name, Shape: shape, Offset: offset, Size: size})
	}
	p.extents = append(p.extents, size)
	p.header.Elements += n // below the file's size times 16: no overflow
	p.header.ByType[t.name] += n
	p.nextTensor()
}

// padHeader passes the padding between header and data. A file without
// tensors may end before it.
func (p *Parser) padHeader() {
	at := uint64(p.feed.Offset())
	to, _ := p.padded(at)
	p.header.Data = int64(to)
	if len(p.extents) == 0 && uint64(p.size) < to {
		to = uint64(p.size)
	}
	p.padding(to-at, p.nextExtent)
}

// nextExtent passes the data of one tensor, and the padding behind it, which
// only the last may lack.
func (p *Parser) nextExtent() {
	if len(p.extents) == 0 {
		return
	}
	size := p.extents[0]
	p.extents = p.extents[1:]
	p.feed.Skip(size, func([]byte) {
		at := uint64(p.feed.Offset())
		to, _ := p.padded(at)
		if len(p.extents) == 0 && to > uint64(p.size) {
			to = max(at, uint64(p.size))
		}
		p.padding(to-at, p.nextExtent)
	})
}

func (p *Parser) padding(n uint64, next func()) {
	p.feed.Take(n, func(b []byte) {
		if !zero(b) {
			p.fail("padding before byte %d is not zero", p.feed.Offset())
			return
		}
		next()
	})
}
