package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// disclose asks the documents and the files together, and settles claims from
// what everybody says.
func (e *examination) disclose(m *provenance.Manifest) error {
	in := disclose.Input{Root: modelRoot(m.Files)}
	types := disclose.Catalog()
	model := inspect.NewModel(inspect.ModelConfig{Claims: named(types), Partial: len(e.report.Unread) > 0})
	e.readFiles(m, &in, model)
	for _, u := range e.report.Unread {
		if !u.Digest.IsZero() && u.Path == "" { // an archive: nobody knows which documents are in it
			in.Unread = append(in.Unread, provenance.Document{Path: "layer", Digest: u.Digest})
		}
	}
	e.ociStatements(&in)
	e.signedStatements(&in)
	said := disclose.Extract(in)
	m.Findings = append(m.Findings, said.Findings...)
	seen := model.Summary(said.Observations)
	e.measureUnread(model, said.Observations)
	e.loading(m, seen)
	observations := slices.Concat(seen.Observations, e.precision(m), seen.Refile(said.Observations))
	drawn := said.Conclude(observations)
	m.Licensing, m.Lineage = drawn.Licensing, drawn.Lineage
	m.Findings = append(m.Findings, drawn.Findings...)
	observations = append(observations, drawn.Observations...)
	claims, err := provenance.Settle(asked(types, observations), observations, said.Searched, in.Unread, producer(m.Signatures))
	if err != nil {
		return err
	}
	m.Claims = claims
	m.Coverage = provenance.Cover(types, claims)
	for _, c := range claims {
		if c.State == provenance.StateConflicting {
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeClaimConflict, Subject: c.ID, Detail: "statements of the artifact disagree"})
		}
	}
	return e.elsewhere(m)
}

// readFiles hands every file of the model to those who read documents and to
// those who look at what loading does.
func (e *examination) readFiles(m *provenance.Manifest, in *disclose.Input, model *inspect.Model) {
	seen := map[provenance.Document]bool{}
	for _, f := range m.Files {
		doc := provenance.Document{Path: f.Path, Digest: f.Digest}
		if seen[doc] || f.Role == artifact.RoleSystem {
			continue
		}
		seen[doc] = true
		w := e.gallery.seen(f.Layer, f.Path)
		facts := inspect.Facts{} // of what nobody saw: unknown
		if w != nil {
			facts = w.facts
		}
		var config []inspect.Facts
		switch {
		case !disclose.Wanted(f.Path) && !inspect.Wanted(f.Path):
		case w == nil || w.text == nil:
			in.Unread = append(in.Unread, doc)
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeDocumentTooLarge, Subject: f.Path, Digest: f.Digest,
				Detail: fmt.Sprintf("%q has %d bytes; what it says was not read", f.Path, f.Size)})
		default:
			if inspect.Wanted(f.Path) {
				config = append(config, inspect.Config(f.Path, f.Digest, w.text))
			}
			if disclose.Wanted(f.Path) {
				in.Documents = append(in.Documents, disclose.Document{Path: f.Path, Digest: f.Digest, Role: f.Role, Text: w.text})
			}
		}
		model.Add(f.Path, f.Digest, append([]inspect.Facts{facts}, config...)...)
	}
}

// precision says in which number formats the weights are stored, over all
// files whose headers could be read.
func (e *examination) precision(m *provenance.Manifest) []provenance.ClaimObservation {
	var first *provenance.File
	dtypes := map[string]bool{}
	files := 0
	for i, f := range m.Files {
		w := e.gallery.seen(f.Layer, f.Path)
		if w == nil || len(w.facts.Tensors.ByDType) == 0 {
			continue
		}
		if files++; first == nil {
			first = &m.Files[i]
		}
		for name := range w.facts.Tensors.ByDType {
			dtypes[name] = true
		}
	}
	if first == nil {
		return nil
	}
	value, err := json.Marshal(slices.Sorted(maps.Keys(dtypes)))
	if err != nil {
		return nil
	}
	return []provenance.ClaimObservation{{Claim: "model.precision", Observation: provenance.Observation{
		Grade:  provenance.Verified,
		Value:  value,
		Method: "tensor-headers/1",
		Source: provenance.Source{
			Kind:    provenance.SourceFile,
			Path:    first.Path,
			Digest:  first.Digest,
			Pointer: tensorHeaders(files),
		},
	}}}
}

func tensorHeaders(files int) string {
	if files == 1 {
		return "tensor headers"
	}
	return fmt.Sprintf("tensor headers, of this and %d more files", files-1)
}

// ociStatements adds what configs and annotations of the members say.
func (e *examination) ociStatements(in *disclose.Input) {
	for _, member := range e.members {
		if member.attestation {
			continue
		}
		c := member.image.Config
		if member.contents.Config != nil {
			in.Configs = append(in.Configs, disclose.Config{MediaType: c.MediaType, Digest: c.Digest, Body: member.contents.Config})
		}
		if len(member.image.Annotations) > 0 {
			in.Annotations = append(in.Annotations, disclose.Annotations{Digest: member.descriptor.Digest, Values: member.image.Annotations})
		}
	}
}
