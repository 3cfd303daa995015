package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Measured is what the tensors of a model are, by their headers. Counts are
// elements. Zero where it is not known.
type Measured struct {
	Folder    string            `json:"folder"` // of the files it is about, "." at the top
	First     string            `json:"first"`  // the first of the files
	Files     int               `json:"files"`
	Tensors   int               `json:"tensors"`
	Stored    uint64            `json:"stored"`              // all elements
	Scales    uint64            `json:"scales,omitempty"`    // of them, scales of quantised tensors
	Predicted uint64            `json:"predicted,omitempty"` // of the rest, in layers behind num_hidden_layers: multi-token prediction
	Main      uint64            `json:"main,omitempty"`      // what remains; zero where elements are not parameters
	Bytes     uint64            `json:"bytes,omitempty"`
	ByDType   map[string]uint64 `json:"byDtype"`
	Family    string            `json:"family,omitempty"`    // "" where shapes were not checked
	Equations int               `json:"equations,omitempty"` // kinds of tensors whose shapes follow from the configuration
	Unchecked int               `json:"unchecked,omitempty"` // kinds of tensors without an equation
	Why       string            `json:"why,omitempty"`       // shapes were not checked, or something is missing
}

// measure counts the tensors of one folder, and holds them to its
// configuration.
func measure(folder string, s *shapes, set settings, config string) (Measured, []provenance.Finding) {
	set = set.ofText()
	m := Measured{Folder: folder, ByDType: map[string]uint64{}}
	layers, layered := set.number("num_hidden_layers")
	packed := false
	for _, p := range s.patterns {
		total := p.each * uint64(p.count)
		m.Tensors += p.count
		m.Stored += total
		m.ByDType[p.dtype] += total
		packed = packed || isPacked(p)
		if isScale(p.name) {
			m.Scales += total
			continue
		}
		if layered && strings.HasPrefix(textName(p.name), "model.layers.*.") {
			for layer, n := range p.layers {
				if layer >= 0 && uint64(layer) >= layers {
					m.Predicted += p.each * uint64(n)
				}
			}
		}
	}
	if !packed && !s.lost {
		m.Main = m.Stored - m.Scales - m.Predicted
	}
	family, missing := familyOf(set)
	switch {
	case s.lost:
		m.Why = "more kinds of tensors than are kept"
	case len(set) == 0:
		m.Why = "no config.json beside the tensors"
	case missing != "":
		m.Why = "the configuration does not say " + missing
	case family == nil:
		m.Why = "no equations for model_type " + strconv.Quote(clip(set["model_type"]))
	default:
		return m, m.hold(family, s, set, config)
	}
	return m, nil
}

// hold compares every kind of tensors with its equation.
func (m *Measured) hold(f *family, s *shapes, set settings, config string) []provenance.Finding {
	m.Family = f.name
	var out []provenance.Finding
	names := map[string]map[int]bool{}
	for _, key := range slices.Sorted(maps.Keys(s.patterns)) {
		p := s.patterns[key]
		name := textName(p.name)
		if names[name] == nil {
			names[name] = map[int]bool{}
		}
		for layer := range p.layers {
			names[name][layer] = true
		}
		e, ok := f.of(name)
		if !ok {
			if !isScale(p.name) {
				m.Unchecked++
			}
			continue
		}
		if x, bad := e.compare(p, config); bad {
			out = append(out, x)
			continue
		}
		m.Equations++
	}
	out = append(out, f.layers(names, set, config)...)
	out = append(out, scales(s, set, config)...)
	return out[:min(len(out), maxArchiveFindings)]
}

func (e equation) compare(p *pattern, config string) (provenance.Finding, bool) {
	want := make([]uint64, len(e.terms))
	words := make([]string, len(e.terms))
	for i, t := range e.terms {
		want[i], words[i] = t.value, t.words
	}
	if slices.Equal(want, p.shape) {
		return provenance.Finding{}, false
	}
	return newFinding("MC-SHAPE-CONFIG", codeDiffers, config,
		fmt.Sprintf("%d tensors %q have the shape %v, the configuration asks for %v (%s)", p.count, clip(p.name), p.shape, want, strings.Join(words, ", ")),
		map[string]string{"tensor": clip(p.name), "shape": fmt.Sprint(p.shape), "want": fmt.Sprint(want), "equation": strings.Join(words, ", ")}), true
}

// layers wants every layer that the configuration counts, and no other but
// those for multi-token prediction.
func (f *family) layers(names map[string]map[int]bool, set settings, config string) []provenance.Finding {
	n, _ := set.number("num_hidden_layers")
	more, _ := set.number("num_nextn_predict_layers")
	var out []provenance.Finding
	find := func(detail, tensor string) {
		out = append(out, newFinding("MC-SHAPE-LAYERS", codeDiffers, config, detail, map[string]string{"tensor": tensor}))
	}
	for _, name := range f.perLayer {
		have := names[name]
		missing, beyond := 0, 0
		for layer := range min(n, maxLayer) {
			if !have[int(layer)] {
				missing++
			}
		}
		for layer := range have {
			if layer < 0 || uint64(layer) >= n+more {
				beyond++
			}
		}
		if missing > 0 && !quantisedElsewhere(names, name) {
			find(fmt.Sprintf("%d of %d layers have no %q", missing, n, name), name)
		}
		if beyond > 0 {
			find(fmt.Sprintf("%d layers behind the last of %d have a %q", beyond, n+more, name), name)
		}
	}
	if f.heads && names["lm_head.weight"] == nil {
		find("the configuration does not tie the embeddings, and there is no \"lm_head.weight\"", "lm_head.weight")
	}
	return out
}

// quantisedElsewhere says whether a matrix is stored under another name, as
// quantisers do that pack several numbers into one.
func quantisedElsewhere(names map[string]map[int]bool, name string) bool {
	stem := strings.TrimSuffix(name, ".weight")
	return names[stem+".qweight"] != nil || names[stem+".weight_packed"] != nil
}

// scales holds block-quantised tensors and their scales to each other.
func scales(s *shapes, set settings, config string) []provenance.Finding {
	rows, ok := set.number("weight_block_size.0")
	columns, ok2 := set.number("weight_block_size.1")
	if !ok || !ok2 || rows == 0 || columns == 0 || set["quantization_config.quant_method"] != "fp8" {
		return nil
	}
	scale := map[string]*pattern{}
	for _, p := range s.patterns {
		if strings.HasSuffix(p.name, ".weight_scale_inv") {
			scale[strings.TrimSuffix(p.name, "_scale_inv")+fmt.Sprint(p.shape)] = p
		}
	}
	var out []provenance.Finding
	for _, key := range slices.Sorted(maps.Keys(s.patterns)) {
		p := s.patterns[key]
		if p.dtype != "F8_E4M3" || len(p.shape) != 2 || !strings.HasSuffix(p.name, ".weight") {
			continue
		}
		want := []uint64{(p.shape[0] + rows - 1) / rows, (p.shape[1] + columns - 1) / columns}
		got := scale[p.name+fmt.Sprint(want)]
		if got == nil || got.count != p.count {
			n := 0
			if got != nil {
				n = got.count
			}
			out = append(out, newFinding("MC-SHAPE-SCALES", codeDiffers, config,
				fmt.Sprintf("%d tensors %q need as many scales of the shape %v; there are %d", p.count, clip(p.name), want, n), map[string]string{"tensor": clip(p.name)}))
		}
	}
	return out
}
