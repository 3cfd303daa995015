package policy

import (
	_ "embed"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// CriteriaKind is what a file of criteria begins with, beside APIVersion.
const CriteriaKind = "Criteria"

//go:embed data/criteria.yaml
var starterCriteria []byte

// StarterCriteria returns the file of criteria that ships with this version.
func StarterCriteria() []byte { return slices.Clone(starterCriteria) }

// A Criterion is a question that a reviewer answers. Its text is what is
// certified, so its digest is what policies and reviews name.
type Criterion struct {
	ID      string          `json:"id"`
	Text    string          `json:"text"`
	Digest  artifact.Digest `json:"digest"`            // SHA-256 of Text
	Implies []string        `json:"implies,omitempty"` // ids that are met where this one is
}

// maxCriterion bounds a text that somebody has to read, in bytes.
const maxCriterion = 4000

// ParseCriteria reads a file of criteria. Its errors wrap ErrInvalid.
func ParseCriteria(data []byte) ([]Criterion, error) {
	top, err := readYAML(data)
	if err != nil {
		return nil, err
	}
	f, err := fields(top, "criteria file", "apiVersion", "kind", "criteria")
	if err != nil {
		return nil, err
	}
	if err := parseHeadOf(top, f, CriteriaKind); err != nil {
		return nil, err
	}
	if f["criteria"] == nil {
		return nil, fail(top, "no criteria")
	}
	list, err := items(f["criteria"], "criteria")
	if err != nil {
		return nil, err
	}
	var out []Criterion
	for _, item := range list {
		c, err := parseCriterionText(item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o Criterion) bool { return o.ID == c.ID }) {
			return nil, fail(item, "criterion %q stands twice", c.ID)
		}
		out = append(out, c)
	}
	for i, c := range out {
		for _, id := range c.Implies {
			if id == c.ID || !slices.ContainsFunc(out, func(o Criterion) bool { return o.ID == id }) {
				return nil, fail(list[i], "criterion %q implies %q, which is not another one of the file", c.ID, id)
			}
		}
	}
	return out, nil
}

func parseCriterionText(item *yaml.Node) (Criterion, error) {
	f, err := fields(item, "criterion", "id", "text", "implies")
	if err != nil {
		return Criterion{}, err
	}
	if f["id"] == nil || f["text"] == nil {
		return Criterion{}, fail(item, "criterion: want an id and a text")
	}
	var c Criterion
	if c.ID, err = text(f["id"], "id of a criterion"); err != nil {
		return Criterion{}, err
	}
	n := f["text"]
	c.Text = strings.TrimSpace(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str" || c.Text == "":
		return Criterion{}, fail(n, "criterion %q: want a text", c.ID)
	case len(c.Text) > maxCriterion:
		return Criterion{}, fail(n, "criterion %q: %d bytes, over the limit of %d", c.ID, len(c.Text), maxCriterion)
	case strings.ContainsFunc(c.Text, func(r rune) bool { return r != '\n' && invisible(r) }):
		return Criterion{}, fail(n, "criterion %q: its text holds characters that cannot be seen", c.ID)
	}
	c.Digest = artifact.SumSHA256([]byte(c.Text))
	if f["implies"] != nil {
		if c.Implies, err = texts(f["implies"], "implies"); err != nil {
			return Criterion{}, err
		}
	}
	return c, nil
}
