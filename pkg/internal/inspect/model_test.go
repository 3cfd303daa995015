package inspect

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// tinyLlama lists the tensors of a llama with two layers.
func tinyLlama() tensorList {
	var l tensorList
	l.Add("model.embed_tokens.weight", "BF16", 2, 100, 8)
	for i := range 2 {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.Norm(p+"input_layernorm", 8)
		l.Norm(p+"post_attention_layernorm", 8)
		l.Add(p+"self_attn.q_proj.weight", "BF16", 2, 8, 8)
		l.Add(p+"self_attn.k_proj.weight", "BF16", 2, 4, 8)
		l.Add(p+"self_attn.v_proj.weight", "BF16", 2, 4, 8)
		l.Add(p+"self_attn.o_proj.weight", "BF16", 2, 8, 8)
		l.Add(p+"mlp.gate_proj.weight", "BF16", 2, 16, 8)
		l.Add(p+"mlp.up_proj.weight", "BF16", 2, 16, 8)
		l.Add(p+"mlp.down_proj.weight", "BF16", 2, 8, 16)
	}
	l.Norm("model.norm", 8)
	l.Add("lm_head.weight", "BF16", 2, 100, 8)
	return l
}

const llamaConfig = `{"model_type":"llama","hidden_size":8,"intermediate_size":16,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":2,"vocab_size":100,"tie_word_embeddings":false}`

func TestShapes(t *testing.T) {
	change := func(old, replacement string) string { return strings.Replace(llamaConfig, old, replacement, 1) }
	without := func(name string) tensorList {
		l := tinyLlama()
		return slices.DeleteFunc(l, func(x fixtures.Tensor) bool { return x.Name == name })
	}
	gemma := regexpReplace(strings.Replace(llamaConfig, `"llama"`, `"gemma3_text"`, 1), `,"tie_word_embeddings":false`, `,"head_dim":2`)
	below := func(prefix string) tensorList {
		l := without("lm_head.weight")
		for i := range l {
			if prefix == "model.language_model." {
				l[i].Name = strings.TrimPrefix(l[i].Name, "model.")
			}
			l[i].Name = prefix + l[i].Name
		}
		l.Norm("vision_tower.encoder.layers.7.norm", 3)
		return l
	}
	tests := []struct {
		name    string
		tensors tensorList
		config  string
		rules   []string
		why     string
	}{
		{"all hold", tinyLlama(), llamaConfig, nil, ""},
		{"another vocabulary", tinyLlama(), change(`"vocab_size":100`, `"vocab_size":101`), []string{"MC-SHAPE-CONFIG"}, ""},
		{"other heads", tinyLlama(), change(`"num_key_value_heads":2`, `"num_key_value_heads":4`), []string{"MC-SHAPE-CONFIG"}, ""},
		{"more layers", tinyLlama(), change(`"num_hidden_layers":2`, `"num_hidden_layers":3`), []string{"MC-SHAPE-LAYERS"}, ""},
		{"fewer layers", tinyLlama(), change(`"num_hidden_layers":2`, `"num_hidden_layers":1`), []string{"MC-SHAPE-LAYERS"}, ""},
		{"one matrix is missing", without("model.layers.1.mlp.up_proj.weight"), llamaConfig, []string{"MC-SHAPE-LAYERS"}, ""},
		{"no head", without("lm_head.weight"), llamaConfig, []string{"MC-SHAPE-LAYERS"}, ""},
		{"tied head", without("lm_head.weight"), change(`"tie_word_embeddings":false`, `"tie_word_embeddings":true`), nil, ""},
		{"another family", tinyLlama(), change(`"llama"`, `"other"`), nil, `no equations for model_type "other"`},
		{"gemma3", without("lm_head.weight"), gemma, nil, ""},
		{"gemma3 of another width", without("lm_head.weight"), strings.Replace(gemma, `"head_dim":2`, `"head_dim":4`, 1), []string{"MC-SHAPE-CONFIG"}, ""},
		{"gemma3 with pictures", below("language_model."), `{"model_type":"gemma3","text_config":` + gemma + `}`, nil, ""},
		{"gemma3 with pictures, newer", below("model.language_model."), `{"model_type":"gemma3","text_config":` + gemma + `}`, nil, ""},
		{"gemma3 with pictures, more layers", below("language_model."), `{"model_type":"gemma3","text_config":` + strings.Replace(gemma, `"num_hidden_layers":2`, `"num_hidden_layers":3`, 1) + `}`, []string{"MC-SHAPE-LAYERS"}, ""},
		{"gemma3 by its defaults", below("language_model."), `{"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":8}}`, nil, "the configuration does not say intermediate_size"},
		{"half a configuration", tinyLlama(), change(`"hidden_size":8,`, ``), nil, "the configuration does not say hidden_size"},
		{"a configuration that divides by nothing", tinyLlama(), change(`"num_attention_heads":4`, `"num_attention_heads":0`), []string{"MC-SHAPE-CONFIG"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := modelOf(tt.tensors, 2, tt.config).Summary(nil)
			if got := ruleIDs(s.Findings); !slices.Equal(got, tt.rules) {
				t.Errorf("%q: %+v", got, s.Findings)
			}
			if len(s.Measured) != 1 || s.Measured[0].Why != tt.why {
				t.Errorf("%+v", s.Measured)
			}
			if len(tt.rules) == 0 && s.Class != ClassInert {
				t.Errorf("class %v", s.Class)
			}
		})
	}
}

