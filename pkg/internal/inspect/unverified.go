package inspect

import (
	"maps"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// MeasureUnverified counts what headers seem to say together with the files
// that were added, and holds the numbers that documents state to it. headers
// are by path. Nothing of it enters m or a Summary of it: no hash covers the
// headers, and there are no findings and no observations.
func (m *Model) MeasureUnverified(headers map[string]Unverified, said []provenance.ClaimObservation) []provenance.Weights {
	if m.twice || len(headers) == 0 {
		return nil
	}
	apart := &Model{cfg: m.cfg, files: maps.Clone(m.files), order: slices.Clone(m.order)}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		u := headers[name]
		if apart.files[name] != nil || u.shapes == nil && u.Format != FormatGGUF || u.Tensors == 0 {
			continue
		}
		facts := Facts{Format: u.Format, Tensors: Tensors{Count: u.Tensors, Elements: u.Elements, ByDType: u.ByDType}}
		facts.shapes, facts.data = u.shapes, u.data
		apart.files[name] = &member{path: name, facts: facts}
		apart.order = append(apart.order, name)
	}
	slices.Sort(apart.order)
	var s Summary
	s.Measured, _ = apart.measure()
	s.Comparisons, _ = compareNumbers(s.Measured, said)
	return s.Weights()
}
