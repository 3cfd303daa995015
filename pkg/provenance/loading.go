package provenance

import (
	"cmp"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Loading says what loading the model does at most, as far as its bytes tell.
// It is about the model's own files, not about a runtime and not about how the
// model behaves: Scope says so in the record.
type Loading struct {
	Class     LoadClass  `json:"class"` // the worst of the model's files
	Scope     string     `json:"scope"`
	Loaders   []Loader   `json:"loaders,omitempty"`
	Templates []Template `json:"templates,omitempty"`
}

// A Loader is a program that would act on something in the model: run code,
// read a file, ask a network. The findings that carry these rules say on what.
type Loader struct {
	Name  string   `json:"name"`  // "transformers", "torch.load, pickle.load"
	Rules []string `json:"rules"` // "MC-CONFIG-AUTO-MAP"
}

// A Template is a prompt template: what a runtime makes of a conversation.
type Template struct {
	Path    string          `json:"path"`            // of the file that holds it
	Where   string          `json:"where,omitempty"` // JSON Pointer, key, or member of an archive; "" where the file is the template
	Digest  artifact.Digest `json:"digest"`          // of its text
	Size    int             `json:"size"`            // bytes of its text
	Dialect string          `json:"dialect,omitempty"`
	// Conditional is text that reaches the prompt only under a condition: what
	// a reviewer would not see in a conversation of his own.
	Conditional []PromptText `json:"conditional,omitempty"`
	More        int          `json:"more,omitzero"` // of them, not listed
}

// A PromptText is literal text of a template.
type PromptText struct {
	Text      string `json:"text"`
	Condition string `json:"condition"`
	Line      int    `json:"line"`
}

// Weights is what the headers of a model's tensors say together: one entry for
// each folder of safetensors, or for each GGUF model. Counts are elements;
// zero where it is not known.
type Weights struct {
	Folder    string            `json:"folder"` // "." at the top
	First     string            `json:"first"`  // path of the first file
	Files     int               `json:"files"`
	Tensors   int               `json:"tensors"`
	Stored    uint64            `json:"stored"`             // all elements
	Scales    uint64            `json:"scales,omitzero"`    // of them, scales of quantised tensors
	Predicted uint64            `json:"predicted,omitzero"` // of the rest, in layers for multi-token prediction
	Main      uint64            `json:"main,omitzero"`      // what remains; zero where elements are not parameters
	Bytes     uint64            `json:"bytes,omitzero"`     // of all tensors, without headers
	ByDType   map[string]uint64 `json:"byDtype"`            // elements, by the format's own names
	Family    string            `json:"family,omitempty"`   // whose shapes were compared with the configuration; "" none
	Equations int               `json:"equations,omitzero"` // kinds of tensors whose shapes follow from the configuration
	Unchecked int               `json:"unchecked,omitzero"` // kinds of tensors without an equation
	Why       string            `json:"why,omitempty"`      // something was not compared
	Stated    []StatedCount     `json:"stated,omitempty"`   // numbers of parameters that documents state
}

// A StatedCount holds a stated number of parameters to the measured ones. Two
// statements that fit different measured numbers are a difference of
// definition, not a contradiction.
type StatedCount struct {
	Text     string `json:"text"`             // as the document writes it
	Counts   string `json:"counts,omitempty"` // the definition under which it holds; "" where none fits
	Measured uint64 `json:"measured"`         // the nearest measured number
	Path     string `json:"path,omitempty"`   // of the document
	Lines    []int  `json:"lines,omitempty"`
}

// Definitions returns the definitions under which stated numbers hold, sorted:
// more than one is a difference of definition.
func (w Weights) Definitions() []string {
	var out []string
	for _, s := range w.Stated {
		if s.Counts != "" {
			out = append(out, s.Counts)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sortLoading(l *Loading) *Loading {
	if l == nil {
		return nil
	}
	s := *l
	s.Loaders = make([]Loader, 0, len(l.Loaders))
	for _, x := range l.Loaders {
		x.Rules = arrange(x.Rules, strings.Compare)
		s.Loaders = append(s.Loaders, x)
	}
	s.Loaders = optional(arrange(s.Loaders, func(a, b Loader) int { return cmp.Compare(a.Name, b.Name) }))
	s.Templates = make([]Template, 0, len(l.Templates))
	for _, t := range l.Templates {
		t.Conditional = optional(arrange(t.Conditional, func(a, b PromptText) int { return cmp.Compare(a.Line, b.Line) }))
		s.Templates = append(s.Templates, t)
	}
	s.Templates = optional(arrange(s.Templates, func(a, b Template) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Where, b.Where), a.Digest.Compare(b.Digest))
	}))
	return &s
}

func sortWeights(list []Weights) []Weights {
	out := make([]Weights, 0, len(list))
	for _, w := range list {
		if w.ByDType == nil {
			w.ByDType = map[string]uint64{}
		}
		w.Stated = slices.Clone(w.Stated)
		for i, s := range w.Stated {
			w.Stated[i].Lines = optional(slices.Clone(s.Lines))
		}
		w.Stated = optional(arrange(w.Stated, func(a, b StatedCount) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), slices.Compare(a.Lines, b.Lines), cmp.Compare(a.Text, b.Text))
		}))
		out = append(out, w)
	}
	return optional(arrange(out, func(a, b Weights) int {
		return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.First, b.First))
	}))
}
