package tarfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// A header is one header block, read.
type header struct {
	name, link string
	size       uint64
	kind       byte
}

// parseHeader reads a block whose checksum holds.
func parseHeader(b []byte) (header, error) {
	want, err := octal(b[148:156])
	if err != nil {
		return header{}, fmt.Errorf("checksum: %w", err)
	}
	sum := uint64(8 * ' ')
	for i, c := range b {
		if i < 148 || i >= 156 {
			sum += uint64(c)
		}
	}
	if sum != want {
		return header{}, errors.New("its checksum is wrong")
	}
	h := header{name: text(b[:100]), link: text(b[157:257]), kind: b[156]}
	if h.size, err = number(b[124:136]); err != nil {
		return header{}, fmt.Errorf("size: %w", err)
	}
	if string(b[257:263]) == "ustar\x00" {
		if prefix := text(b[345:500]); prefix != "" {
			h.name = prefix + "/" + h.name
		}
	}
	return h, nil
}

func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

func octal(b []byte) (uint64, error) {
	s := string(bytes.Trim(b, " \x00"))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 8, 62)
	if err != nil {
		return 0, fmt.Errorf("%q is no octal number", s)
	}
	return n, nil
}

// number reads a size: octal, or GNU's big-endian form for more than 8 GiB.
func number(b []byte) (uint64, error) {
	if b[0] != 0x80 {
		return octal(b)
	}
	n := binary.BigEndian.Uint64(b[4:])
	if b[1]|b[2]|b[3] != 0 || n > 1<<62 {
		return 0, errors.New("over all bounds")
	}
	return n, nil
}
