package inspect

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// TestRuleHits holds each rule that no other test names to a hit and a near
// miss.
func TestRuleHits(t *testing.T) {
	npy := func(descr, body string) string {
		h := "{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }"
		return "\x93NUMPY\x01\x00\x76\x00" + h + strings.Repeat(" ", 117-len(h)) + "\n" + body
	}
	zip := func(members ...string) string { return string(archiveOf(t, members...)) }
	many := make([]string, 0, 2*maxArchiveFindings)
	for i := range 2 * maxArchiveFindings {
		many = append(many, strings.Repeat("x", i+1)+".pkl=cos\nsystem\n(S'id'\ntR.")
	}
	tests := []struct{ rule, name, hit, miss string }{
		{"MC-CONFIG-AUTO-MAP-REMOTE", "config.json", `{"auto_map":{"A":"o/r--m.C"}}`, `{"auto_map":{"A":"m.C"}}`},
		{"MC-CONFIG-BASE-MODEL", "adapter_config.json", `{"base_model_name_or_path":"o/r"}`, `{"base_model_name_or_path":"./r"}`},
		{"MC-CONFIG-DIFFUSERS-MODULE", "model_index.json", `{"unet":["mine","U"]}`, `{"unet":["diffusers","U"]}`},
		{"MC-CONFIG-KERNEL", "config.json", `{"_attn_implementation":"o/k"}`, `{"_attn_implementation":"sdpa"}`},
		{"MC-CONFIG-LIMIT", "config.json", "[" + strings.Repeat(`{"_target_":"a"},`, maxTriggers) + `{"_target_":"a"}]`, "[" + strings.Repeat(`{"_target_":"a"},`, maxTriggers-1) + `{"_target_":"a"}]`},
		{"MC-CONFIG-LOADER-MODULE", "c.yaml", "loader_module: x.y\n", "loader: x.y\n"},
		{"MC-CONFIG-MALFORMED", "config.json", `{"a":1,"a":2}`, `{"a":1,"b":2}`},
		{"MC-CONFIG-MODEL-FILE", "config.json", `{"model_file":"m.py"}`, `{"model_file":""}`},
		{"MC-CONFIG-PARENT-LIBRARY", "adapter_config.json", `{"parent_library":"evil"}`, `{"parent_library":"transformers.models"}`},
		{"MC-CONFIG-PIPELINE", "config.json", `{"custom_pipelines":{"p":{"impl":"p.P"}}}`, `{"pipelines":{"p":{"impl":"p.P"}}}`},
		{"MC-CONFIG-SENTENCE-MODULE", "modules.json", `[{"type":"my.M"}]`, `[{"type":"sentence_transformers.models.T"}]`},
		{"MC-CONFIG-TRUST", "config.json", `{"trust_remote_code":true}`, `{"trust_remote_code":false}`},
		{"MC-CONFIG-URL", "config.json", `{"vocab_file":"https://a"}`, `{"vocab_file":"a"}`},
		{"MC-CONFIG-YAML-TAG", "c.yaml", "a: !!python/name:os.system ''\n", "a: !!str x\n"},
		{"MC-FORMAT-LIMIT", "m.gguf", "GGUF\x03\x00\x00\x00" + strings.Repeat("\xff", 16), string(ggufWith(nil, "abcd"))},
		{"MC-FORMAT-MISMATCH", "a.png", "hello", "\x89PNG\r\n\x1a\n"},
		{"MC-FORMAT-POLYGLOT", "m.safetensors", string(safetensorsOf(`{"a":{"dtype":"U8","shape":[22],"data_offsets":[0,22]}}`+strings.Repeat(" ", 0x156-55), "\ncos\nsystem\n(S'id'\ntR.")), string(safetensorsOf(`{"a":{"dtype":"U8","shape":[22],"data_offsets":[0,22]}}`+strings.Repeat(" ", 0x157-55), "\ncos\nsystem\n(S'id'\ntR."))},
		{"MC-NUMPY-OBJECTS", "a.npy", npy("'|O'", "\x80\x02]."), npy("'<f4'", "abcd")},
		{"MC-PICKLE-OPAQUE", "a.pkl", "\x80\x02].x", "\x80\x02]."},
		{"MC-ARCHIVE-LIMIT", "m.zip", zip(many...), zip(many[:10]...)},
	}
	see := func(name, body string) Facts {
		if Wanted(name) {
			return Config(name, artifact.Digest{}, []byte(body))
		}
		return look(name, []byte(body), 100)
	}
	for _, tt := range tests {
		hit, miss := see(tt.name, tt.hit), see(tt.name, tt.miss)
		if !slices.Contains(rules(hit), tt.rule) {
			t.Errorf("%s: no hit: %v %v", tt.rule, hit.Class, hit.Findings)
		}
		if slices.Contains(rules(miss), tt.rule) {
			t.Errorf("%s: a hit for the near miss: %v", tt.rule, miss.Findings)
		}
		r, _ := FindRule(tt.rule)
		for class := range ClassNative + 1 {
			if class.String() == r.Class && hit.Class.Compare(class) < 0 {
				t.Errorf("%s: class %v, its page says %s or worse", tt.rule, hit.Class, r.Class)
			}
		}
	}
}
