package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
)

func hashTensors(t testing.TB, b []byte, piece int) ([]TensorDigest, error) {
	t.Helper()
	s := NewTensorSink("m", int64(len(b)), NewTensorBudget(MaxTensorTable))
	for c := range slices.Chunk(b, piece) {
		_, _ = s.Write(c)
	}
	return s.Tensors()
}

func safetensorsOf(header string, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestTensorSink(t *testing.T) {
	whole := safetensorsOf(`{"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]},"empty":{"dtype":"F32","shape":[0],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"z":{"dtype":"U8","shape":[0],"data_offsets":[5,5]}}`, "aabbb")
	parts := [][]byte{
		safetensorsOf(`{"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"z":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}}`, "bbb"),
		safetensorsOf(`{"empty":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}    `, "aa"),
	}
	for _, piece := range []int{1, 7, 1000} {
		got, err := hashTensors(t, whole, piece)
		if err != nil || len(got) != 4 {
			t.Fatalf("pieces of %d: %v %v", piece, got, err)
		}
		for _, d := range got {
			want := map[string]string{"a": "aa", "b": "bbb"}[d.Name]
			if sha256.Sum256([]byte(want)) != d.Sum || d.Bytes != uint64(len(want)) {
				t.Errorf("pieces of %d: %+v", piece, d)
			}
		}
		var other []TensorDigest
		for _, p := range parts {
			d, err := hashTensors(t, p, piece)
			if err != nil {
				t.Fatal(err)
			}
			other = append(other, d...)
		}
		if !tensor.Same(got, other).Same {
			t.Errorf("other shards: %+v", tensor.Same(got, other))
		}
	}
}

// ggufWith builds a GGUF with keys of texts and tensors of F32.
func ggufWith(keys [][2]string, tensors ...string) []byte {
	le := binary.LittleEndian
	text := func(b []byte, s string) []byte { return append(le.AppendUint64(b, uint64(len(s))), s...) }
	b := []byte("GGUF\x03\x00\x00\x00")
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(keys)))
	for _, k := range keys {
		b = le.AppendUint32(text(b, k[0]), 8)
		b = text(b, k[1])
	}
	var data []byte
	for _, body := range tensors {
		b = le.AppendUint32(text(b, "t"+fmt.Sprint(len(data))), 2)
		b = le.AppendUint64(le.AppendUint64(b, uint64(len(body)/4)), 1)
		b = le.AppendUint64(le.AppendUint32(b, 0), uint64(len(data)))
		data = append(data, body...)
		for len(data)%32 != 0 {
			data = append(data, 0)
		}
	}
	for len(b)%32 != 0 {
		b = append(b, 0)
	}
	return append(b, data...)
}

func TestTensorSinkOfGGUF(t *testing.T) {
	b := ggufWith(nil, "12345678", "abcd")
	for _, piece := range []int{1, 33, 1000} {
		got, err := hashTensors(t, b, piece)
		if err != nil || len(got) != 2 || got[0].Sum != sha256.Sum256([]byte("12345678")) || got[1].Sum != sha256.Sum256([]byte("abcd")) || !slices.Equal(got[0].Shape, []uint64{1, 2}) {
			t.Fatalf("pieces of %d: %+v %v", piece, got, err)
		}
	}
}

func TestTensorSinkRefuses(t *testing.T) {
	good := safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "aa")
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("hello, world"), "cut": good[:len(good)-1], "trailing": append(bytes.Clone(good), 'x'),
		"overlap": safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "aaa"),
	} {
		if got, err := hashTensors(t, b, 5); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := hashTensors(t, []byte("hello, world"), 3); !errors.Is(err, ErrNoTensors) {
		t.Error(err)
	}
	s := NewTensorSink("m", int64(len(good)), NewTensorBudget(MaxTensorTable))
	_, _ = s.Write(good[:len(good)-1])
	if got, err := s.Tensors(); err == nil {
		t.Errorf("before the last byte: %v", got)
	}
}

// FuzzTensors holds: no panic and bounded cost, the same answer whatever the
// pieces, and tensors that are no larger than the data: each of torch's, of
// which several may be of the same bytes, and all together of the others.
func FuzzTensors(f *testing.F) {
	f.Add(safetensorsOf(`{"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "aabbb"))
	f.Add(ggufWith([][2]string{{"general.name", "x"}}, "12345678", "abcd"))
	f.Add(torchOf(f, []fixtures.TorchTensor{floats("c", "0", 4, 3, 1), floats("a", "0", 4, 0, 2), floats("z", "0", 4, 4, 0), floats("d", "1", 1, 0, 1)}, [2]string{"0", "aaaabbbb----cccc"}, [2]string{"1", "dddd"}))
	f.Add([]byte(numpyOf("<f4", "False", "2, 1", "aaaabbbb")))
	f.Add(fixtures.Zip(f, [2]string{"m.npy", numpyOf("<f4", "True", "2, 1", "aaaabbbb")}, [2]string{"z.npy", numpyOf("<i8", "False", "0,", "")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces []TensorDigest
		var err, err2 error
		fixtures.Bounded(t, len(b), roomFor(len(b)), func() {
			whole, err = hashTensors(t, b, len(b)+1)
			pieces, err2 = hashTensors(t, b, 3)
		})
		if (err == nil) != (err2 == nil) || tensor.Root(whole) != tensor.Root(pieces) {
			t.Fatalf("%v %v\nin pieces %v %v", whole, err, pieces, err2)
		}
		sum, most := uint64(0), uint64(len(b))
		for _, d := range whole {
			sum += d.Bytes
			if d.Bytes > most {
				t.Fatalf("%+v in %d bytes", d, most)
			}
		}
		if sum > most && !bytes.HasPrefix(b, []byte("PK")) {
			t.Fatalf("%d bytes of tensors in %d", sum, most)
		}
	})
}

func BenchmarkHashAlone(b *testing.B) {
	data, h := make([]byte, 1<<20), sha256.New()
	b.SetBytes(1 << 20)
	for b.Loop() {
		h.Write(data)
	}
}

func BenchmarkTensorSink(b *testing.B) {
	const size = 1 << 40
	header := fmt.Sprintf(`{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, size, size)
	s := NewTensorSink("m", int64(8+len(header)+size), NewTensorBudget(MaxTensorTable))
	_, _ = s.Write(safetensorsOf(header, ""))
	data := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Write(data)
	}
}
