//go:build e2e

package main_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// tinyModel is the smallest thing that is a model, for tests of all but models.
func tinyModel() map[string][]byte {
	return map[string][]byte{
		"model.safetensors": safetensors([]tensor{{"model.norm.weight", "BF16"}}),
		"config.json":       []byte(`{"model_type":"tiny"}` + "\n"),
		"README.md":         []byte("---\nlicense: mit\n---\n# Tiny\n"),
	}
}

// seedModel gives the files of one of the four seed models: its publisher's
// documents, and weights with the real file and tensor names.
func seedModel(t *testing.T, name string) map[string][]byte {
	t.Helper()
	files := documents(t, seedDocuments(t, name))
	switch name {
	case "deepseek-v3":
		addSafetensors(t, files, deepseekV3Tensors(t), 163, "model-%05d-of-%06d.safetensors")
		files["configuration_deepseek.py"] = []byte("# stands in for the published configuration class\n")
		files["modeling_deepseek.py"] = []byte("# stands in for the published model class\n")
	case "deepseek-r1":
		addSafetensors(t, files, deepseekV3Tensors(t), 163, "model-%05d-of-%06d.safetensors")
	case "qwen2.5":
		addSafetensors(t, files, qwenTensors(), 2, "model-%05d-of-%05d.safetensors")
	case "janus-pro":
		for shard := 1; shard <= 2; shard++ {
			files[fmt.Sprintf("pytorch_model-%05d-of-00002.bin", shard)] = fmt.Appendf(nil, "weights would be here, shard %d\n", shard)
		}
	default:
		t.Fatalf("no seed model %q", name)
	}
	return files
}

// seedDocuments finds the documents of a seed model.
func seedDocuments(t *testing.T, name string) string {
	t.Helper()
	return fixture(t, "models", name)
}

// fixture is package fixtures' rule, which this package may not import: a command
// cannot reach below pkg/internal.
func fixture(t *testing.T, elem ...string) string {
	t.Helper()
	base := os.Getenv("MODELCHECK_FIXTURES")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared", "fixtures")
	}
	dir, err := filepath.Abs(filepath.Join(append([]string{base}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(dir)
	if err != nil && os.Getenv("MODELCHECK_REQUIRE_FIXTURES") != "" {
		t.Fatalf("FIXTURES MISSING: %v (MODELCHECK_REQUIRE_FIXTURES is set, so this is a failure)", err)
	}
	if err != nil {
		t.Skipf("SKIPPED, FIXTURES MISSING: %v (set MODELCHECK_FIXTURES to the folder that holds them)", err)
	}
	return dir
}

// documents reads what the fixture has of a model: the card with its front matter
// as the hub shows it, licences, configuration.
func documents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"README.md", "LICENSE*", "config.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			files[filepath.Base(path)] = readFile(t, path)
		}
	}
	if front, err := os.ReadFile(filepath.Join(dir, "front-matter.yaml")); err == nil {
		card := fmt.Appendf(nil, "---\n%s\n---\n", bytes.TrimSpace(front))
		files["README.md"] = append(card, files["README.md"]...)
	}
	return files
}

// A tensor is a name and a type; all tensors here have one element.
type tensor struct{ name, dtype string }

// deepseekV3Tensors lists the tensors of DeepSeek-V3 and R1 in FP8: 61 layers, the
// first three dense, and the multi-token prediction layer. The published index
// names 91,991.
func deepseekV3Tensors(t *testing.T) []tensor {
	t.Helper()
	all := []tensor{{"model.embed_tokens.weight", "BF16"}}
	for i := range 62 {
		all = append(all, deepseekLayer(fmt.Sprintf("model.layers.%d.", i), i >= 3)...)
	}
	for _, name := range []string{"embed_tokens", "enorm", "hnorm", "eh_proj", "shared_head.norm", "shared_head.head"} {
		all = append(all, tensor{"model.layers.61." + name + ".weight", "BF16"})
	}
	all = append(all, tensor{"model.norm.weight", "BF16"}, tensor{"lm_head.weight", "BF16"})
	if len(all) != 91_991 {
		t.Fatalf("%d tensors, want 91991", len(all))
	}
	return all
}

