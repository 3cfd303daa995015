package inspect

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const methodGGUF = "gguf-keys/1"

// maxStatement bounds one text that is kept of a GGUF's keys, in bytes.
const maxStatement = 1024

// maxStatements bounds how many are kept.
const maxStatements = 256

// ggufKeys are the keys of a GGUF file that tell where it comes from, and its
// templates.
type ggufKeys struct {
	texts     map[string]string
	lists     map[string][]string
	numbers   map[string]uint64
	templates Facts
}

// key is handed every key of the header.
func (s *Sink) key(v gguf.Value) {
	k := &s.keys
	if k.texts == nil {
		k.texts, k.lists, k.numbers = map[string]string{}, map[string][]string{}, map[string]uint64{}
		k.templates.Class = ClassInert
	}
	name := v.Key
	if strings.HasPrefix(name, "tokenizer.chat_template") && v.List == nil {
		if v.Omitted {
			k.templates.Class = k.templates.Class.Worse(ClassUnknown)
			return
		}
		k.templates.addTemplate(s.path, artifact.Digest{}, name, v.Text)
		return
	}
	if len(k.texts)+len(k.lists)+len(k.numbers) >= maxStatements {
		return
	}
	switch {
	case v.List != nil:
		k.lists[name] = v.List
	case v.Omitted:
	case v.Type == 8 && len(v.Text) <= maxStatement:
		if strings.HasPrefix(name, "general.") || strings.HasPrefix(name, "quantize.") || strings.HasPrefix(name, "split.") {
			k.texts[name] = v.Text
		}
	case v.Type != 8 && v.Type != 6 && v.Type != 12:
		k.numbers[name] = v.Bits
	}
}

// report turns the keys into observations. They are what the file says about
// itself: declared, not checked.
func (k *ggufKeys) report(path string, f *Facts) {
	f.Templates = append(f.Templates, k.templates.Templates...)
	f.Findings = append(f.Findings, k.templates.Findings...)
	if len(k.texts)+len(k.lists) > 0 {
		f.Class = f.Class.Worse(ClassDiscloses)
	}
	for _, key := range slices.Sorted(maps.Keys(k.texts)) {
		if claim := ggufClaim(key); claim != "" {
			f.declare(claim, path, methodGGUF, key, k.texts[key], textOf(k.texts[key]))
		}
	}
	if id := knownLicense(k.texts["general.license"]); id != "" {
		f.declare("license.weights", path, methodGGUF, "general.license", k.texts["general.license"], textOf(id))
	}
	if n, ok := k.numbers[k.texts["general.architecture"]+".context_length"]; ok && n <= math.MaxInt32 {
		f.declare("model.context", path, methodGGUF, k.texts["general.architecture"]+".context_length", strconv.FormatUint(n, 10), countOf(n))
	}
	for _, l := range []struct{ claim, key, prefix string }{
		{"use.languages", "general.languages", ""},
		{"td.sources.publicDatasets", "general.datasets", "general.dataset."},
		{"lineage.base", "", "general.base_model."},
	} {
		list := slices.Concat(k.lists[l.key], k.numbered(l.prefix))
		if len(list) > 0 {
			f.declare(l.claim, path, methodGGUF, l.key+l.prefix, strings.Join(list, ", "), listOf(list))
		}
	}
}

// ggufClaim maps keys to claims (ggml docs/gguf.md, gguf-py constants.py). The
// last are about the importance matrix, which tells the calibration data.
func ggufClaim(key string) string {
	switch key {
	case "general.name":
		return "identity.name"
	case "general.version":
		return "identity.version"
	case "general.organization":
		return "origin.organization"
	case "general.source.url", "general.repo_url":
		return "origin.sourceURL"
	case "general.architecture":
		return "model.architecture"
	case "general.quantized_by":
		return claimQuantizedBy
	case "quantize.imatrix.dataset":
		return claimCalibration
	case "quantize.imatrix.file":
		return claimImatrix
	}
	return ""
}

// numbered collects general.base_model.{i}.… and its like: the repository
// where it is named, the name otherwise.
func (k *ggufKeys) numbered(prefix string) []string {
	if prefix == "" {
		return nil
	}
	var out []string
	n := min(k.numbers[prefix+"count"], 64)
	for i := range n {
		p := prefix + strconv.FormatUint(i, 10) + "."
		name := k.texts[p+"name"]
		for _, host := range []string{"https://huggingface.co/datasets/", "https://huggingface.co/"} {
			if repo, ok := strings.CutPrefix(k.texts[p+"repo_url"], host); ok {
				name = repo
				break
			}
		}
		if strings.TrimSpace(name) != "" {
			out = append(out, name)
		}
	}
	return out
}

// metadata looks at what trainers write into a safetensors header.
func (s *Sink) metadata(f *Facts, m map[string]string) {
	const method = "safetensors-metadata/1"
	for _, k := range [...]struct{ key, claim string }{
		{"modelspec.title", "identity.name"}, {"modelspec.architecture", "model.architecture"}, {"modelspec.author", "origin.organization"},
		{"ss_base_model_version", "lineage.base"}, {"ss_sd_model_name", "lineage.base"},
	} {
		value := textOf(m[k.key])
		if k.claim == "lineage.base" {
			value = listOf([]string{m[k.key]})
		}
		f.declare(k.claim, s.path, method, "__metadata__ "+k.key, m[k.key], value)
	}
	if id := knownLicense(m["modelspec.license"]); id != "" {
		f.declare("license.weights", s.path, method, "__metadata__ modelspec.license", m["modelspec.license"], textOf(id))
	}
	if n, err := strconv.ParseUint(m["ss_num_train_images"], 10, 40); err == nil {
		f.declare("td.size.image", s.path, method, "__metadata__ ss_num_train_images", m["ss_num_train_images"], countOf(n))
	}
}

// declare adds an observation of what a file says. The digest of the file is
// added by Model.
func (f *Facts) declare(claim, path, method, pointer, text string, value provenance.Value) {
	if value == nil {
		return
	}
	f.said = append(f.said, provenance.ClaimObservation{Claim: claim, Observation: provenance.Observation{
		Grade: provenance.Declared, Value: value, Method: method,
		Source: provenance.Source{Kind: provenance.SourceFile, Path: path, Pointer: pointer, Quote: quote([]byte(text))},
	}})
}

// knownLicense passes on identifiers that mean the same to everybody.
func knownLicense(id string) string {
	switch id = strings.ToLower(id); id {
	case "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "mpl-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0":
		return id
	}
	return ""
}

// textOf is nil for a blank text: silence is no value.
func textOf(s string) provenance.Value {
	if s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd")); s == "" || len(s) > maxStatement {
		return nil
	}
	return encodeValue(s)
}

func listOf(items []string) provenance.Value {
	var out []string
	for _, s := range items {
		if s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd")); s != "" && len(s) <= maxStatement {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) == 0 {
		return nil
	}
	return encodeValue(out)
}

func countOf(n uint64) provenance.Value {
	return encodeValue(struct {
		Count uint64 `json:"count"`
		Text  string `json:"text"`
	}{n, strconv.FormatUint(n, 10)})
}

// encodeValue cannot fail for the few types that values are made of.
func encodeValue(v any) provenance.Value {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}
