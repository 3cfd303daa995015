package license

import (
	"bytes"
	_ "embed"
	"slices"
	"sort"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// termData says which words of a licence state which of its terms. It quotes
// no more of a licence than it takes to find the place.
//
//go:embed data/terms-1.json
var termData []byte

// A Statement is a term or an obligation of a licence as its text states it.
type Statement struct {
	ID     string
	Values []string // "military", "CN": by the catalogue
	Clause string   // "1.b.i", "" where the text numbers none
	Check  string   // how an obligation can be checked by looking: one of the Check… words, or ""
	With   string   // what that compares with
	Lines  []int    // first and last, from 1; nil for a licence whose text is not at hand
}

// How an obligation can be checked.
const (
	CheckText       = "text"        // the licence's text is passed on
	CheckNamePrefix = "name-prefix" // the model's name begins with these words
	CheckNotice     = "notice"      // a file called NOTICE says this
	CheckCard       = "card"        // a model card says this; a website or product may say it instead
)

type statementData struct {
	ID          string        `json:"id"`
	Terms       []termPoints  `json:"terms"`
	Obligations []obligedWith `json:"obligations"`
}

type termPoints struct {
	ID     string `json:"id"`
	Points []struct {
		Phrase string `json:"phrase"` // in normal form
		Value  string `json:"value,omitempty"`
	} `json:"points"`
}

type obligedWith struct {
	ID       string `json:"id"`
	Clause   string `json:"clause"`
	Phrase   string `json:"phrase"`
	Check    string `json:"check,omitempty"`
	Argument string `json:"argument,omitempty"`
}

var statements = sync.OnceValue(func() map[string]statementData {
	var file struct {
		Schema   string          `json:"schema"`
		Licenses []statementData `json:"licenses"`
	}
	if err := strictjson.Decode(termData, &file); err != nil {
		panic("license: embedded terms: " + err.Error())
	}
	out := map[string]statementData{}
	for _, l := range file.Licenses {
		out[l.ID] = l
	}
	return out
})

// Terms finds what the text of a licence states, by the catalogue's table for
// id. A term whose words are not in the text is left out.
func Terms(id string, text []byte) []Statement {
	at := newPlaces(text)
	var out []Statement
	for _, term := range statements()[id].Terms {
		s := Statement{ID: term.ID}
		for _, p := range term.Points {
			lines := at.find(p.Phrase)
			if lines == nil {
				continue
			}
			if p.Value != "" {
				s.Values = append(s.Values, p.Value)
			}
			if s.Lines == nil {
				s.Lines = lines
			}
			s.Lines = []int{min(s.Lines[0], lines[0]), max(s.Lines[1], lines[1])}
		}
		if s.Lines != nil {
			out = append(out, s)
		}
	}
	return out
}

// Obligations lists what the licence with the id asks for. With its text at
// hand they are those whose words are found, with their lines; without (nil),
// all that the table has.
func Obligations(id string, text []byte) []Statement {
	var out []Statement
	at := newPlaces(text)
	for _, o := range statements()[id].Obligations {
		s := Statement{ID: o.ID, Clause: o.Clause, Check: o.Check, With: o.Argument}
		if text != nil {
			if s.Lines = at.find(o.Phrase); s.Lines == nil {
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// Added returns the lines of the words that a modified text has more than the
// licence it is near, nil where that is not known.
func (m Match) Added(text []byte) []int {
	if m.added == nil {
		return nil
	}
	return newPlaces(text).lines(m.added[0], m.added[1])
}

// places maps a text's normal form to its lines.
type places struct {
	norm   []byte
	starts []int // where each line that has words begins in norm
	number []int // and which it is
}

func newPlaces(text []byte) places {
	var p places
	for i, line := range bytes.Split(text, []byte("\n")) {
		words := Normalize(line)
		if len(words) == 0 {
			continue
		}
		if len(p.norm) > 0 {
			p.norm = append(p.norm, ' ')
		}
		p.starts, p.number = append(p.starts, len(p.norm)), append(p.number, i+1)
		p.norm = append(p.norm, words...)
	}
	return p
}

// find returns the first and last line of the first place of a phrase, which
// begins and ends with whole words.
func (p places) find(phrase string) []int {
	for from := 0; phrase != ""; {
		at := bytes.Index(p.norm[from:], []byte(phrase))
		if at < 0 {
			return nil
		}
		at += from
		end := at + len(phrase)
		if (at == 0 || p.norm[at-1] == ' ') && (end == len(p.norm) || p.norm[end] == ' ') {
			return p.lines(at, end)
		}
		from = at + 1
	}
	return nil
}

func (p places) lines(start, end int) []int {
	if len(p.starts) == 0 {
		return nil
	}
	if start < len(p.norm) && p.norm[start] == ' ' {
		start++
	}
	lineAt := func(offset int) int {
		return p.number[max(sort.SearchInts(p.starts, offset+1)-1, 0)]
	}
	return []int{lineAt(start), lineAt(max(end-1, start))}
}

// Propagates says whether the licence with the id asks that derivatives keep
// some of its terms, and by which of its obligations.
func Propagates(id string) (Statement, bool) {
	list := Obligations(id, nil)
	i := slices.IndexFunc(list, func(s Statement) bool {
		return slices.Contains([]string{"propagate-restrictions", "name-prefix", "same-license", "share-alike", "no-improving-others", "notice-file"}, s.ID)
	})
	if i < 0 || id == "Apache-2.0" {
		return Statement{}, false
	}
	return list[i], true
}