func deepseekLayer(prefix string, experts bool) []tensor {
	var all []tensor
	for _, name := range []string{"input_layernorm", "post_attention_layernorm", "self_attn.q_a_layernorm", "self_attn.kv_a_layernorm"} {
		all = append(all, tensor{prefix + name + ".weight", "BF16"})
	}
	for _, name := range []string{"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"} {
		all = append(all, quantised(prefix+"self_attn."+name)...)
	}
	if !experts {
		return append(all, projections(prefix+"mlp.")...)
	}
	all = append(all, tensor{prefix + "mlp.gate.weight", "BF16"}, tensor{prefix + "mlp.gate.e_score_correction_bias", "F32"})
	all = append(all, projections(prefix+"mlp.shared_experts.")...)
	for expert := range 256 {
		all = append(all, projections(fmt.Sprintf("%smlp.experts.%d.", prefix, expert))...)
	}
	return all
}

// projections are the three matrices of a gated feed-forward network.
func projections(prefix string) []tensor {
	var all []tensor
	for _, name := range []string{"gate_proj", "up_proj", "down_proj"} {
		all = append(all, quantised(prefix+name)...)
	}
	return all
}

// quantised is a matrix in FP8 and its scales.
func quantised(name string) []tensor {
	return []tensor{{name + ".weight", "F8_E4M3"}, {name + ".weight_scale_inv", "F32"}}
}

// qwenTensors lists the tensors of Qwen2.5-3B: 36 layers, tied embeddings.
func qwenTensors() []tensor {
	all := []tensor{{"model.embed_tokens.weight", "BF16"}, {"model.norm.weight", "BF16"}}
	for i := range 36 {
		for _, name := range []string{
			"input_layernorm.weight", "post_attention_layernorm.weight",
			"self_attn.q_proj.weight", "self_attn.q_proj.bias", "self_attn.k_proj.weight", "self_attn.k_proj.bias",
			"self_attn.v_proj.weight", "self_attn.v_proj.bias", "self_attn.o_proj.weight",
			"mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight",
		} {
			all = append(all, tensor{fmt.Sprintf("model.layers.%d.%s", i, name), "BF16"})
		}
	}
	return all
}

// addSafetensors deals the tensors out to shards, in order, and writes the index
// that tells where each is.
func addSafetensors(t *testing.T, files map[string][]byte, tensors []tensor, shards int, pattern string) {
	t.Helper()
	where := map[string]string{}
	for shard := range shards {
		name := fmt.Sprintf(pattern, shard+1, shards)
		part := tensors[shard*len(tensors)/shards : (shard+1)*len(tensors)/shards]
		files[name] = safetensors(part)
		for _, tensor := range part {
			where[tensor.name] = name
		}
	}
	index, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": len(tensors)}, "weight_map": where})
	if err != nil {
		t.Fatal(err)
	}
	files["model.safetensors.index.json"] = index
}

// widths are the bytes of an element.
var widths = map[string]int{"F8_E4M3": 1, "BF16": 2, "F32": 4}

// safetensors writes a valid file: the header's length in 8 bytes, the header,
// the data.
func safetensors(tensors []tensor) []byte {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, end := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, 0
	for _, t := range tensors {
		begin := end
		end += widths[t.dtype]
		header[t.name] = entry{t.dtype, []int{1}, [2]int{begin, end}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // Maps of strings and numbers always marshal.
	}
	text = append(text, bytes.Repeat([]byte(" "), (8-len(text)%8)%8)...)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), make([]byte, end)...)
}

// writeFiles writes a model into a folder.
func writeFiles(t *testing.T, folder string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
