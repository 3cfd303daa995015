package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Style says what the terminal can do. The zero value is plain text.
type Style struct {
	Colour bool
	Width  int // columns; 0 means 100
}

// Text writes the report for a person: the verdict and its reasons first, then
// what was verified, what is not disclosed, conflicts, and the rest.
func Text(w io.Writer, r *check.Report, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	p.verdict(r)
	p.subject(r)
	p.signatures(r)
	if m := r.Manifest; m != nil {
		p.notDisclosed(m)
		p.conflicts(m)
		p.licences(m)
		p.claims(m)
		p.elsewhere(m)
		p.coverage(m, false)
		p.findings(m)
		p.loading(m)
		p.files(m)
	}
	p.unread(r)
	p.tensors(r.Tensors)
	p.placed(r)
	p.recorded(r)
	p.settings(r)
	p.closing(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// A page is text in the making.
type page struct {
	b     strings.Builder
	style Style
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) heading(s string) { p.line("\n%s", p.paint(bold, s)) }

// field writes "  name  value" with the values in one column.
func (p *page) field(name, value string) {
	if value != "" {
		p.line("  %-14s%s", name, value)
	}
}

const (
	bold   = "1"
	red    = "31;1"
	green  = "32;1"
	yellow = "33;1"
)

func (p *page) paint(colour, s string) string {
	if !p.style.Colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (p *page) verdict(r *check.Report) {
	word, sentence := headline(r)
	colour := map[string]string{"go": green, "wait": yellow, "stop": red}[tone(r)]
	if r.Inspected {
		colour = bold
	}
	p.line("%s  %s", p.paint(colour, word), sentence)
	p.reasons(r.Verdict.Reasons)
	if r.Error != nil {
		p.line("  %s", p.wrap(Printable(r.Error.Message+" ["+r.Error.Code+"]"), 2))
	}
}

func (p *page) reasons(all []policy.Reason) {
	alike := func(a, b policy.Reason) bool { return a.Code == b.Code && a.Effect == b.Effect }
	tell(all, alike, func(r policy.Reason, more int) {
		text := r.Message
		if more > 0 {
			text = moreOfThem(more)
		}
		p.line("  %-6s%s", effectWord(r.Effect), p.wrap(Printable(text+" ["+r.Code+"]"), 8))
	})
}

// mostAlike is how many of a kind are told one by one: a thousand files can be
// wrong in the same way.
const mostAlike = 8

// tell calls say for the items in their order; of many alike in a row for the
// first ones, and once more for how many the rest are.
func tell[T any](all []T, alike func(a, b T) bool, say func(item T, more int)) {
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(item T) bool { return !alike(all[0], item) })
		if n < 0 {
			n = len(all)
		}
		told := n
		if n > mostAlike+1 {
			told = mostAlike
		}
		for _, item := range all[:told] {
			say(item, 0)
		}
		if told < n {
			say(all[0], n-told)
		}
		all = all[n:]
	}
}

func moreOfThem(n int) string { return fmt.Sprintf("and %d more; --output json lists them all", n) }

// effectWord is what a reason leads to, or "note" where it leads to nothing.
func effectWord(o policy.Outcome) string {
	if o == policy.Undecided {
		return "note"
	}
	return o.String()
}

func (p *page) subject(r *check.Report) {
	p.heading("Artifact")
	p.field("reference", Printable(r.Reference))
	if r.Resolved != nil {
		p.field("digest", r.Resolved.Digest.String())
		if !r.Resolved.TagDigest.IsZero() {
			p.field("tag", fmt.Sprintf("points elsewhere now: %v", r.Resolved.TagDigest))
		}
	}
	if r.Manifest == nil {
		if r.Stopped != "" {
			p.field("read", "no blob: the signatures deny already (--manifest FILE records it all the same)")
		}
		if r.Summary != nil {
			p.field("hashed", p.wrap("nothing: "+summaryWords(r.Summary), 16))
			if !r.Summary.ManifestDigest.IsZero() {
				p.field("its manifest", r.Summary.ManifestDigest.String())
			}
		}
		return
	}
	for _, m := range r.Manifest.Artifact.Members {
		p.field("packaging", strings.TrimSpace(Printable(m.Packaging+" "+m.Platform)))
	}
	if id := r.Manifest.Artifact.ContentIdentity; !id.IsZero() {
		p.field("content", id.String())
	}
	if r.Inspected && r.ManifestDigest.IsZero() {
		p.field("read", fmt.Sprintf("%s of %s; the rest is what the manifest claims", Bytes(r.Bytes.Hashed), Bytes(r.Manifest.Artifact.TotalBytes)))
		return
	}
	if r.Manifest.Artifact.Kind == "tree" {
		p.field("hashed", fmt.Sprintf("%s in %s; nobody named digests to compare with", Bytes(r.Bytes.Hashed), plural(r.Bytes.Files, "file")))
		return
	}
	p.field("hashed", fmt.Sprintf("%s in %s, %s; every size and digest matches", Bytes(r.Bytes.Hashed), plural(r.Bytes.Blobs, "blob"), plural(r.Bytes.Files, "file")))
}

func (p *page) signatures(r *check.Report) {
	if r.Resolved == nil {
		return
	}
	p.heading("Signatures")
	if len(r.Signatures) == 0 {
		p.line("  none found")
	}
	for _, c := range r.Signatures {
		p.candidate(c)
	}
	for _, root := range r.TrustedRoots {
		p.line("  trusted root %s (%v, %s)", Quoted(cmp.Or(root.Installed, root.Name)), root.Digest, ageWord(root.AgeSeconds))
	}
}

func (p *page) candidate(c provenance.Candidate) {
	who := identity(c.Identity)
	if c.Verdict != provenance.Proven {
		word := "refused"
		if c.Verdict == provenance.Unchecked {
			word = "unproven"
		}
		p.line("  %-8s %s", p.paint(yellow, word), p.wrap(fmt.Sprintf("%s %s", who, Printable(c.Detail+" ["+c.Code+"]")), 11))
		return
	}
	word, colour := "verified", green
	if len(c.Signers) == 0 {
		word, colour = "stranger", yellow
	}
	p.line("  %s %s", p.paint(colour, word), p.wrap(who, 11))
	p.line("           checked: %s", Printable(strings.Join(c.Checked, ", ")))
	for _, at := range c.SignedAt {
		p.line("           signed at %s (%s)", Printable(at.Time), Printable(at.Source))
	}
	if c.Code == provenance.CodeAttestationVerified {
		p.line("           an attestation of type %s, and no signature", Quoted(c.PredicateType))
	}
	if len(c.Signers) > 0 {
		p.line("           the policy's signer %s", Quoted(strings.Join(c.Signers, ", ")))
	} else {
		p.line("           nobody whom the policy names")
	}
}

func identity(id provenance.Identity) string {
	switch {
	case id.Subject != "":
		return fmt.Sprintf("%s, vouched for by %s", Printable(id.Subject), Printable(id.Issuer))
	case id.KeyFingerprint != "":
		return "key " + Printable(id.KeyFingerprint)
	default:
		return ""
	}
}

func (p *page) files(m *provenance.Manifest) {
	p.heading(fmt.Sprintf("Files (%d)", len(m.Files)))
	const most = 24 // a 163-shard model must not bury what stands above it
	for i, f := range m.Files {
		if i == most && len(m.Files) > most+4 {
			p.line("  … %d more; --output json or the manifest lists them all", len(m.Files)-most)
			break
		}
		name := Printable(f.Path)
		p.line("  %-10s %-12s %9s  %s  %s", f.Role, f.Class, Bytes(f.Size), shortDigest(f.Digest), name)
	}
}

func shortDigest(d artifact.Digest) string { return d.String()[:19] + "…" }

// placed says what lies on the disk now, and how a folder compares with its
// receipt.
func (p *page) placed(r *check.Report) {
	if placed := r.Placed; placed != nil {
		p.heading("Files on the disk")
		p.field("folder", Printable(placed.Directory))
		if placed.Apart {
			p.field("", "not allowed, and kept there to be looked into only")
		}
		p.field("placed", fmt.Sprintf("%s, %s", plural(placed.Files, "file"), Bytes(placed.Bytes)))
		if placed.Kept > 0 {
			p.field("resumed", Bytes(placed.Kept)+" were left by an interrupted run, hashed again and not fetched again")
		}
	}
	if copied := r.Copied; copied != nil {
		p.heading("Copied")
		p.field("to", Printable(copied.Reference))
		p.field("blobs", fmt.Sprintf("%s, %d of them there already, %d mounted, %s sent", plural(copied.Blobs, "blob"), copied.Existed, copied.Mounted, Bytes(copied.Bytes)))
		p.field("attached", plural(copied.Referrers, "referrer")+" came along")
		if copied.Further > 0 {
			p.field("further", plural(copied.Further, "referrer")+" of referrers and members, not judged")
		}
		for _, n := range copied.NotCopied {
			p.field("left behind", n.Digest.String()+": "+Printable(n.Why))
		}
	}
	if receipt := r.Receipt; receipt != nil {
		p.heading("Receipt")
		p.field("pulled from", receipt.Artifact.String())
		p.field("manifest", receipt.ManifestDigest.String())
		if receipt.Rehashed {
			p.field("compared", plural(receipt.Files, "file")+" by size and SHA-256; nobody signed the receipt")
		} else {
			p.field("compared", plural(receipt.Files, "file")+" by size, times and inode only; nothing was hashed again")
		}
	}
}

func (p *page) closing(r *check.Report) {
	if r.ManifestDigest.IsZero() {
		return
	}
	p.heading("Record")
	p.field("manifest", r.ManifestDigest.String())
	p.field("substance", r.SubstanceDigest.String())
	if !r.Verdict.Policy.IsZero() {
		p.field("policy", r.Verdict.Policy.String())
	}
}

// wrap breaks text at spaces to the page's width; lines after the first are
// indented.
func (p *page) wrap(s string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > p.style.Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
