// Package rule is the catalogue of what inspection reports: one entry for
// every stable rule id, with why it matters, how a person sees the same by
// hand, and what to do.
//
// It inspects nothing, and it does not say what a finding does to a verdict:
// that is the policy's business.
package rule

import (
	"slices"
	"strings"
)

// A Rule is one entry. ID is stable: a published id is never given another
// meaning, and never removed.
type Rule struct {
	ID         string   `json:"id"`    // "MC-CONFIG-AUTO-MAP"
	Title      string   `json:"title"` // one clause
	Class      string   `json:"class"` // the loader-risk class that a hit leads to at least; "" leaves it
	Why        string   `json:"why"`
	Reproduce  string   `json:"reproduce"` // commands or steps, by hand
	Do         string   `json:"do"`        // what the reader of a report should do
	References []string `json:"references,omitempty"`
}

// All returns every rule, sorted by id. The caller owns the slice.
func All() []Rule {
	all := slices.Concat(formatRules(), configRules(), libraryConfigRules(), codeRules(), templateRules(), graphRules(), modelRules())
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Find returns the rule with the given id.
func Find(id string) (Rule, bool) {
	all := All()
	i, ok := slices.BinarySearchFunc(all, id, func(r Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return Rule{}, false
	}
	return all[i], true
}

// Page writes the rule's page of docs/rules.
func (r Rule) Page() string {
	var b strings.Builder
	b.WriteString("# " + r.ID + "\n\n" + r.Title + ".\n\n")
	if r.Class != "" {
		b.WriteString("Class: **" + r.Class + "** or worse.\n\n")
	}
	b.WriteString("## Why\n\n" + r.Why + "\n\n## See it by hand\n\n" + r.Reproduce + "\n\n## What to do\n\n" + r.Do + "\n")
	if len(r.References) > 0 {
		b.WriteString("\n## References\n\n")
		for _, ref := range r.References {
			b.WriteString("- " + ref + "\n")
		}
	}
	return b.String()
}

// Index writes the list of all pages.
func Index() string {
	var b strings.Builder
	b.WriteString("# Rules\n\nWhat inspection reports, by stable id. A finding carries its id in `facts.rule`; `modelcheck rules ID`\nprints the page of one.\n\n| rule | it reports that | class |\n|---|---|---|\n")
	for _, r := range All() {
		b.WriteString("| [" + r.ID + "](" + r.ID + ".md) | " + r.Title + " | " + r.Class + " |\n")
	}
	return b.String()
}
