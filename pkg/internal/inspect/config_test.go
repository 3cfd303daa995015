package inspect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestConfigNamesRemoteCodeOfDeepSeek(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "models"), "deepseek-v3", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := artifact.SumSHA256(text)
	f := Config("config.json", d, text)
	if f.Class != ClassCodeOnLoad || len(f.Findings) != 3 || len(f.Observations) != 1 {
		t.Fatalf("class %v, %d findings, %d observations", f.Class, len(f.Findings), len(f.Observations))
	}
	if got := f.Findings[0].Facts["pointer"]; got != "/auto_map/AutoConfig" {
		t.Errorf("pointer %q", got)
	}
	o := f.Observations[0]
	want := `{"required":"yes","via":["auto_map"],"files":["configuration_deepseek.py","modeling_deepseek.py"]}`
	if string(o.Value) != want || o.Claim != "runtime.remoteCode" || o.Grade != provenance.Verified {
		t.Errorf("%s %v %s", o.Claim, o.Grade, o.Value)
	}
	if !slices.Equal(o.Source.Lines, []int{5, 8}) || o.Source.Pointer != "/auto_map" || o.Source.Digest != d {
		t.Errorf("source %+v", o.Source)
	}
	if !strings.HasPrefix(o.Source.Quote, `"auto_map": {`) || !strings.HasSuffix(o.Source.Quote, `modeling_deepseek.DeepseekV3ForCausalLM"`) {
		t.Errorf("quote %s", o.Source.Quote)
	}
}

