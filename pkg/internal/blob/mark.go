package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// MarkEvery is after how many hashed bytes a job's Mark is called: a multiple
// of every block's size.
const MarkEvery = 4 << 20

// A mark costs the disk two flushes. One is kept when what would be lost without
// it is a thirty-second of what there is, or markMost bytes, or markPause old;
// where the disk cannot keep up, fewer are.
const (
	markShare = 32
	markMost  = 64 << 20
	markPause = time.Second
)

// markDue says whether to keep a mark at hashed bytes, when the last one kept is
// at last, so long ago.
func markDue(hashed, last int64, ago time.Duration) bool {
	return hashed > last && (hashed-last >= min(hashed/markShare, markMost) || ago >= markPause)
}

// A marker is a hash that tells its state at every multiple of MarkEvery.
type marker struct {
	hash hash.Hash
	mark func(hashed int64, state []byte) error
	done int64
}

func (m *marker) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(int64(len(p)), MarkEvery-m.done%MarkEvery)
		m.hash.Write(p[:n])
		m.done += n
		p = p[n:]
		if m.done%MarkEvery == 0 {
			state, err := m.state()
			if err != nil {
				return 0, err
			}
			if err := m.mark(m.done, state); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

func (m *marker) state() ([]byte, error) {
	s, ok := m.hash.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.MarshalBinary()
}

// A marks file keeps the last two marks of one blob. Each stands in a slot of
// its own with its checksum, and the older one is overwritten: whatever happens
// in between, one of the two is whole.
//
//	slot: SHA-256 of the rest (32) · size of the blob (8) · offset (8) ·
//	      length of the digest (2) · digest · length of the state (2) · state
const (
	slotSize  = 512
	slotApart = 4096 // in pages of their own
)

// readMarks returns the last whole mark about the blob, if there is one.
func readMarks(f io.ReaderAt, d artifact.Digest, size int64) (m keptMark, slot int) {
	for i := range 2 {
		buf := make([]byte, slotSize)
		if n, err := f.ReadAt(buf, int64(i)*slotApart); err != nil && (err != io.EOF || n < slotSize) {
			continue
		}
		found, ok := decodeMark(buf, d, size)
		if ok && found.offset > m.offset {
			m, slot = found, i
		}
	}
	return m, slot
}

func encodeMark(m keptMark, d artifact.Digest, size int64) ([]byte, error) {
	buf := make([]byte, sha256.Size, slotSize)
	buf = binary.BigEndian.AppendUint64(buf, uint64(size))
	buf = binary.BigEndian.AppendUint64(buf, uint64(m.offset))
	for _, field := range [][]byte{[]byte(d.String()), m.state} {
		buf = binary.BigEndian.AppendUint16(buf, uint16(len(field)))
		buf = append(buf, field...)
	}
	if len(buf) > slotSize {
		return nil, fmt.Errorf("a hash's state of %d bytes", len(m.state))
	}
	buf = buf[:slotSize]
	sum := sha256.Sum256(buf[sha256.Size:])
	copy(buf, sum[:])
	return buf, nil
}

func decodeMark(buf []byte, d artifact.Digest, size int64) (keptMark, bool) {
	sum := sha256.Sum256(buf[sha256.Size:])
	if !bytes.Equal(sum[:], buf[:sha256.Size]) {
		return keptMark{}, false
	}
	rest := buf[sha256.Size:]
	m := keptMark{offset: int64(binary.BigEndian.Uint64(rest[8:]))}
	name, rest, ok := field(rest[16:], int64(binary.BigEndian.Uint64(rest)) == size)
	state, _, ok := field(rest, ok)
	m.state = state
	return m, ok && string(name) == d.String() && m.offset > 0 && m.offset <= size && m.offset%MarkEvery == 0
}

func field(b []byte, ok bool) (value, rest []byte, good bool) {
	if !ok || len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// writeMark makes m last in a slot.
func writeMark(f *os.File, slot int, m keptMark, d artifact.Digest, size int64) error {
	buf, err := encodeMark(m, d, size)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(buf, int64(slot)*slotApart); err != nil {
		return err
	}
	return syncData(f)
}
