package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/zipfile"
)

// A zipTensors follows a zip of torch's, or of numpy's arrays, and hashes the
// tensors in its members. Of torch's, the list of tensors must come before the
// data, as torch.save writes it.
type zipTensors struct {
	sink   *TensorSink
	parser *zipfile.Parser
	root   string // the folder of torch's members, with a slash behind it
	numpy  bool
	any    bool // a member was seen
	err    error
	close  func() error // of the member at hand

	object   []byte
	storages map[string]*storage
}

// A storage is a member that holds data, and the tensors that are views of it.
type storage struct {
	size  uint64
	spans []tensorSpan // none overlaps
	twins [][]TensorDigest
	seen  bool
}

func newZipTensors(t *TensorSink) *zipTensors {
	z := &zipTensors{sink: t}
	z.parser = zipfile.New(z)
	return z
}

func (z *zipTensors) fail(format string, args ...any) {
	if z.err == nil {
		z.err = fmt.Errorf(format, args...)
	}
}

// Open is called by the parser at the begin of a member.
func (z *zipTensors) Open(m zipfile.Member) io.Writer {
	first := !z.any
	z.any, z.close = true, nil
	if first {
		z.numpy = extension(m.Name) == ".npy"
		root, ok := strings.CutSuffix(m.Name, "/data.pkl")
		if z.root = root + "/"; !z.numpy && (!ok || strings.Contains(root, "/")) {
			z.fail("%w: the zip begins with neither torch's list of tensors nor an array", ErrNoTensors)
		}
	}
	rest, inside := strings.CutPrefix(m.Name, z.root)
	key, data := strings.CutPrefix(rest, "data/")
	switch {
	case z.err != nil:
		return nil
	case m.Encrypted || m.Method != zipfile.Stored:
		z.fail("%w: member %q is not stored as it is", ErrNoTensors, clip(m.Name))
	case z.numpy:
		return z.array(m.Name)
	case first:
		z.close = z.list
		return objectWriter{z}
	case inside && rest == "byteorder":
		z.object = nil
		z.close = z.byteOrder
		return objectWriter{z}
	case inside && data && z.storages[key] != nil:
		return z.data(key)
	}
	return nil
}

// Close is called by the parser behind a member's last byte.
func (z *zipTensors) Close() {
	if z.close != nil && z.err == nil {
		z.err = z.close()
	}
	z.close = nil
}

// objectWriter keeps a small member until its end.
type objectWriter struct{ z *zipTensors }

func (w objectWriter) Write(p []byte) (int, error) {
	if len(w.z.object)+len(p) > pickle.MaxStateDict {
		w.z.fail("%w: the list of tensors has more than %d bytes", ErrNoTensors, pickle.MaxStateDict)
		return len(p), nil
	}
	w.z.object = append(w.z.object, p...)
	return len(p), nil
}

func (z *zipTensors) byteOrder() error {
	if string(z.object) != "little" {
		return fmt.Errorf("%w: the byte order is %q", ErrNoTensors, clip(string(z.object)))
	}
	return nil
}

// list reads the list of tensors and prepares what their storages must hold.
func (z *zipTensors) list() error {
	list, err := pickle.ReadStateDict(z.object)
	z.object, z.storages = nil, map[string]*storage{}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTensors, err)
	}
	slices.SortStableFunc(list, func(a, b pickle.StateTensor) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	for _, x := range list {
		switch {
		case x.Beyond:
			return fmt.Errorf("tensor %q reaches beyond its storage", clip(x.Name))
		case !x.Contiguous:
			return fmt.Errorf("%w: the data of tensor %q do not lie in one piece", ErrNoTensors, clip(x.Name))
		}
		s := z.storages[x.Storage]
		if s == nil {
			s = &storage{size: x.StorageBytes}
			z.storages[x.Storage] = s
		}
		d := TensorDigest{Name: x.Name, DType: x.DType, Shape: x.Shape, Bytes: x.End - x.Begin}
		if !z.sink.budget.spend(d) {
			z.sink.over = true
			return ErrTensorBudget
		}
		if err := s.add(d, x.Begin, x.End); err != nil {
			return err
		}
	}
	return nil
}

// add wants tensors of a storage in the order of their data. Several may be of
// the same bytes, such as tied embeddings, but none of a part of another's.
func (s *storage) add(d TensorDigest, begin, end uint64) error {
	if n := len(s.spans); n > 0 {
		last := s.spans[n-1]
		if last.begin == begin && last.end == end {
			s.twins[n-1] = append(s.twins[n-1], d)
			return nil
		}
		if begin < last.end {
			return fmt.Errorf("%w: tensors %q and %q share some of their data", ErrNoTensors, clip(last.Name), clip(d.Name))
		}
	}
	s.spans, s.twins = append(s.spans, tensorSpan{d, begin, end}), append(s.twins, nil)
	return nil
}

// data hashes the tensors of one storage.
func (z *zipTensors) data(key string) io.Writer {
	s, t := z.storages[key], z.sink
	base, at := len(t.out), uint64(0)
	s.seen = true
	t.spans, t.next = s.spans, 0
	z.close = func() error {
		t.closeEmpty()
		if at != s.size {
			return fmt.Errorf("storage %q has %d bytes, and the list of tensors says %d", clip(key), at, s.size)
		}
		for i, twins := range s.twins {
			for _, d := range twins {
				d.Sum = t.out[base+i].Sum
				t.out = append(t.out, d)
			}
		}
		t.spans = nil
		return nil
	}
	return writerFunc(func(p []byte) {
		t.hash(p, at)
		at += uint64(len(p))
	})
}

// array hashes the data of one array of numpy's.
func (z *zipTensors) array(member string) io.Writer {
	a := newArrayTensor(z.sink, strings.TrimSuffix(member, ".npy"))
	z.close = a.end
	return a
}

// header says after the last byte whether all was as it should be.
func (z *zipTensors) header() error {
	if err := z.parser.Err(); err != nil {
		return errors.Join(err, z.err)
	}
	for key, s := range z.storages {
		if !s.seen && z.err == nil {
			z.fail("storage %q is missing", clip(key))
		}
	}
	if z.err == nil && (!z.any || len(z.sink.out) == 0) {
		return ErrNoTensors
	}
	return z.err
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
