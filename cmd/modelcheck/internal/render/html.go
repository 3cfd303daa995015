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

// HTML writes reports as one file for people: auditors and reviewers read it
// on a screen, a phone or paper. Escaping is html/template's, which knows where
// in the page a value stands.
func HTML(w io.Writer, reports []*check.Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"cell":   cell,
		"plural": plural,
	}).Parse(htmlPage)
	if err != nil {
		return err
	}
	page := struct {
		Title   string
		Style   template.CSS
		Summary []summaryView
		Reports []htmlReport
	}{Style: template.CSS(htmlStyle)}
	for i, r := range reports {
		id := ""
		if i > 0 {
			id = baseName(i) + "-"
		}
		page.Reports = append(page.Reports, htmlReport{view: newView(r, math.MaxInt, id), ID: id})
		page.Summary = append(page.Summary, newSummary(r))
	}
	page.Title = tally(reports)
	if len(reports) == 1 {
		page.Title = page.Reports[0].Word + ": " + page.Reports[0].Reference
		page.Summary = nil
	}
	return t.Execute(w, page)
}

// An htmlReport is a view whose places have names that begin with ID.
type htmlReport struct {
	view
	ID string
}
