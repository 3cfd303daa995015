package inspect

import (
	"strings"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/rule"
)

// Rules returns the catalogue of what inspection reports, sorted by id.
func Rules() []rule.Rule { return rule.All() }

// FindRule returns the rule with the given id.
func FindRule(id string) (rule.Rule, bool) { return rule.Find(id) }

// advisories are the public references of each rule, by id: what a finding
// carries so that nobody has to look its rule up.
var advisories = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, r := range rule.All() {
		var public []string
		for _, ref := range r.References {
			if strings.Contains(ref, "CVE-") || strings.Contains(ref, "GHSA-") || strings.HasPrefix(ref, "https://") {
				public = append(public, ref)
			}
		}
		out[r.ID] = strings.Join(public, "; ")
	}
	return out
})

// RulesDigest names the version of the catalogue: the digest of all its pages.
func RulesDigest() artifact.Digest {
	var b strings.Builder
	for _, r := range rule.All() {
		b.WriteString(r.Page())
	}
	return artifact.SumSHA256([]byte(b.String()))
}
