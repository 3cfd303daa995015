package inspect

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const tensorPickle = "\x80\x02ccollections\nOrderedDict\n)R."

// archiveOf makes a zip as torch does: stored, with data descriptors. Names
// that end in "*" are deflated.
func archiveOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		name, body, _ := strings.Cut(m, "=")
		h := &zip.FileHeader{Name: strings.TrimSuffix(name, "*"), Method: zip.Store}
		if strings.HasSuffix(name, "*") {
			h.Method = zip.Deflate
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTorchZip(t *testing.T) {
	const object = "a/data.pkl=" + tensorPickle
	const code = "a/data.pkl=\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."
	tests := []struct {
		name    string
		file    string
		members []string
		class   Class
		ids     []string
	}{
		{"tensors only", "m.pt", []string{object, "a/data/0=\x00\x01\x02\x03", "a/version=3\n"}, ClassInert, []string{provenance.CodeSerializedObjects}},
		{"as .bin", "pytorch_model.bin", []string{object, "a/data/0=\x7fELF"}, ClassInert, []string{provenance.CodeSerializedObjects}},
		{"code", "m.pt", []string{code, "a/data/0=xxxx"}, ClassCodeOnLoad, []string{provenance.CodeSerializedObjects, provenance.CodeReachesSystem}},
		{"code in a storage", "m.pt", []string{object, "a/data/0=cos\nsystem\n(S'id'\ntR."}, ClassCodeOnLoad, []string{provenance.CodeSerializedObjects, provenance.CodeFormatMismatch, provenance.CodeSerializedObjects, provenance.CodeReachesSystem}},
		{"code in a second pickle", "m.pt", []string{object, "a/extra.pkl=cos\nsystem\n(S'id'\ntR."}, ClassCodeOnLoad, []string{provenance.CodeSerializedObjects, provenance.CodeSerializedObjects, provenance.CodeReachesSystem}},
		{"deflated code", "m.pt", []string{object, "a/x*=cos\nsystem\n(S'id'\ntR."}, ClassCodeOnLoad, []string{provenance.CodeSerializedObjects, provenance.CodeFormatMismatch, provenance.CodeSerializedObjects, provenance.CodeReachesSystem}},
		{"TorchScript", "m.pt", []string{object, "a/code/__torch__.py=def f(): pass\n"}, ClassUnknown, []string{provenance.CodeSerializedObjects}},
		{"something else inside", "m.pt", []string{object, "a/other=\x00\x01\x02"}, ClassUnknown, []string{provenance.CodeSerializedObjects}},
		{"a library inside", "m.pt2", []string{object, "a/x.so=\x7fELF\x02"}, ClassNative, []string{provenance.CodeSerializedObjects, provenance.CodeNativeCode}},
		{"a way out", "m.zip", []string{"../../x.txt=hello"}, ClassUnknown, []string{provenance.CodeUnsafeEntry}},
		{"texts", "m.zip", []string{"a.txt=hello", "b*=hello"}, ClassInert, nil},
		{"half a zip in a zip", "m.zip", []string{"a.zip=PK\x03\x04"}, ClassUnknown, []string{provenance.CodeArchiveMalformed}},
		{"inflates over all bounds", "m.zip", []string{"a.txt*=" + strings.Repeat("a", maxInflated+1)}, ClassUnknown, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := archiveOf(t, tt.members...)
			for _, piece := range []int{13, 1 << 20} {
				f := look(tt.file, b, piece)
				if f.Class != tt.class || !slices.Equal(ids(f), tt.ids) {
					t.Errorf("pieces of %d: %q %v %v", piece, f.Format, f.Class, f.Findings)
				}
				if want := strings.Contains(tt.members[0], "data.pkl"); want != (f.Format == FormatTorchZip) {
					t.Errorf("format %q", f.Format)
				}
			}
		})
	}
	if f := look("m.pt", append(archiveOf(t, object), 'x'), 100); f.Class != ClassUnknown || !slices.Contains(ids(f), provenance.CodeArchiveMalformed) {
		t.Errorf("trailing byte: %v %v", f.Class, ids(f))
	}
}

// TestSafetensorsThatIsAPickle builds the file of model-files §0.4: a valid
// safetensors whose length byte makes the pickle machine swallow the header.
func TestSafetensorsThatIsAPickle(t *testing.T) {
	payload := "\ncos\nsystem\n(S'id'\ntR."
	header := `{"a":{"dtype":"U8","shape":[22],"data_offsets":[0,22]}}`
	header += strings.Repeat(" ", 0x156-len(header))
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(append(file, header...), payload...)
	f := look("m.safetensors", file, 50)
	if f.Class != ClassCodeOnLoad || f.Format != FormatSafetensors || !slices.Equal(ids(f), []string{provenance.CodeFormatMismatch, provenance.CodeSerializedObjects, provenance.CodeReachesSystem}) {
		t.Fatalf("%v %v", f.Class, f.Findings)
	}
	if got := f.Findings[1].Facts["imports"]; got != "os.system" {
		t.Errorf("imports %q", got)
	}
	near := bytes.Replace(file, []byte("cos\n"), []byte("xos\n"), 1)
	if f := look("m.safetensors", near, 50); f.Class != ClassInert || len(f.Findings) != 0 {
		t.Errorf("near miss: %v %v", f.Class, f.Findings)
	}
}

