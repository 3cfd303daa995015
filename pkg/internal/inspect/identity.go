package inspect

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const methodHeaders = "tensor-headers/1"

// Claims about what the headers of the tensors say.
const (
	claimStored = "model.parameters.stored" // all elements
	claimMain   = "model.parameters.main"   // without scales and predicted layers
	claimShapes = "model.shapes"            // how far shapes follow from the configuration
	claimTotal  = "model.parameters.total"
	claimMix    = "model.precision.mix" // elements of each number format
	claimShards = "model.shards"        // how many files there are, and should be

	claimTokenizer   = "model.tokenizer" // what tokenizer.json is, whatever its layout
	claimTemplates   = "model.templates" // digests of the prompt templates
	claimQuantizedBy = "quantization.by"
	claimCalibration = "quantization.calibration"
	claimImatrix     = "quantization.imatrix"
)

// measure counts every folder's safetensors once: where an index names the
// files, those, and otherwise all, but not the same weights under the name of
// another loader.
func (m *Model) measure() ([]Measured, []provenance.Finding) {
	folders := map[string][]*member{}
	var order []string
	for _, name := range m.order {
		x := m.files[name]
		if x.facts.shapes == nil {
			continue
		}
		dir := path.Dir(name)
		if folders[dir] == nil {
			order = append(order, dir)
		}
		folders[dir] = append(folders[dir], x)
	}
	var out []Measured
	var found []provenance.Finding
	for _, dir := range order {
		files := m.loaded(dir, folders[dir])
		sum := newShapes()
		bytes := uint64(0)
		for _, x := range files {
			sum.merge(x.facts.shapes)
			bytes += x.facts.data
		}
		config, set := path.Join(dir, "config.json"), settings(nil)
		if x, ok := m.find(config); ok {
			set = x.facts.set
		}
		measured, differ := measure(dir, sum, set, config)
		measured.Files, measured.Bytes, measured.First = len(files), bytes, files[0].path
		out = append(out, measured)
		found = append(found, differ...)
	}
	if len(out) == 0 {
		out = m.measureGGUF()
	}
	return out, found
}

// measureGGUF counts GGUF files, each with its further parts. Elements are the
// parameters before quantisation.
func (m *Model) measureGGUF() []Measured {
	var out []Measured
	at := map[string]int{}
	for _, name := range m.order {
		x := m.files[name]
		if x.facts.Format != FormatGGUF || x.facts.Tensors.Count == 0 {
			continue
		}
		stem := name
		if g := numbered.FindStringSubmatch(name); g != nil {
			stem = g[1] + g[3]
		}
		i, ok := at[stem]
		if !ok {
			i = len(out)
			at[stem] = i
			out = append(out, Measured{Folder: path.Dir(name), First: name, ByDType: map[string]uint64{}, Why: "no equations for GGUF"})
		}
		sum := &out[i]
		sum.Files++
		sum.Tensors += x.facts.Tensors.Count
		sum.Stored += x.facts.Tensors.Elements
		sum.Main = sum.Stored
		for dtype, n := range x.facts.Tensors.ByDType {
			sum.ByDType[dtype] += n
		}
	}
	return out
}

func (m *Model) loaded(dir string, files []*member) []*member {
	indexed := map[string]bool{}
	for _, name := range m.order {
		if x := m.files[name]; x.facts.index != nil && path.Dir(name) == dir && strings.Contains(path.Base(name), "safetensors") {
			for _, shard := range x.facts.index.shards {
				indexed[path.Join(dir, shard)] = true
			}
		}
	}
	keep := func(drop func(*member) bool) {
		if rest := slices.DeleteFunc(slices.Clone(files), drop); len(rest) > 0 {
			files = rest
		}
	}
	if len(indexed) > 0 {
		keep(func(x *member) bool { return !indexed[x.path] })
	}
	keep(func(x *member) bool { return strings.HasPrefix(path.Base(x.path), "consolidated") })
	return files
}

