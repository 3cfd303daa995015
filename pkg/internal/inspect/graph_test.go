package inspect

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// field writes a length-delimited field of a protobuf message.
func field(n protowire.Number, parts ...string) string {
	body := strings.Join(parts, "")
	return string(protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), body))
}

func varint(n protowire.Number, v uint64) string {
	return string(protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v))
}

func onnxTensor(location string) string {
	parts := []string{varint(1, 3), varint(1, 4), varint(2, 1), field(8, "w")}
	if location != "" {
		parts = append(parts, field(13, field(1, "location"), field(2, location)), varint(14, 1))
	}
	return strings.Join(parts, "")
}

func TestONNX(t *testing.T) {
	model := func(parts ...string) string { return varint(1, 10) + field(2, "pytorch") + strings.Join(parts, "") }
	opset := field(8, field(1, ""), varint(2, 17))
	tests := []struct {
		name, body string
		class      Class
		rules      []string
	}{
		{"plain", model(field(7, field(1, field(4, "Add")), field(5, onnxTensor(""))), opset), ClassInert, nil},
		{"external data beside it", model(field(7, field(5, onnxTensor("model.data")))), ClassInert, nil},
		{"a way out", model(field(7, field(5, onnxTensor("../../etc/passwd")))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"absolute", model(field(7, field(5, onnxTensor("/etc/passwd")))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"a drive", model(field(7, field(5, onnxTensor(`C:\x`)))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"two locations, the second leads out", model(field(7, field(5, varint(1, 1), field(13, field(1, "location"), field(2, "a")), field(13, field(2, "../b"), field(1, "location"))))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"in a tensor of an attribute of a subgraph", model(field(7, field(1, field(5, field(6, field(1, field(5, field(5, onnxTensor("../x")))))), field(4, "If")))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"in a sparse tensor", model(field(7, field(15, field(1, onnxTensor("../x"))))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"in a function", model(field(25, field(10, "own"), field(7, field(5, field(5, onnxTensor("../x")))))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"in training information", model(field(20, field(2, field(5, onnxTensor("../x"))))), ClassFileRead, []string{"MC-ONNX-EXTERNAL"}},
		{"custom operators", model(field(8, field(1, "evil.ops")), field(7)), ClassUnknown, []string{"MC-ONNX-DOMAIN"}},
		{"custom operators of a node alone", model(field(7, field(1, field(7, "evil.ops")))), ClassUnknown, []string{"MC-ONNX-DOMAIN"}},
		{"operators that it defines", model(field(25, field(10, "own")), field(8, field(1, "own")), field(7, field(1, field(7, "own")))), ClassInert, nil},
		{"the runtime's own operators", model(field(8, field(1, "com.microsoft")), field(7)), ClassInert, nil},
		{"a compiled engine", model(field(7, field(1, field(4, "EPContext"), field(7, "com.microsoft")))), ClassNative, []string{"MC-NATIVE-CODE"}},
		{"sizes that overflow", model(field(7, field(5, varint(1, 1<<40), varint(1, 1<<40)))), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"a field that leaves its message", model(string(protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), 100)) + "x"), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"a nested field that leaves its message", model(field(7, "\x0a\x7f")), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"a group", model("\x0b"), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"field 0", model("\x02\x00"), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"a number over 64 bits", model("\x28" + strings.Repeat("\xff", 10)), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
		{"half a number", model("\x28\xff"), ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 1 << 16} {
				f := look("m.onnx", []byte(tt.body), piece)
				if f.Class != tt.class || !slices.Equal(rules(f), tt.rules) || f.Format != FormatONNX {
					t.Errorf("pieces of %d: %q %v %v", piece, f.Format, f.Class, f.Findings)
				}
			}
		})
	}
	f := look("m.onnx", []byte(tests[1].body), 7)
	if f.Tensors.Elements != 12 || f.Tensors.ByDType["F32"] != 12 || !slices.Equal(f.reads, []string{"model.data"}) {
		t.Errorf("%+v %q", f.Tensors, f.reads)
	}
	packed := look("m.onnx", []byte(model(field(7, field(5, field(1, "\x03\x04"), varint(2, 16))))), 7)
	if packed.Tensors.ByDType["BF16"] != 12 {
		t.Errorf("packed dimensions: %+v", packed.Tensors)
	}
	m := NewModel(ModelConfig{})
	m.Add("a/m.onnx", artifact.SumSHA256([]byte("x")), f)
	if got := ruleIDs(m.Summary(nil).Findings); !slices.Equal(got, []string{"MC-ONNX-EXTERNAL-MISSING"}) {
		t.Errorf("%q", got)
	}
	m = NewModel(ModelConfig{})
	m.Add("a/m.onnx", artifact.SumSHA256([]byte("x")), f)
	m.Add("a/model.data", artifact.SumSHA256([]byte("y")), look("a/model.data", []byte("\x00\x01\x02\x03"), 4))
	if s := m.Summary(nil); len(s.Findings) != 0 || s.Class != ClassInert {
		t.Errorf("%v %+v", s.Class, s.Findings)
	}
	for name, facts := range map[string]Facts{
		"nobody saw it":        {},
		"it is something else": look("a/model.data", []byte(hdf5Magic), 4),
		"it is a pickle":       look("a/model.data", []byte("cos\nsystem\n(S'id'\ntR."), 4),
	} {
		m := NewModel(ModelConfig{})
		m.Add("a/m.onnx", artifact.SumSHA256([]byte("x")), f)
		m.Add("a/model.data", artifact.SumSHA256([]byte("y")), facts)
		if s := m.Summary(nil); s.Class.Compare(ClassUnknown) < 0 {
			t.Errorf("%s: %v", name, s.Class)
		}
	}
}

func TestSavedModel(t *testing.T) {
	node := func(op string) string { return field(1, field(1, "n"), field(2, op)) }
	saved := func(nodes ...string) string { return varint(1, 1) + field(2, field(2, nodes...)) }
	tests := []struct {
		name, body string
		class      Class
		rules      []string
	}{
		{"arithmetic", saved(node("Add"), node("MatMul")), ClassInert, nil},
		{"with variables", saved(node("Add"), node("SaveV2"), node("RestoreV2")), ClassFileRead, nil},
		{"files", saved(node("ReadFile")), ClassFileRead, []string{"MC-TF-FILE"}},
		{"network", saved(node("DataServiceDatasetV4")), ClassEgress, []string{"MC-TF-NETWORK"}},
		{"Python", saved(node("PyFunc")), ClassCodeOnLoad, []string{"MC-TF-CODE"}},
		{"in a function", saved(field(2, field(1, field(1, field(1, "f")), field(3, field(2, "EagerPyFunc")))), node("f")), ClassCodeOnLoad, []string{"MC-TF-CODE"}},
		{"its own function", saved(field(2, field(1, field(1, field(1, "f")), field(3, field(2, "Mul")))), node("f")), ClassInert, nil},
		{"unknown", saved(node("Frobnicate")), ClassUnknown, []string{"MC-TF-UNLISTED"}},
		{"broken", saved(node("Add")) + "\x12\x7f", ClassUnknown, []string{"MC-FORMAT-MALFORMED"}},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 1 << 16} {
			if f := look("d/saved_model.pb", []byte(tt.body), piece); f.Class != tt.class || !slices.Equal(rules(f), tt.rules) || f.Format != FormatSavedModel {
				t.Errorf("%s: %q %v %v", tt.name, f.Format, f.Class, f.Findings)
			}
		}
	}
}

func TestKeras(t *testing.T) {
	config := func(layer string) string {
		return `{"module":"keras","class_name":"Sequential","config":{"layers":[` + layer + `]},"registered_name":null}`
	}
	tests := []struct {
		name, layer string
		class       Class
		rules       []string
	}{
		{"dense", `{"module":"keras.layers","class_name":"Dense","config":{"units":1},"registered_name":null}`, ClassInert, nil},
		{"lambda", `{"module":"keras.layers","class_name":"Lambda","config":{}}`, ClassCodeOnLoad, []string{"MC-KERAS-CODE"}},
		{"another module", `{"module":"os","class_name":"system","config":{}}`, ClassCodeOnLoad, []string{"MC-KERAS-CODE"}},
		{"Keras's own downloads", `{"module":"keras.utils","class_name":"get_file","config":{}}`, ClassCodeOnLoad, []string{"MC-KERAS-CODE", "MC-KERAS-CODE"}},
		{"safe mode off", `{"module":"keras.src.config","class_name":"x","config":{}}`, ClassCodeOnLoad, []string{"MC-KERAS-CODE"}},
		{"vocabulary from a file", `{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":"/etc/passwd"}}`, ClassFileRead, []string{"MC-KERAS-FILE"}},
		{"vocabulary as a list", `{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":["a"]}}`, ClassFileRead, []string{"MC-KERAS-FILE"}},
	}
	for _, tt := range tests {
		if strings.HasSuffix(tt.name, "list") {
			tt.class, tt.rules = ClassInert, nil
		}
		b := archiveOf(t, "metadata.json={}", "config.json="+config(tt.layer))
		if f := look("m.keras", b, 100); f.Class != tt.class || !slices.Equal(rules(f), tt.rules) || f.Format != FormatKeras {
			t.Errorf("%s: %q %v %v", tt.name, f.Format, f.Class, f.Findings)
		}
		if f := Config("model.json", artifact.SumSHA256(nil), []byte(config(tt.layer))); f.Class != tt.class {
			t.Errorf("%s, alone: %v", tt.name, f.Class)
		}
	}
	if f := look("m.keras", archiveOf(t, "metadata.json={}", "config.json={}", "model.weights.h5="+hdf5Magic), 9); f.Class != ClassUnknown {
		t.Errorf("with HDF5 weights: %v", f.Class)
	}
	if f := look("d/config.json", []byte(`{"class_name":"Lambda"}`), 9); f.Class != ClassUnknown {
		t.Errorf("a Sink leaves configurations to Config: %v", f.Class)
	}
}

func TestRecognised(t *testing.T) {
	tests := []struct {
		name, body, format string
		class              Class
	}{
		{"a.7z", "7z\xbc\xaf\x27\x1c", Format7z, ClassUnknown},
		{"a.engine", "ftrt....", FormatTensorRT, ClassNative},
		{"a.tflite", "\x1c\x00\x00\x00TFL3....", FormatTFLite, ClassUnknown},
		{"a.h5", hdf5Magic, FormatHDF5, ClassUnknown},
		{"a.gz", "\x1f\x8b", FormatGzip, ClassUnknown},
	}
	for _, tt := range tests {
		if f := look(tt.name, []byte(tt.body), 3); f.Format != tt.format || f.Class != tt.class {
			t.Errorf("%s: %q %v", tt.name, f.Format, f.Class)
		}
	}
}
