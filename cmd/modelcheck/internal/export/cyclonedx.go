package export

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func cycloneDX16(w io.Writer, cfg Config) error { return cycloneDX(w, cfg, cdx.SpecVersion1_6) }
func cycloneDX17(w io.Writer, cfg Config) error { return cycloneDX(w, cfg, cdx.SpecVersion1_7) }

// modelRef and dataRef are the bom-refs of the model and of what it was
// trained on.
const (
	modelRef = "model"
	dataRef  = "training-data"
)

// cycloneDX writes a machine-learning BOM. Every claim is a property with its
// state, and a declaration with its evidence; version 1.7 also cites, for each
// declaration, the file that says so.
func cycloneDX(w io.Writer, cfg Config, version cdx.SpecVersion) error {
	b := &bomBuilder{Config: cfg, reader: newReader(cfg.Manifest), refs: map[string]string{}}
	bom := b.build()
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetEscapeHTML(false).EncodeVersion(bom, version); err != nil {
		return fmt.Errorf("writing CycloneDX: %w", err)
	}
	return render.JSON(w, jsontext.Value(out.Bytes()))
}

type bomBuilder struct {
	Config
	reader
	refs map[string]string // bom-ref by digest of a file
}

func (b *bomBuilder) build() *cdx.BOM {
	m := b.Manifest
	bom := cdx.NewBOM()
	files := b.files()
	data := b.trainingData()
	model := b.model()
	bom.Metadata = &cdx.Metadata{
		Timestamp: b.Created.Format(time.RFC3339),
		Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "modelcheck", Version: b.Version}}},
		Component: model,
		Properties: &[]cdx.Property{
			{Name: "modelcheck:manifest", Value: b.Digest.String()},
			{Name: "modelcheck:subject", Value: m.Subject.String()},
			{Name: "modelcheck:note", Value: "made of a provenance manifest by a downstream party; no verdict; what is declared is quoted and unchecked"},
		},
	}
	components := append([]cdx.Component{data}, files...)
	bom.Components = &components
	aggregate := cdx.CompositionAggregateUnknown
	if b.stated("td.sources.publicDatasets") != "" {
		aggregate = cdx.CompositionAggregateIncomplete
	}
	bom.Compositions = &[]cdx.Composition{{Aggregate: aggregate, Assemblies: &[]cdx.BOMReference{dataRef}}}
	depends := make([]string, len(files))
	for i, f := range files {
		depends[i] = f.BOMRef
	}
	bom.Dependencies = &[]cdx.Dependency{{Ref: modelRef, Dependencies: &depends}}
	b.declare(bom)
	return bom
}

func (b *bomBuilder) files() []cdx.Component {
	var out []cdx.Component
	for i, f := range b.Manifest.Files {
		ref := "file-" + strconv.Itoa(i+1)
		if b.refs[f.Digest.String()] == "" {
			b.refs[f.Digest.String()] = ref
		}
		out = append(out, cdx.Component{
			BOMRef: ref, Type: cdx.ComponentTypeFile, Name: render.Printable(f.Path),
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: f.Digest.Hex()}},
			Properties: &[]cdx.Property{
				{Name: "modelcheck:role", Value: f.Role.String()},
				{Name: "modelcheck:size", Value: strconv.FormatInt(f.Size, 10)},
			},
		})
	}
	return out
}

// trainingData is what the model was trained on, as far as it is said. Nothing
// in it is made up: without a word about it, it is a name and "unknown".
func (b *bomBuilder) trainingData() cdx.Component {
	c := cdx.Component{BOMRef: dataRef, Type: cdx.ComponentTypeData, Name: "training data"}
	d := cdx.ComponentData{Type: cdx.ComponentDataTypeDataset, Name: "training data"}
	var parts []string
	for _, id := range []string{"td.size.text", "td.size.image", "td.size.audio", "td.size.video", "td.languages", "td.cutoff"} {
		if v := b.stated(id); v != "" {
			parts = append(parts, b.titles[id]+": "+v)
		}
	}
	if d.Description = strings.Join(parts, "; "); d.Description == "" {
		d.Description = "not disclosed in the documents that were searched"
	}
	c.Data = &[]cdx.ComponentData{d}
	return c
}

