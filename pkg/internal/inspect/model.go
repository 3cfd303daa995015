package inspect

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Scope is what a report on a model may say about itself.
const Scope = "what these files do when they are loaded; not what a runtime does by itself, and not how the model behaves"

// A ModelConfig says what NewModel needs. Claims says which claim ids the
// catalogue has; observations on others are left out. Nil leaves out all.
type ModelConfig struct {
	Claims func(id string) bool
	// Partial says that not every file of the model is added: nothing is said
	// to be missing then, and the class is unknown at least.
	Partial bool
}

// A Model collects what was seen in every file of one model and judges them
// together. Use NewModel, Add for every file, then Summary.
type Model struct {
	cfg   ModelConfig
	files map[string]*member
	order []string
	twice bool // a path stands for two different files: nothing is compared
}

type member struct {
	path   string
	digest artifact.Digest
	facts  Facts
}

// NewModel returns an empty model.
func NewModel(cfg ModelConfig) *Model {
	if cfg.Claims == nil {
		cfg.Claims = func(string) bool { return false }
	}
	return &Model{cfg: cfg, files: map[string]*member{}}
}

// Add adds a file with the Facts of its Sink and, for what Wanted names, those
// of Config. Facts must be of bytes that the digest names.
func (m *Model) Add(name string, digest artifact.Digest, facts ...Facts) {
	shown := name
	have := m.files[name]
	if have != nil && have.digest != digest {
		// The members of an index hold different models. Both are listed; what
		// belongs to what cannot be said.
		m.twice = true
		name += "@" + digest.String()
		have = m.files[name]
	}
	if have != nil {
		return
	}
	x := &member{path: shown, digest: digest}
	for i, f := range facts {
		if i == 0 {
			x.facts = f
			continue
		}
		x.facts.join(f)
	}
	m.files[name] = x
	m.order = append(m.order, name)
}

// join adds what Config saw: its class replaces one that waited for it.
func (f *Facts) join(g Facts) {
	if f.Class == ClassUnknown {
		f.Class = g.Class
	} else {
		f.Class = f.Class.Worse(g.Class)
	}
	f.Findings = append(slices.Clone(f.Findings), g.Findings...)
	f.Observations = append(slices.Clone(f.Observations), g.Observations...)
	f.Templates = append(slices.Clone(f.Templates), g.Templates...)
	f.runs = append(slices.Clone(f.runs), g.runs...)
	if f.set == nil {
		f.set = g.set
	}
}

// A FileClass is what one file is and can do.
type FileClass struct {
	Path   string          `json:"path"`
	Digest artifact.Digest `json:"digest"`
	Format string          `json:"format,omitempty"`
	Class  Class           `json:"class"`
	Loader string          `json:"loader,omitempty"` // what runs it, where code is named
}

// A FileTemplate is a template and the file that holds it.
type FileTemplate struct {
	Path string `json:"path"`
	Template
}

// A Summary is everything that was seen, in the order of the paths.
type Summary struct {
	Class        Class // of the model as a whole: what loading all of it can do, at most
	Files        []FileClass
	Findings     []provenance.Finding // of the files and of the model, located
	Observations []provenance.ClaimObservation
	Templates    []FileTemplate
	Measured     []Measured   // one for every folder with safetensors
	Comparisons  []Comparison // of stated numbers with measured ones
}

// Summary judges the files together. said is what documents declare; numbers
// among it are compared with what was measured.
func (m *Model) Summary(said []provenance.ClaimObservation) Summary {
	slices.Sort(m.order)
	s := Summary{Class: ClassInert}
	if len(m.order) == 0 {
		s.Class = ClassUnknown
	}
	if m.cfg.Partial {
		s.Class = s.Class.Worse(ClassUnknown)
	}
	var found []provenance.Finding
	if !m.twice {
		found = append(found, m.resolveCode()...)
		found = append(found, m.checkReads()...)
		found = append(found, m.checkIndexes()...)
		found = append(found, m.checkNumbering()...)
		found = append(found, m.checkAlternatives()...)
		measured, differ := m.measure()
		s.Measured = measured
		found = append(found, differ...)
		s.Observations = m.identity(measured)
		comparisons, differ := compareNumbers(measured, said)
		s.Comparisons = comparisons
		found = append(found, differ...)
	}
	for _, name := range m.order {
		x := m.files[name]
		s.Class = s.Class.Worse(x.facts.Class)
		s.Files = append(s.Files, FileClass{Path: x.path, Digest: x.digest, Format: x.facts.Format, Class: x.facts.Class, Loader: x.facts.loader})
		s.Findings = append(s.Findings, m.locate(x.facts.Findings, name)...)
		for _, t := range x.facts.Templates {
			s.Templates = append(s.Templates, FileTemplate{x.path, t})
		}
		s.Observations = append(s.Observations, m.located(x)...)
	}
	if m.cfg.Partial {
		found = slices.DeleteFunc(found, missesSomething)
	}
	for _, f := range found {
		s.Findings = append(s.Findings, m.locate([]provenance.Finding{f}, f.Subject)...)
	}
	s.Observations = slices.DeleteFunc(Join(s.Observations), func(o provenance.ClaimObservation) bool { return !m.cfg.Claims(o.Claim) })
	return s
}

