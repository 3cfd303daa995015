package disclose

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A card is a model card or README, with what is needed to understand it.
type card struct {
	page
	dir     string // below the model's root
	front   frontMatter
	names   []string // of the model it is about, in normal form
	base    string   // as a table names it
	series  bool     // its title says that it is about several models
	member  string   // of a series that the card is about: this model's name
	fronted bool     // its front matter has fields of a model's
	model   bool     // it is about a model and not, say, about a library
}

// cards reads every card that may speak for the model: those at its root, and
// below it those that carry a front matter or, where there is none at the
// root, all. A README of a sub-directory is otherwise about that directory.
func (c *collector) cards() {
	atRoot := false
	for _, d := range c.docs {
		dir, in := place(c.root, d.Path)
		atRoot = atRoot || isCardName(d.Path) && in && dir == ""
	}
	for _, d := range c.docs {
		dir, in := place(c.root, d.Path)
		if !isCardName(d.Path) || !in || !near(dir) {
			continue
		}
		k := card{page: newPage(d), dir: dir}
		var err error
		k.front, err = readFrontMatter(k.page)
		if dir != "" && atRoot && k.front.end == 0 {
			continue
		}
		c.searched(d.Path, d.Digest)
		if err != nil {
			c.find(provenance.Finding{
				ID: provenance.CodeDocumentMalformed, Subject: d.Path, Digest: d.Digest, Detail: valid(err.Error()),
			})
		}
		c.frontMatter(&k)
		c.prose(&k)
	}
}

// datasetFields stand in cards of datasets only (Hub, "Dataset cards"): the
// licence there is the data's.
var datasetFields = []string{"dataset_info", "task_categories", "size_categories", "annotations_creators", "source_datasets"}

func (k *card) isDataset() bool {
	for _, field := range datasetFields {
		if k.front.fields[field] != nil {
			return true
		}
	}
	return false
}

// field makes the observation of one field of the front matter.
func (k *card) field(key string, v provenance.Value) provenance.Observation {
	return declared(v, methodFrontMatter, k.span(k.front.lines(key)))
}

func (c *collector) frontMatter(k *card) {
	if len(k.front.fields) == 0 {
		return
	}
	weights := "license.weights"
	if k.isDataset() {
		weights = "license.data"
	}
	c.licenseFields(k, weights)
	if k.isDataset() {
		return
	}
	for _, f := range []struct{ key, claim string }{
		{"base_model_relation", "lineage.relation"},
		{"library_name", "model.library"},
		{"pipeline_tag", "model.task"},
		{"model_name", "identity.name"},
		{"model_creator", "origin.organization"},
		{"new_version", "identity.successor"},
	} {
		if v := textValue(scalar(k.front.fields[f.key])); v != nil {
			c.say(f.claim, k.field(f.key, v))
		}
	}
	for _, f := range []struct{ key, claim string }{
		{"base_model", "lineage.base"},
		{"datasets", "td.sources.publicDatasets"},
		{"language", "use.languages"},
		{"tags", "use.tags"},
		{"metrics", "eval.metrics"},
	} {
		if items, ok := scalars(k.front.fields[f.key]); ok {
			c.say(f.claim, k.field(f.key, listValue(items)))
		}
	}
	c.paperTags(k)
	c.results(k)
	c.emissions(k)
}

// paperTags reads "arxiv:2412.19437", by which the Hub links papers.
func (c *collector) paperTags(k *card) {
	tags, _ := scalars(k.front.fields["tags"])
	var papers []string
	for _, tag := range tags {
		if id, ok := strings.CutPrefix(strings.ToLower(tag), "arxiv:"); ok {
			papers = append(papers, "arXiv:"+id)
		}
	}
	if len(papers) > 0 {
		c.say("origin.papers", k.field("tags", listValue(papers)))
	}
}

