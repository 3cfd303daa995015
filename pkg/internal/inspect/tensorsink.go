package inspect

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
)

// ErrNoTensors is wrapped by the error about a file of a format whose tensors
// are not told apart.
var ErrNoTensors = errors.New("no tensors that are told apart")

// A TensorDigest is one tensor by its content.
type TensorDigest = tensor.Digest

// ErrTensorBudget is wrapped by the error about a file whose tensors do not fit
// into what may be kept.
var ErrTensorBudget = errors.New("more tensors than are kept")

// A TensorBudget bounds what the TensorSinks of one artifact keep together, in
// bytes. It may be used by several goroutines.
type TensorBudget struct{ left atomic.Int64 }

// MaxTensorTable is above DeepSeek-V3's 91,991 tensors, which need 21 MB, by a
// factor of six.
const MaxTensorTable = 128 << 20

// NewTensorBudget returns a budget of n bytes.
func NewTensorBudget(n int64) *TensorBudget {
	b := new(TensorBudget)
	b.left.Store(n)
	return b
}

// spend says whether one more tensor fits. An entry and its place need 152
// bytes beside name, type and shape.
func (b *TensorBudget) spend(d TensorDigest) bool {
	return b.left.Add(-int64(152+len(d.Name)+len(d.DType)+8*len(d.Shape))) >= 0
}

// A TensorSink is an io.Writer that hashes every tensor of one file as it
// streams: of safetensors, GGUF, torch's zip and numpy's arrays. It holds one
// hash state and the header's list of tensors, whatever the file's size. Use
// NewTensorSink.
type TensorSink struct {
	path    string
	budget  *TensorBudget
	over    bool
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

// NewTensorSink returns a TensorSink for the file at path, of size bytes. What
// it says is worth something only after the digest of the file has matched.
func NewTensorSink(path string, size int64, budget *TensorBudget) *TensorSink {
	return &TensorSink{path: path, size: size, budget: budget}
}

// add notes where a tensor lies, as long as there is room.
func (t *TensorSink) add(d TensorDigest, begin, end uint64) {
	if t.over || !t.budget.spend(d) {
		t.over, t.spans, t.out = true, nil, nil
		return
	}
	d.Shape = slices.Clone(d.Shape)
	t.spans = append(t.spans, tensorSpan{d, begin, end})
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
	t.dataAt = func() int64 { return -1 }
	switch start := string(t.head[:min(8, len(t.head))]); {
	case strings.HasPrefix(start, "PK\x03\x04"):
		z := newZipTensors(t)
		t.parser, t.header = z.parser, z.header
		return
	case strings.HasPrefix(start, "\x93NUMPY"):
		base := path.Base(t.path)
		a := newArrayTensor(t, strings.TrimSuffix(base, path.Ext(base)))
		t.parser, t.header = a, a.end
		return
	case strings.HasPrefix(start, "GGUF"):
		p := gguf.New(t.size, nil)
		p.Each(func(x gguf.Tensor) {
			t.add(TensorDigest{Name: x.Name, DType: x.Type, Shape: x.Shape, Bytes: x.Size}, x.Offset, x.Offset+x.Size)
		})
		t.parser, t.dataAt, t.header = p, p.Data, func() error { _, err := p.Header(); return err }
		return
	}
	if !isSafetensors(t.size, t.head) {
		t.parser, t.header = io.Discard, func() error { return ErrNoTensors }
		return
	}
	p := safetensors.New(t.size, func(x safetensors.Tensor) {
		t.add(TensorDigest{Name: x.Name, DType: x.DType, Shape: x.Shape, Bytes: x.End - x.Begin}, x.Begin, x.End)
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

// closeEmpty ends empty tensors at the end of the data, or of data that are
// empty.
func (t *TensorSink) closeEmpty() {
	for t.next < len(t.spans) && t.spans[t.next].begin == t.spans[t.next].end {
		t.close()
	}
}

// Tensors returns the tensors in the order of their data, after the last byte.
func (t *TensorSink) Tensors() ([]TensorDigest, error) {
	if t.parser == nil {
		return nil, fmt.Errorf("hashing tensors: %w", ErrNoTensors)
	}
	if t.over {
		return nil, fmt.Errorf("hashing tensors: %w", ErrTensorBudget)
	}
	if err := t.header(); err != nil {
		return nil, fmt.Errorf("hashing tensors: %w", err)
	}
	t.closeEmpty()
	if t.next < len(t.spans) {
		return nil, fmt.Errorf("hashing tensors: %q is not complete", t.spans[t.next].Name)
	}
	return t.out, nil
}

// MayHoldTensors says of a file that it holds weights, or may, by its format or
// by what its name promises: that its tensors are not told apart must be said.
func MayHoldTensors(name, format string) bool {
	switch extension(name) {
	case ".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".h5", ".hdf5", ".keras", ".onnx", ".onnx_data",
		".pb", ".tflite", ".npy", ".npz", ".msgpack", ".nemo", ".engine", ".plan", ".mlmodel", ".ot", ".params", ".pdparams", ".weights", ".pte", ".pt2":
		return true
	}
	switch format {
	case FormatSafetensors, FormatGGUF, FormatTorchZip, FormatPickle, FormatZip, FormatTar, FormatNPY, FormatHDF5, FormatONNX, FormatKeras,
		FormatSavedModel, FormatTFLite, FormatTensorRT, FormatGzip, FormatZstd, FormatXZ, FormatBzip2, Format7z:
		return true
	}
	return false
}
