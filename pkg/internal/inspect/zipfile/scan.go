package zipfile

import (
	"bytes"
	"encoding/binary"
)

// descriptor is the signature of a data descriptor (APPNOTE §4.3.9.3), which
// torch writes behind every member instead of sizes before it.
const descriptor = "PK\x07\x08"

// scan passes data on until a descriptor whose size is the number of bytes
// passed. Data may hold such bytes by intent; then the directory, which is
// compared later, does not agree.
func (p *Parser) scan(b []byte) int {
	i := 0
	for p.matched > 0 && i < len(b) {
		if b[i] != descriptor[p.matched] { // no proper prefix of it ends in another
			p.pass([]byte(descriptor[:p.matched]))
			p.matched = 0
			break
		}
		i++
		if p.matched++; p.matched == len(descriptor) {
			p.matched = 0
			p.feed.Take(12, p.short)
			return i
		}
	}
	if p.matched == 0 {
		j := bytes.Index(b[i:], []byte(descriptor))
		if j >= 0 {
			p.pass(b[i : i+j])
			p.feed.Take(12, p.short)
			return i + j + len(descriptor)
		}
		for k := min(len(descriptor)-1, len(b)-i); k > 0; k-- {
			if string(b[len(b)-k:]) == descriptor[:k] {
				p.matched = k
				break
			}
		}
		p.pass(b[i : len(b)-p.matched])
	}
	p.feed.Stream(p.byScan)
	return len(b)
}

// short has read a descriptor with sizes of 32 bits, or the begin of one with
// 64, or neither.
func (p *Parser) short(b []byte) {
	le := binary.LittleEndian
	compressed, size := uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[8:]))
	if compressed == p.count && (p.now.method != Stored || size == p.count) {
		p.described(le.Uint32(b), compressed, size)
		return
	}
	first := bytes.Clone(b)
	p.feed.Take(8, func(rest []byte) {
		all := append(first, rest...)
		if c := le.Uint64(all[4:]); c == p.count {
			p.described(le.Uint32(all), c, le.Uint64(all[12:]))
			return
		}
		p.pass([]byte(descriptor))
		p.pass(all)
		p.feed.Stream(p.byScan)
	})
}

func (p *Parser) described(crc uint32, compressed, size uint64) {
	p.now.crc, p.now.compressed, p.now.size = crc, compressed, size
	p.finish()
}