// model is the component that the document is about. Without a name that
// somebody states it is called by its digest: CycloneDX asks for a name.
func (b *bomBuilder) model() *cdx.Component {
	m := b.Manifest
	c := &cdx.Component{BOMRef: modelRef, Type: cdx.ComponentTypeMachineLearningModel, Name: b.stated("identity.name"), Version: b.stated("identity.version")}
	if c.Name == "" {
		c.Name = m.Subject.String()
	}
	c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: m.Subject.Hex()}}
	if org := b.stated("origin.organization"); org != "" {
		c.Manufacturer = &cdx.OrganizationalEntity{Name: org}
	}
	if id := b.stated("license.weights"); id != "" {
		declared := cdx.LicenseAcknowledgementDeclared
		c.Licenses = &cdx.Licenses{{Expression: id, Acknowledgement: &declared}}
	}
	c.Evidence = b.licenseTexts()
	c.ModelCard = b.card()
	c.Pedigree = b.pedigree()
	var props []cdx.Property
	for _, claim := range m.Claims {
		name := "modelcheck:claim:" + render.Printable(claim.ID)
		props = append(props, cdx.Property{Name: name + ":state", Value: claim.State.String()}, cdx.Property{Name: name + ":ceiling", Value: claim.Ceiling.String()})
		if len(claim.Value) > 0 {
			props = append(props, cdx.Property{Name: name + ":value", Value: render.Value(claim.Value)})
		}
		if n := len(claim.Searched); n > 0 {
			props = append(props, cdx.Property{Name: name + ":searched", Value: strconv.Itoa(n)})
		}
	}
	c.Properties = &props
	return c
}

// licenseTexts are the texts that lie in the artifact, by what they are.
func (b *bomBuilder) licenseTexts() *cdx.Evidence {
	var licenses cdx.Licenses
	var places []cdx.EvidenceOccurrence
	for _, l := range b.Manifest.Licensing {
		if l.Text == nil {
			continue
		}
		one := 1
		places = append(places, cdx.EvidenceOccurrence{Location: render.Printable(l.Text.Path), Line: &one, AdditionalContext: l.Text.Digest.String()})
		switch id := l.Text.Match.ID; {
		case strings.HasPrefix(id, "LicenseRef-"): // license.id takes SPDX's ids only
			licenses = append(licenses, cdx.LicenseChoice{License: &cdx.License{Name: render.Printable(id)}})
		case id != "":
			licenses = append(licenses, cdx.LicenseChoice{License: &cdx.License{ID: render.Printable(id)}})
		default:
			licenses = append(licenses, cdx.LicenseChoice{License: &cdx.License{Name: "text of no known licence: " + render.Printable(l.Text.Path)}})
		}
	}
	if len(places) == 0 {
		return nil
	}
	return &cdx.Evidence{Licenses: &licenses, Occurrences: &places}
}

func (b *bomBuilder) card() *cdx.MLModelCard {
	p := &cdx.MLModelParameters{Task: b.stated("model.task"), ArchitectureFamily: b.stated("model.architecture")}
	sets := []cdx.MLDatasetChoice{{Ref: dataRef}}
	for _, name := range b.list("td.sources.publicDatasets") {
		sets = append(sets, cdx.MLDatasetChoice{ComponentData: &cdx.ComponentData{Type: cdx.ComponentDataTypeDataset, Name: name}})
	}
	p.Datasets = &sets
	p.Inputs, p.Outputs = modalities(b.list("model.modalities.in")), modalities(b.list("model.modalities.out"))
	card := &cdx.MLModelCard{ModelParameters: p}
	use, limits := b.stated("use.intended"), b.stated("use.limitations")
	if use != "" || limits != "" {
		card.Considerations = &cdx.MLModelCardConsiderations{UseCases: listOf(use), TechnicalLimitations: listOf(limits)}
	}
	return card
}

