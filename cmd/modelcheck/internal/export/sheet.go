package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// banner heads every sheet: nobody must take it for the provider's own.
const banner = "Pre-fill by a downstream party, not the provider's summary"

// A sheet is a form that a law or an office gives, with the questions of the
// record that bear on each of its fields.
type sheet struct{ set, title string }

type field struct {
	section, text string
	claims        []string
}

// A row is one question of one field, answered as far as the record goes.
type row struct{ section, field, question, provider, others, state, evidence string }

var head = []string{"section", "field", "question", "stated by the provider", "stated in the artifact by others or by nobody known", "state", "evidence"}

// rows: only what the provider says, under the relation that a policy gives
// its signer, fills the form. Everything else stands beside it.
func (s sheet) rows(m *provenance.Manifest) []row {
	r := newReader(m)
	var out []row
	fields, _ := s.fields()
	for _, f := range fields {
		if len(f.claims) == 0 {
			out = append(out, row{section: f.section, field: f.text, provider: notDisclosed, state: "not asked", evidence: "no question of the catalogue bears on it"})
		}
		for _, id := range f.claims {
			out = append(out, r.row(f, id))
		}
	}
	return out
}

const notDisclosed = "not disclosed by the provider"

func (r reader) row(f field, id string) row {
	c, known := r.claims[id]
	out := row{section: f.section, field: f.text, question: r.titles[id], provider: notDisclosed, state: "not examined"}
	if !known {
		return out
	}
	out.state = c.State.String()
	var places, said, beside []string
	for _, o := range c.Observations {
		text := render.Value(o.Value)
		switch o.Absence {
		case provenance.StatedUndisclosed:
			text = "stated as not disclosed"
		case provenance.StatedNone:
			text = "stated as none"
		}
		switch {
		case o.Grade == provenance.Inferred:
			text += " (inferred by a rule)"
			beside = add(beside, text)
		case o.Speaker.Relation == provenance.Producer:
			said = add(said, text)
		default:
			beside = add(beside, text)
		}
		places = append(places, quoted(o))
	}
	if len(said) > 0 {
		out.provider = strings.Join(said, "; ")
	}
	out.others = strings.Join(beside, "; ")
	if len(c.Searched) > 0 {
		var paths []string
		for _, d := range c.Searched {
			paths = append(paths, render.Printable(d.Path))
		}
		places = append(places, "searched: "+strings.Join(paths, ", "))
	}
	out.evidence = strings.Join(places, "; ")
	return out
}

func add(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}

func (r row) cells() []string {
	return []string{r.section, r.field, r.question, r.provider, r.others, r.state, r.evidence}
}

func (s sheet) notes(cfg Config) []string {
	_, source := s.fields()
	return []string{
		"Form: " + s.title + " (" + source + ")",
		"Made of the provenance manifest " + cfg.Digest.String() + " of " + cfg.Manifest.Subject.String() + " at " + cfg.Created.Format("2006-01-02T15:04:05Z"),
		"What is not stated was looked for in the documents of the artifact only. No legal advice, and no statement about what the law asks of anybody.",
	}
}

func (s sheet) markdown(w io.Writer, cfg Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", render.MarkdownText(banner))
	for _, n := range s.notes(cfg) {
		fmt.Fprintf(&b, "%s\n\n", render.MarkdownText(n))
	}
	section := "\x00"
	for _, r := range s.rows(cfg.Manifest) {
		if r.section != section {
			section = r.section
			fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", render.MarkdownText(section), strings.Join(head[1:], " | "), strings.Repeat(" --- |", len(head)-1))
		}
		cells := r.cells()[1:]
		for i, c := range cells {
			cells[i] = render.MarkdownText(c)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s sheet) csv(w io.Writer, cfg Config) error {
	out := csv.NewWriter(w)
	rows := [][]string{{banner}}
	for _, n := range s.notes(cfg) {
		rows = append(rows, []string{n})
	}
	rows = append(rows, head)
	for _, r := range s.rows(cfg.Manifest) {
		rows = append(rows, r.cells())
	}
	for _, r := range rows {
		// Every line has as many cells as the head: readers ask for that.
		for len(r) < len(head) {
			r = append(r, "")
		}
		for i, c := range r {
			r[i] = render.Cell(c)
		}
		if err := out.Write(r); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func euMarkdown(w io.Writer, cfg Config) error { return euTemplate.markdown(w, cfg) }
func euCSV(w io.Writer, cfg Config) error      { return euTemplate.csv(w, cfg) }
func caMarkdown(w io.Writer, cfg Config) error { return caSheet.markdown(w, cfg) }
func caCSV(w io.Writer, cfg Config) error      { return caSheet.csv(w, cfg) }
