package disclose

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A resource is what SLSA and in-toto call a resource descriptor or material.
type resource struct {
	URI    string            `json:"uri"`
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// String writes a resource as one text: where from, and which bytes.
func (r resource) String() string {
	name := strings.TrimSpace(r.URI)
	if name == "" {
		name = strings.TrimSpace(r.Name)
	}
	var digests []string
	for alg, hex := range r.Digest {
		digests = append(digests, alg+":"+hex)
	}
	slices.Sort(digests)
	if len(digests) == 0 {
		return name
	}
	return strings.TrimSpace(name + " " + strings.Join(digests, " "))
}

// slsa1 reads SLSA provenance v1 (slsa.dev/spec/v1.0/provenance).
func (t *testimony) slsa1() error {
	var p struct {
		BuildDefinition struct {
			BuildType            string     `json:"buildType"`
			ResolvedDependencies []resource `json:"resolvedDependencies"`
			ExternalParameters   struct {
				// As the build types of GitHub Actions and of slsa-github-generator
				// have it; others name their source among the dependencies only.
				Workflow struct {
					Repository string `json:"repository"`
					Ref        string `json:"ref"`
				} `json:"workflow"`
			} `json:"externalParameters"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	}
	if err := t.decode(&p); err != nil {
		return err
	}
	if p.RunDetails.Builder.ID == "" || p.BuildDefinition.BuildType == "" {
		return errors.New("it is no SLSA provenance: no builder id or no build type")
	}
	t.sayText("build.builder", "/runDetails/builder/id", p.RunDetails.Builder.ID)
	if w := p.BuildDefinition.ExternalParameters.Workflow; w.Repository != "" {
		t.say("build.source", "/buildDefinition/externalParameters/workflow", textValue(sourceAt(w.Repository, w.Ref)), w.Repository, w.Ref)
	}
	return t.materials("/buildDefinition/resolvedDependencies", p.BuildDefinition.ResolvedDependencies)
}

// slsa02 reads SLSA provenance v0.2 (slsa.dev/provenance/v0.2).
func (t *testimony) slsa02() error {
	var p struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		BuildType  string `json:"buildType"`
		Invocation struct {
			ConfigSource resource `json:"configSource"`
		} `json:"invocation"`
		Materials []resource `json:"materials"`
	}
	if err := t.decode(&p); err != nil {
		return err
	}
	if p.Builder.ID == "" || p.BuildType == "" {
		return errors.New("it is no SLSA provenance: no builder id or no build type")
	}
	t.sayText("build.builder", "/builder/id", p.Builder.ID)
	t.sayText("build.source", "/invocation/configSource/uri", p.Invocation.ConfigSource.URI)
	return t.materials("/materials", p.Materials)
}

func (t *testimony) materials(pointer string, list []resource) error {
	if err := bounded("materials", len(list), maxMaterials); err != nil {
		return err
	}
	var names []string
	for i, r := range list {
		name := r.String()
		if name == "" {
			return errors.New("material " + strconv.Itoa(i) + " has neither address nor digest")
		}
		names = append(names, name)
	}
	t.sayList("build.materials", pointer, names)
	return nil
}

// sourceAt writes a repository at a ref as SLSA v0.2 does.
func sourceAt(repository, ref string) string {
	if ref == "" {
		return repository
	}
	return repository + "@" + ref
}
