package safetensors

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// shard writes a header with the published shapes of some tensors; the data
// behind it are never made, the parser needs only the header and the size.
type shard struct {
	header strings.Builder
	at     uint64
}

func (s *shard) add(name, dtype string, width uint64, shape ...uint64) {
	size, dims := width, make([]string, len(shape))
	for i, d := range shape {
		size *= d
		dims[i] = fmt.Sprint(d)
	}
	separator := ","
	if s.header.Len() == 0 {
		separator = "{"
	}
	fmt.Fprintf(&s.header, `%s"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}`, separator, name, dtype, strings.Join(dims, ","), s.at, s.at+size)
	s.at += size
}

// fp8 adds a matrix in F8_E4M3 and its scales, one for every 128×128 block.
func (s *shard) fp8(name string, rows, columns uint64) {
	s.add(name+".weight", "F8_E4M3", 1, rows, columns)
	s.add(name+".weight_scale_inv", "F32", 4, (rows+127)/128, (columns+127)/128)
}

func (s *shard) norm(name string, n uint64) { s.add(name+".weight", "BF16", 2, n) }

// attention and the experts follow DeepSeek-V3's config.json: hidden 7168,
// q_lora 1536, kv_lora 512, 128 heads of 128+64, 256 routed experts and one
// shared, the first three layers dense.
func (s *shard) layer(i int) {
	p := fmt.Sprintf("model.layers.%d.", i)
	s.norm(p+"input_layernorm", 7168)
	s.norm(p+"post_attention_layernorm", 7168)
	s.fp8(p+"self_attn.q_a_proj", 1536, 7168)
	s.norm(p+"self_attn.q_a_layernorm", 1536)
	s.fp8(p+"self_attn.q_b_proj", 128*192, 1536)
	s.fp8(p+"self_attn.kv_a_proj_with_mqa", 512+64, 7168)
	s.norm(p+"self_attn.kv_a_layernorm", 512)
	s.fp8(p+"self_attn.kv_b_proj", 128*256, 512)
	s.fp8(p+"self_attn.o_proj", 7168, 128*128)
	mlp := func(p string, inner uint64) {
		s.fp8(p+"gate_proj", inner, 7168)
		s.fp8(p+"up_proj", inner, 7168)
		s.fp8(p+"down_proj", 7168, inner)
	}
	if i < 3 {
		mlp(p+"mlp.", 18432)
		return
	}
	s.add(p+"mlp.gate.weight", "BF16", 2, 256, 7168)
	s.add(p+"mlp.gate.e_score_correction_bias", "F32", 4, 256)
	mlp(p+"mlp.shared_experts.", 2048)
	for e := range 256 {
		mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), 2048)
	}
}

// TestDeepSeekV3 counts what the published shapes of DeepSeek-V3 store
// (model-files §0.9): one file per layer here, the sums do not depend on it.
func TestDeepSeekV3(t *testing.T) {
	sum, tensors, elements, data := map[string]uint64{}, 0, uint64(0), uint64(0)
	for i := range 63 {
		var s shard
		switch {
		case i == 62:
			s.add("model.embed_tokens.weight", "BF16", 2, 129280, 7168)
			s.norm("model.norm", 7168)
			s.add("lm_head.weight", "BF16", 2, 129280, 7168)
		case i == 61: // the layer that predicts one more token
			s.add("model.layers.61.embed_tokens.weight", "BF16", 2, 129280, 7168)
			s.norm("model.layers.61.enorm", 7168)
			s.norm("model.layers.61.hnorm", 7168)
			s.add("model.layers.61.eh_proj.weight", "BF16", 2, 7168, 14336)
			s.norm("model.layers.61.shared_head.norm", 7168)
			s.add("model.layers.61.shared_head.head.weight", "BF16", 2, 129280, 7168)
			s.layer(i)
		default:
			s.layer(i)
		}
		s.header.WriteString("}")
		b := file(s.header.String(), 0)
		p := New(int64(len(b))+int64(s.at), nil)
		_, _ = p.Write(b)
		h, err := p.Header()
		if err != nil {
			t.Fatal(err)
		}
		tensors, elements, data = tensors+h.Tensors, elements+h.Elements, data+h.Data
		for k, v := range h.ByDType {
			sum[k] += v
		}
	}
	want := map[string]uint64{"F8_E4M3": 680_571_043_840, "BF16": 3_918_786_560, "F32": 41_555_600}
	if tensors != 91_991 || elements != 684_531_386_000 || data != 688_574_839_360 || !maps.Equal(sum, want) {
		t.Errorf("%d tensors, %d elements, %d bytes, %v", tensors, elements, data, sum)
	}
}