func TestZipBehindOtherContent(t *testing.T) {
	z := archiveOf(t, "data.pkl=cos\nsystem\n(S'id'\ntR.")
	for _, name := range []string{"m.pkl", "README.md", "x"} {
		body := append([]byte(strings.Repeat("text\n", 50000)), z...)
		f := look(name, body, 777)
		if f.Class.Compare(ClassUnknown) < 0 || !slices.Contains(ids(f), provenance.CodeFormatMismatch) {
			t.Errorf("%s: %v %v", name, f.Class, ids(f))
		}
	}
}

func TestArrays(t *testing.T) {
	npy := func(descr, body string) []byte {
		h := "{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }"
		h += strings.Repeat(" ", 117-len(h)) + "\n"
		return append([]byte("\x93NUMPY\x01\x00\x76\x00"), h+body...)
	}
	tests := []struct {
		name, descr, body string
		class             Class
	}{
		{"numbers", "'<f4'", "\x00\x00\x80\x3f", ClassInert},
		{"objects", "'|O'", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", ClassCodeOnLoad},
		{"objects by another name", "'object'", "cos\nsystem\n(S'id'\ntR.", ClassCodeOnLoad},
		{"objects by escape", `'|\x4f'`, "cos\nsystem\n(S'id'\ntR.", ClassCodeOnLoad},
		{"objects in a record", "[('a', '|O')]", "cos\nsystem\n(S'id'\ntR.", ClassCodeOnLoad},
		{"objects of data only", "'|O'", "\x80\x02].", ClassUnknown},
		{"numbers in a record", "[('a', '<f4')]", "\x00\x00\x80\x3f", ClassUnknown},
	}
	for _, tt := range tests {
		if f := look("a.npy", npy(tt.descr, tt.body), 11); f.Class != tt.class || f.Format != FormatNPY {
			t.Errorf("%s: %q %v %v", tt.name, f.Format, f.Class, f.Findings)
		}
	}
	for _, b := range []string{"\x93NUMPY", "\x93NUMPY\x01\x00\xff\xff{", "\x93NUMPY\x04\x00\x01\x00{", "\x93NUMPY\x02\x00\xff\xff\xff\xff{"} {
		if f := look("a.npy", []byte(b), 3); f.Class != ClassUnknown || !slices.Equal(ids(f), []string{provenance.CodeFormatMalformed}) {
			t.Errorf("%q: %v %v", b, f.Class, ids(f))
		}
	}
}

// FuzzSink holds: no panic, and the same facts whatever the pieces.
func FuzzSink(f *testing.F) {
	f.Add("m.pt", archiveOf(f, "a/data.pkl="+tensorPickle, "a/data/0=x", "b*=hello"))
	f.Add("m.safetensors", tensorFile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Add("m.pkl", []byte("cos\nsystem\n(S'id'\ntR."))
	f.Add("a.npy", []byte("\x93NUMPY\x01\x00\x02\x00{}\x80\x02]."))
	f.Add("config.json", []byte(`{"a":1}`))
	f.Add("m.nemo", tarOf(f, "c.yaml=a: {_target_: x}", "x=->../y", "w.ckpt="+string(archiveOf(f, "a/data.pkl="+tensorPickle))))
	f.Add("m.keras", archiveOf(f, "metadata.json={}", `config.json={"class_name":"Lambda","module":"keras"}`))
	f.Add("a.py", []byte("import os as o\no.system(f'{x}')\n"))
	f.Add("n.ipynb", []byte(`{"cells":[{"cell_type":"code","source":["!x\n","import os"]}]}`))
	f.Add("x.jinja", []byte("{% if a %}{{ x.__class__ }}{% endif %}"))
	f.Add("m.onnx", []byte("\x08\x08\x12\x01p\x3a\x08\x2a\x06\x08\x02\x08\x03\x10\x01"))
	f.Add("saved_model.pb", []byte("\x08\x01\x12\x0b\x12\x09\x0a\x07\x12\x05PyFun"))
	f.Add("m.safetensors.index.json", []byte(`{"metadata":{"total_size":3},"weight_map":{"a":"b","c":"../d"}}`))
	f.Add("m.gguf", ggufWith([][2]string{{"general.architecture", "llama"}, {"tokenizer.chat_template", "{{ x }}"}}, "abcd"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		whole, pieces := look(name, b, len(b)+1), look(name, b, 3)
		if whole.Format != pieces.Format || whole.Class != pieces.Class || !slices.Equal(rules(whole), rules(pieces)) {
			t.Fatalf("%+v\nin pieces %+v", whole, pieces)
		}
	})
}

// BenchmarkTorchZip measures what following a stored member of unknown size
// costs beside hashing.
func BenchmarkTorchZip(b *testing.B) {
	head := archiveOf(b, "a/data/0=x")[:38]
	s := New("m.pt", 1<<40)
	_, _ = s.Write(append(head, make([]byte, headWindow)...))
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7919 >> 3)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Write(data)
	}
}

// BenchmarkSafetensors measures the same behind a header.
func BenchmarkSafetensors(b *testing.B) {
	s := New("m.safetensors", 1<<40)
	_, _ = s.Write(tensorFile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, headWindow))
	data := make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, _ = s.Write(data)
	}
}
