package packaging

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// The first bytes of the compressions (RFC 1952, §2.3.1; RFC 8878, §3.1.1).
var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// errTrailing: a reader that stops at the end mark and one that does not would
// see two archives.
var errTrailing = errors.New("there is more after the end of the archive")

// An expansion is a layer's archive without its compression: bounded, and
// hashed for comparison with the configuration's diff IDs.
type expansion struct {
	r      io.Reader
	limit  int64 // 0: none
	n      int64
	hash   hash.Hash // nil for a plain tar, whose digest is the layer's
	closer func()
}

func expand(r io.Reader, l *Layer) (*expansion, error) {
	b := bufio.NewReaderSize(r, copyBuffer)
	head, err := b.Peek(len(magicZstd))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(head) == 0 {
		return nil, errors.New("it is empty")
	}
	x := &expansion{r: b}
	switch l.Encoding {
	case Tar:
		if bytes.HasPrefix(head, magicGzip) || bytes.HasPrefix(head, magicZstd) {
			return nil, errors.New("it is compressed, which its media type does not say")
		}
		return x, nil
	case TarGzip:
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		x.r = z
	case TarZstd:
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<62)) // limit bounds the whole
		if err != nil {
			return nil, err
		}
		x.r, x.closer = z, z.Close
	default:
		return nil, fmt.Errorf("encoding %v is no archive", l.Encoding)
	}
	x.hash = artifact.SHA256.New()
	x.limit = freeExpansion + maxRatio*l.Size // Size ≤ maxBlob: no overflow
	return x, nil
}

func (x *expansion) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	x.n += int64(n)
	if x.hash != nil {
		x.hash.Write(p[:n])
	}
	switch {
	case x.limit > 0 && x.n > x.limit:
		// Got says no more: how far a read went beyond depends on the network.
		return n, &LimitError{What: "bytes of the expanded layer", Limit: x.limit, Got: x.limit + 1}
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, &LimitError{What: "window of the compressed layer", Limit: maxWindow, Got: maxWindow + 1}
	}
	return n, err
}

// padding reads what follows the archive's end mark: zeros up to the end
// (POSIX.1-2017, pax, ustar: writers fill the last record).
func (x *expansion) padding() error {
	buf := make([]byte, copyBuffer)
	for {
		n, err := x.Read(buf)
		for _, c := range buf[:n] {
			if c != 0 {
				return errTrailing
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (x *expansion) digest() artifact.Digest {
	if x.hash == nil {
		return artifact.Digest{}
	}
	return artifact.DigestOf(artifact.SHA256, x.hash.Sum(nil))
}

func (x *expansion) close() {
	if x.closer != nil {
		x.closer()
	}
}
