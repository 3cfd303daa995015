package check

import (
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Questions returns the catalogue of questions that a record answers, by id.
func Questions() []provenance.ClaimType { return disclose.Catalog() }

// A CriteriaSet is what a law, a form or an index asks of the documentation of
// a model, item by item, with the questions that bear on each.
type CriteriaSet = disclose.CriteriaSet

// CriteriaSets returns the criteria sets that coverage is counted by, by id.
func CriteriaSets() []CriteriaSet { return disclose.CriteriaSets() }
