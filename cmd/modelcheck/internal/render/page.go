package render

import (
	_ "embed"
	"html/template"
	"io"
	"math"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// htmlPage is the page; it holds no script and asks for nothing from
// elsewhere, and its policy (Content-Security-Policy) forbids both to whatever
// a document of a model could smuggle in.
//
//go:embed report.html.tmpl
var htmlPage string

//go:embed report.css
var htmlStyle string

// A Page is a report or a record that is to be shown. Markdown and HTML show
// the same words of it.
type Page struct {
	report *check.Report
	record RecordSource // where report is nil
	file   string       // that the report was read from
}

// ReportPage shows a report of a check that was made now.
func ReportPage(r *check.Report) Page { return Page{report: r} }

// StoredPage shows a report that was read from a file, and says so.
func StoredPage(r *check.Report, file string) Page { return Page{report: r, file: file} }

// RecordPage shows a provenance manifest by itself.
func RecordPage(src RecordSource) Page { return Page{record: src} }

func (p Page) view(files int, id string) view {
	if p.report == nil {
		return newRecordView(p.record, files, id)
	}
	return p.fromFile(newView(p.report, files, id))
}

func (p Page) summary() summaryView {
	if p.report == nil {
		v := newRecordView(p.record, 0, "")
		return summaryView{Word: v.Word, Tone: v.Tone, Reference: v.Reference, Digest: p.record.Manifest.Subject.String(), Why: noVerdict}
	}
	s := newSummary(p.report)
	v := p.fromFile(view{Word: s.Word, Tone: s.Tone})
	s.Word, s.Tone = v.Word, v.Tone
	return s
}

func pages(reports []*check.Report) []Page {
	out := make([]Page, len(reports))
	for i, r := range reports {
		out[i] = ReportPage(r)
	}
	return out
}

// title names a single page, and counts several.
func title(all []Page) string {
	if len(all) > 1 {
		return tally(all)
	}
	s := all[0].summary()
	return s.Word + ": " + s.Reference
}

// An htmlReport is a view whose places have names that begin with ID.
type htmlReport struct {
	view
	ID string
}

// HTML writes reports as one file for people: auditors and reviewers read it
// on a screen, a phone or paper. Escaping is html/template's, which knows where
// in the page a value stands.
func HTML(w io.Writer, reports []*check.Report) error { return PagesHTML(w, pages(reports)) }

// PagesHTML is HTML for pages of any kind.
func PagesHTML(w io.Writer, all []Page) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"cell":       cell,
		"plural":     plural,
		"offline":    func() string { return offline },
		"countsOnly": func() string { return countsOnly },
	}).Parse(htmlPage)
	if err != nil {
		return err
	}
	page := struct {
		Title   string
		Style   template.CSS
		Summary []summaryView
		Reports []htmlReport
	}{Title: title(all), Style: template.CSS(htmlStyle)}
	for i, p := range all {
		id := ""
		if i > 0 {
			id = baseName(i) + "-"
		}
		page.Reports = append(page.Reports, htmlReport{view: p.view(math.MaxInt, id), ID: id})
		if len(all) > 1 {
			page.Summary = append(page.Summary, p.summary())
		}
	}
	return t.Execute(w, page)
}

// PagesText writes pages for a terminal. Of a stored report it says first where
// it is from.
func PagesText(w io.Writer, all []Page, style Style) error {
	for i, p := range all {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if p.report == nil {
			if err := Record(w, p.record, style); err != nil {
				return err
			}
			continue
		}
		v := p.fromFile(view{})
		if _, err := io.WriteString(w, v.Note+"\n\n"); err != nil {
			return err
		}
		if err := Text(w, p.report, style); err != nil {
			return err
		}
	}
	return nil
}
