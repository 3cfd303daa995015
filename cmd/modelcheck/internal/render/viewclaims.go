package render

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A claimsView is what the record says and does not say, in the order of a
// report: silence first, because nobody notices it by himself.
type claimsView struct {
	Anchor    string // of the list of what was searched
	Questions int
	Absent    []groupView
	Silent    int
	Searched  []placeView
	Unread    []groupView
	Conflicts []claimView
	Sections  []sectionView
	Coverage  []coverageView
}

// A placeView is a document and where in the report its digest stands.
type placeView struct{ Path, Anchor string }

// A groupView is the questions of one area.
type groupView struct {
	Title  string
	Claims []claimView
}

// A sectionView is one area with what is stated there. Missing names the
// questions without an answer.
type sectionView struct {
	ID      string
	Area    string // the first part of the claims' ids
	Title   string
	Groups  []groupView
	Missing []claimView
}

type claimView struct {
	ID, Title, State, Ceiling, Value string
	Searched                         int // documents, where nothing was found
	Observations                     []observationView
}

type observationView struct {
	Grade, Value, Place, Anchor, Quote, Method, Speaker string
}

// sections are the areas in the order of a report. The first part of a claim's
// id says where it belongs.
var sections = []struct{ prefix, title string }{
	{"license", "Licence and obligations"}, {"origin", "Origin"}, {"lineage", "Lineage"}, {"td", "Training data"},
	{"identity", "Identity"}, {"model", "Model"}, {"compute", "Compute"}, {"eval", "Evaluation"}, {"use", "Use"},
	{"behaviour", "Behaviour"}, {"runtime", "Running it"},
}

// euSections follow the template for the public summary of training content
// (Regulation (EU) 2024/1689, Art. 53(1)(d)); what it does not ask for is last.
var euSections = []struct {
	title    string
	prefixes []string
}{
	{"General information", []string{"td.size", "td.modalities", "td.languages", "td.contentTypes", "td.cutoff", "td.summary"}},
	{"Sources of data", []string{"td.sources", "td.crawl", "td.userData", "td.synthetic", "td.other"}},
	{"Processing of data", []string{"td.tdmOptOut", "td.illegalContent", "td.processing"}},
	{"Asked for elsewhere", []string{"td"}},
}

func newClaims(m *provenance.Manifest, anchors map[string]string, id string) *claimsView {
	titles := questionTitles()
	v := &claimsView{Anchor: id + "searched", Questions: len(m.Claims)}
	byArea, searched := map[string][]claimView{}, map[string]bool{}
	for _, c := range m.Claims {
		area, _, _ := strings.Cut(c.ID, ".")
		claim := newClaim(c, titles[c.ID], anchors)
		byArea[area] = append(byArea[area], claim)
		switch c.State {
		case provenance.StateAbsent:
			v.Silent++
			for _, d := range c.Searched {
				searched[Printable(d.Path)] = true
			}
		case provenance.StateConflicting:
			v.Conflicts = append(v.Conflicts, claim)
		}
	}
	for _, path := range sortedKeys(searched) {
		v.Searched = append(v.Searched, placeView{path, anchors[path]})
	}
	for _, a := range areas {
		v.Absent = addGroup(v.Absent, a.title, byArea[a.prefix], provenance.StateAbsent)
		v.Unread = addGroup(v.Unread, a.title, byArea[a.prefix], provenance.NotExamined)
	}
	for _, s := range sections {
		if s := newSection(s.prefix, s.title, byArea[s.prefix]); len(s.Groups) > 0 {
			s.ID = id + "area-" + strings.ToLower(strings.Fields(s.Title)[0])
			v.Sections = append(v.Sections, s)
		}
	}
	v.Coverage = newCoverages(m)
	return v
}

func questionTitles() map[string]string {
	titles := map[string]string{}
	for _, q := range check.Questions() {
		titles[q.ID] = q.Title
	}
	return titles
}

func addGroup(groups []groupView, title string, claims []claimView, state provenance.State) []groupView {
	claims = slices.DeleteFunc(slices.Clone(claims), func(c claimView) bool { return c.State != stateWord(state) })
	if len(claims) == 0 {
		return groups
	}
	return append(groups, groupView{title, claims})
}

// newSection shows every question on training data, answered or not, because
// that table is asked for; of other areas what is stated, and the rest by name.
func newSection(prefix, title string, claims []claimView) sectionView {
	s := sectionView{Area: prefix, Title: title}
	if prefix == "td" {
		for _, eu := range euSections {
			var own []claimView
			claims = slices.DeleteFunc(slices.Clone(claims), func(c claimView) bool {
				in := slices.ContainsFunc(eu.prefixes, func(p string) bool { return c.ID == p || strings.HasPrefix(c.ID, p+".") })
				if in {
					own = append(own, c)
				}
				return in
			})
			if len(own) > 0 {
				s.Groups = append(s.Groups, groupView{eu.title, own})
			}
		}
		return s
	}
	var stated []claimView
	for _, c := range claims {
		switch c.State {
		case stateWord(provenance.StateAbsent), stateWord(provenance.NotExamined):
			s.Missing = append(s.Missing, c)
		default:
			stated = append(stated, c)
		}
	}
	if len(claims) > 0 {
		s.Groups = []groupView{{"", stated}}
	}
	return s
}

func newClaim(c provenance.Claim, title string, anchors map[string]string) claimView {
	v := claimView{ID: Printable(c.ID), Title: title, State: stateWord(c.State), Ceiling: c.Ceiling.String(), Value: value(c.Value), Searched: len(c.Searched)}
	if title == "" {
		v.Title = cell(v.ID)
	}
	switch c.Absence {
	case provenance.StatedUndisclosed:
		v.Value = "stated as not disclosed"
	case provenance.StatedNone:
		v.Value = "stated as none"
	}
	for _, o := range c.Observations {
		place := place(o.Source)
		v.Observations = append(v.Observations, observationView{
			Grade: o.Grade.String(), Value: value(o.Value), Place: place, Anchor: anchorOf(anchors, o.Source),
			Quote: quote(o.Source.Quote), Method: Printable(o.Method), Speaker: speaker(o.Speaker),
		})
	}
	return v
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return Quoted(strings.ReplaceAll(s, "\t", " "))
}

func speaker(s provenance.Speaker) string {
	if s.Relation == provenance.UnknownRelation && s.Name == "" {
		return ""
	}
	return Printable(strings.TrimSpace(s.Relation.String() + " " + s.Name))
}

// stateWord is how people are told a state.
func stateWord(s provenance.State) string {
	switch s {
	case provenance.StateAbsent:
		return "not stated"
	case provenance.NotExamined:
		return "not examined"
	case provenance.StateNotApplicable:
		return "not applicable"
	default:
		return s.String()
	}
}
