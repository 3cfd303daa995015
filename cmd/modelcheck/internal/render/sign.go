package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// Signed writes a signing report for a person: what was signed, by whom, what
// of it was verified, and where it is now.
func Signed(w io.Writer, r *check.SignReport, style Style) error {
	p := &page{style: style}
	switch {
	case r.Error != nil:
		p.line("%s  %s", p.paint(red, "FAILED"), Printable(r.Reference))
	case r.DryRun:
		p.line("%s  %s", p.paint(yellow, "DRY RUN"), "nothing was signed; this would be")
	case r.Attached == nil:
		p.line("%s  %s", p.paint(green, "SIGNED"), "and verified; not attached")
	default:
		p.line("%s  %s", p.paint(green, "SIGNED"), "verified, attached, and verified again as it is handed out")
	}
	if r.Error != nil {
		p.line("  %s", Printable(r.Error.Message)+" ["+r.Error.Code+"]")
	}
	p.line("")
	p.field("reference", Printable(r.Reference))
	if r.Resolved != nil {
		p.field("digest", r.Resolved.Digest.String())
	}
	if r.Files > 0 {
		p.field("files", strconv.Itoa(r.Files))
	}
	p.signatory(r)
	if c := r.Signature; c != nil {
		p.field("verified", Printable(strings.Join(c.Checked, ", ")))
		for _, t := range c.SignedAt {
			p.field("time", Printable(t.Time+" ("+t.Source+")"))
		}
		if c.LogIndex != nil {
			p.field("log index", strconv.FormatInt(*c.LogIndex, 10))
		}
	}
	if b := r.Bundle; b != nil {
		p.field("bundle", fmt.Sprintf("%v, %s", b.Digest, Bytes(b.Size)))
	}
	if a := r.Attached; a != nil {
		again := ""
		if a.Existed {
			again = "; it had been there before"
		}
		p.field("attached", fmt.Sprintf("%v (%s%s)", a.Digest, a.Layout, again))
	}
	if r.DryRun && len(r.Statement) > 0 {
		p.field("statement", Printable(string(r.Statement)))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// signatory says who signed, as far as that is verified, or else who would.
func (p *page) signatory(r *check.SignReport) {
	if c := r.Signature; c != nil {
		if c.Identity.KeyFingerprint != "" {
			p.field("by key", Printable(c.Identity.KeyFingerprint))
			return
		}
		p.field("by", Printable(c.Identity.Subject))
		p.field("vouched for", Printable(c.Identity.Issuer))
		return
	}
	s := r.Signatory
	if s == nil {
		return
	}
	switch s.Kind {
	case "key":
		p.field("by key", s.KeyFingerprint)
	case "plugin":
		p.field("by plugin", Printable(s.Plugin))
	case "token":
		p.field("by", Printable(s.Subject)+", as the token says")
		p.field("vouched for", Printable(s.Issuer))
	case "github-actions":
		p.field("by", "this job of GitHub Actions")
	default:
		p.field("by", "whoever signs in at "+Printable(s.Issuer))
	}
	if v := r.Services; v != nil {
		p.field("certificate", Printable(v.CertificateAuthority))
		p.field("log", Printable(strings.Join(v.TransparencyLogs, ", ")))
		p.field("timestamp", Printable(strings.Join(v.TimestampAuthorities, ", ")))
	}
}