func modalities(kinds []string) *[]cdx.MLInputOutputParameters {
	var out []cdx.MLInputOutputParameters
	for _, k := range kinds {
		out = append(out, cdx.MLInputOutputParameters{Format: k})
	}
	if out == nil {
		return nil
	}
	return &out
}

func listOf(s string) *[]string {
	if s == "" {
		return nil
	}
	return &[]string{s}
}

// pedigree names the models that this one was made from. Teachers and parts
// are no ancestors.
func (b *bomBuilder) pedigree() *cdx.Pedigree {
	var out []cdx.Component
	for _, l := range b.Manifest.Lineage {
		if l.Relation == provenance.LineageTeacher || l.Relation == provenance.LineageComponent {
			continue
		}
		c := cdx.Component{Type: cdx.ComponentTypeMachineLearningModel, Name: render.Printable(l.Name), Properties: &[]cdx.Property{
			{Name: "modelcheck:relation", Value: render.Printable(l.Relation)}, {Name: "modelcheck:grade", Value: l.Grade.String()},
		}}
		if !l.Digest.IsZero() {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: l.Digest.Hex()}}
		}
		out = append(out, c)
	}
	if out == nil {
		return nil
	}
	return &cdx.Pedigree{Ancestors: &out}
}

// declare writes one declaration for each thing that is said, with its
// evidence; what says otherwise is its counter-evidence.
func (b *bomBuilder) declare(bom *cdx.BOM) {
	var claims []cdx.Claim
	var evidence []cdx.DeclarationEvidence
	var citations []cdx.Citation
	for _, c := range b.Manifest.Claims {
		byValue, order := map[string][]cdx.BOMReference{}, []string{}
		var files []string
		for i, o := range c.Observations {
			ref := fmt.Sprintf("evidence-%s-%d", render.Printable(c.ID), i+1)
			evidence = append(evidence, cdx.DeclarationEvidence{BOMRef: ref, PropertyName: "modelcheck:claim:" + render.Printable(c.ID), Description: quoted(o)})
			v := "is stated as not disclosed or none"
			if len(o.Value) > 0 {
				v = "is " + render.Value(o.Value)
			}
			if byValue[v] == nil {
				order = append(order, v)
				files = append(files, "")
			}
			byValue[v] = append(byValue[v], cdx.BOMReference(ref))
			if file := b.refs[o.Source.Digest.String()]; files[index(order, v)] == "" {
				files[index(order, v)] = file
			}
		}
		for i, v := range order {
			own := byValue[v]
			claim := cdx.Claim{
				BOMRef: fmt.Sprintf("claim-%s-%d", render.Printable(c.ID), i+1), Target: modelRef,
				Predicate: fmt.Sprintf("%s (%s) %s", b.title(c.ID), render.Printable(c.ID), v),
				Reasoning: "state " + c.State.String() + ", ceiling " + c.Ceiling.String(), Evidence: &own,
			}
			if against := others(byValue, order, v); c.State == provenance.StateConflicting && len(against) > 0 {
				claim.CounterEvidence = &against
			}
			if files[i] != "" {
				by := cdx.BOMReference(files[i])
				citations = append(citations, cdx.Citation{
					Pointers: &[]string{"/declarations/claims/" + strconv.Itoa(len(claims))}, Timestamp: b.Created.Format(time.RFC3339), AttributedTo: &by,
				})
			}
			claims = append(claims, claim)
		}
	}
	if len(claims) > 0 {
		bom.Declarations = &cdx.Declarations{Claims: &claims, Evidence: &evidence}
	}
	if len(citations) > 0 {
		bom.Citations = &citations
	}
}

func (b *bomBuilder) title(id string) string {
	if t := b.titles[id]; t != "" {
		return t
	}
	return render.Printable(id)
}

func index(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return len(list) - 1
}

func others(byValue map[string][]cdx.BOMReference, order []string, but string) []cdx.BOMReference {
	var out []cdx.BOMReference
	for _, v := range order {
		if v != but {
			out = append(out, byValue[v]...)
		}
	}
	return out
}
