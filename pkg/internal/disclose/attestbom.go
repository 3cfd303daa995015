package disclose

import (
	"errors"
	"fmt"
	"strconv"
)

// A bomComponent is a component of a CycloneDX BOM (specification 1.5 to 1.7,
// JSON), as far as it is read.
type bomComponent struct {
	Type         string `json:"type"`
	Ref          string `json:"bom-ref"`
	Group        string `json:"group"`
	Name         string `json:"name"`
	Version      string `json:"version"`
	Manufacturer struct {
		Name string `json:"name"`
	} `json:"manufacturer"`
	Licenses []struct {
		Expression string `json:"expression"`
		License    struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"license"`
	} `json:"licenses"`
	Pedigree struct {
		Ancestors []bomComponent `json:"ancestors"`
	} `json:"pedigree"`
	ModelCard struct {
		ModelParameters struct {
			Datasets []struct {
				Ref  string `json:"ref"` // to a component; or else, here:
				Name string `json:"name"`
			} `json:"datasets"`
		} `json:"modelParameters"`
	} `json:"modelCard"`
}

// modelComponent is the type of a component that is a model.
const modelComponent = "machine-learning-model"

var bomVersion = compile(`^1\.[0-9]{1,2}$`)

// cycloneDX reads a BOM whose subject is a model: the component that the BOM is
// about, or else the only model that it lists. A BOM of something else is read
// and says nothing.
func (t *testimony) cycloneDX() error {
	var bom struct {
		Format   string `json:"bomFormat"`
		Version  string `json:"specVersion"`
		Metadata struct {
			Component bomComponent `json:"component"`
		} `json:"metadata"`
		Components []bomComponent `json:"components"`
	}
	if err := t.decode(&bom); err != nil {
		return err
	}
	if bom.Format != "CycloneDX" || !bomVersion.MatchString(bom.Version) {
		return fmt.Errorf("it is no CycloneDX BOM of a known version: bomFormat %q, specVersion %q", cut(bom.Format, 40), cut(bom.Version, 40))
	}
	if err := bounded("components", len(bom.Components), maxComponents); err != nil {
		return err
	}
	if bom.Metadata.Component.Type == modelComponent {
		return t.bomModel("/metadata/component", bom.Metadata.Component, bom.Components)
	}
	only := -1
	for i, c := range bom.Components {
		switch {
		case c.Type != modelComponent:
		case only >= 0:
			return nil // several: nobody says which of them this one is
		default:
			only = i
		}
	}
	if only < 0 {
		return nil
	}
	return t.bomModel("/components/"+strconv.Itoa(only), bom.Components[only], bom.Components)
}

func (t *testimony) bomModel(at string, model bomComponent, all []bomComponent) error {
	if model.Name == "" {
		return errors.New("its model has no name")
	}
	t.sayText("identity.name", at+"/name", model.Name)
	t.sayText("identity.version", at+"/version", model.Version)
	t.sayText("origin.organization", at+"/manufacturer/name", model.Manufacturer.Name)
	for i, l := range model.Licenses {
		here := at + "/licenses/" + strconv.Itoa(i)
		t.sayLicense("license.weights", here+"/expression", l.Expression)
		t.sayLicense("license.weights", here+"/license/id", l.License.ID)
		t.sayLicense("license.weights", here+"/license/name", l.License.Name)
	}
	return t.bomOrigins(at, model, all)
}

// bomOrigins reads what the model was made from.
func (t *testimony) bomOrigins(at string, model bomComponent, all []bomComponent) error {
	var ancestors, datasets []string
	for _, a := range model.Pedigree.Ancestors {
		name := a.Name
		if a.Group != "" {
			name = a.Group + "/" + name
		}
		ancestors = append(ancestors, name)
	}
	byRef := make(map[string]string, len(all))
	for _, c := range all {
		byRef[c.Ref] = c.Name
	}
	for _, d := range model.ModelCard.ModelParameters.Datasets {
		name := d.Name
		if name == "" && d.Ref != "" {
			name = byRef[d.Ref]
		}
		datasets = append(datasets, name)
	}
	if err := bounded("ancestors", len(ancestors), maxList); err != nil {
		return err
	}
	if err := bounded("data sets", len(datasets), maxList); err != nil {
		return err
	}
	t.sayList("lineage.base", at+"/pedigree/ancestors", ancestors)
	t.sayList("td.sources.publicDatasets", at+"/modelCard/modelParameters/datasets", datasets)
	return nil
}
