package packaging

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// findings collects up to maxFindings of them and counts the rest: a hostile
// archive must not fill the record.
type findings struct {
	kept []provenance.Finding
	more map[string]int // by code
}

func (f *findings) add(x provenance.Finding) {
	if len(f.kept) < maxFindings {
		f.kept = append(f.kept, x)
		return
	}
	if f.more == nil {
		f.more = map[string]int{}
	}
	f.more[x.ID]++
}

// list returns what was collected. No code is lost: where findings were left
// out, one per code tells how many.
func (f *findings) list() []provenance.Finding {
	out := f.kept
	for _, code := range sortedKeys(f.more) {
		out = append(out, provenance.Finding{ID: code, Detail: fmt.Sprintf("and %d more of these", f.more[code])})
	}
	return out
}
