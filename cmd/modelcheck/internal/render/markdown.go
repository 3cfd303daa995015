package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// Limits of Markdown for each report: summaries of jobs end at 1 MiB for each
// step (GitHub Actions), and nobody reads more there. HTML and JSON hold all.
const (
	mdReasons = 100
	mdFiles   = 50
	mdClaims  = 400
)

// Markdown writes reports for job summaries and comments: the verdict first,
// then what was verified, what is not stated, and the rest folded.
func Markdown(w io.Writer, reports []*check.Report) error { return PagesMarkdown(w, pages(reports)) }

// PagesMarkdown is Markdown for pages of any kind.
func PagesMarkdown(w io.Writer, all []Page) error {
	d := &mdDocument{}
	if len(all) > 1 {
		d.summary(all)
	}
	for _, p := range all {
		d.report(p.view(mdFiles, ""))
	}
	_, err := io.WriteString(w, d.b.String())
	return err
}

// MarkdownSummary writes one line for each report and nothing else.
func MarkdownSummary(w io.Writer, reports []*check.Report) error {
	d := &mdDocument{}
	d.summary(pages(reports))
	_, err := io.WriteString(w, d.b.String())
	return err
}

type mdDocument struct{ b strings.Builder }

func (d *mdDocument) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *mdDocument) row(cells ...string) { d.line("| %s |", strings.Join(cells, " | ")) }

func (d *mdDocument) table(head ...string) {
	d.row(head...)
	d.row(strings.Split(strings.Repeat("---\n", len(head)-1)+"---", "\n")...)
}

func (d *mdDocument) open(title string)  { d.line("\n<details><summary>%s</summary>\n", title) }
func (d *mdDocument) close()             { d.line("\n</details>") }
func (d *mdDocument) section(s string)   { d.line("\n### %s\n", s) }
func (d *mdDocument) paragraph(s string) { d.line("\n%s", s) }

func (d *mdDocument) summary(all []Page) {
	d.line("## modelcheck: %s\n", tally(all))
	d.table("verdict", "reference", "digest", "why")
	for _, p := range all {
		s := p.summary()
		d.row("**"+s.Word+"**", mdCode(cell(s.Reference)), mdCode(s.Digest), mdText(cell(s.Why)))
	}
	d.line("")
}

func (d *mdDocument) report(v view) {
	d.line("## %s — %s\n", v.Word, v.Sentence)
	d.line("%s", mdCode(v.Reference))
	if v.Note != "" {
		d.paragraph(mdText(v.Note))
	}
	if len(v.Reasons) > 0 {
		d.line("")
		d.table("effect", "why", "code")
	}
	for i, r := range v.Reasons {
		if i == mdReasons {
			d.row("…", fmt.Sprintf("%d more", len(v.Reasons)-mdReasons), "")
			break
		}
		d.row(r.Effect, mdText(cell(r.Message)), mdCode(r.Code))
	}
	d.paragraph(mdText(v.Verified))
	d.signatures(v)
	if v.Claims != nil {
		d.silence(v.Claims)
		d.conflicts(v.Claims)
		d.claims(v.Claims)
		d.licences(v)
		d.loading(v)
		d.coverage(v.Claims)
	}
	d.findings(v)
	d.files(v)
	d.closing(v)
}

func (d *mdDocument) signatures(v view) {
	if len(v.Signatures) == 0 && len(v.Roots) == 0 {
		return
	}
	d.section("Signatures")
	d.table("", "by", "checked", "what of it")
	for _, s := range v.Signatures {
		what := s.Signers
		if s.Detail != "" {
			what = s.Detail + " [" + s.Code + "]"
		}
		if s.SignedAt != "" {
			what += "; signed at " + s.SignedAt
		}
		d.row(s.Word, mdText(cell(s.Who)), mdText(cell(s.Checked)), mdText(cell(what)))
	}
	for _, root := range v.Roots {
		d.paragraph("Trusted root " + mdText(root))
	}
}

func (d *mdDocument) silence(c *claimsView) {
	if c.Silent > 0 {
		d.section(fmt.Sprintf("Not stated in what the artifact holds (%d of %d questions)", c.Silent, c.Questions))
		d.line("Searched: %s\n", mdList(c.Searched))
		d.groups(c.Absent)
	}
	if len(c.Unread) > 0 {
		d.section("Not examined: documents that could not be read may hold it")
		d.groups(c.Unread)
	}
}

func (d *mdDocument) groups(groups []groupView) {
	for _, g := range groups {
		var titles []string
		for _, c := range g.Claims {
			titles = append(titles, mdText(c.Title))
		}
		d.line("- **%s**: %s", g.Title, strings.Join(titles, "; "))
	}
}

func mdList(items []placeView) string {
	out := make([]string, len(items))
	for i, p := range items {
		out[i] = mdCode(p.Path)
	}
	return strings.Join(out, ", ")
}

func (d *mdDocument) conflicts(c *claimsView) {
	if len(c.Conflicts) == 0 {
		return
	}
	d.section("Conflicts")
	d.table("question", "one says", "grade", "where")
	for _, claim := range c.Conflicts {
		for _, o := range claim.Observations {
			d.row(mdText(claim.Title), mdText(cell(o.Value)), o.Grade, mdCode(o.Place)+" "+mdText(o.Quote))
		}
	}
}
