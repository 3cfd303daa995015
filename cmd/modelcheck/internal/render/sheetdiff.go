package render

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// SheetDifference writes what changed since an earlier record, signers first.
func SheetDifference(d provenance.Difference) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString("\nCHANGED SINCE THE BASELINE\n")
	if d.IsZero() {
		line("  nothing")
		return []byte(b.String())
	}
	if d.Before != d.After {
		line("  subject: %v, was %v", d.After, d.Before)
	}
	for _, g := range d.SignersGone {
		line("  NOT SIGNED ANY MORE by %s: %s", Quoted(g.Signer), identity(g.Identity))
	}
	for _, g := range d.SignersAdded {
		line("  NEWLY SIGNED by %s: %s", Quoted(g.Signer), identity(g.Identity))
	}
	for _, c := range d.Claims {
		line("  %s: %s, was %s", Printable(c.ID), claimWord(c.After), claimWord(c.Before))
	}
	for _, f := range d.FindingsAdded {
		line("  new finding [%s] %s: %s", Printable(f.ID), Printable(f.Subject), Printable(f.Detail))
	}
	for _, f := range d.FindingsGone {
		line("  finding gone [%s] %s: %s", Printable(f.ID), Printable(f.Subject), Printable(f.Detail))
	}
	for _, f := range d.Files {
		switch {
		case len(f.Before) == 0:
			line("  new file %s", Printable(f.Path))
		case len(f.After) == 0:
			line("  file gone %s", Printable(f.Path))
		default:
			line("  other bytes in %s", Printable(f.Path))
		}
	}
	for _, id := range d.EvidenceReplaced {
		line("  %s: the same on other evidence", Printable(id))
	}
	return []byte(b.String())
}

func claimWord(c *provenance.Claim) string {
	if c == nil {
		return "no such question"
	}
	return strings.TrimSpace(stateWord(c.State) + " " + value(c.Value))
}
