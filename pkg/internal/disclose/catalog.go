package disclose

import (
	_ "embed"
	"slices"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// claimData is the claim catalogue: the questions that the criteria sets of
// criteria-1.json bring up, with some of our own. A published file is never
// edited.
//
//go:embed data/claims-1.json
var claimData []byte

var claimTypes = sync.OnceValue(func() []provenance.ClaimType {
	var file struct {
		Schema string `json:"schema"`
		Claims []struct {
			ID      string               `json:"id"`
			Title   string               `json:"title"`
			Ceiling provenance.Grade     `json:"ceiling"`
			Kind    provenance.ValueKind `json:"kind"`
		} `json:"claims"`
	}
	if err := strictjson.Decode(claimData, &file); err != nil {
		panic("disclose: embedded claim catalogue: " + err.Error())
	}
	asked := askedBy(criteriaSets())
	types := make([]provenance.ClaimType, len(file.Claims))
	for i, c := range file.Claims {
		types[i] = provenance.ClaimType{ID: c.ID, Title: c.Title, Ceiling: c.Ceiling, Kind: c.Kind, Criteria: asked[c.ID]}
	}
	return types
})

// Catalog returns the claim catalogue, in order of id: every question that
// documents may answer. The caller may keep and change what it gets.
func Catalog() []provenance.ClaimType {
	types := slices.Clone(claimTypes())
	for i := range types {
		types[i].Criteria = slices.Clone(types[i].Criteria)
	}
	return types
}

// CatalogDigest returns the digest of the claim catalogue's file.
func CatalogDigest() artifact.Digest { return artifact.SumSHA256(claimData) }