func TestQuantisedScales(t *testing.T) {
	config := strings.Replace(llamaConfig, "}", `,"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}}`, 1)
	var l tensorList
	l.FP8("model.layers.0.self_attn.q_proj", 8, 8)
	good, lost := l, l[:1]
	rule := "MC-SHAPE-SCALES"
	if got := ruleIDs(modelOf(good, 1, config).Summary(nil).Findings); slices.Contains(got, rule) {
		t.Errorf("%q", got)
	}
	if got := ruleIDs(modelOf(lost, 1, config).Summary(nil).Findings); !slices.Contains(got, rule) {
		t.Errorf("%q", got)
	}
}

func TestIndex(t *testing.T) {
	const one, two = "model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"
	l := tinyLlama()
	files, sizes, good := l.Shards(2)
	tests := []struct {
		name  string
		index string
		drop  string
		rules []string
	}{
		{"as it should be", good, "", nil},
		{"a tensor in the wrong shard", strings.Replace(good, `"lm_head.weight":"`+two, `"lm_head.weight":"`+one, 1), "", []string{"MC-INDEX-TENSOR-MISSING"}},
		{"a tensor that is not there", strings.Replace(good, `"lm_head.weight"`, `"lm_head.bias"`, 1), "", []string{"MC-INDEX-TENSOR-MISSING", "MC-INDEX-TENSOR-UNLISTED"}},
		{"a shadow tensor", strings.Replace(good, `,"lm_head.weight":"`+two+`"`, "", 1), "", []string{"MC-INDEX-TENSOR-UNLISTED"}},
		{"a lost shard", good, two, []string{"MC-INDEX-SHARD-MISSING"}},
		{"another size", strings.Replace(good, `"total_size":`, `"total_size":1`, 1), "", []string{"MC-INDEX-SIZE"}},
		{"a size as a float", regexpReplace(good, `"total_size":(\d+)`, `"total_size":$1.0`), "", nil},
		{"a way out", strings.Replace(good, `"lm_head.weight":"`, `"lm_head.weight":"../`, 1), "", []string{"MC-INDEX-PATH", "MC-INDEX-SHARD-MISSING"}},
		{"an address", strings.Replace(good, `"lm_head.weight":"`, `"lm_head.weight":"https://x/`, 1), "", []string{"MC-INDEX-PATH", "MC-INDEX-SHARD-MISSING"}},
		{"a tensor twice in the index", strings.Replace(good, `"lm_head.weight"`, `"model.norm.weight"`, 1), "", []string{"MC-INDEX-MALFORMED"}},
		{"no map", `{"metadata":{}}`, "", []string{"MC-INDEX-MALFORMED"}},
		{"a list", `[]`, "", []string{"MC-INDEX-MALFORMED"}},
		{"a number for a file", `{"weight_map":{"a":1}}`, "", []string{"MC-INDEX-MALFORMED"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := NewModel(ModelConfig{})
			for name, b := range files {
				if name != tt.drop {
					m.Add(name, artifact.SumSHA256(b), peek(name, b, sizes[name]))
				}
			}
			m.Add("model.safetensors.index.json", artifact.SumSHA256([]byte(tt.index)), look("model.safetensors.index.json", []byte(tt.index), 100))
			s := m.Summary(nil)
			if got := ruleIDs(s.Findings); !slices.Equal(got, tt.rules) {
				t.Errorf("%q: %+v", got, s.Findings)
			}
			for _, f := range s.Findings {
				if f.Digest.IsZero() && !strings.Contains(f.Subject, "…") {
					t.Errorf("no digest: %+v", f)
				}
			}
		})
	}
}

func TestTensorInTwoShards(t *testing.T) {
	l := tinyLlama()
	files, sizes, index := l.Shards(2)
	const one, two = "model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"
	files[two], sizes[two] = files[one], sizes[one]
	m := NewModel(ModelConfig{})
	for name, b := range files {
		m.Add(name, artifact.SumSHA256([]byte(name)), peek(name, b, sizes[name]))
	}
	m.Add("model.safetensors.index.json", artifact.SumSHA256([]byte(index)), look("model.safetensors.index.json", []byte(index), 100))
	if got := ruleIDs(m.Summary(nil).Findings); !slices.Contains(got, "MC-INDEX-TENSOR-TWICE") {
		t.Errorf("%q", got)
	}
}