func TestConfigRules(t *testing.T) {
	tests := []struct {
		name, file, text string
		class            Class
		key, facts       string // facts: "file=…" or "repository=…" of the first finding
	}{
		{"in-repository code", "config.json", `{"auto_map":{"AutoModel":"a.B"}}`, ClassCodeOnLoad, "auto_map", "file=a.py"},
		{"list value", "tokenizer_config.json", `{"auto_map":{"AutoTokenizer":["tok.T",null]}}`, ClassCodeOnLoad, "auto_map", "file=tok.py"},
		{"another repository", "config.json", `{"x":[{"auto_map":{"AutoModel":"org/repo--m.C"}}]}`, ClassCodeOnLoad, "auto_map", "repository=org/repo"},
		{"escaped key", "config.json", `{"auto\u005fmap":{"AutoModel":"a.B"}}`, ClassCodeOnLoad, "auto_map", "file=a.py"},
		{"auto_map null", "config.json", `{"auto_map":null}`, ClassInert, "", ""},
		{"auto_map as a value", "config.json", `{"x":"auto_map"}`, ClassInert, "", ""},
		{"trust", "config.json", `{"a":{"trust_remote_code":true}}`, ClassCodeOnLoad, "trust_remote_code", ""},
		{"trust as a number", "config.json", `{"trust_remote_code":1}`, ClassCodeOnLoad, "trust_remote_code", ""},
		{"no trust", "config.json", `{"trust_remote_code":false}`, ClassInert, "", ""},
		{"kernel", "config.json", `{"_attn_implementation_internal":"evil/kernel"}`, ClassCodeOnLoad, "_attn_implementation_internal", "repository=evil/kernel"},
		{"kernel by part", "config.json", `{"attn_implementation":{"vision_config":"evil/kernel"}}`, ClassCodeOnLoad, "attn_implementation", "repository=evil/kernel"},
		{"known kernel", "config.json", `{"_attn_implementation":"flash_attention_2"}`, ClassInert, "", ""},
		{"model_file", "config.json", `{"model_file":"m.py"}`, ClassCodeOnLoad, "model_file", "file=m.py"},
		{"hydra", "model_config.json", `{"a":[{"_target_":"os.system"}]}`, ClassCodeOnLoad, "_target_", ""},
		{"custom pipeline", "config.json", `{"custom_pipelines":{"p":{"impl":"p.P"}}}`, ClassCodeOnLoad, "custom_pipelines", "file=p.py"},
		{"sentence module", "modules.json", `[{"idx":0,"type":"custom.Pool"}]`, ClassCodeOnLoad, "type", "file=custom.py"},
		{"sentence-transformers' own", "modules.json", `[{"idx":0,"type":"sentence_transformers.models.Pooling"}]`, ClassInert, "", ""},
		{"type elsewhere", "config.json", `{"type":"custom.Pool"}`, ClassInert, "", ""},
		{"diffusers module", "model_index.json", `{"_class_name":["a","b"],"unet":["my_unet","U"]}`, ClassCodeOnLoad, "unet", "file=my_unet.py"},
		{"diffusers' own", "model_index.json", `{"unet":["diffusers","U"],"s":[null,null]}`, ClassInert, "", ""},
		{"parent library", "adapter_config.json", `{"auto_mapping":{"parent_library":"evil.mod"}}`, ClassCodeOnLoad, "parent_library", ""},
		{"remote parent library", "adapter_config.json", `{"auto_mapping":{"parent_library":"transformers_modules.x"}}`, ClassCodeOnLoad, "parent_library", ""},
		{"usual parent library", "adapter_config.json", `{"auto_mapping":{"parent_library":"transformers.models.llama"}}`, ClassInert, "", ""},
		{"base model", "adapter_config.json", `{"base_model_name_or_path":"org/base"}`, ClassEgress, "base_model_name_or_path", "repository=org/base"},
		{"base model in a folder", "adapter_config.json", `{"base_model_name_or_path":"./base"}`, ClassInert, "", ""},
		{"hydra in YAML", "model_config.yaml", "a:\n  - _target_: os.system\n", ClassCodeOnLoad, "_target_", ""},
		{"auto_map in YAML", "c.yml", "auto_map: {A: org/repo--m.C}\n", ClassCodeOnLoad, "auto_map", "repository=org/repo"},
		{"second document", "c.yml", "a: 1\n---\ntrust_remote_code: yes\n", ClassCodeOnLoad, "trust_remote_code", ""},
		{"no trust in YAML", "c.yml", "trust_remote_code: false\n", ClassInert, "", ""},
		{"python tag", "c.yaml", "x: !!python/object/apply:os.system [id]\n", ClassCodeOnLoad, "yaml tag", ""},
		{"behind an anchor", "c.yaml", "a: &b {_target_: x.y}\nc: *b\n", ClassCodeOnLoad, "_target_", ""},
		{"name by an alias", "c.yaml", "a: &b _target_\n*b : os.system\n", ClassCodeOnLoad, "_target_", ""},
		{"python tag on a name", "c.yaml", "? !!python/object/apply:os.system [id]\n: x\n", ClassCodeOnLoad, "yaml tag", ""},
		{"inside a name", "c.yaml", "? {_target_: os.system}\n: x\n", ClassCodeOnLoad, "_target_", ""},
		{"plain YAML", "c.yaml", "a: &b [1, two]\nc: *b\n<<: {d: 1}\n", ClassInert, "", ""},
		{"template", "tokenizer_config.json", `{"chat_template":"{{ x }}"}`, ClassTemplate, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Config(tt.file, artifact.SumSHA256([]byte(tt.text)), []byte(tt.text))
			if f.Class != tt.class {
				t.Errorf("class %v, want %v", f.Class, tt.class)
			}
			if tt.key == "" {
				if len(f.Findings) != 0 {
					t.Errorf("findings %+v", f.Findings)
				}
				return
			}
			if len(f.Findings) == 0 {
				t.Fatal("no finding")
			}
			facts := f.Findings[0].Facts
			name, value, _ := strings.Cut(tt.facts, "=")
			if facts["key"] != tt.key || name != "" && facts[name] != value {
				t.Errorf("facts %v", facts)
			}
			if (tt.class == ClassCodeOnLoad) != (len(f.Observations) == 1) {
				t.Errorf("%d observations", len(f.Observations))
			}
		})
	}
}

