package render

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// SheetDifference writes under a heading what changed since an earlier record,
// signers first.
func SheetDifference(heading string, d provenance.Difference) []byte {
	var b strings.Builder
	b.WriteString("\n" + heading + "\n")
	sections := changes(d)
	if len(sections) == 0 {
		b.WriteString("  nothing\n")
	}
	for _, s := range sections {
		for _, line := range s.Lines {
			b.WriteString("  " + line + "\n")
		}
	}
	return []byte(b.String())
}
