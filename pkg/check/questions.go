package check

import (
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Questions returns the catalogue of questions that a record answers, by id.
func Questions() []provenance.ClaimType { return disclose.Catalog() }
