package disclose

import (
	_ "embed"
	"slices"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// criteriaData holds the criteria sets: what laws, forms and indices ask of the
// documentation of a model, and which questions of the claim catalogue bear on
// each item. Nothing else says which set asks for a claim. A published file is
// never edited.
//
//go:embed data/criteria-1.json
var criteriaData []byte

// A CriteriaSet is the list of items of one law, form or index.
type CriteriaSet struct {
	ID        string         `json:"id"` // "eu-53-1-d"; stable
	Title     string         `json:"title"`
	Version   string         `json:"version"`   // or date, of the document
	Document  string         `json:"document"`  // that lists the items
	Provision string         `json:"provision"` // the article, or the part of the document
	Note      string         `json:"note,omitzero"`
	Items     []CriteriaItem `json:"items"`
}

// A CriteriaItem is one thing that the document asks for. No question bears on
// an item without claims. An item ByTool is one that modelcheck writes itself,
// such as a hash: it has no claims, so that nobody is credited with it.
type CriteriaItem struct {
	Section string   `json:"section"`
	Title   string   `json:"title"`
	Claims  []string `json:"claims"`
	ByTool  bool     `json:"byTool,omitzero"`
}

var criteriaSets = sync.OnceValue(func() []CriteriaSet {
	var file struct {
		Schema string        `json:"schema"`
		Sets   []CriteriaSet `json:"sets"`
	}
	if err := strictjson.Decode(criteriaData, &file); err != nil {
		panic("disclose: embedded criteria sets: " + err.Error())
	}
	return file.Sets
})

// CriteriaSets returns the criteria sets, in order of id. The caller may keep
// and change what it gets.
func CriteriaSets() []CriteriaSet {
	sets := slices.Clone(criteriaSets())
	for i := range sets {
		sets[i].Items = slices.Clone(sets[i].Items)
		for j := range sets[i].Items {
			sets[i].Items[j].Claims = slices.Clone(sets[i].Items[j].Claims)
		}
	}
	return sets
}

// CriteriaDigest returns the digest of the criteria sets' file.
func CriteriaDigest() artifact.Digest { return artifact.SumSHA256(criteriaData) }

// Claims returns the ids of all claims that the set asks for, each once.
func (s CriteriaSet) Claims() []string {
	var ids []string
	for _, item := range s.Items {
		ids = append(ids, item.Claims...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// askedBy gives the ids of the sets that ask for each claim, in order.
func askedBy(sets []CriteriaSet) map[string][]string {
	asked := map[string][]string{}
	for _, s := range sets {
		for _, id := range s.Claims() {
			asked[id] = append(asked[id], s.ID)
		}
	}
	return asked
}
