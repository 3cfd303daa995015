package check_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A weight is one tensor of a test: numbers of one byte.
type weight struct{ name, dtype, data string }

// packed writes tensors as a safetensors file, in their order.
func packed(t testing.TB, list ...weight) []byte {
	t.Helper()
	header := map[string]any{}
	data := ""
	width := map[string]int{"U8": 1, "I8": 1, "F32": 4}
	for _, w := range list {
		header[w.name] = map[string]any{"dtype": w.dtype, "shape": []int{len(w.data) / width[w.dtype]}, "data_offsets": []int{len(data), len(data) + len(w.data)}}
		data += w.data
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

// ggufOf writes tensors of F32 as a GGUF file.
func ggufOf(list ...weight) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(le.AppendUint64([]byte("GGUF\x03\x00\x00\x00"), uint64(len(list))), 0)
	data := ""
	for _, w := range list {
		b = append(le.AppendUint64(b, uint64(len(w.name))), w.name...)
		b = le.AppendUint64(le.AppendUint32(b, 1), uint64(len(w.data)/4))
		b = le.AppendUint64(le.AppendUint32(b, 0), uint64(len(data)))
		data += w.data + strings.Repeat("\x00", 31-(len(w.data)+31)%32)
	}
	return append(b, strings.Repeat("\x00", 31-(len(b)+31)%32)+data...)
}

// torchOf writes tensors of F32 as torch does, each in a storage of its own.
func torchOf(t testing.TB, list ...weight) []byte {
	t.Helper()
	var dict []fixtures.TorchTensor
	members := [][2]string{{"m/data.pkl", ""}, {"m/byteorder", "little"}}
	for _, w := range list {
		n := uint32(len(w.data) / 4)
		dict = append(dict, fixtures.TorchTensor{Name: w.name, Class: "FloatStorage", Key: w.name, Numel: n, Shape: []uint32{n}, Strides: []uint32{1}})
		members = append(members, [2]string{"m/data/" + w.name, w.data})
	}
	members[0][1] = fixtures.StateDict(dict...)
	return fixtures.Zip(t, members...)
}

// numpyOf writes a tensor of F32 as numpy does.
func numpyOf(w weight) []byte {
	h := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", len(w.data)/4)
	return []byte("\x93NUMPY\x01\x00\x76\x00" + h + strings.Repeat(" ", 117-len(h)) + "\n" + w.data)
}

func treeOf(t testing.TB, files map[string][]byte) artifact.Reference {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return refTo(t, "dir:"+dir)
}

func refTo(t testing.TB, s string) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func tensorsOf(t testing.TB, files map[string][]byte) *check.TensorManifest {
	t.Helper()
	list, err := puller(t, resolved(t, policy.Settings{}), nil).Tensors(t.Context(), treeOf(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var (
	wa = weight{"a", "F32", "aaaabbbb"}
	wb = weight{"b", "F32", "ccccdddd"}
	wc = weight{"c", "F32", "eeee"}
)

// TestSame: other shards, another order, another container, a second copy.
func TestSame(t *testing.T) {
	whole := tensorsOf(t, map[string][]byte{"model.safetensors": packed(t, wa, wb, wc)})
	for name, files := range map[string]map[string][]byte{
		"other order":  {"model.safetensors": packed(t, wc, wa, wb)},
		"shards":       {"model-00001-of-00002.safetensors": packed(t, wb), "model-00002-of-00002.safetensors": packed(t, wa, wc), "README.md": []byte("# x\n")},
		"gguf":         {"model.gguf": ggufOf(wa, wb, wc)},
		"torch":        {"pytorch_model.bin": torchOf(t, wa, wb, wc)},
		"two of torch": {"pytorch_model-00001-of-00002.bin": torchOf(t, wc), "pytorch_model-00002-of-00002.bin": torchOf(t, wb, wa)},
		"numpy":        {"a.npy": numpyOf(wa), "model.npz": fixtures.Zip(t, [2]string{"b.npy", string(numpyOf(wb))}, [2]string{"c.npy", string(numpyOf(wc))})},
		"both":         {"model.gguf": ggufOf(wa, wb, wc), "model.safetensors": packed(t, wa, wb, wc)},
	} {
		other := tensorsOf(t, files)
		r, err := check.Compare(whole, other, "test")
		if err != nil || r.Result != check.ResultSame || r.A.Root != r.B.Root || r.A.ContentRoot != r.B.ContentRoot || r.Equal != 3 {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// TestNotTheSame: the neighbours, each with what differs.
func TestNotTheSame(t *testing.T) {
	whole := tensorsOf(t, map[string][]byte{"model.safetensors": packed(t, wa, wb, wc)})
	flipped := wb
	flipped.data = "ccccdddD"
	for name, tc := range map[string]struct {
		list   []weight
		want   func(*check.SameReport) []string
		names  []string
		shared uint64
	}{
		"one bit":        {[]weight{wa, flipped, wc}, func(r *check.SameReport) []string { return r.Differ }, []string{"b"}, 12},
		"another format": {[]weight{wa, wb, {"c", "U8", "eeee"}}, func(r *check.SameReport) []string { return r.DType }, []string{"c"}, 16},
		"one missing":    {[]weight{wa, wb}, func(r *check.SameReport) []string { return r.OnlyA }, []string{"c"}, 16},
		"one more":       {[]weight{wa, wb, wc, {"d", "U8", "f"}}, func(r *check.SameReport) []string { return r.OnlyB }, []string{"d"}, 20},
		"swapped":        {[]weight{{"a", "F32", wb.data}, {"b", "F32", wa.data}, wc}, func(r *check.SameReport) []string { return r.Differ }, []string{"a", "b"}, 20},
	} {
		r, err := check.Compare(whole, tensorsOf(t, map[string][]byte{"m.safetensors": packed(t, tc.list...)}), "test")
		if err != nil || r.Result != check.ResultDiffer || !slices.Equal(tc.want(r), tc.names) || r.A.SharedBytes != tc.shared {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// TestNotCompared: where not all weights are told apart, nothing is the same,
// not even as itself.
func TestNotCompared(t *testing.T) {
	good := packed(t, wa)
	for name, files := range map[string]map[string][]byte{
		"no weights":        {"README.md": []byte("# x\n")},
		"a format unknown":  {"model.h5": []byte("\x89HDF\r\n\x1a\n" + strings.Repeat("x", 2000))},
		"a view of torch's": {"pytorch_model.bin": fixtures.Zip(t, [2]string{"m/data.pkl", fixtures.StateDict(fixtures.TorchTensor{Name: "a", Class: "ByteStorage", Key: "0", Numel: 4, Shape: []uint32{2, 2}, Strides: []uint32{1, 2}})}, [2]string{"m/data/0", "abcd"})},
		"a short storage":   {"pytorch_model.bin": torchOf(t, wa), "model.npy": numpyOf(wb)[:130]},
		"one of two":        {"model.safetensors": good, "extra.bin": []byte("\x80\x02}q\x00.")},
		"empty tensors":     {"model.safetensors": packed(t, weight{"a", "F32", ""})},
		"a malformed shard": {"model.safetensors": good, "more.safetensors": append(packed(t, wb), 'x')},
	} {
		list := tensorsOf(t, files)
		r, err := check.Compare(list, list, "test")
		if !errors.Is(err, check.ErrNotCompared) || r.Result != "" || name != "empty tensors" && list.Root != "" {
			t.Errorf("%s: %q %v", name, r.Result, err)
		}
	}
	if r, err := check.Compare(nil, nil, "test"); !errors.Is(err, check.ErrNotCompared) || r.Result != "" {
		t.Errorf("%q %v", r.Result, err)
	}
}

// A byte that does not match its digest leaves no list of tensors.
func TestTensorsOfDamagedBlob(t *testing.T) {
	l := newLayoutWriter()
	file := namedFile{"model.safetensors", packed(t, wa, wb)}
	l.files(t, "v1", file)
	dir := t.TempDir()
	l.write(t, dir)
	bad := slices.Clone(file.data)
	bad[len(bad)-1] ^= 1
	if err := os.WriteFile(blobFile(dir, file.data), bad, 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := puller(t, resolved(t, policy.Settings{}), nil).Tensors(t.Context(), refTo(t, "oci-layout:"+dir+":v1"))
	var coded *check.CodedError
	if list != nil || !errors.Is(err, check.ErrNotCompared) || !errors.As(err, &coded) || coded.Code != "digest-mismatch" {
		t.Errorf("%v %v", list, err)
	}
}

// TestTensorManifest: what was written is read again; what was touched is not.
func TestTensorManifest(t *testing.T) {
	list := tensorsOf(t, map[string][]byte{"model.safetensors": packed(t, wa, wb)})
	b, err := list.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := check.ParseTensorManifest(b)
	if err != nil || again.Root != list.Root || len(again.List) != 2 {
		t.Fatalf("%+v %v", again, err)
	}
	text := string(b)
	for name, bad := range map[string]string{
		"root":      strings.Replace(text, list.Root[:8], "00000000", 1),
		"count":     strings.Replace(text, `"count": 2`, `"count": 3`, 1),
		"name":      strings.Replace(text, `"name": "a"`, `"name": "A"`, 1),
		"digest":    strings.Replace(text, `"sha256": "`, `"sha256": "x`, 1),
		"version":   strings.Replace(text, `"schemaVersion": "1"`, `"schemaVersion": "2"`, 1),
		"algorithm": strings.Replace(text, "mc-tensor-v1", "mc-tensor-v2", 1),
		"member":    strings.Replace(text, `"count"`, `"size": 1, "count"`, 1),
		"twice":     strings.Replace(text, `"count"`, `"count": 2, "count"`, 1),
		"cut":       text[:len(text)/2],
		"empty":     "",
	} {
		if bad == text {
			t.Fatalf("%s: not changed", name)
		}
		if _, err := check.ParseTensorManifest([]byte(bad)); !errors.Is(err, check.ErrTensorManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The record is the same whatever one asks for beside it.
func TestRecordDoesNotDependOnTensors(t *testing.T) {
	ref := treeOf(t, map[string][]byte{"model.safetensors": packed(t, wa, wb)})
	var digests []artifact.Digest
	for _, tensors := range []bool{false, true} {
		c, err := check.New(check.Config{Policy: unsigned(t), Version: "test", Tensors: tensors})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Examine(t.Context(), ref)
		if err != nil || (r.Tensors != nil) != tensors || (r.TensorManifest() != nil) != tensors {
			t.Fatalf("%+v %v", r.Tensors, err)
		}
		digests = append(digests, r.ManifestDigest)
	}
	if digests[0] != digests[1] || digests[0].IsZero() {
		t.Error(fmt.Sprint(digests))
	}
}

// FuzzTensorManifest holds: what is read has the roots of its list, is the same
// as itself only where bytes of tensors are listed and none is missing, and is
// written so that it is read again.
func FuzzTensorManifest(f *testing.F) {
	b, err := tensorsOf(f, map[string][]byte{"model.safetensors": packed(f, wa, wb)}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schemaVersion":"1","subject":"sha256:` + strings.Repeat("0", 64) + `","algorithm":"mc-tensor-v1","count":0,"bytes":0,"tensors":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var list *check.TensorManifest
		var err error
		fixtures.Bounded(t, len(b), uint64(1<<20+256*len(b)), func() { list, err = check.ParseTensorManifest(b) })
		if err != nil {
			return
		}
		r, err := check.Compare(list, list, "test")
		if same := err == nil; same != (r.Result == check.ResultSame) || same && (list.Bytes == 0 || len(list.Missing) > 0) {
			t.Fatalf("%+v %v", r, err)
		}
		again, err := list.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := check.ParseTensorManifest(again); err != nil {
			t.Fatal(err)
		}
	})
}
