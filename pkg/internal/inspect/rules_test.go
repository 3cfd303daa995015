package inspect

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An example is what a rule is held to: files in which it must match, and files
// that look alike in which it must not.
type example struct {
	rule      string
	hit, miss map[string]string
}

// one is an example of one file.
func one(rule, name, hit, miss string) example {
	return example{rule, map[string]string{name: hit}, map[string]string{name: miss}}
}

// TestRuleHits holds every rule of the catalogue to a hit and a near miss, and
// to the class that its page promises.
func TestRuleHits(t *testing.T) {
	left := map[string]bool{}
	for _, r := range Rules() {
		left[r.ID] = true
	}
	for _, tt := range slices.Concat(fileExamples(t), graphExamples(), modelExamples()) {
		delete(left, tt.rule)
		hit, miss := summaryOf(tt.hit), summaryOf(tt.miss)
		if !slices.Contains(ruleIDs(hit.Findings), tt.rule) {
			t.Errorf("%s: no hit: %v %+v", tt.rule, hit.Class, hit.Findings)
		}
		if slices.Contains(ruleIDs(miss.Findings), tt.rule) {
			t.Errorf("%s: a hit for the near miss: %+v", tt.rule, miss.Findings)
		}
		r, ok := FindRule(tt.rule)
		if !ok {
			t.Errorf("%s is no rule", tt.rule)
		}
		for class := range ClassNative + 1 {
			if class.String() == r.Class && hit.Class.Compare(class) < 0 {
				t.Errorf("%s: class %v, its page says %s or worse", tt.rule, hit.Class, r.Class)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s has no example", id)
	}
}

// summaryOf inspects files as check does. What stands under "README.md" states
// a number of parameters, where it is one.
func summaryOf(files map[string]string) Summary {
	m := NewModel(ModelConfig{Claims: func(string) bool { return true }})
	var said []provenance.ClaimObservation
	for name, body := range files {
		d := artifact.SumSHA256([]byte(body))
		facts := []Facts{look(name, []byte(body), 1<<12)}
		if Wanted(name) {
			facts = append(facts, Config(name, d, []byte(body)))
		}
		m.Add(name, d, facts...)
		if n, err := strconv.ParseFloat(body, 64); err == nil && name == "README.md" {
			said = append(said, stated(n, body))
		}
	}
	s := m.Summary(said)
	for _, f := range s.Files {
		if f.Class == ClassUnknown {
			s.Findings = append(s.Findings, Unknown(f.Path, f.Digest, f.Format))
		}
	}
	return s
}

func fileExamples(t *testing.T) []example {
	npy := func(descr, body string) string {
		h := "{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }"
		return "\x93NUMPY\x01\x00\x76\x00" + h + strings.Repeat(" ", 117-len(h)) + "\n" + body
	}
	zip := func(members ...string) string { return string(archiveOf(t, members...)) }
	many := make([]string, 0, 2*maxArchiveFindings)
	for i := range 2 * maxArchiveFindings {
		many = append(many, strings.Repeat("x", i+1)+".pkl=cos\nsystem\n(S'id'\ntR.")
	}
	const system = "cos\nsystem\n(S'id'\ntR."
	return []example{
		one("MC-CONFIG-AUTO-MAP-REMOTE", "config.json", `{"auto_map":{"A":"o/r--m.C"}}`, `{"auto_map":{"A":"m.C"}}`),
		one("MC-CONFIG-BASE-MODEL", "adapter_config.json", `{"base_model_name_or_path":"o/r"}`, `{"base_model_name_or_path":"./r"}`),
		one("MC-CONFIG-DIFFUSERS-MODULE", "model_index.json", `{"unet":["mine","U"]}`, `{"unet":["diffusers","U"]}`),
		one("MC-CONFIG-KERNEL", "config.json", `{"_attn_implementation":"o/k"}`, `{"_attn_implementation":"sdpa"}`),
		one("MC-CONFIG-LIMIT", "config.json", "["+strings.Repeat(`{"_target_":"a"},`, maxTriggers)+`{"_target_":"a"}]`, "["+strings.Repeat(`{"_target_":"a"},`, maxTriggers-1)+`{"_target_":"a"}]`),
		one("MC-CONFIG-LOADER-MODULE", "c.yaml", "loader_module: x.y\n", "loader: x.y\n"),
		one("MC-CONFIG-MALFORMED", "config.json", `{"a":1,"a":2}`, `{"a":1,"b":2}`),
		one("MC-CONFIG-MODEL-FILE", "config.json", `{"model_file":"m.py"}`, `{"model_file":""}`),
		one("MC-CONFIG-PARENT-LIBRARY", "adapter_config.json", `{"parent_library":"evil"}`, `{"parent_library":"transformers.models"}`),
		one("MC-CONFIG-PIPELINE", "config.json", `{"custom_pipelines":{"p":{"impl":"p.P"}}}`, `{"pipelines":{"p":{"impl":"p.P"}}}`),
		one("MC-CONFIG-SENTENCE-MODULE", "modules.json", `[{"type":"my.M"}]`, `[{"type":"sentence_transformers.models.T"}]`),
		one("MC-CONFIG-TRUST", "config.json", `{"trust_remote_code":true}`, `{"trust_remote_code":false}`),
		one("MC-CONFIG-URL", "config.json", `{"vocab_file":"https://a"}`, `{"vocab_file":"a"}`),
		one("MC-CONFIG-YAML-TAG", "c.yaml", "a: !!python/name:os.system ''\n", "a: !!str x\n"),
		one("MC-FORMAT-LIMIT", "m.gguf", "GGUF\x03\x00\x00\x00"+strings.Repeat("\xff", 16), string(ggufWith(nil, "abcd"))),
		one("MC-FORMAT-MISMATCH", "a.png", "hello", "\x89PNG\r\n\x1a\n"),
		one("MC-FORMAT-POLYGLOT", "m.safetensors", string(safetensorsOf(`{"a":{"dtype":"U8","shape":[22],"data_offsets":[0,22]}}`+strings.Repeat(" ", 0x156-55), "\ncos\nsystem\n(S'id'\ntR.")), string(safetensorsOf(`{"a":{"dtype":"U8","shape":[22],"data_offsets":[0,22]}}`+strings.Repeat(" ", 0x157-55), "\ncos\nsystem\n(S'id'\ntR."))),
		one("MC-TORCH-STORAGE", "m.pt", string(torchOf(t, []fixtures.TorchTensor{floats("a", "0", 2, 1, 2)}, [2]string{"0", "aaaabbbb"})), string(torchOf(t, []fixtures.TorchTensor{floats("a", "0", 2, 1, 1)}, [2]string{"0", "aaaabbbb"}))),
		one("MC-NUMPY-OBJECTS", "a.npy", npy("'|O'", "\x80\x02]."), npy("'<f4'", "abcd")),
		one("MC-PICKLE-OPAQUE", "a.pkl", "\x80\x02].x", "\x80\x02]."),
		one("MC-ARCHIVE-LIMIT", "m.zip", zip(many...), zip(many[:10]...)),
		one("MC-ARCHIVE-MALFORMED", "m.zip", zip("a=b")+"x", zip("a=b")),
		one("MC-ARCHIVE-NAME", "m.zip", zip("../a=b"), zip("..a=b")),
		{"MC-CLASS-UNKNOWN", map[string]string{"m.h5": hdf5Magic}, map[string]string{"m.txt": "plain"}},
		one("MC-CODE-BUILD", "setup.py", "import os\n", ""),
		one("MC-CODE-LIMIT", "a.py", strings.Repeat("x = 1\n", 1<<20), "x = 1\n"),
		one("MC-CODE-UNREADABLE", "a.py", "x = '", "x = ''"),
		one("MC-CONFIG-AUTO-MAP", "config.json", `{"auto_map":{"A":"m.C"}}`, `{"auto_map":{"A":"o/r--m.C"}}`),
		one("MC-CONFIG-TARGET", "c.yaml", "a: {_target_: os.system}", "a: {target: os.system}"),
		one("MC-CONFIG-TEMPLATE-NAME", "tokenizer_config.json", `{"chat_template":[{"name":"../a","template":"x"}]}`, `{"chat_template":[{"name":"a","template":"x"}]}`),
		one("MC-FORMAT-MALFORMED", "m.safetensors", string(safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "abc")), string(safetensorsOf(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, "abc"))),
		one("MC-KERAS-CODE", "m.keras", zip("metadata.json={}", `config.json={"module":"keras.layers","class_name":"Lambda"}`), zip("metadata.json={}", `config.json={"module":"keras.layers","class_name":"Dense"}`)),
		one("MC-KERAS-FILE", "m.keras", zip("metadata.json={}", `config.json={"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":"v.txt"}}`), zip("metadata.json={}", `config.json={"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":["v"]}}`)),
		one("MC-NATIVE-CODE", "libx.so", "\x7fELF\x02\x01\x01", "\x7fELV\x02\x01\x01"),
		one("MC-PICKLE-IMPORT", "m.pkl", system, tensorPickle),
		one("MC-PICKLE-REACH", "m.pkl", system, "cnumpy\ndtype\n(S'f4'\ntR."),
		one("MC-PICKLE-TENSORS", "m.pkl", tensorPickle, system),
		one("MC-TEMPLATE-ESCAPE", "chat_template.jinja", "{{ x.__class__ }}", "{{ message.class }}"),
		one("MC-TEMPLATE-INCLUDE", "chat_template.jinja", "{% include 'a' %}", "{{ include }}"),
		one("MC-TEMPLATE-NAME", "chat_template.jinja", "{{ messages.frobnicate() }}", "{{ messages | length }}"),
		one("MC-TEMPLATE-UNREADABLE", "chat_template.jinja", "{{ 'a", "{{ 'a' }}"),
	}
}

func graphExamples() []example {
	onnx := func(parts ...string) string { return varint(1, 10) + field(2, "pytorch") + strings.Join(parts, "") }
	saved := func(op string) string {
		return varint(1, 1) + field(2, field(2, field(1, field(1, "n"), field(2, op))))
	}
	graph := func(location string) string { return onnx(field(7, field(5, onnxTensor(location)))) }
	return []example{
		one("MC-ONNX-DOMAIN", "m.onnx", onnx(field(8, field(1, "evil.ops")), field(7)), onnx(field(8, field(1, "ai.onnx.ml")), field(7))),
		one("MC-ONNX-EXTERNAL", "m.onnx", graph("../w"), graph("w")),
		{"MC-ONNX-EXTERNAL-MISSING", map[string]string{"m.onnx": graph("w")}, map[string]string{"m.onnx": graph("w"), "w": "abcd"}},
		one("MC-TF-CODE", "saved_model.pb", saved("PyFunc"), saved("Pow")),
		one("MC-TF-FILE", "saved_model.pb", saved("ReadFile"), saved("Relu")),
		one("MC-TF-NETWORK", "saved_model.pb", saved("DataServiceDatasetV4"), saved("Add")),
		one("MC-TF-UNLISTED", "saved_model.pb", saved("Frobnicate"), saved("MatMul")),
	}
}

// llamaFiles is a small llama in two shards, with change applied to the file
// named. Data are zeros.
func llamaFiles(name string, change func(string) string) map[string]string {
	files, sizes, index := tinyLlama().Shards(2)
	out := map[string]string{"config.json": llamaConfig, "model.safetensors.index.json": index}
	for shard, b := range files {
		out[shard] = string(b) + strings.Repeat("\x00", int(sizes[shard])-len(b))
	}
	if change != nil {
		if out[name] = change(out[name]); out[name] == "" {
			delete(out, name)
		}
	}
	return out
}

func modelExamples() []example {
	const first, second, list = "model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors", "model.safetensors.index.json"
	whole := llamaFiles("", nil)
	without := func(string) string { return "" }
	swap := func(old, replacement string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, replacement, 1) }
	}
	with := func(more ...string) map[string]string {
		out := maps.Clone(whole)
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	named := `{"auto_map":{"A":"m.C"}}`
	scaled := func(l tensorList) map[string]string {
		files, sizes, index := l.Shards(1)
		out := map[string]string{list: index, "config.json": strings.Replace(llamaConfig, "}", `,"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}}`, 1)}
		for name, b := range files {
			out[name] = string(b) + strings.Repeat("\x00", int(sizes[name])-len(b))
		}
		return out
	}
	var quantised tensorList
	quantised.FP8("model.layers.0.self_attn.q_proj", 8, 8)
	return []example{
		{"MC-CODE-ON-LOAD", map[string]string{"config.json": named, "m.py": "x = 1\n"}, map[string]string{"config.json": named, "n.py": "x = 1\n"}},
		{"MC-CODE-FILE", map[string]string{"config.json": named, "n.py": "x = 1\n"}, map[string]string{"config.json": named, "m.py": "x = 1\n"}},
		{"MC-CODE-MISSING", map[string]string{"config.json": named, "n.py": ""}, map[string]string{"config.json": named, "m.py": ""}},
		{"MC-CODE-BY-NAME", map[string]string{"handler.py": "x = 1\n"}, map[string]string{"handlers.py": "x = 1\n"}},
		{"MC-INDEX-MALFORMED", llamaFiles(list, swap("weight_map", "weights_map")), whole},
		{"MC-INDEX-PATH", llamaFiles(list, swap(":\"model-00001", ":\"../model-00001")), whole},
		{"MC-INDEX-SHARD-MISSING", llamaFiles(second, without), whole},
		{"MC-INDEX-SIZE", llamaFiles(list, swap(`"total_size":`, `"total_size":1`)), whole},
		{"MC-INDEX-TENSOR-MISSING", llamaFiles(list, swap(`"lm_head.weight":"`+second, `"lm_head.weight":"`+first)), whole},
		{"MC-INDEX-TENSOR-TWICE", with(second, whole[first]), whole},
		{"MC-INDEX-TENSOR-UNLISTED", llamaFiles(list, swap(`,"lm_head.weight":"`+second+`"`, "")), whole},
		{"MC-MODEL-ALTERNATIVE", with("pytorch_model.bin", tensorPickle), with("optimizer.bin", tensorPickle)},
		one("MC-TOKENIZER-IDS", "tokenizer.json", strings.Replace(tokenizerText, `"b":2`, `"b":1`, 1), tokenizerText),
		one("MC-TOKENIZER-REPLACE", "tokenizer.json", strings.Replace(tokenizerText, `"decoder":null`, `"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"no"},"content":"yes"}]}`, 1),
			strings.Replace(tokenizerText, `"decoder":null`, `"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "}]}`, 1)),
		{"MC-PARAMETERS-DIFFER", with("README.md", "4000"), with("README.md", "2792")},
		{"MC-SHAPE-CONFIG", llamaFiles("config.json", swap(`"vocab_size":100`, `"vocab_size":101`)), whole},
		{"MC-SHAPE-LAYERS", llamaFiles("config.json", swap(`"num_hidden_layers":2`, `"num_hidden_layers":3`)), whole},
		{"MC-SHAPE-SCALES", scaled(quantised[:1]), scaled(quantised)},
	}
}
