package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// countsOnly stands over the coverage in every format.
const countsOnly = "Counts of questions, and no score. What the tool fills in itself does not count. Conflicting is not disclosed, and a rule's inference is nobody's disclosure."

// A coverageView counts, and gives no score: what one criteria set asks for,
// and how much of that could be verified at all.
type coverageView struct {
	Criteria, Document, Note                                                          string
	Asked, Verified, Attested, Declared, Inferred, Conflicting, Absent, Unread, Apart int
	Verifiable                                                                        int
	Items                                                                             []itemView
}

// An itemView is one item of a criteria set and what became of its questions.
type itemView struct{ Section, Title, What string }

func newCoverages(m *provenance.Manifest) []coverageView {
	titles, states := questionTitles(), map[string]string{}
	for _, c := range m.Claims {
		states[c.ID] = stateWord(c.State)
	}
	sets := map[string]check.CriteriaSet{}
	for _, s := range check.CriteriaSets() {
		sets[s.ID] = s
	}
	var out []coverageView
	for _, c := range m.Coverage {
		out = append(out, newCoverage(c, sets[c.Criteria], titles, states))
	}
	return out
}

func newCoverage(c provenance.Coverage, set check.CriteriaSet, titles, states map[string]string) coverageView {
	n := func(s provenance.State) int { return c.Counts[s.String()] }
	v := coverageView{
		Criteria: set.Title, Note: set.Note, Asked: len(c.Claims), Verifiable: c.Verifiable,
		Verified: n(provenance.StateVerified), Attested: n(provenance.StateAttested), Declared: n(provenance.StateDeclared),
		Inferred: n(provenance.StateInferred), Conflicting: n(provenance.StateConflicting), Absent: n(provenance.StateAbsent),
		Unread: n(provenance.NotExamined), Apart: n(provenance.StateNotApplicable),
	}
	// A record of another version may have asked otherwise: then its own list
	// stands here, and not the items of a set that it was not counted by.
	if !slices.Equal(set.Claims(), c.Claims) {
		v.Criteria, v.Note = cell(Printable(c.Criteria)), "Counted by a set that this version does not have."
		for _, id := range c.Claims {
			v.Items = append(v.Items, itemView{"", cell(Printable(id)), states[id]})
		}
		return v
	}
	v.Document = set.Document + "; " + set.Provision + "; version " + set.Version
	for _, i := range set.Items {
		row := itemView{i.Section, i.Title, "no question bears on it"}
		if i.ByTool {
			row.What = "filled in by the tool, and not counted"
		}
		var parts []string
		for _, id := range i.Claims {
			parts = append(parts, titles[id]+": "+states[id])
		}
		if len(parts) > 0 {
			row.What = strings.Join(parts, "; ")
		}
		v.Items = append(v.Items, row)
	}
	return v
}

// Applicable is how many of the questions bear on this model.
func (v coverageView) Applicable() int { return v.Asked - v.Apart }

// Disclosed says how much is disclosed, by grade, with the ceiling.
func (v coverageView) Disclosed() string {
	k := v.Verified + v.Attested + v.Declared
	return fmt.Sprintf("disclosed %d of %d (%d verified, %d attested, %d declared), verifiable in principle: %d of %d",
		k, v.Applicable(), v.Verified, v.Attested, v.Declared, v.Verifiable, v.Asked)
}

// Rest counts the questions that nothing is disclosed on, and why.
func (v coverageView) Rest() string {
	return fmt.Sprintf("%d inferred, %d conflicting, %d not stated, %d not examined, %d not applicable", v.Inferred, v.Conflicting, v.Absent, v.Unread, v.Apart)
}
