package export

import "github.com/modelcheck/modelcheck/pkg/check"

// The forms that are printed as sheets, and what they are called there. Their
// items are those of the criteria sets.
var (
	euTemplate = sheet{set: "eu-53-1-d", title: "public summary of training content"}
	caSheet    = sheet{set: "ca-ab2013", title: "documentation of training data"}
)

// fields are the items of the sheet's criteria set, and where they are from.
func (s sheet) fields() (fields []field, source string) {
	for _, set := range check.CriteriaSets() {
		if set.ID != s.set {
			continue
		}
		for _, item := range set.Items {
			fields = append(fields, field{item.Section, item.Title, item.Claims})
		}
		source = set.Document + "; " + set.Provision
	}
	return fields, source
}
