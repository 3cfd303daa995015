package zipfile

import (
	"crypto/sha256"
	"encoding/binary"
)

// beginDirectory notes where the central directory begins: behind the last
// member, so that nothing stands between.
func (p *Parser) beginDirectory() {
	p.central = p.feed.Offset() - 4
}

// entry has read one header of the central directory (APPNOTE §4.3.12).
func (p *Parser) entry(b []byte) {
	le := binary.LittleEndian
	e := local{flags: le.Uint16(b[4:]), method: le.Uint16(b[6:]), crc: le.Uint32(b[12:]),
		compressed: uint64(le.Uint32(b[16:])), size: uint64(le.Uint32(b[20:]))}
	name, extra, comment := uint64(le.Uint16(b[24:])), uint64(le.Uint16(b[26:])), uint64(le.Uint16(b[28:]))
	disk, offset := le.Uint16(b[30:]), uint64(le.Uint32(b[38:]))
	if disk != 0 || comment != 0 || name > maxName {
		p.fail("directory entry %d: another disk, a comment or a long name", p.listed)
		return
	}
	p.feed.Take(name+extra, func(b []byte) {
		var wide []*uint64
		for _, n := range []*uint64{&e.size, &e.compressed, &offset} {
			if *n == 1<<32-1 {
				wide = append(wide, n)
			}
		}
		if err := zip64Extra(b[name:], wide); err != nil {
			p.fail("directory entry %d: %w", p.listed, err)
			return
		}
		sum := sha256.Sum256(b[:name])
		e.name, e.offset = [16]byte(sum[:16]), int64(offset)
		p.compare(e, b[:name])
	})
}

// compare wants exactly the member that the local header described.
func (p *Parser) compare(e local, name []byte) {
	i, ok := p.byPlace[e.offset]
	if !ok || p.members[i].listed {
		p.fail("directory entry %q points to byte %d, where no member begins", name, e.offset)
		return
	}
	l := p.members[i]
	p.members[i].listed = true
	if e.listed = l.listed; l != e {
		p.fail("directory entry %q differs from the member's own header", name)
		return
	}
	p.listed++
	p.feed.Take(4, p.afterEntry)
}

func (p *Parser) afterEntry(b []byte) {
	switch string(b) {
	case "PK\x01\x02":
		p.feed.Take(42, p.entry)
	case "PK\x05\x06":
		p.feed.Take(18, p.end)
	case "PK\x06\x06":
		p.zip64 = p.feed.Offset() - 4
		p.feed.Take(52, p.end64)
	default:
		p.fail("at byte %d: %q in the directory", p.feed.Offset()-4, b)
	}
}

// end64 has read the zip64 end record; its locator follows (APPNOTE §4.3.14).
func (p *Parser) end64(b []byte) {
	le := binary.LittleEndian
	if le.Uint64(b) != 44 || le.Uint32(b[12:]) != 0 || le.Uint32(b[16:]) != 0 ||
		!p.agrees(le.Uint64(b[20:]), le.Uint64(b[28:]), le.Uint64(b[36:]), le.Uint64(b[44:]), p.zip64) {
		p.fail("zip64 end record differs from the directory")
		return
	}
	p.feed.Take(20, func(b []byte) {
		if string(b[:4]) != "PK\x06\x07" || le.Uint32(b[4:]) != 0 || le.Uint64(b[8:]) != uint64(p.zip64) || le.Uint32(b[16:]) != 1 {
			p.fail("zip64 locator leads elsewhere")
			return
		}
		p.feed.Take(4, func(b []byte) {
			if string(b) != "PK\x05\x06" {
				p.fail("no end record behind the zip64 locator")
				return
			}
			p.feed.Take(18, p.end)
		})
	})
}

// end has read the end record, behind which nothing may stand: a comment could
// hold another archive.
func (p *Parser) end(b []byte) {
	le := binary.LittleEndian
	here, all := uint64(le.Uint16(b[4:])), uint64(le.Uint16(b[6:]))
	size, offset := uint64(le.Uint32(b[8:])), uint64(le.Uint32(b[12:]))
	behind := p.feed.Offset() - 22
	if p.zip64 != 0 {
		behind = p.zip64
		fill := func(n *uint64, unset, real uint64) {
			if *n == unset {
				*n = real
			}
		}
		n := uint64(len(p.members))
		fill(&here, 0xffff, n)
		fill(&all, 0xffff, n)
		fill(&size, 1<<32-1, uint64(behind-p.central))
		fill(&offset, 1<<32-1, uint64(p.central))
	}
	switch {
	case le.Uint16(b) != 0 || le.Uint16(b[2:]) != 0:
		p.fail("%w: several disks", ErrNotExamined)
	case le.Uint16(b[16:]) != 0:
		p.fail("the end record has a comment of %d bytes", le.Uint16(b[16:]))
	case !p.agrees(here, all, size, offset, behind):
		p.fail("the end record differs from the directory")
	default:
		p.ended = true
	}
}

// agrees wants the directory to list every member and to stand where and as
// large as its end record says.
func (p *Parser) agrees(here, all, size, offset uint64, behind int64) bool {
	n := uint64(len(p.members))
	return uint64(p.listed) == n && here == n && all == n &&
		offset == uint64(p.central) && size == uint64(behind-p.central)
}
