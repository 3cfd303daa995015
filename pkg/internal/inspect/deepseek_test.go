package inspect

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

type tensorList = fixtures.TensorList

// peek inspects a file of which only the begin is there.
func peek(name string, b []byte, size int64) Facts {
	s := New(name, size)
	_, _ = s.Write(b)
	return s.Facts()
}

// modelOf adds a list of tensors, its index and a configuration.
func modelOf(l tensorList, n int, config string) *Model {
	m := NewModel(ModelConfig{Claims: func(string) bool { return true }})
	files, sizes, index := l.Shards(n)
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
	l := fixtures.DeepSeekV3()
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

// TestMeasureUnverified: headers that were read in parts give the same numbers
// and comparisons, and nothing of them enters a Summary.
func TestMeasureUnverified(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "models"), "deepseek-v3", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := artifact.SumSHA256(text)
	m := NewModel(ModelConfig{Partial: true})
	m.Add("config.json", d, look("config.json", text, 1<<16), Config("config.json", d, text))
	files, sizes, _ := fixtures.DeepSeekV3().Shards(163)
	headers := map[string]Unverified{}
	for name, b := range files {
		if headers[name], err = Peek(name, sizes[name], sparse(b, sizes[name])); err != nil {
			t.Fatal(err)
		}
	}
	w := m.MeasureUnverified(headers, []provenance.ClaimObservation{stated(671e9, "671B"), stated(685e9, "685B")})
	if len(w) != 1 || w[0].Files != 163 || w[0].Stored != 684_531_386_000 || w[0].Main != 671_026_419_200 || w[0].Family != "deepseek_v3" || len(w[0].Definitions()) != 2 {
		t.Errorf("%+v", w)
	}
	if s := m.Summary(nil); len(s.Measured) != 0 || len(s.Files) != 1 || s.Class != ClassCodeOnLoad || slices.Contains(ruleIDs(s.Findings), "MC-CODE-MISSING") {
		t.Errorf("%+v", s)
	}
	if w := m.MeasureUnverified(map[string]Unverified{"config.json": headers["model-00001-of-000163.safetensors"]}, nil); len(w) != 0 {
		t.Errorf("a header took the place of a file that was read: %+v", w)
	}
}