func TestConfigMalformed(t *testing.T) {
	for _, text := range []string{
		"", "{", `{"a":1}x`, `{"auto_map":null,"auto_map":{"A":"b.C"}}`, "{\"a\":\"\xff\"}", "\xef\xbb\xbf{}",
		strings.Repeat("[", 100) + strings.Repeat("]", 100), "not json",
	} {
		f := Config("config.json", artifact.SumSHA256([]byte(text)), []byte(text))
		if f.Class != ClassUnknown || len(f.Findings) != 1 || f.Findings[0].ID != provenance.CodeConfigMalformed {
			t.Errorf("%q: %v %+v", text, f.Class, f.Findings)
		}
	}
}

func TestYAMLMalformed(t *testing.T) {
	for _, text := range []string{
		"a: 1\na: 2\n", "a: &b a\n*b : 2\n", "a: [", "\ta: 1", "a: *b\n", "%", strings.Repeat("[", 100) + strings.Repeat("]", 100), "a: \xff\xfe\n",
	} {
		f := Config("c.yaml", artifact.SumSHA256([]byte(text)), []byte(text))
		if f.Class != ClassUnknown || len(f.Findings) != 1 || f.Findings[0].ID != provenance.CodeConfigMalformed {
			t.Errorf("%q: %v %+v", text, f.Class, f.Findings)
		}
	}
}

func TestConfigListsAtMost(t *testing.T) {
	text := []byte("[" + strings.Repeat(`{"_target_":"a.b"},`, 500) + "0]")
	f := Config("x.json", artifact.SumSHA256(text), text)
	if n := len(f.Findings); n != maxTriggers+1 || f.Findings[n-1].ID != provenance.CodeLimitExceeded {
		t.Errorf("%d findings", n)
	}
}

func TestJoinMakesFilesAgree(t *testing.T) {
	var all []provenance.ClaimObservation
	for name, text := range map[string]string{"config.json": `{"auto_map":{"A":"a.B"}}`, "tokenizer_config.json": `{"auto_map":{"A":"o/r--t.T"}}`} {
		all = append(all, Config(name, artifact.SumSHA256([]byte(text)), []byte(text)).Observations...)
	}
	all = append(all, provenance.ClaimObservation{Claim: "other"})
	got := Join(all)
	want := `{"required":"yes","via":["auto_map"],"files":["a.py"],"repositories":["o/r"]}`
	if string(got[0].Value) != want || string(got[1].Value) != want || len(got) != 3 || got[2].Value != nil {
		t.Errorf("%s %s", got[0].Value, got[1].Value)
	}
}

func TestWanted(t *testing.T) {
	for name, want := range map[string]bool{
		"config.json": true, "a/b/tokenizer_config.json": true, "unet/config.json": true, "modules.json": true,
		"tokenizer.json": false, "model.safetensors.index.json": false, "README.md": false, "config.yaml": true, "a.txt": false,
	} {
		if Wanted(name) != want {
			t.Errorf("Wanted(%q) = %v", name, !want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("config.json", []byte(`{"auto_map":{"AutoModel":["org/repo--m.C",null]},"a":[1,{"_target_":"x"}]}`))
	f.Add("model_index.json", []byte(`{"unet":["my","U"],"~/":[[]]}`))
	f.Add("c.yaml", []byte("a: &x [1, {_target_: os.system}]\nb: *x\nc: !!python/name:os.system ''\n---\nü: {auto_map: {A: b.C}}"))
	f.Add("modules.json", []byte(`[{"type":"\ud83d\ude00.x"}]`))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		facts := Config(name, artifact.SumSHA256(text), text)
		for _, o := range facts.Observations {
			if len(o.Source.Quote) > provenance.MaxQuote || o.Source.Lines[0] > o.Source.Lines[1] || o.Source.Lines[0] < 1 {
				t.Fatalf("source %+v", o.Source)
			}
		}
		if facts.Class == ClassInert && len(facts.Findings) > 0 {
			t.Fatalf("inert with findings: %+v", facts.Findings)
		}
	})
}
