package policy

import "github.com/modelcheck/modelcheck/pkg/provenance"

// told are the findings of a record. One that says nothing about loading is
// told as that: nobody may take it for inert.
func told(m *provenance.Manifest) []provenance.Finding {
	if m.Loading != nil {
		return m.Findings
	}
	silent := provenance.Finding{ID: provenance.CodeLoadingUnknown, Detail: "the record does not say what loading the model does"}
	return append(append([]provenance.Finding(nil), m.Findings...), silent)
}