// A result is an entry of model-index: what was measured, on which data set.
type result struct {
	Task    string `json:"task,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	Metric  string `json:"metric,omitempty"`
	Value   string `json:"value"`
}

// maxResults bounds how many results are kept; embedding models have thousands.
const maxResults = 64

// results reads model-index (Hub, "Evaluation results").
func (c *collector) results(k *card) {
	node := k.front.fields["model-index"]
	if node == nil {
		return
	}
	var out []result
	for _, model := range node.Content {
		for _, entry := range child(model, "results").Content {
			for _, metric := range child(entry, "metrics").Content {
				r := result{
					Task: scalar(child(child(entry, "task"), "type")), Dataset: scalar(child(child(entry, "dataset"), "name")),
					Metric: scalar(child(metric, "type")), Value: scalar(child(metric, "value")),
				}
				if r.Value != "" && len(out) < maxResults {
					out = append(out, result{cut(valid(r.Task), 100), cut(valid(r.Dataset), 100), cut(valid(r.Metric), 100), cut(valid(r.Value), 100)})
				}
			}
		}
	}
	if len(out) > 0 {
		c.say("eval.results", k.field("model-index", marshal(out)))
	}
}

// child finds a field of a mapping; an empty node where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return &yaml.Node{}
}

// licenseFields reads license, license_name and license_link. Each of the
// first two is a statement of its own: "license: mit" beside "license_name:
// deepseek" says two things, and neither swallows the other. Only "other" says
// nothing by itself: there the name speaks, or else the linked text.
func (c *collector) licenseFields(k *card, claim string) {
	ids, _ := scalars(k.front.fields["license"])
	name := scalar(k.front.fields["license_name"])
	for _, id := range ids {
		switch strings.ToLower(strings.TrimSpace(id)) {
		case "unknown":
		case "other":
			if name == "" {
				c.say(claim, k.field("license", c.otherLicense(k)))
			}
		default:
			c.say(claim, k.field("license", textValue(hubLicense(id))))
		}
	}
	if name != "" {
		c.say(claim, k.field("license_name", textValue(hubLicense(name))))
	}
}

// otherLicense is the value of "license: other" without a name.
func (c *collector) otherLicense(k *card) provenance.Value {
	if t, ok := c.linked(k.dir, scalar(k.front.fields["license_link"])); ok {
		return textValue(t.value())
	}
	return textValue(license.NamedRef("other"))
}

// linked finds the licence text in the artifact that a link of a card names:
// a relative path without scheme, query or fragment.
func (c *collector) linked(dir, target string) (licenseText, bool) {
	target = strings.TrimPrefix(strings.TrimSpace(target), "./")
	if target == "" || strings.ContainsAny(target, ":?#\\") || strings.HasPrefix(target, "/") {
		return licenseText{}, false
	}
	t, ok := c.byPath[c.root+path.Join(dir, target)]
	return t, ok
}

// emissions reads co2_eq_emissions: a number of grams, or a mapping that holds
// it (Hub, "Displaying carbon emissions for your model").
func (c *collector) emissions(k *card) {
	const key = "co2_eq_emissions"
	node := k.front.fields[key]
	if node == nil {
		return
	}
	inner := map[string]string{"emissions": scalar(node)}
	for i := 0; i+1 < len(node.Content); i += 2 {
		inner[node.Content[i].Value] = scalar(node.Content[i+1])
	}
	text := strings.TrimSpace(inner["emissions"])
	if grams, err := strconv.ParseFloat(text, 64); err == nil {
		if n, ok := roundCount(grams); ok {
			c.say("compute.emissions", k.field(key, marshal(count{Count: n, Text: text})))
		} else if grams > 0 && grams < 1<<53 {
			c.say("compute.emissions", k.field(key, provenance.Value(fmt.Sprintf(`{"count":%s,"text":%s}`,
				strconv.FormatFloat(grams, 'g', -1, 64), marshal(text)))))
		}
	}
	if v := textValue(inner["hardware_used"]); v != nil {
		c.say("compute.hardware", k.field(key, v))
	}
}
