package inspect

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// An arrayTensor hashes the data of one array of numpy's as a tensor.
type arrayTensor struct {
	feed feed.Feed
	sink *TensorSink
	name string
	at   uint64 // bytes of data so far
	size uint64 // of the data
}

// maxArrayHeader in bytes; headers in the wild have 128.
const maxArrayHeader = 4096

func newArrayTensor(t *TensorSink, name string) *arrayTensor {
	a := &arrayTensor{sink: t, name: name}
	a.feed.Take(12, a.prefix)
	return a
}

// Write reads on from the first byte of the file.
func (a *arrayTensor) Write(p []byte) (int, error) { return a.feed.Write(p) }

func (a *arrayTensor) fail(format string, args ...any) { a.feed.Fail(fmt.Errorf(format, args...)) }

// prefix has read the magic, the version and the length of the header.
func (a *arrayTensor) prefix(b []byte) {
	begin, size := arrayHeader(b)
	if size < 12-begin || size > maxArrayHeader {
		a.fail("%w: the header of the array is malformed or larger than is examined", ErrNoTensors)
		return
	}
	text := slices.Clone(b[begin:])
	a.feed.Take(uint64(size)-uint64(len(text)), func(b []byte) { a.header(append(text, b...)) })
}

func (a *arrayTensor) header(text []byte) {
	m := reNumbers.FindSubmatch(text)
	if m == nil {
		a.fail("%w: the array holds no plain numbers", ErrNoTensors)
		return
	}
	dtype, width := arrayType(string(m[1]))
	shape, ok := arrayShape(string(m[3]))
	d := TensorDigest{Name: a.name, DType: dtype, Shape: shape, Bytes: width}
	wide := 0 // dimensions with more than one step
	for _, n := range shape {
		if n > 1 {
			wide++
		}
		if n > 0 && d.Bytes > math.MaxInt64/n {
			ok = false
			break
		}
		d.Bytes *= n
	}
	switch {
	case !ok || width == 0 || string(m[2]) == "True" && wide > 1:
		a.fail("%w: the array is not one of little-endian numbers in row-major order", ErrNoTensors)
		return
	case !a.sink.budget.spend(d):
		a.sink.over = true
		a.fail("%w", ErrTensorBudget)
		return
	}
	a.size = d.Bytes
	a.sink.spans, a.sink.next = []tensorSpan{{d, 0, d.Bytes}}, 0
	a.feed.Stream(a.data)
}

func (a *arrayTensor) data(b []byte) int {
	a.sink.hash(b, a.at)
	a.at += uint64(len(b))
	a.feed.Stream(a.data)
	return len(b)
}

// end says after the last byte whether the array was complete.
func (a *arrayTensor) end() error {
	switch {
	case a.feed.Err() != nil:
		return a.feed.Err()
	case len(a.sink.spans) == 0:
		return fmt.Errorf("%w: the header of the array is not complete", ErrNoTensors)
	case a.at != a.size:
		return fmt.Errorf("array %q has %d bytes, and its header says %d", clip(a.name), a.at, a.size)
	}
	a.sink.closeEmpty()
	a.sink.spans, a.sink.next = nil, 0
	return nil
}

// arrayShape reads the inside of a tuple of numbers.
func arrayShape(text string) ([]uint64, bool) {
	text = strings.TrimSuffix(strings.ReplaceAll(text, " ", ""), ",")
	var shape []uint64
	for text != "" {
		part, rest, more := strings.Cut(text, ",")
		n, err := strconv.ParseUint(part, 10, 62)
		if err != nil || more && rest == "" {
			return nil, false
		}
		shape, text = append(shape, n), rest
	}
	return shape, true
}

// arrayType is what safetensors calls one of numpy's little-endian dtypes.
func arrayType(descr string) (dtype string, width uint64) {
	kind := descr[1:]
	if descr[0] != '<' && !(descr[0] == '|' && (kind == "i1" || kind == "u1" || kind == "b1")) {
		return "", 0
	}
	switch kind {
	case "f8":
		return "F64", 8
	case "f4":
		return "F32", 4
	case "f2":
		return "F16", 2
	case "i8":
		return "I64", 8
	case "i4":
		return "I32", 4
	case "i2":
		return "I16", 2
	case "i1":
		return "I8", 1
	case "u8":
		return "U64", 8
	case "u4":
		return "U32", 4
	case "u2":
		return "U16", 2
	case "u1":
		return "U8", 1
	case "b1":
		return "BOOL", 1
	case "c8":
		return "C64", 8
	}
	return "", 0
}
