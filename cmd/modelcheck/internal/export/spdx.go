package export

import (
	"io"
	"strconv"
	"time"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// spdxContext is the JSON-LD context of SPDX 3.0.1, named and never fetched.
const spdxContext = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"

// noAssertion is SPDX's element for what nobody says.
const noAssertion = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"

// An element is a node of the graph of an SPDX document.
type element map[string]any

// spdx writes SPDX 3.0.1 JSON-LD. The model is a software_Package of purpose
// "model": an ai_AIPackage must state when it was released, who supplied it and
// where it is downloaded from (SPDX 3.0.1, AI profile), which no record knows
// to the second; and a dataset that nobody discloses is the element for "no
// assertion", since a dataset_DatasetPackage would need dates and an origin.
func spdx(w io.Writer, cfg Config) error {
	m := cfg.Manifest
	g := &graph{reader: newReader(m), base: "https://github.com/modelcheck/modelcheck/spdx/" + m.Subject.Hex() + "/" + cfg.Digest.Hex()[:16] + "#"}
	g.nodes = append(g.nodes, element{
		"type": "CreationInfo", "@id": creation, "specVersion": "3.0.1", "created": cfg.Created.Format(time.RFC3339),
		"createdBy": []string{g.base + "agent"}, "comment": "made of the provenance manifest " + cfg.Digest.String() + " by a downstream party; no verdict",
	})
	g.add("SoftwareAgent", "agent", element{"name": "modelcheck " + cfg.Version})
	g.model(m)
	g.files(m)
	g.relations(m)
	g.annotations(m)
	ids := []string{}
	for _, n := range g.nodes[1:] {
		ids = append(ids, n["spdxId"].(string))
	}
	g.add("SpdxDocument", "document", element{
		"name": "provenance of " + m.Subject.String(), "profileConformance": []string{"core", "software", "simpleLicensing"},
		"rootElement": []string{g.base + "model"}, "element": ids,
	})
	return render.JSON(w, map[string]any{"@context": spdxContext, "@graph": g.nodes})
}

const creation = "_:creationInfo"

type graph struct {
	reader
	base  string
	nodes []element
}

func (g *graph) add(kind, id string, fields element) {
	fields["type"], fields["spdxId"], fields["creationInfo"] = kind, g.base+id, creation
	g.nodes = append(g.nodes, fields)
}

func (g *graph) relate(id, kind, completeness string, to ...string) {
	g.add("Relationship", id, element{"from": g.base + "model", "relationshipType": kind, "to": to, "completeness": completeness})
}

func (g *graph) model(m *provenance.Manifest) {
	p := element{"name": g.stated("identity.name"), "software_primaryPurpose": "model", "verifiedUsing": []element{hash(m.Subject.Hex())}}
	if p["name"] == "" {
		p["name"] = m.Subject.String()
	}
	if v := g.stated("identity.version"); v != "" {
		p["software_packageVersion"] = v
	}
	if org := g.stated("origin.organization"); org != "" {
		g.add("Organization", "producer", element{"name": org})
		p["originatedBy"] = []string{g.base + "producer"}
	}
	g.add("software_Package", "model", p)
}

func hash(hex string) element {
	return element{"type": "Hash", "algorithm": "sha256", "hashValue": hex}
}

func (g *graph) files(m *provenance.Manifest) {
	var ids []string
	for i, f := range m.Files {
		id := "file-" + strconv.Itoa(i+1)
		g.add("software_File", id, element{"name": render.Printable(f.Path), "verifiedUsing": []element{hash(f.Digest.Hex())}, "comment": "role " + f.Role.String()})
		ids = append(ids, g.base+id)
	}
	if len(ids) > 0 {
		g.relate("contains", "contains", "complete", ids...)
	}
}

// relations: what the model was trained on is never a made-up dataset. Names
// of public datasets that are stated are packages of purpose "data", and the
// list of them stays incomplete.
func (g *graph) relations(m *provenance.Manifest) {
	names := g.list("td.sources.publicDatasets")
	if len(names) == 0 {
		g.relate("trained-on", "trainedOn", "noAssertion", noAssertion)
	} else {
		var to []string
		for i, name := range names {
			id := "dataset-" + strconv.Itoa(i+1)
			g.add("software_Package", id, element{"name": name, "software_primaryPurpose": "data", "comment": "a name that the artifact's documents state; whether it exists was not asked"})
			to = append(to, g.base+id)
		}
		g.relate("trained-on", "trainedOn", "incomplete", to...)
	}
	if id := g.stated("license.weights"); id != "" {
		g.add("simplelicensing_LicenseExpression", "license", element{"simplelicensing_licenseExpression": id})
		g.relate("declared-license", "hasDeclaredLicense", "noAssertion", g.base+"license")
	}
	for i, l := range m.Lineage {
		if l.Relation == provenance.LineageTeacher || l.Relation == provenance.LineageComponent {
			continue
		}
		id := "ancestor-" + strconv.Itoa(i+1)
		g.add("software_Package", id, element{"name": render.Printable(l.Name), "software_primaryPurpose": "model"})
		g.relate("descends-"+strconv.Itoa(i+1), "descendantOf", "noAssertion", g.base+id)
	}
}

// annotations hold every question, also those without an answer.
func (g *graph) annotations(m *provenance.Manifest) {
	for _, c := range m.Claims {
		text := render.Printable(c.ID) + ": " + c.State.String() + " (ceiling " + c.Ceiling.String() + ")"
		if len(c.Value) > 0 {
			text += "\nvalue: " + render.Value(c.Value)
		}
		for _, o := range c.Observations {
			text += "\n" + quoted(o)
		}
		if n := len(c.Searched); n > 0 {
			text += "\nsearched: " + strconv.Itoa(n) + " documents"
		}
		g.add("Annotation", "claim-"+render.Printable(c.ID), element{"annotationType": "other", "subject": g.base + "model", "contentType": "text/plain", "statement": text})
	}
}
