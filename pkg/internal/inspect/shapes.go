package inspect

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
)

// Limits on what is kept of the tensors of one file.
const (
	// maxPatterns bounds distinct kinds of tensors, with numbers in their names
	// left out. DeepSeek-V3 has 38.
	maxPatterns = 2048
	maxLayer    = 4096 // the deepest model in the wild has below 200 layers
)

// shapes is what is kept of the tensors of a file: a hash of each name, and
// the kinds of tensors that there are.
type shapes struct {
	names    [][16]byte
	patterns map[string]*pattern
	lost     bool // more kinds than are kept
}

// A pattern is all tensors whose names differ only in numbers, with one type
// and one shape: the same matrix of every layer and expert.
type pattern struct {
	name   string // "model.layers.*.mlp.experts.*.up_proj.weight"
	dtype  string
	shape  []uint64
	each   uint64 // elements of one
	layers map[int]int
	count  int
}

func newShapes() *shapes { return &shapes{patterns: map[string]*pattern{}} }

// tensor notes one tensor of a header.
func (s *shapes) tensor(t safetensors.Tensor) {
	s.names = append(s.names, nameHash(t.Name))
	name, layer := generalise(t.Name)
	key := fmt.Sprint(name, " ", t.DType, t.Shape)
	p := s.patterns[key]
	if p == nil {
		if len(s.patterns) == maxPatterns || len(name) > 512 {
			s.lost = true
			return
		}
		p = &pattern{name: name, dtype: t.DType, shape: slices.Clone(t.Shape), each: t.Elements, layers: map[int]int{}}
		s.patterns[key] = p
	}
	p.count++
	if layer > maxLayer {
		s.lost = true
		return
	}
	p.layers[layer]++
}

func nameHash(name string) [16]byte {
	sum := sha256.Sum256([]byte(name))
	return [16]byte(sum[:16])
}

// generalise replaces the parts of a name that are numbers by "*", and returns
// the first of them, which counts the layers, or -1.
func generalise(name string) (string, int) {
	first := -1
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if p == "" || len(p) > 6 || strings.Trim(p, "0123456789") != "" {
			continue
		}
		n := 0
		for _, c := range p {
			n = n*10 + int(c-'0')
		}
		if first < 0 {
			first = n
		}
		parts[i] = "*"
	}
	return strings.Join(parts, "."), first
}

// merge adds the kinds of another file of the same model.
func (s *shapes) merge(t *shapes) {
	s.lost = s.lost || t.lost
	for key, p := range t.patterns {
		into := s.patterns[key]
		if into == nil {
			if len(s.patterns) == maxPatterns {
				s.lost = true
				continue
			}
			into = &pattern{name: p.name, dtype: p.dtype, shape: p.shape, each: p.each, layers: map[int]int{}}
			s.patterns[key] = into
		}
		into.count += p.count
		for layer, n := range p.layers {
			into.layers[layer] += n
		}
	}
}

// isScale knows tensors that hold scales of quantised ones, which nobody
// counts as parameters.
func isScale(name string) bool {
	for _, end := range []string{"_scale_inv", "_scale", "_scales", ".scales", ".input_scale", "_zero_point", ".qzeros", ".g_idx", ".absmax", ".quant_map", ".weight_shape"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// isPacked knows tensors that hold several quantised numbers in one element,
// so that elements are not parameters.
func isPacked(p *pattern) bool {
	for _, end := range []string{".qweight", ".weight_packed", "_blocks", ".packed"} {
		if strings.HasSuffix(p.name, end) {
			return true
		}
	}
	return p.dtype == "U8" && strings.HasSuffix(p.name, ".weight")
}
