package provenance

import (
	"slices"
	"strings"
)

// LicenseWithin says whether an SPDX licence expression can be met with the
// licences of a list: of OR one operand must be in it, of AND every one. A
// licence WITH an exception, and one with a plus sign, is in the list only
// where it stands there so: what the exception adds is for people to judge.
// What is no expression is within nothing.
func LicenseWithin(expression string, allowed []string) bool {
	list := make([]string, 0, len(allowed))
	for _, a := range allowed {
		list = append(list, strings.Join(strings.Fields(strings.ToLower(a)), " "))
	}
	p := spdxParser{tokens: spdxTokens(expression), allowed: func(id string) bool { return slices.Contains(list, id) }}
	e, ok := p.or(0)
	return ok && len(p.tokens) == 0 && e.within
}
