package safetensors

import (
	"maps"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// TestDeepSeekV3 counts what the published shapes of DeepSeek-V3 store
// (model-files §0.9).
func TestDeepSeekV3(t *testing.T) {
	sum, tensors, elements, data := map[string]uint64{}, 0, uint64(0), uint64(0)
	files, sizes, _ := fixtures.DeepSeekV3().Shards(163)
	for name, b := range files {
		p := New(sizes[name], nil)
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
