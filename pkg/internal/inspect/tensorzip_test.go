package inspect

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// floats is a tensor of one dimension at an offset of a storage.
func floats(name, key string, numel, offset, n uint32) fixtures.TorchTensor {
	return fixtures.TorchTensor{Name: name, Class: "FloatStorage", Key: key, Numel: numel, Offset: offset, Shape: []uint32{n}, Strides: []uint32{1}}
}

// torchOf is a torch zip of tensors, with the members that hold their data.
func torchOf(t testing.TB, list []fixtures.TorchTensor, storages ...[2]string) []byte {
	t.Helper()
	members := [][2]string{{"m/data.pkl", fixtures.StateDict(list...)}, {"m/byteorder", "little"}}
	for _, s := range storages {
		members = append(members, [2]string{"m/data/" + s[0], s[1]})
	}
	return fixtures.Zip(t, append(members, [2]string{"m/version", "3\n"}, [2]string{"m/.data/serialization_id", "1"})...)
}

// TestTensorsOfTorch holds tensors of torch's zip to the same in safetensors:
// a storage of their own, slices of one storage, tied ones, and none at all.
func TestTensorsOfTorch(t *testing.T) {
	matrix := fixtures.TorchTensor{Name: "m", Class: "BFloat16Storage", Key: "1", Numel: 6, Shape: []uint32{2, 1, 3}, Strides: []uint32{3, 99, 1}}
	scalar := fixtures.TorchTensor{Name: "s", Class: "LongStorage", Key: "2", Numel: 1}
	torch := torchOf(t, []fixtures.TorchTensor{floats("c", "0", 4, 3, 1), floats("a", "0", 4, 0, 2), floats("tied", "0", 4, 0, 2), floats("none", "0", 4, 4, 0), matrix, scalar},
		[2]string{"0", "aaaabbbb----cccc"}, [2]string{"1", "0123456789ab"}, [2]string{"2", "12345678"})
	other, err := hashTensors(t, safetensorsOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"tied":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"c":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},`+
		`"none":{"dtype":"F32","shape":[0],"data_offsets":[20,20]},"m":{"dtype":"BF16","shape":[2,1,3],"data_offsets":[20,32]},"s":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}`, "aaaabbbbaaaabbbbcccc0123456789ab12345678"), 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []int{1, 5, 1 << 20} {
		got, err := hashTensors(t, torch, piece)
		if s := tensor.Same(got, other); err != nil || !s.Same || len(got) != 6 {
			t.Errorf("pieces of %d: %v, %d tensors, %+v", piece, err, len(got), s)
		}
	}
	flipped := bytes.Replace(torch, []byte("cccc"), []byte("cccC"), 1)
	if _, err := hashTensors(t, flipped, 100); err == nil {
		t.Error("the zip's own checksum does not count")
	}
	changed, err := hashTensors(t, torchOf(t, []fixtures.TorchTensor{floats("a", "0", 2, 0, 2)}, [2]string{"0", "aaaabbbB"}), 100)
	if err != nil || tensor.Same(changed, other).Equal != 0 {
		t.Errorf("one bit does not count: %v", err)
	}
}

// TestTensorsOfTorchAreRefused: what is not told apart is said, never guessed.
func TestTensorsOfTorchAreRefused(t *testing.T) {
	a, data := floats("a", "0", 2, 0, 2), [2]string{"0", "aaaabbbb"}
	change := func(f func(*fixtures.TorchTensor)) []byte {
		x := a
		f(&x)
		return torchOf(t, []fixtures.TorchTensor{x}, data)
	}
	dict := fixtures.StateDict(a)
	object := func(text string) []byte {
		return fixtures.Zip(t, [2]string{"m/data.pkl", text}, [2]string{"m/data/0", data[1]})
	}
	const noList = true
	for name, tc := range map[string]struct {
		file []byte
		says string
		none bool // that nothing is told apart, and not that the file is broken
	}{
		"transposed":         {change(func(x *fixtures.TorchTensor) { x.Shape, x.Strides = []uint32{2, 2}, []uint32{1, 2}; x.Numel = 2 }), "beyond", false},
		"transposed, inside": {torchOf(t, []fixtures.TorchTensor{{Name: "a", Class: "ByteStorage", Key: "0", Numel: 8, Shape: []uint32{2, 2}, Strides: []uint32{1, 2}}}, data), "one piece", noList},
		"expanded":           {torchOf(t, []fixtures.TorchTensor{{Name: "a", Class: "ByteStorage", Key: "0", Numel: 8, Shape: []uint32{2, 2}, Strides: []uint32{0, 1}}}, data), "one piece", noList},
		"beyond its storage": {change(func(x *fixtures.TorchTensor) { x.Offset = 1 }), "beyond", false},
		"a product over": {change(func(x *fixtures.TorchTensor) {
			x.Shape, x.Strides = []uint32{1 << 30, 1 << 30, 1 << 30}, []uint32{1, 1, 1}
		}), "beyond", false},
		"a stride over":        {change(func(x *fixtures.TorchTensor) { x.Shape, x.Strides = []uint32{2, 1}, []uint32{1 << 30, 1} }), "beyond", false},
		"storage too short":    {torchOf(t, []fixtures.TorchTensor{a}, [2]string{"0", "aaaabbb"}), "7 bytes", false},
		"storage too long":     {torchOf(t, []fixtures.TorchTensor{a}, [2]string{"0", "aaaabbbbc"}), "9 bytes", false},
		"storage missing":      {torchOf(t, []fixtures.TorchTensor{a}, [2]string{"1", data[1]}), "missing", false},
		"storage elsewhere":    {fixtures.Zip(t, [2]string{"m/data.pkl", dict}, [2]string{"n/data/0", data[1]}), "missing", false},
		"two sizes":            {torchOf(t, []fixtures.TorchTensor{a, floats("b", "0", 3, 0, 2)}, data), "two sizes", noList},
		"sharing a part":       {torchOf(t, []fixtures.TorchTensor{a, floats("b", "0", 2, 1, 1)}, data), "share", noList},
		"a name twice":         {torchOf(t, []fixtures.TorchTensor{a, floats("a", "1", 2, 0, 2)}, data, [2]string{"1", "xxxxxxxx"}), "twice", noList},
		"no tensor":            {torchOf(t, nil, data), "told apart", noList},
		"quantised":            {change(func(x *fixtures.TorchTensor) { x.Class = "QUInt4x2Storage" }), "storage", noList},
		"inside a dictionary":  {object("\x80\x02}X\x05\x00\x00\x00model" + strings.TrimPrefix(strings.TrimSuffix(dict, "."), "\x80\x02") + "s."), "named tensor", noList},
		"a call of another":    {object(strings.Replace(dict, "_rebuild_tensor_v2", "_rebuild_qtensor", 1)), "plain tensor", noList},
		"an import of another": {object(strings.Replace(dict, "ctorch._utils\n_rebuild_tensor_v2", "cos\nsystem", 1)), "plain tensor", noList},
		"two objects":          {object(dict + "N."), "one object", noList},
		"cut":                  {object(dict[:len(dict)-1]), "no end", noList},
		"the list last":        {fixtures.Zip(t, [2]string{"m/data/0", data[1]}, [2]string{"m/data.pkl", dict}), "begins with", noList},
		"big-endian":           {fixtures.Zip(t, [2]string{"m/data.pkl", dict}, [2]string{"m/byteorder", "big"}, [2]string{"m/data/0", data[1]}), "byte order", noList},
		"compressed":           {archiveOf(t, "m/data.pkl="+dict, "m/data/0*="+data[1]), "stored", noList},
		"trailing":             {append(torchOf(t, []fixtures.TorchTensor{a}, data), 'x'), "after its end", false},
	} {
		got, err := hashTensors(t, tc.file, 64)
		if err == nil || !strings.Contains(err.Error(), tc.says) || errors.Is(err, ErrNoTensors) != tc.none {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if got, err := hashTensors(t, torchOf(t, []fixtures.TorchTensor{a}, data), 64); err != nil || len(got) != 1 {
		t.Errorf("the neighbour of all of them: %v %v", got, err)
	}
}

// TestStorages: what torch's list says of its storages holds, wherever in the
// zip the list stands.
func TestStorages(t *testing.T) {
	a, data := floats("a", "0", 2, 0, 2), [2]string{"m/data/0", "aaaabbbb"}
	list := func(x fixtures.TorchTensor) [2]string { return [2]string{"m/data.pkl", fixtures.StateDict(a, x)} }
	beyond, far := a, a
	beyond.Offset, far.Shape, far.Strides = 1, []uint32{2, 1}, []uint32{1 << 30, 1}
	for name, tc := range map[string]struct {
		members [][2]string
		says    string // "" where nothing is
	}{
		"as it should be":       {[][2]string{list(a), data}, ""},
		"the list last":         {[][2]string{data, list(a)}, ""},
		"beyond":                {[][2]string{list(beyond), data}, "beyond"},
		"beyond, the list last": {[][2]string{data, list(beyond)}, "beyond"},
		"beyond by a stride":    {[][2]string{list(far), data}, "beyond"},
		"missing":               {[][2]string{list(a), {"m/data/1", "aaaabbbb"}}, "missing"},
		"in another folder":     {[][2]string{list(a), {"n/data/0", "aaaabbbb"}}, "missing"},
		"too short":             {[][2]string{list(a), {"m/data/0", "aaaabbb"}}, "has 7 bytes"},
		"too long":              {[][2]string{list(a), {"m/data/0", "aaaabbbbc"}}, "has 9 bytes"},
		"quantised":             {[][2]string{{"m/data.pkl", strings.NewReplacer("_rebuild_tensor_v2", "_rebuild_qtensor", "FloatStorage", "QInt8Storage").Replace(fixtures.StateDict(floats("a", "0", 8, 0, 8)))}, data}, ""},
		"quantised, too short":  {[][2]string{{"m/data.pkl", strings.NewReplacer("_rebuild_tensor_v2", "_rebuild_qtensor", "FloatStorage", "QInt8Storage").Replace(fixtures.StateDict(floats("a", "0", 9, 0, 8)))}, data}, "has 8 bytes"},
		"only data":             {[][2]string{{"m/data.pkl", "\x80\x04}."}}, ""},
		"not followed":          {[][2]string{{"m/data.pkl", strings.Replace(fixtures.StateDict(a), ")R(", ")\x81(", 1)}, data}, "not followed"},
		"two lists":             {[][2]string{list(a), data, {"n/data.pkl", fixtures.StateDict(a)}, {"n/data/0", "aaaabbbb"}}, "two"},
		"inside a dictionary":   {[][2]string{{"m/data.pkl", "\x80\x02}X\x01\x00\x00\x00m" + strings.TrimPrefix(strings.TrimSuffix(fixtures.StateDict(beyond), "."), "\x80\x02") + "s."}, data}, "beyond"},
	} {
		for _, piece := range []int{1, 1 << 20} {
			f := look("m.pt", fixtures.Zip(t, tc.members...), piece)
			i := slices.IndexFunc(f.Findings, func(x provenance.Finding) bool {
				return x.Facts[factRule] == "MC-TORCH-STORAGE" || x.Facts[factRule] == "MC-FORMAT-LIMIT"
			})
			if tc.says == "" && (i >= 0 || f.Class != ClassInert) || tc.says != "" && (i < 0 || !strings.Contains(f.Findings[i].Detail, tc.says) || f.Class != ClassUnknown) {
				t.Errorf("%s: %v %+v", name, f.Class, f.Findings)
			}
		}
	}
}

// numpyOf is a file of numpy's, version 1.0.
func numpyOf(descr, fortran, shape, data string) string {
	h := "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': (" + shape + "), }"
	return "\x93NUMPY\x01\x00\x76\x00" + h + strings.Repeat(" ", 117-len(h)) + "\n" + data
}

func TestTensorsOfNumPy(t *testing.T) {
	want := TensorDigest{Name: "m", DType: "F32", Shape: []uint64{2, 1}, Bytes: 8, Sum: sha256.Sum256([]byte("aaaabbbb"))}
	for _, piece := range []int{1, 100, 1 << 20} {
		got, err := hashTensors(t, []byte(numpyOf("<f4", "False", "2, 1", "aaaabbbb")), piece)
		if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("pieces of %d: %+v %v", piece, got, err)
		}
		got, err = hashTensors(t, fixtures.Zip(t, [2]string{"m.npy", numpyOf("<f4", "True", "2, 1", "aaaabbbb")}, [2]string{"a.b.npy", numpyOf("|u1", "False", "3,", "abc")}, [2]string{"z.npy", numpyOf("<i8", "False", "0,", "")}), piece)
		if err != nil || len(got) != 3 || fmt.Sprint(got[0]) != fmt.Sprint(want) || got[1].Name != "a.b" || got[1].DType != "U8" || !slices.Equal(got[2].Shape, []uint64{0}) {
			t.Errorf("pieces of %d: %+v %v", piece, got, err)
		}
	}
	for name, file := range map[string]string{
		"big-endian": numpyOf(">f4", "False", "1,", "aaaa"), "columns": numpyOf("<f4", "True", "2, 2", "aaaabbbbccccdddd"), "text": numpyOf("<U1", "False", "1,", "aaaa"),
		"objects": numpyOf("|O", "False", "1,", "\x80\x02]."), "too short": numpyOf("<f4", "False", "2,", "aaaabbb"), "too long": numpyOf("<f4", "False", "2,", "aaaabbbbc"),
		"a product over": numpyOf("<f4", "False", "4611686018427387904, 4", "aaaa"), "cut": numpyOf("<f4", "False", "2,", "")[:60], "no header": "\x93NUMPY\x01\x00\x00\x00xxxxxxxx",
		"compressed": string(archiveOf(t, "m.npy*="+numpyOf("<f4", "False", "1,", "aaaa"))), "beside another": string(archiveOf(t, "m.npy="+numpyOf("<f4", "False", "1,", "aaaa"), "x=text")),
	} {
		if got, err := hashTensors(t, []byte(file), 64); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzStateDict holds: no panic and bounded cost; what is accepted keeps to the
// weights_only profile in the eyes of the other reader; and every tensor lies
// inside of its storage or is said to reach beyond it.
func FuzzStateDict(f *testing.F) {
	f.Add([]byte(fixtures.StateDict(floats("a", "0", 4, 1, 2), floats("b", "0", 4, 3, 1))))
	f.Add([]byte(fixtures.StateDict(fixtures.TorchTensor{Name: "m", Class: "BFloat16Storage", Key: "1", Numel: 6, Shape: []uint32{2, 1, 3}, Strides: []uint32{3, 99, 1}})))
	f.Add([]byte("\x80\x02}q\x00(U\x01ah\x00]q\x01(K\x01M\x02\x03\x8a\x03abce\x85\x86u."))
	f.Add([]byte(strings.Replace(fixtures.StateDict(floats("a", "0", 4, 1, 2)), "\x89c", "\x89}N\x87c", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var list []pickle.StateTensor
		var err error
		fixtures.Bounded(t, len(b), uint64(64<<10+512*len(b)), func() { list, err = pickle.ReadStateDict(b) })
		if err != nil {
			return
		}
		p := pickle.New(false)
		_, _ = p.Write(b)
		if r := p.Report(); r.Verdict != pickle.TensorOnly && r.Verdict != pickle.DataOnly {
			t.Fatalf("read as a list of tensors: %+v", r)
		}
		for _, x := range list {
			size := x.End - x.Begin
			for _, n := range x.Shape {
				if size > 0 && n == 0 {
					t.Fatalf("%+v", x)
				}
			}
			if x.End < x.Begin || x.End > x.StorageBytes || x.Beyond && size > 0 {
				t.Fatalf("%+v", x)
			}
		}
	})
}
