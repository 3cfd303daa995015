package inspect

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
)

// ErrNoTensors is wrapped by the error about a file of a format whose tensors
// are not told apart.
var ErrNoTensors = errors.New("no tensors that are told apart")

// A TensorDigest is one tensor by its content.
type TensorDigest = tensor.Digest

// A TensorSink is an io.Writer that hashes every tensor of one safetensors or
// GGUF file as it streams. It holds one hash state and the header's list of
// tensors, whatever the file's size; it may run beside a Sink on a goroutine
// of its own. Use NewTensorSink.
type TensorSink struct {
	parser  io.Writer
	spans   []tensorSpan
	header  func() error
	dataAt  func() int64 // where the data begin, negative while unknown
	at      int64
	next    int
	running hash.Hash
	out     []TensorDigest
	head    []byte
	size    int64
	sorted  bool
}

type tensorSpan struct {
	TensorDigest
	begin, end uint64 // of the data
}

// NewTensorSink returns a TensorSink for a file of size bytes. What it says is
// worth something only after the digest of the file has matched.
func NewTensorSink(size int64) *TensorSink {
	return &TensorSink{size: size}
}

// Write reads on. It never fails; Tensors tells.
func (t *TensorSink) Write(p []byte) (int, error) {
	n := len(p)
	if t.parser == nil {
		if t.head = append(t.head, p...); len(t.head) < 9 && int64(len(t.head)) < t.size {
			return n, nil
		}
		t.begin()
		p, t.head = t.head, nil
	}
	t.take(p)
	return n, nil
}

// begin chooses the format by the first bytes; a name cannot change it.
func (t *TensorSink) begin() {
	if string(t.head[:min(4, len(t.head))]) == "GGUF" {
		p := gguf.New(t.size, nil)
		p.Each(func(x gguf.Tensor) {
			t.spans = append(t.spans, tensorSpan{TensorDigest{Name: x.Name, DType: x.Type, Shape: x.Shape, Bytes: x.Size}, x.Offset, x.Offset + x.Size})
		})
		t.parser, t.dataAt, t.header = p, p.Data, func() error { _, err := p.Header(); return err }
		return
	}
	if !isSafetensors(t.size, t.head) {
		t.parser, t.dataAt, t.header = io.Discard, func() int64 { return -1 }, func() error { return ErrNoTensors }
		return
	}
	p := safetensors.New(t.size, func(x safetensors.Tensor) {
		t.spans = append(t.spans, tensorSpan{TensorDigest{Name: x.Name, DType: x.DType, Shape: slices.Clone(x.Shape), Bytes: x.End - x.Begin}, x.Begin, x.End})
	})
	t.parser, t.dataAt, t.header = p, p.Data, func() error { _, err := p.Header(); return err }
}

// take feeds the header's parser, and hashes what lies behind the header.
func (t *TensorSink) take(p []byte) {
	_, _ = t.parser.Write(p)
	start := t.at
	t.at += int64(len(p))
	data := t.dataAt()
	if data < 0 || t.at <= data {
		return
	}
	if skip := data - start; skip > 0 {
		p, start = p[skip:], data
	}
	if !t.sorted {
		t.sorted = true
		slices.SortStableFunc(t.spans, func(a, b tensorSpan) int {
			return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
		})
	}
	t.hash(p, uint64(start-data))
}

// hash gives bytes of the data, which begin at offset at, to the tensors that
// they belong to.
func (t *TensorSink) hash(p []byte, at uint64) {
	for t.next < len(t.spans) {
		s := &t.spans[t.next]
		if t.running == nil {
			t.running = sha256.New()
		}
		if s.begin > at { // padding
			skip := min(s.begin-at, uint64(len(p)))
			p, at = p[skip:], at+skip
		}
		n := min(s.end-min(at, s.end), uint64(len(p)))
		t.running.Write(p[:n])
		p, at = p[n:], at+n
		if at < s.end {
			return
		}
		t.close()
	}
}

// close ends the tensor at hand.
func (t *TensorSink) close() {
	d := t.spans[t.next].TensorDigest
	if t.running == nil {
		t.running = sha256.New()
	}
	t.running.Sum(d.Sum[:0])
	t.running.Reset()
	t.out = append(t.out, d)
	t.next++
}

// Tensors returns the tensors in the order of their data, after the last byte.
func (t *TensorSink) Tensors() ([]TensorDigest, error) {
	if t.parser == nil {
		return nil, fmt.Errorf("hashing tensors: %w", ErrNoTensors)
	}
	if err := t.header(); err != nil {
		return nil, fmt.Errorf("hashing tensors: %w", err)
	}
	for t.next < len(t.spans) && t.spans[t.next].begin == t.spans[t.next].end {
		t.close() // empty tensors at the end of the data, or data that are empty
	}
	if t.next < len(t.spans) {
		return nil, fmt.Errorf("hashing tensors: %q is not complete", t.spans[t.next].Name)
	}
	return t.out, nil
}

// TensorRoot is the hash of a model's tensors, whatever files they lie in.
func TensorRoot(all []TensorDigest) tensor.Sum { return tensor.Root(all) }

// Same compares two models tensor by tensor.
func Same(a, b []TensorDigest) tensor.Sameness { return tensor.Same(a, b) }