func TestCodeIsFollowed(t *testing.T) {
	files := map[string]string{
		"config.json":           `{"auto_map":{"AutoModel":"modeling_x.M"}}`,
		"modeling_x.py":         "import torch\nfrom .configuration_x import C\nimport helper\n",
		"configuration_x.py":    "import subprocess\nsubprocess.run(['id'])\n",
		"helper.py":             "from . import deep\nfrom .deep import y\n",
		"deep.py":               "x = 1\n",
		"convert.py":            "import requests\nrequests.get('https://a.example/x')\n",
		"sub/config.json":       `{"model_file":"weights.txt"}`,
		"sub/weights.txt":       "import os\n",
		"sub/handler.py":        "import os\n",
		"requirements.txt":      "torch\n",
		"setup.py":              "import os\n",
		"tokenizer/config.json": `{"auto_map":{"AutoTokenizer":"gone.T"}}`,
	}
	m := NewModel(ModelConfig{})
	for name, text := range files {
		d := artifact.SumSHA256([]byte(text))
		facts := []Facts{look(name, []byte(text), 50)}
		if Wanted(name) {
			facts = append(facts, Config(name, d, []byte(text)))
		}
		m.Add(name, d, facts...)
	}
	s := m.Summary(nil)
	got := map[string]string{}
	for _, f := range s.Files {
		got[f.Path] = f.Class.String()
	}
	for name, want := range map[string]string{
		"modeling_x.py": "code-on-load", "configuration_x.py": "code-on-load", "helper.py": "code-on-load", "deep.py": "code-on-load", "convert.py": "code",
		"sub/weights.txt": "code-on-load", "sub/handler.py": "code-on-load", "requirements.txt": "code", "setup.py": "code",
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	byRule := map[string][]string{}
	for _, f := range s.Findings {
		byRule[f.Facts[factRule]] = append(byRule[f.Facts[factRule]], f.Subject)
		if f.Subject == "configuration_x.py" && !strings.Contains(f.Facts["process"], "subprocess.run:2") {
			t.Errorf("%+v", f)
		}
		if f.Subject == "convert.py" && (f.Facts["addresses"] != "https://a.example/x" || !strings.Contains(f.Detail, "network: requests:1")) {
			t.Errorf("%+v", f)
		}
	}
	for rule, want := range map[string]int{"MC-CODE-ON-LOAD": 5, "MC-CODE-FILE": 1, "MC-CODE-BY-NAME": 1, "MC-CODE-BUILD": 2, "MC-CODE-MISSING": 1} {
		if len(byRule[rule]) != want {
			t.Errorf("%s: %q", rule, byRule[rule])
		}
	}
}

func TestAlternativesAndNumbering(t *testing.T) {
	m := NewModel(ModelConfig{})
	add := func(name string, b []byte) {
		m.Add(name, artifact.SumSHA256(append([]byte(name), b...)), look(name, b, 100))
	}
	add("model.safetensors", tensorFile(`{}`, 0))
	add("pytorch_model.bin", archiveOf(t, "a/data.pkl="+tensorPickle))
	add("other/pytorch_model-00001-of-00002.bin", archiveOf(t, "a/data.pkl="+tensorPickle))
	add("training_args.bin", []byte(tensorPickle))
	got := ruleIDs(m.Summary(nil).Findings)
	if !slices.Equal(got, []string{"MC-INDEX-SHARD-MISSING", "MC-MODEL-ALTERNATIVE", "MC-PICKLE-TENSORS"}) {
		t.Errorf("%q", got)
	}
}

// TestJanus holds the shape of Janus-Pro: pickled shards that keep to the
// profile pass as such, and one call in them is named.
func TestJanus(t *testing.T) {
	for body, want := range map[string]Class{tensorPickle: ClassInert, "\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.": ClassCodeOnLoad} {
		m := NewModel(ModelConfig{})
		for k := range 2 {
			name := fmt.Sprintf("pytorch_model-%05d-of-00002.bin", k+1)
			b := archiveOf(t, "pytorch_model/data.pkl="+body, "pytorch_model/data/0=xxxx", fmt.Sprintf("pytorch_model/version=%d", k))
			m.Add(name, artifact.SumSHA256(b), look(name, b, 100))
		}
		s := m.Summary(nil)
		rules := []string{"MC-PICKLE-TENSORS"}
		if want == ClassCodeOnLoad {
			rules = []string{"MC-PICKLE-IMPORT", "MC-PICKLE-REACH"}
		}
		if s.Class != want || len(s.Findings) != 2*len(rules) || !slices.Equal(ruleIDs(s.Findings), rules) {
			t.Errorf("%v %+v", s.Class, s.Findings)
		}
		if want == ClassCodeOnLoad && (s.Findings[0].Facts["imports"] != "os.system" || s.Findings[0].Facts["offset"] != "2" || s.Findings[0].Facts[factRule] != "MC-PICKLE-IMPORT") {
			t.Errorf("%+v", s.Findings[0])
		}
	}
}

func TestProvenanceKeys(t *testing.T) {
	b := ggufWith([][2]string{
		{"general.architecture", "llama"}, {"general.name", "Tiny"}, {"general.license", "mit"}, {"general.license.name", "other"},
		{"quantize.imatrix.dataset", "calibration_v5.txt"}, {"tokenizer.chat_template", "{% for m in messages %}{{ m.role }}{% endfor %}"},
		{"tokenizer.chat_template.tool_use", "{{ cycler.__init__ }}"},
	}, "abcd")
	m := NewModel(ModelConfig{Claims: func(id string) bool { return id != "quantization.calibration" }})
	d := artifact.SumSHA256(b)
	m.Add("m.gguf", d, look("m.gguf", b, 64))
	s := m.Summary(nil)
	got := map[string]string{}
	for _, o := range s.Observations {
		got[o.Claim] = string(o.Value)
		if o.Source.Digest != d || o.Source.Path != "m.gguf" || (o.Grade == provenance.Verified) != slices.Contains([]string{claimStored, claimMain, claimMix, claimTemplates}, o.Claim) {
			t.Errorf("%+v", o)
		}
	}
	if len(s.Measured) != 1 || s.Measured[0].Stored != 1 || got[claimStored] != `{"count":1,"text":"1"}` {
		t.Errorf("%+v", s.Measured)
	}
	if len(got) != 7 || got["identity.name"] != `"Tiny"` || got["license.weights"] != `"mit"` || got["model.architecture"] != `"llama"` {
		t.Errorf("%v", got)
	}
	if len(s.Templates) != 2 || s.Templates[1].Where != "tokenizer.chat_template.tool_use" || s.Class != ClassTemplate || !slices.Equal(ruleIDs(s.Findings), []string{"MC-TEMPLATE-ESCAPE"}) {
		t.Errorf("%v %+v %+v", s.Class, s.Templates, s.Findings)
	}
	if f := look("plain.gguf", ggufWith([][2]string{{"general.name", "x"}}, "abcd"), 64); f.Class != ClassDiscloses {
		t.Errorf("without a template: %v", f.Class)
	}
}

func TestTwoModelsUnderOnePath(t *testing.T) {
	m := NewModel(ModelConfig{})
	for _, text := range []string{`{"auto_map":{"A":"x.Y"}}`, `{}`} {
		d := artifact.SumSHA256([]byte(text))
		m.Add("config.json", d, look("config.json", []byte(text), 10), Config("config.json", d, []byte(text)))
	}
	if s := m.Summary(nil); len(s.Files) != 2 || s.Class != ClassCodeOnLoad || s.Files[0].Path == "" {
		t.Errorf("%+v", s)
	}
	if s := NewModel(ModelConfig{}).Summary(nil); s.Class != ClassUnknown {
		t.Errorf("nothing at all is %v", s.Class)
	}
}

func regexpReplace(s, pattern, with string) string {
	return regexp.MustCompile(pattern).ReplaceAllString(s, with)
}

// FuzzIndex holds: no panic; what is accepted has plain names for a map, and
// as many entries as another reader sees.
func FuzzIndex(f *testing.F) {
	_, _, index := tinyLlama().Shards(2)
	f.Add([]byte(index))
	f.Add([]byte(`{"weight_map":{"a":"b"},"metadata":{"total_size":1e3,"x":[{}]},"y":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := parseIndex(text)
		if err != nil {
			return
		}
		var other struct {
			Map map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(text, &other); err != nil || len(other.Map) != len(x.entries) {
			t.Fatalf("%d entries, another reader sees %d (%v)", len(x.entries), len(other.Map), err)
		}
		for _, e := range x.entries {
			if int(e.shard) >= len(x.shards) {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// TestSummaryTwice: asking again gives the same answer.
func TestSummaryTwice(t *testing.T) {
	config := []byte(`{"auto_map":{"AutoModel":"m.M"}}`)
	d := artifact.SumSHA256(config)
	m := NewModel(ModelConfig{})
	m.Add("config.json", d, look("config.json", config, 9), Config("config.json", d, config))
	m.Add("m.py", d, look("m.py", []byte("import os\n"), 9))
	one, two := m.Summary(nil), m.Summary(nil)
	if !slices.Equal(ruleIDs(one.Findings), ruleIDs(two.Findings)) || len(one.Findings) != len(two.Findings) || one.Class != two.Class {
		t.Errorf("%+v\n%+v", one, two)
	}
}
