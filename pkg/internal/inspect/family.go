package inspect

import (
	"slices"
	"strings"
)

// An equation says which shape a kind of tensor has in a family.
type equation struct {
	name  string // a pattern's name
	terms []term
}

// A term is one dimension: its value, and how it follows from the settings.
type term struct {
	value uint64
	words string
}

// A family is an architecture whose shapes follow from its configuration.
type family struct {
	name      string
	equations []equation
	perLayer  []string // tensors that every layer has
	heads     bool     // a second embedding matrix is required
}

// sizes reads settings; the first that is missing makes all of it worthless.
type sizes struct {
	set settings
	bad string
}

func (s *sizes) need(name string) term {
	n, ok := s.set.number(name)
	if !ok && s.bad == "" {
		s.bad = name
	}
	return term{n, name}
}

func (s *sizes) orElse(name string, d term) term {
	if n, ok := s.set.number(name); ok {
		return term{n, name}
	}
	return d
}

func times(a, b term) term { return term{a.value * b.value, a.words + " × " + b.words} }
func plus(a, b term) term  { return term{a.value + b.value, "(" + a.words + " + " + b.words + ")"} }

// familyOf builds the equations of a configuration. missing names the setting
// without which nothing can be said; both are empty for families that are not
// checked.
func familyOf(set settings) (f *family, missing string) {
	s := &sizes{set: set}
	switch set["model_type"] {
	case "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text":
		f = denseFamily(s)
	case "deepseek_v3":
		f = deepseekFamily(s)
	default:
		return nil, ""
	}
	if s.bad != "" {
		return nil, s.bad
	}
	tied, said := set["tie_word_embeddings"]
	f.heads = tied == "false" || !said && !strings.HasPrefix(f.name, "gemma") && f.name != "qwen2" && f.name != "qwen3"
	return f, ""
}

// denseFamily holds the equations that llama's descendants share
// (transformers, modeling_llama.py, modeling_qwen2.py, modeling_qwen3.py,
// modeling_mistral.py, modeling_gemma.py, modeling_gemma2.py, modeling_gemma3.py).
func denseFamily(s *sizes) *family {
	name := s.set["model_type"]
	hidden, inner, heads := s.need("hidden_size"), s.need("intermediate_size"), s.need("num_attention_heads")
	groups := s.orElse("num_key_value_heads", heads)
	head := term{0, "hidden_size ÷ num_attention_heads"}
	if heads.value > 0 {
		head.value = hidden.value / heads.value
	}
	head = s.orElse("head_dim", head)
	const l = "model.layers.*."
	queries, keys := times(heads, head), times(groups, head)
	f := &family{name: name, equations: append(commonEquations(s, hidden),
		equation{l + "self_attn.q_proj.weight", []term{queries, hidden}},
		equation{l + "self_attn.k_proj.weight", []term{keys, hidden}},
		equation{l + "self_attn.v_proj.weight", []term{keys, hidden}},
		equation{l + "self_attn.o_proj.weight", []term{hidden, queries}},
		equation{l + "self_attn.q_proj.bias", []term{queries}},
		equation{l + "self_attn.k_proj.bias", []term{keys}},
		equation{l + "self_attn.v_proj.bias", []term{keys}},
		equation{l + "self_attn.q_norm.weight", []term{head}},
		equation{l + "self_attn.k_norm.weight", []term{head}},
		equation{l + "mlp.gate_proj.weight", []term{inner, hidden}},
		equation{l + "mlp.up_proj.weight", []term{inner, hidden}},
		equation{l + "mlp.down_proj.weight", []term{hidden, inner}},
	)}
	f.perLayer = []string{l + "input_layernorm.weight", l + "post_attention_layernorm.weight", l + "self_attn.q_proj.weight", l + "self_attn.k_proj.weight",
		l + "self_attn.v_proj.weight", l + "self_attn.o_proj.weight", l + "mlp.gate_proj.weight", l + "mlp.up_proj.weight", l + "mlp.down_proj.weight"}
	return f
}

