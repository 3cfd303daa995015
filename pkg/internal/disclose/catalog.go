package disclose

import (
	_ "embed"
	"slices"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// claimData is the claim catalogue: the questions of the EU template for the
// public summary of training content (C(2025) 8311, "eu-53-1-d"), of the Model
// Documentation Form of the Code of Practice ("eu-mdf"), of California's AB
// 2013 ("ca-ab2013"), of the G7 minimum elements of an SBOM for AI of May 2026
// ("g7-2026"), of the Model Openness Framework 1.0 ("mof-1.0") and of the data
// indicators of the Foundation Model Transparency Index of December 2025
// ("fmti-2025-data"), with some of our own. A published file is never edited.
//
//go:embed data/claims-1.json
var claimData []byte

var claimTypes = sync.OnceValue(func() []provenance.ClaimType {
	var file struct {
		Schema string `json:"schema"`
		Claims []struct {
			ID       string               `json:"id"`
			Title    string               `json:"title"`
			Ceiling  provenance.Grade     `json:"ceiling"`
			Kind     provenance.ValueKind `json:"kind"`
			Criteria []string             `json:"criteria"`
		} `json:"claims"`
	}
	if err := strictjson.Decode(claimData, &file); err != nil {
		panic("disclose: embedded claim catalogue: " + err.Error())
	}
	types := make([]provenance.ClaimType, len(file.Claims))
	for i, c := range file.Claims {
		types[i] = provenance.ClaimType(c)
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
