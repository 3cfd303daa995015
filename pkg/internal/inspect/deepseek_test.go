package inspect

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A tensorList is a model as its headers describe it; there are no data.
type tensorList []struct {
	name, dtype string
	width       uint64
	shape       []uint64
}

func (l *tensorList) add(name, dtype string, width uint64, shape ...uint64) {
	*l = append(*l, struct {
		name, dtype string
		width       uint64
		shape       []uint64
	}{name, dtype, width, shape})
}

// fp8 adds a matrix in F8_E4M3 and its scales, one for every 128×128 block.
func (l *tensorList) fp8(name string, rows, columns uint64) {
	l.add(name+".weight", "F8_E4M3", 1, rows, columns)
	l.add(name+".weight_scale_inv", "F32", 4, (rows+127)/128, (columns+127)/128)
}

func (l *tensorList) norm(name string, n uint64) { l.add(name+".weight", "BF16", 2, n) }

// deepseekV3 lists the tensors of DeepSeek-V3 with their published shapes.
func deepseekV3() tensorList {
	var l tensorList
	l.add("model.embed_tokens.weight", "BF16", 2, 129280, 7168)
	for i := range 62 {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.norm(p+"input_layernorm", 7168)
		l.norm(p+"post_attention_layernorm", 7168)
		l.fp8(p+"self_attn.q_a_proj", 1536, 7168)
		l.norm(p+"self_attn.q_a_layernorm", 1536)
		l.fp8(p+"self_attn.q_b_proj", 128*192, 1536)
		l.fp8(p+"self_attn.kv_a_proj_with_mqa", 512+64, 7168)
		l.norm(p+"self_attn.kv_a_layernorm", 512)
		l.fp8(p+"self_attn.kv_b_proj", 128*256, 512)
		l.fp8(p+"self_attn.o_proj", 7168, 128*128)
		mlp := func(p string, inner uint64) {
			l.fp8(p+"gate_proj", inner, 7168)
			l.fp8(p+"up_proj", inner, 7168)
			l.fp8(p+"down_proj", 7168, inner)
		}
		if i < 3 {
			mlp(p+"mlp.", 18432)
			continue
		}
		l.add(p+"mlp.gate.weight", "BF16", 2, 256, 7168)
		l.add(p+"mlp.gate.e_score_correction_bias", "F32", 4, 256)
		mlp(p+"mlp.shared_experts.", 2048)
		for e := range 256 {
			mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), 2048)
		}
	}
	const p = "model.layers.61."
	l.add(p+"embed_tokens.weight", "BF16", 2, 129280, 7168)
	l.norm(p+"enorm", 7168)
	l.norm(p+"hnorm", 7168)
	l.add(p+"eh_proj.weight", "BF16", 2, 7168, 14336)
	l.norm(p+"shared_head.norm", 7168)
	l.add(p+"shared_head.head.weight", "BF16", 2, 129280, 7168)
	l.norm("model.norm", 7168)
	l.add("lm_head.weight", "BF16", 2, 129280, 7168)
	return l
}

// shards writes the list as n files, headers only, with the index.
func (l tensorList) shards(n int) (files map[string][]byte, sizes map[string]int64, index string) {
	files, sizes = map[string][]byte{}, map[string]int64{}
	var x strings.Builder
	total := uint64(0)
	for k := range n {
		name := fmt.Sprintf("model-%05d-of-%06d.safetensors", k+1, n)
		var h strings.Builder
		at := uint64(0)
		for _, t := range l[len(l)*k/n : len(l)*(k+1)/n] {
			size := t.width
			for _, d := range t.shape {
				size *= d
			}
			fmt.Fprintf(&h, `,%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, t.name, t.dtype, strings.ReplaceAll(fmt.Sprint(t.shape), " ", ","), at, at+size)
			fmt.Fprintf(&x, ",%q:%q", t.name, name)
			at += size
		}
		header := "{" + strings.TrimPrefix(h.String(), ",") + "}"
		files[name] = append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		sizes[name] = int64(len(files[name])) + int64(at)
		total += at
	}
	return files, sizes, fmt.Sprintf(`{"metadata":{"total_size":%d},"weight_map":{%s}}`, total, strings.TrimPrefix(x.String(), ","))
}

// peek inspects a file of which only the begin is there.
func peek(name string, b []byte, size int64) Facts {
	s := New(name, size)
	_, _ = s.Write(b)
	return s.Facts()
}

// modelOf adds a list of tensors, its index and a configuration.
func modelOf(l tensorList, n int, config string) *Model {
	m := NewModel(ModelConfig{Claims: func(string) bool { return true }})
	files, sizes, index := l.shards(n)
	for name, b := range files {
		m.Add(name, artifact.SumSHA256(b), peek(name, b, sizes[name]))
	}
	m.Add("model.safetensors.index.json", artifact.SumSHA256([]byte(index)), look("model.safetensors.index.json", []byte(index), 1<<16))
	d := artifact.SumSHA256([]byte(config))
	m.Add("config.json", d, look("config.json", []byte(config), 1<<16), Config("config.json", d, []byte(config)))
	return m
}

func ruleIDs(findings []provenance.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Facts[factRule])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func stated(count float64, text string) provenance.ClaimObservation {
	return provenance.ClaimObservation{Claim: claimTotal, Observation: provenance.Observation{Grade: provenance.Declared,
		Value: encodeValue(map[string]any{"count": count, "text": text}), Source: provenance.Source{Path: "README.md"}}}
}

// TestDeepSeekV3 holds the layout of 163 shards with its published shapes to
// the numbers of model-files §0.9.
func TestDeepSeekV3(t *testing.T) {
	config, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "models"), "deepseek-v3", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	l := deepseekV3()
	s := modelOf(l, 163, string(config)).Summary([]provenance.ClaimObservation{stated(671e9, "671B"), stated(685e9, "685B"), stated(700e9, "700B")})
	if len(s.Measured) != 1 {
		t.Fatalf("%+v", s.Measured)
	}
	m := s.Measured[0]
	want := map[string]uint64{"F8_E4M3": 680_571_043_840, "BF16": 3_918_786_560, "F32": 41_555_600}
	if m.Files != 163 || m.Tensors != 91_991 || m.Stored != 684_531_386_000 || m.Main != 671_026_419_200 || m.Bytes != 688_574_839_360 || !maps.Equal(m.ByDType, want) {
		t.Errorf("%+v", m)
	}
	if m.Family != "deepseek_v3" || m.Unchecked != 0 || m.Equations < 29 || m.Scales != 41_540_496 {
		t.Errorf("%+v", m)
	}
	counts := make([]string, 0, 3)
	for _, c := range s.Comparisons {
		counts = append(counts, c.Stated+": "+c.Counts)
	}
	if !slices.Equal(counts, []string{"671B: parameters of the main model", "685B: all stored elements, with scales", "700B: "}) {
		t.Errorf("%q", counts)
	}
	// The artifact of this test lacks the code that its configuration names.
	if got := ruleIDs(s.Findings); !slices.Equal(got, []string{"MC-CODE-MISSING", "MC-CONFIG-AUTO-MAP", "MC-PARAMETERS-DIFFER"}) {
		t.Errorf("%q", got)
	}
	if s.Class != ClassCodeOnLoad {
		t.Errorf("class %v", s.Class)
	}
	t.Logf("%+v", m)
}