func commonEquations(s *sizes, hidden term) []equation {
	vocabulary := s.need("vocab_size")
	s.need("num_hidden_layers")
	const l = "model.layers.*."
	return []equation{
		{"model.embed_tokens.weight", []term{vocabulary, hidden}},
		{"lm_head.weight", []term{vocabulary, hidden}},
		{"model.norm.weight", []term{hidden}},
		{l + "input_layernorm.weight", []term{hidden}},
		{l + "post_attention_layernorm.weight", []term{hidden}},
		{l + "pre_feedforward_layernorm.weight", []term{hidden}},
		{l + "post_feedforward_layernorm.weight", []term{hidden}},
	}
}

// deepseekFamily holds the equations of DeepSeek-V3 (inference/model.py and
// README_WEIGHTS.md of the model, commit 9b4e978).
func deepseekFamily(s *sizes) *family {
	hidden, inner, expert := s.need("hidden_size"), s.need("intermediate_size"), s.need("moe_intermediate_size")
	heads, experts, shared := s.need("num_attention_heads"), s.need("n_routed_experts"), s.need("n_shared_experts")
	queries, latent := s.need("q_lora_rank"), s.need("kv_lora_rank")
	plain, rotary, values := s.need("qk_nope_head_dim"), s.need("qk_rope_head_dim"), s.need("v_head_dim")
	const l = "model.layers.*."
	f := &family{name: "deepseek_v3", equations: append(commonEquations(s, hidden),
		equation{l + "self_attn.q_a_proj.weight", []term{queries, hidden}},
		equation{l + "self_attn.q_a_layernorm.weight", []term{queries}},
		equation{l + "self_attn.q_b_proj.weight", []term{times(heads, plus(plain, rotary)), queries}},
		equation{l + "self_attn.kv_a_proj_with_mqa.weight", []term{plus(latent, rotary), hidden}},
		equation{l + "self_attn.kv_a_layernorm.weight", []term{latent}},
		equation{l + "self_attn.kv_b_proj.weight", []term{times(heads, plus(plain, values)), latent}},
		equation{l + "self_attn.o_proj.weight", []term{hidden, times(heads, values)}},
		equation{l + "mlp.gate_proj.weight", []term{inner, hidden}},
		equation{l + "mlp.up_proj.weight", []term{inner, hidden}},
		equation{l + "mlp.down_proj.weight", []term{hidden, inner}},
		equation{l + "mlp.gate.weight", []term{experts, hidden}},
		equation{l + "mlp.gate.e_score_correction_bias", []term{experts}},
		equation{l + "eh_proj.weight", []term{hidden, times(term{2, "2"}, hidden)}},
		equation{l + "enorm.weight", []term{hidden}},
		equation{l + "hnorm.weight", []term{hidden}},
		equation{l + "embed_tokens.weight", []term{s.need("vocab_size"), hidden}},
		equation{l + "shared_head.head.weight", []term{s.need("vocab_size"), hidden}},
		equation{l + "shared_head.norm.weight", []term{hidden}},
	)}
	for part, width := range map[string]term{"mlp.experts.*.": expert, "mlp.shared_experts.": times(shared, expert)} {
		f.equations = append(f.equations,
			equation{l + part + "gate_proj.weight", []term{width, hidden}},
			equation{l + part + "up_proj.weight", []term{width, hidden}},
			equation{l + part + "down_proj.weight", []term{hidden, width}})
	}
	f.perLayer = []string{l + "input_layernorm.weight", l + "post_attention_layernorm.weight", l + "self_attn.q_a_proj.weight", l + "self_attn.q_b_proj.weight",
		l + "self_attn.kv_a_proj_with_mqa.weight", l + "self_attn.kv_b_proj.weight", l + "self_attn.o_proj.weight"}
	return f
}

// textName is the name that a tensor has in a language model by itself.
// Multimodal models keep theirs below one of two prefixes.
func textName(name string) string {
	if rest, ok := strings.CutPrefix(name, "model.language_model."); ok {
		return "model." + rest
	}
	return strings.TrimPrefix(name, "language_model.")
}

// of finds the equation of a kind of tensors, by its textName.
func (f *family) of(name string) (equation, bool) {
	i := slices.IndexFunc(f.equations, func(e equation) bool { return e.name == name })
	if i < 0 {
		return equation{}, false
	}
	return f.equations[i], true
}