// missesSomething knows findings that rest on a file's absence.
func missesSomething(f provenance.Finding) bool {
	return slices.Contains([]string{"MC-CODE-MISSING", "MC-INDEX-SHARD-MISSING", "MC-INDEX-TENSOR-MISSING", "MC-INDEX-SIZE", "MC-ONNX-EXTERNAL-MISSING", "MC-SHAPE-LAYERS", "MC-SHAPE-SCALES", "MC-PARAMETERS-DIFFER"}, f.Facts[factRule])
}

// locate gives findings the file that they are about.
func (m *Model) locate(findings []provenance.Finding, name string) []provenance.Finding {
	out := slices.Clone(findings)
	for i := range out {
		if out[i].Subject == "" {
			out[i].Subject = name
		}
		if x := m.files[name]; x != nil && out[i].Digest.IsZero() {
			out[i].Digest = x.digest
		}
	}
	return out
}

// located gives observations the digest of the file that they stand in.
func (m *Model) located(x *member) []provenance.ClaimObservation {
	out := slices.Concat(x.facts.Observations, x.facts.said)
	for i := range out {
		if out[i].Source.Digest.IsZero() {
			out[i].Source.Digest = x.digest
			out[i].Source.Path = x.path
		}
	}
	return out
}

// find returns the file with the given path.
func (m *Model) find(name string) (*member, bool) {
	x, ok := m.files[path.Clean(name)]
	return x, ok
}

// checkReads wants every file that another one makes its loader open.
func (m *Model) checkReads() []provenance.Finding {
	var out []provenance.Finding
	for _, name := range m.order {
		x := m.files[name]
		for _, file := range x.facts.reads {
			if data, ok := m.find(path.Join(path.Dir(name), file)); ok {
				if f := &data.facts; f.Format == FormatUnknown && f.Class == ClassUnknown && len(f.Findings) == 0 && f.seen {
					f.Class = ClassInert // numbers that the graph names; no reader takes them for more
				}
			} else {
				x.facts.Class = x.facts.Class.Worse(ClassFileRead)
				out = append(out, newFinding("MC-ONNX-EXTERNAL-MISSING", provenance.CodeWeightsIncomplete, name, fmt.Sprintf("the graph needs %q, which is not in the artifact", clip(file)),
					map[string]string{"location": clip(file), "loader": "an ONNX runtime"}))
			}
		}
	}
	return out
}

// checkAlternatives notes pickled weights beside safetensors: another way to
// load, and perhaps other weights.
func (m *Model) checkAlternatives() []provenance.Finding {
	tensors := map[string]bool{}
	for _, name := range m.order {
		if m.files[name].facts.shapes != nil {
			tensors[path.Dir(name)] = true
		}
	}
	var out []provenance.Finding
	for _, name := range m.order {
		x := m.files[name]
		pickled := x.facts.Format == FormatTorchZip || x.facts.Format == FormatPickle
		base := path.Base(name)
		weights := strings.HasPrefix(base, "pytorch_model") || strings.HasPrefix(base, "consolidated") || strings.HasPrefix(base, "model") || strings.HasPrefix(base, "diffusion_pytorch_model") || strings.HasPrefix(base, "adapter_model")
		if pickled && weights && tensors[path.Dir(name)] {
			out = append(out, newFinding("MC-MODEL-ALTERNATIVE", provenance.CodeSerializedObjects, name,
				fmt.Sprintf("%q lies beside safetensors: some loaders take it instead", clip(base)), map[string]string{"format": x.facts.Format, "class": x.facts.Class.String()}))
		}
	}
	return out
}
