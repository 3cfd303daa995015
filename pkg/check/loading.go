package check

import (
	"maps"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// loading writes down what loading the model does, as inspection saw it in all
// files together. What is unknown is said of every file that it is true of.
func (e *examination) loading(m *provenance.Manifest, seen inspect.Summary) {
	m.Findings = append(m.Findings, seen.Findings...)
	m.Loading = &provenance.Loading{Class: seen.Class, Scope: inspect.Scope, Loaders: loaders(seen.Findings)}
	classes := map[provenance.Document]inspect.FileClass{}
	for _, f := range seen.Files {
		classes[provenance.Document{Path: f.Path, Digest: f.Digest}] = f
	}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Role == artifact.RoleSystem {
			if w := e.gallery.seen(f.Layer, f.Path); w != nil {
				f.Class = w.facts.Class
			}
			continue
		}
		f.Class = classes[provenance.Document{Path: f.Path, Digest: f.Digest}].Class
		if f.Class == provenance.LoadUnknown {
			m.Findings = append(m.Findings, inspect.Unknown(f.Path, f.Digest, f.Format))
		}
	}
	for _, t := range seen.Templates {
		m.Loading.Templates = append(m.Loading.Templates, t.Record())
	}
	m.Weights = seen.Weights()
}

// loaders names who would act on something in the model, with the rules that
// say on what.
func loaders(findings []provenance.Finding) []provenance.Loader {
	rules := map[string]map[string]bool{}
	for _, f := range findings {
		name, rule := f.Facts["loader"], f.Facts["rule"]
		if name == "" || rule == "" {
			continue
		}
		if rules[name] == nil {
			rules[name] = map[string]bool{}
		}
		rules[name][rule] = true
	}
	var out []provenance.Loader
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		out = append(out, provenance.Loader{Name: name, Rules: slices.Sorted(maps.Keys(rules[name]))})
	}
	return out
}

// named says which claims a catalogue has.
func named(types []provenance.ClaimType) func(id string) bool {
	ids := make(map[string]bool, len(types))
	for _, t := range types {
		ids[t.ID] = true
	}
	return func(id string) bool { return ids[id] }
}

// asked leaves out the questions that only the files themselves can answer,
// where they did not: no document was searched for them.
func asked(types []provenance.ClaimType, observations []provenance.ClaimObservation) []provenance.ClaimType {
	answered := map[string]bool{}
	for _, o := range observations {
		answered[o.Claim] = true
	}
	return slices.DeleteFunc(slices.Clone(types), func(t provenance.ClaimType) bool { return inspect.Measures(t.ID) && !answered[t.ID] })
}
