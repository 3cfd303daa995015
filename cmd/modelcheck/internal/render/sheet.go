package render

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// SheetRenderer names the form of the review sheet. Whoever changes one byte of
// what Sheet writes gives it another number: a review names the digest of the
// sheet that its reviewer saw, and others render it again to compare.
const SheetRenderer = "review-sheet/1"

// Sheet writes the record as its reviewers see it before they sign: what was
// verified, what is not disclosed, what conflicts, what was found, and only then
// what is stated. It is a function of the record's substance and the policy's
// digest alone.
func Sheet(m *provenance.Manifest, policy artifact.Digest) (renderer string, text []byte) {
	p := &sheet{m: provenance.Sort(m)}
	substance, err := provenance.SubstanceDigest(m)
	if err != nil {
		return SheetRenderer, nil
	}
	p.line("REVIEW SHEET")
	p.line("subject    %v", m.Subject)
	p.line("substance  %v", substance)
	p.line("policy     %v", policy)
	p.signers()
	p.silence()
	p.conflicts()
	p.findings()
	p.licences()
	p.lineage()
	p.stated()
	p.files()
	return SheetRenderer, []byte(p.b.String())
}

// SheetCode is what a reviewer types to say that they saw this very sheet: the
// first 40 bits of its digest, 8 characters without those that look alike.
func SheetCode(d artifact.Digest) string {
	b := []byte(d.Hex())
	raw := make([]byte, 5)
	for i := range raw {
		fmt.Sscanf(string(b[2*i:2*i+2]), "%02x", &raw[i])
	}
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(raw)
}

type sheet struct {
	m *provenance.Manifest
	b strings.Builder
}

func (p *sheet) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *sheet) section(title string, n int) { p.line("\n%s (%d)", title, n) }

func (p *sheet) signers() {
	p.section("SIGNED BY", len(p.m.Signatures)+len(p.m.Attestations))
	for _, s := range p.m.Signatures {
		p.line("  %s (%v): %s [%s]", Quoted(s.Signer), s.Relation, identity(s.Identity), Printable(s.Scheme))
	}
	for _, a := range p.m.Attestations {
		p.line("  attestation %s by %s (%v): %s", Printable(a.PredicateType), Quoted(a.Signer), a.Relation, identity(a.Identity))
	}
	matched := "; every size and digest matches"
	if p.m.Artifact.Kind == "tree" {
		matched = "; nobody named digests to compare them with"
	}
	p.line("  %s in %s were hashed%s", Bytes(p.m.Artifact.TotalBytes), plural(len(p.m.Files), "file"), matched)
}

// silence lists every question without an answer: by area, since that is most
// of them.
func (p *sheet) silence() {
	var ids []string
	for _, c := range p.m.Claims {
		switch c.State {
		case provenance.StateAbsent:
			ids = append(ids, c.ID)
			if c.Absence != provenance.Silent {
				ids[len(ids)-1] += " (" + c.Absence.String() + ")"
			}
		case provenance.NotExamined:
			ids = append(ids, c.ID+" (not examined)")
		}
	}
	p.section("NOT DISCLOSED", len(ids))
	for _, id := range ids {
		p.line("  %s", Printable(id))
	}
}

func (p *sheet) conflicts() {
	n := 0
	for _, c := range p.m.Claims {
		if c.State == provenance.StateConflicting {
			n++
		}
	}
	p.section("CONFLICTS", n)
	for _, c := range p.m.Claims {
		if c.State == provenance.StateConflicting {
			p.line("  %s", Printable(c.ID))
			p.observations(c)
		}
	}
}

func (p *sheet) observations(c provenance.Claim) {
	for _, o := range c.Observations {
		what := value(o.Value)
		if o.Absence != provenance.NoAbsence {
			what = o.Absence.String()
		}
		p.line("    %v %s, %s, %s", o.Grade, what, source(o.Source), Printable(o.Method))
	}
}

func (p *sheet) findings() {
	p.section("FINDINGS", len(p.m.Findings))
	for _, f := range p.m.Findings {
		rule := ""
		if id := f.Facts["rule"]; id != "" {
			rule = " " + Printable(id)
		}
		p.line("  [%s%s] %s: %s", Printable(f.ID), rule, Printable(f.Subject), Printable(f.Detail))
	}
}

func (p *sheet) licences() {
	p.section("LICENCES", len(p.m.Licensing))
	for _, l := range p.m.Licensing {
		name := Printable(l.License)
		if name == "" {
			name = "no known licence"
		}
		p.line("  %s: %s (by %s%s)", Printable(l.Asset), name, Printable(l.Basis), of(l.Of))
		if l.Text != nil && l.Text.Match.Near != "" {
			p.line("    %s: %.0f %% of it is %s, modified %v", Printable(l.Text.Path), 100*l.Text.Match.Coverage, Printable(l.Text.Match.Near), l.Text.Match.Modified)
		}
		for _, t := range l.Terms {
			p.line("    term %s: %s, %s", Printable(t.ID), Printable(strings.Join(t.Value, ", ")), source(t.Source))
		}
		for _, o := range l.Obligations {
			p.line("    obligation %s (%s): %v. %s", Printable(o.ID), Printable(o.From), o.Check, Printable(o.Detail))
		}
	}
}

func of(model string) string {
	if model == "" {
		return ""
	}
	return ", of " + Printable(model)
}

func (p *sheet) lineage() {
	p.section("LINEAGE", len(p.m.Lineage))
	for _, l := range p.m.Lineage {
		p.line("  %s %s, %v, %s", Printable(l.Relation), Printable(l.Name), l.Grade, source(l.Source))
	}
}

func (p *sheet) stated() {
	var claims []provenance.Claim
	for _, c := range p.m.Claims {
		if !slices.Contains([]provenance.State{provenance.StateAbsent, provenance.NotExamined, provenance.StateConflicting}, c.State) {
			claims = append(claims, c)
		}
	}
	p.section("STATED", len(claims))
	for _, c := range claims {
		p.line("  %s: %s %s", Printable(c.ID), stateWord(c.State), value(c.Value))
		p.observations(c)
	}
}

func (p *sheet) files() {
	p.section("FILES", len(p.m.Files))
	for _, f := range p.m.Files {
		p.line("  %v %d %v %s %s", f.Digest, f.Size, f.Role, Printable(f.Path), Printable(f.Format))
	}
}
