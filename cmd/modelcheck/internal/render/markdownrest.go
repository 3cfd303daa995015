package render

import (
	"fmt"
	"strings"
)

// claims shows what is stated, folded: the reader of a summary wants the
// verdict, and opens this when he doubts it.
func (d *mdDocument) claims(c *claimsView) {
	d.open("What is stated")
	d.line("verified: recomputed from the bytes; attested: under the producer's signature; declared: quoted, unchecked\n")
	d.table("question", "state", "value", "where")
	n := 0
	for _, s := range c.Sections {
		for _, g := range s.Groups {
			for _, claim := range g.Claims {
				if claim.State == "not stated" || claim.State == "not examined" || claim.State == "conflicting" {
					continue
				}
				if n++; n > mdClaims {
					continue
				}
				where := ""
				if len(claim.Observations) > 0 {
					o := claim.Observations[0]
					where = mdCode(o.Place) + " " + mdText(o.Quote)
				}
				d.row(mdText(claim.Title), claim.State, mdText(cell(claim.Value)), where)
			}
		}
	}
	if n > mdClaims {
		d.row(fmt.Sprintf("%d more", n-mdClaims), "", "", "")
	}
	d.close()
}

// licences shows licences with what they ask for, base models, and what
// documents outside the artifact say.
func (d *mdDocument) licences(v view) {
	if len(v.Licences)+len(v.Bases) > 0 {
		d.open("Licences, obligations and base models")
		d.table("", "what", "state", "compared, or what it says", "where")
		for _, l := range v.Licences {
			d.row("licence of "+mdText(l.Asset), mdText(cell(l.Licence)), mdText(cell(l.Basis)), mdText(l.Compared), mdCode(l.Place))
		}
		for _, t := range v.Terms {
			d.row("term", mdText(t.What), "", mdText(cell(t.Value)), mdCode(t.Place)+" "+mdText(t.Quote))
		}
		for _, t := range v.Obligations {
			d.row("asked for", mdText(t.What), t.Check, mdText(cell(t.Value)), mdCode(t.Place)+" "+mdText(t.Quote))
		}
		for _, b := range v.Bases {
			d.row("made from", mdText(cell(b.Name)), b.Relation+", "+b.Grade, mdText(cell(b.Licence)), mdCode(b.Place)+" "+mdText(b.Quote))
		}
		d.close()
	}
	if len(v.Elsewhere) > 0 {
		d.section("Said elsewhere: in documents that are not in the artifact")
		d.table("question", "value", "where")
		for _, e := range v.Elsewhere {
			d.row(mdText(e.Title), mdText(cell(e.Value)), mdCode(e.Place)+" "+mdText(e.Quote))
		}
	}
}

func (d *mdDocument) loading(v view) {
	if len(v.Loading) == 0 {
		return
	}
	d.section("What loading does")
	d.table("", "")
	for _, f := range v.Loading {
		d.row(mdText(f.Name), mdText(cell(f.Value)))
	}
}

func (d *mdDocument) coverage(c *claimsView) {
	if len(c.Coverage) == 0 {
		return
	}
	d.open("Coverage")
	d.line("%s\n", mdText(countsOnly))
	for _, v := range c.Coverage {
		d.line("- **%s**: %s; %s", mdText(v.Criteria), v.Disclosed(), v.Rest())
	}
	for _, v := range c.Coverage {
		d.line("\n<details><summary>Items: %s</summary>\n", mdText(v.Criteria))
		if text := strings.TrimSpace(v.Document + ". " + v.Note); text != "." {
			d.line("%s\n", mdText(strings.TrimPrefix(text, ". ")))
		}
		d.table("section", "item", "questions")
		for _, i := range v.Items {
			d.row(mdText(i.Section), mdText(i.Title), mdText(i.What))
		}
		d.line("\n</details>")
	}
	d.close()
}

func (d *mdDocument) findings(v view) {
	if len(v.Findings) == 0 {
		return
	}
	d.section("Findings")
	d.table("about", "what", "code")
	for i, f := range v.Findings {
		if i == mdReasons {
			d.row("…", fmt.Sprintf("%d more", len(v.Findings)-mdReasons), "")
			break
		}
		d.row(mdCode(cell(f.Subject)), mdText(cell(f.Detail)), mdCode(f.Code))
	}
}

func (d *mdDocument) files(v view) {
	if len(v.Files) == 0 {
		return
	}
	d.open(fmt.Sprintf("Files (%d)", len(v.Files)+v.More))
	d.table("role", "size", "digest", "file")
	for _, f := range v.Files {
		d.row(f.Role, f.Size, mdCode(f.Digest), mdCode(cell(f.Path)))
	}
	if v.More > 0 {
		d.row("…", "", "", fmt.Sprintf("%d more; the manifest lists them all", v.More))
	}
	d.close()
}

func (d *mdDocument) closing(v view) {
	if len(v.Recorded) > 0 {
		d.section("Recorded")
		for _, f := range v.Recorded {
			d.line("- %s: %s", mdCode(f.Name), mdText(f.Value))
		}
	}
	if len(v.Settings) > 0 {
		d.section("Settings")
		for _, line := range v.Settings {
			d.line("- %s", mdText(line))
		}
	}
	if len(v.Commands) > 0 {
		d.open("Verify this yourself")
		d.line("%s\n", mdText(offline))
		for _, c := range v.Commands {
			d.line("- %s must print %s", mdCode(c.Line), mdCode(c.Expect))
		}
		d.close()
	}
	d.open("Record")
	d.table("", "")
	for _, fields := range [][]fieldView{v.Artifact, v.Record, v.Method} {
		for _, f := range fields {
			d.row(mdText(f.Name), mdCode(f.Value))
		}
	}
	d.close()
	d.line("")
}
