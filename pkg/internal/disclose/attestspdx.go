package disclose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// spdx reads an SPDX document: JSON of 2.2 or 2.3, or JSON-LD of 3.0.
func (t *testimony) spdx() error {
	var head struct {
		Version string         `json:"spdxVersion"`
		Context jsontext.Value `json:"@context"`
	}
	if err := t.decode(&head); err != nil {
		return err
	}
	switch {
	case head.Version == "SPDX-2.3", head.Version == "SPDX-2.2":
		return t.spdx2()
	case head.Version == "" && strings.HasPrefix(strings.Trim(string(head.Context), `"`), "https://spdx.org/rdf/3.0."):
		return t.spdx3()
	default:
		return fmt.Errorf("it is no SPDX document of a known version: spdxVersion %q, @context %q", cut(head.Version, 40), cut(string(head.Context), 60))
	}
}

// spdx2 reads the one package that the document describes (SPDX 2.3 §7, §11).
// Of licences it takes what the package declares; concluded is somebody else's
// opinion of it.
func (t *testimony) spdx2() error {
	type named struct {
		ID         string `json:"SPDXID"`
		Name       string `json:"name"`
		Version    string `json:"versionInfo"`
		Declared   string `json:"licenseDeclared"`
		Originator string `json:"originator"`
		Download   string `json:"downloadLocation"`
	}
	var doc struct {
		Packages      []named  `json:"packages"`
		Describes     []string `json:"documentDescribes"`
		Relationships []struct {
			From string `json:"spdxElementId"`
			Kind string `json:"relationshipType"`
			To   string `json:"relatedSpdxElement"`
		} `json:"relationships"`
	}
	if err := t.decode(&doc); err != nil {
		return err
	}
	if err := bounded("packages", len(doc.Packages), maxComponents); err != nil {
		return err
	}
	described := slices.Clone(doc.Describes)
	for _, r := range doc.Relationships {
		if r.From == "SPDXRef-DOCUMENT" && r.Kind == "DESCRIBES" {
			described = append(described, r.To)
		}
	}
	slices.Sort(described)
	if described = slices.Compact(described); len(described) != 1 {
		return nil // nothing, or several: nobody says which of them this one is
	}
	i := slices.IndexFunc(doc.Packages, func(p named) bool { return p.ID == described[0] })
	if i < 0 || doc.Packages[i].Name == "" {
		return errors.New("it describes a package that it does not name")
	}
	p, at := doc.Packages[i], fmt.Sprintf("/packages/%d", i)
	t.sayText("identity.name", at+"/name", p.Name)
	t.sayText("identity.version", at+"/versionInfo", p.Version)
	t.sayLicense("license.weights", at+"/licenseDeclared", p.Declared)
	if organization, ok := strings.CutPrefix(p.Originator, "Organization: "); ok {
		t.sayText("origin.organization", at+"/originator", organization)
	}
	if p.Download != "NONE" && p.Download != "NOASSERTION" {
		t.sayText("origin.sourceURL", at+"/downloadLocation", p.Download)
	}
	return nil
}

// A spdxElement is an element of an SPDX 3.0 graph, as far as it is read.
type spdxElement struct {
	Type       string   `json:"type"`
	ID         string   `json:"spdxId"`
	Name       string   `json:"name"`
	Version    string   `json:"software_packageVersion"`
	Download   string   `json:"software_downloadLocation"`
	Originated []string `json:"originatedBy"`
	Expression string   `json:"simplelicensing_licenseExpression"`
	Kind       string   `json:"relationshipType"`
	From       string   `json:"from"`
	To         []string `json:"to"`
}

// A spdxGraph is an SPDX 3.0 document whose subject is one model.
type spdxGraph struct {
	elements []spdxElement
	byID     map[string]int
}

// spdx3 reads the one AI package of the graph (SPDX 3.0.1, profiles AI,
// Dataset and SimpleLicensing).
func (t *testimony) spdx3() error {
	var doc struct {
		Graph []spdxElement `json:"@graph"`
	}
	if err := t.decode(&doc); err != nil {
		return err
	}
	if err := bounded("elements", len(doc.Graph), maxComponents); err != nil {
		return err
	}
	g := spdxGraph{elements: doc.Graph, byID: map[string]int{}}
	only := -1
	for i, e := range doc.Graph {
		if _, twice := g.byID[e.ID]; twice && e.ID != "" {
			return fmt.Errorf("two of its elements have the id %q", cut(e.ID, 100))
		}
		g.byID[e.ID] = i
		switch {
		case e.Type != "ai_AIPackage":
		case only >= 0:
			return nil // several: nobody says which of them this one is
		default:
			only = i
		}
	}
	if only < 0 {
		return nil
	}
	return t.aiPackage(g, only)
}

func (t *testimony) aiPackage(g spdxGraph, i int) error {
	p, at := g.elements[i], fmt.Sprintf("/@graph/%d", i)
	if p.Name == "" || p.ID == "" {
		return errors.New("its AI package has no name or no id")
	}
	t.sayText("identity.name", at+"/name", p.Name)
	t.sayText("identity.version", at+"/software_packageVersion", p.Version)
	t.sayText("origin.sourceURL", at+"/software_downloadLocation", p.Download)
	for _, id := range p.Originated {
		if by, ok := g.find(id); ok && by.Type == "Organization" {
			t.sayText("origin.organization", at+"/originatedBy", by.Name)
		}
	}
	for j, r := range g.elements {
		if r.Type != "Relationship" || r.From != p.ID {
			continue
		}
		if err := t.relationship(g, fmt.Sprintf("/@graph/%d/to", j), r); err != nil {
			return err
		}
	}
	return nil
}

func (t *testimony) relationship(g spdxGraph, at string, r spdxElement) error {
	if err := bounded("elements of a relationship", len(r.To), maxList); err != nil {
		return err
	}
	var names []string
	for _, id := range r.To {
		e, ok := g.find(id)
		switch {
		case r.Kind == "hasDeclaredLicense" && ok && e.Expression != "":
			t.sayLicense("license.weights", at, e.Expression)
		case r.Kind == "hasDeclaredLicense":
			t.sayLicense("license.weights", at, strings.TrimPrefix(id, "https://spdx.org/licenses/"))
		case ok && e.Name != "":
			names = append(names, e.Name)
		}
	}
	switch r.Kind {
	case "trainedOn":
		t.sayList("td.sources.publicDatasets", at, names)
	case "descendantOf":
		t.sayList("lineage.base", at, names)
	}
	return nil
}

func (g spdxGraph) find(id string) (spdxElement, bool) {
	i, ok := g.byID[id]
	if !ok || id == "" {
		return spdxElement{}, false
	}
	return g.elements[i], true
}
