package render

import (
	"io"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// Evidence writes for a person what became of checking a record against its
// evidence.
func Evidence(w io.Writer, r *check.EvidenceReport, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	word, sentence, colour := "DENY", "record and evidence differ, or the policy denies", red
	switch {
	case r.Verdict.Allowed():
		word, sentence, colour = "ALLOW", "the record agrees with its evidence; the weights were not hashed", green
	case r.Verdict.Outcome == policy.Hold:
		word, sentence, colour = "HOLD", "a person has to decide", yellow
	case r.Verdict.Outcome == policy.Undecided:
		word, sentence = "NO VERDICT", "the checks could not be made"
	}
	p.line("%s  %s", p.paint(colour, word), sentence)
	for _, reason := range r.Verdict.Reasons {
		effect := effectWord(reason.Effect)
		if reason.Effect == policy.Allow && !r.Verdict.Allowed() {
			effect = "for it"
		}
		p.line("  %-6s %s", effect, p.wrap(Printable(reason.Message+" ["+reason.Code+"]"), 9))
	}
	p.heading("Record")
	p.field("from", Printable(r.File))
	if !r.Subject.IsZero() {
		p.field("subject", r.Subject.String())
		p.field("manifest", r.ManifestDigest.String())
		p.field("substance", r.SubstanceDigest.String())
	}
	p.rechecked(r.Rechecked)
	if len(r.NotRechecked) > 0 {
		p.heading("Not checked again")
		last := check.NotRechecked{}
		for _, n := range r.NotRechecked {
			if n != last {
				p.line("  %-28s %s", Printable(n.What), p.wrap(Printable(n.Reason), 31))
			}
			last = n
		}
	}
	if len(r.Signatures) > 0 {
		p.heading("Signatures")
		for _, c := range r.Signatures {
			p.candidate(c)
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *page) rechecked(c check.Rechecked) {
	p.heading("Checked again, and held")
	for _, row := range []struct {
		n    int
		what string
	}{
		{c.Documents, "digests of documents, manifests and signatures"},
		{c.Files, "files that the OCI manifests name by digest"},
		{c.Quotes, "quotations at their lines"},
		{c.Pointers, "pointers into documents"},
		{c.LicenseTexts, "licence texts"},
		{c.Statements, "statements, read out of the documents again"},
		{c.Signatures, "signatures that the record names"},
	} {
		p.line("  %5d  %s", row.n, row.what)
	}
	p.line("  keys and roots in the bundle were not used: trust is what you gave")
}
