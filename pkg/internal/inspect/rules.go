package inspect

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/rule"
)

// Rules returns the catalogue of what inspection reports, sorted by id.
func Rules() []rule.Rule { return rule.All() }

// FindRule returns the rule with the given id.
func FindRule(id string) (rule.Rule, bool) { return rule.Find(id) }

// RulesDigest names the version of the catalogue: the digest of all its pages.
func RulesDigest() artifact.Digest {
	var b strings.Builder
	for _, r := range rule.All() {
		b.WriteString(r.Page())
	}
	return artifact.SumSHA256([]byte(b.String()))
}