// identity states what the headers prove. They are observations on claims that
// the catalogue may not have yet.
func (m *Model) identity(measured []Measured) []provenance.ClaimObservation {
	out := m.fingerprints()
	if len(measured) != 1 { // the claims are about one model; several are its components, or its quantisations
		return out
	}
	x := measured[0]
	first := m.files[x.First]
	say := func(claim string, value provenance.Value) {
		out = append(out, provenance.ClaimObservation{Claim: claim, Observation: provenance.Observation{
			Grade: provenance.Verified, Value: value, Method: methodHeaders,
			Source: provenance.Source{Kind: provenance.SourceFile, Path: first.path, Digest: first.digest,
				Pointer: headersOf(x)},
		}})
	}
	if x.Stored <= maxExact {
		say(claimStored, countOf(x.Stored))
	}
	if x.Main > 0 && x.Main <= maxExact {
		say(claimMain, countOf(x.Main))
	}
	if x.Stored <= maxExact {
		say(claimMix, encodeValue(x.ByDType))
	}
	if n := m.shardsOf(x); n.Numbered > 0 || n.Indexed > 0 {
		say(claimShards, encodeValue(n))
	}
	if x.Family != "" {
		say(claimShapes, encodeValue(struct {
			Family    string `json:"family"`
			Held      int    `json:"held"`
			Unchecked int    `json:"unchecked"`
		}{x.Family, x.Equations, x.Unchecked}))
	}
	return out
}

// shardCount holds the files of a model to what their names and the index ask
// for.
type shardCount struct {
	Files    int `json:"files"`
	Numbered int `json:"numbered,omitzero"` // as the names promise: "-of-00163"
	Indexed  int `json:"indexed,omitzero"`  // as the index names
	Missing  int `json:"missing"`           // of either
}

func (m *Model) shardsOf(x Measured) shardCount {
	n := shardCount{Files: x.Files}
	want := map[string]bool{}
	if g := numbered.FindStringSubmatch(x.First); g != nil {
		n.Numbered, _ = strconv.Atoi(g[3])
		for k := range min(n.Numbered, maxShards) {
			want[fmt.Sprintf("%s-%0*d-of-%s%s", g[1], len(g[2]), k+1, g[3], g[4])] = true
		}
	}
	for _, name := range m.order {
		if i := m.files[name].facts.index; i != nil && path.Dir(name) == x.Folder {
			n.Indexed = max(n.Indexed, len(i.shards))
			for _, shard := range i.shards {
				want[path.Join(x.Folder, shard)] = true
			}
		}
	}
	for name := range want {
		if _, ok := m.find(name); !ok {
			n.Missing++
		}
	}
	return n
}

// fingerprints state what the prompt templates and the tokenizer are.
func (m *Model) fingerprints() []provenance.ClaimObservation {
	var out []provenance.ClaimObservation
	say := func(x *member, claim, method, pointer string, value provenance.Value) {
		out = append(out, provenance.ClaimObservation{Claim: claim, Observation: provenance.Observation{
			Grade: provenance.Verified, Value: value, Method: method,
			Source: provenance.Source{Kind: provenance.SourceFile, Path: x.path, Digest: x.digest, Pointer: pointer},
		}})
	}
	var templates []string
	var first *member
	var tokenizers []*member
	for _, name := range m.order {
		x := m.files[name]
		for _, t := range x.facts.Templates {
			if first == nil {
				first = x
			}
			templates = append(templates, t.Digest.String())
		}
		if !x.facts.tokenizer.IsZero() {
			tokenizers = append(tokenizers, x)
		}
	}
	if first != nil {
		slices.Sort(templates)
		say(first, claimTemplates, "template-digests/1", first.facts.Templates[0].Where, encodeValue(slices.Compact(templates)))
	}
	if len(tokenizers) == 1 { // components have their own
		x := tokenizers[0]
		say(x, claimTokenizer, methodTokenizer, "", encodeValue(x.facts.tokenizer.String()))
	}
	return out
}

// headersOf says where a measured number comes from.
func headersOf(m Measured) string {
	what := "tensor headers"
	if m.Files > 1 {
		what += fmt.Sprintf(" of %d files", m.Files)
	}
	if m.Folder != "." {
		what += fmt.Sprintf(" in %q", m.Folder)
	}
	return what
}
