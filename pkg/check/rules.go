package check

import (
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/rule"
)

// A Rule says what inspection reports under one stable id, why it matters, how
// a person sees the same by hand, and what to do. Its Page is the page of
// docs/rules.
type Rule = rule.Rule

// Rules returns the catalogue of what inspection reports, sorted by id. The
// caller owns the slice.
func Rules() []Rule { return inspect.Rules() }

// FindRule returns the rule with the given id.
func FindRule(id string) (Rule, bool) { return inspect.FindRule(id) }
