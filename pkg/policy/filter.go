package policy

import (
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Filter picks records: it is the expression of a rule without the rule.
// Signatures and attested claims are those that the record itself names. The
// zero Filter picks nothing. A Filter is safe for concurrent use.
type Filter struct{ condition *expression.Expression }

// ParseFilter reads an expression in CEL that is true or false, over the
// variables that docs/policy.md names. It fails with ErrInvalid.
func ParseFilter(source string) (Filter, error) {
	e, err := expression.Condition(source)
	if err != nil {
		return Filter{}, fmt.Errorf("%w: filter: %w", ErrInvalid, err)
	}
	return Filter{e}, nil
}

// Match evaluates the filter over a record; at is its variable at. An
// expression that fails over this record picks nothing and says why.
func (f Filter) Match(m *provenance.Manifest, at time.Time) (bool, error) {
	if f.condition == nil || m == nil {
		return false, fmt.Errorf("%w: no filter, or no record", ErrInvalid)
	}
	record := expression.NewRecord(expression.Facts{Manifest: m, Signatures: m.Signatures, Attestations: m.Attestations, At: at})
	held, err := f.condition.Holds(record)
	if err != nil {
		return false, fmt.Errorf("evaluating %q: %w", f.condition.Source(), err)
	}
	return held, nil
}
