package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// TrustVersion is the version of the JSON of trusted roots, described by
// schemas/trust-v1.json.
const TrustVersion = "1"

// A TrustReport is what the verbs of "modelcheck trust" print.
type TrustReport struct {
	SchemaVersion string      `json:"schemaVersion"`
	Roots         []TrustRoot `json:"roots"`
}

// A TrustRoot is one trusted root: where it came from, and what it trusts.
type TrustRoot struct {
	Name        string          `json:"name,omitempty"` // "" for a file that is not installed
	Digest      artifact.Digest `json:"digest"`
	Source      string          `json:"source"` // "tuf", "import" or "unknown"
	Mirror      string          `json:"mirror,omitempty"`
	FetchedAt   time.Time       `json:"fetchedAt,omitzero"`
	InstalledAt time.Time       `json:"installedAt,omitzero"`
	AgeSeconds  *int64          `json:"ageSeconds"`         // nil where nobody knows
	Note        string          `json:"note,omitempty"`     // why its sidecar is not believed
	NewestKey   time.Time       `json:"newestKey,omitzero"` // the latest start of an authority or log
	TUF         *check.TrustTUF `json:"tuf,omitempty"`
	// SigningConfig is the digest of the signing configuration that came along.
	SigningConfig artifact.Digest     `json:"signingConfig,omitzero"`
	Contents      check.TrustContents `json:"contents"`
}

// NewTrustRoot puts together what is known of a root at a time.
func NewTrustRoot(r check.InstalledRoot, c check.TrustContents, at time.Time) TrustRoot {
	t := TrustRoot{Name: r.Name, Digest: r.Digest, Source: "unknown", Note: r.Note, NewestKey: c.NewestKey(), Contents: c}
	if side := r.Sidecar; side != nil {
		t.Source, t.Mirror, t.TUF, t.SigningConfig = side.Source, side.Mirror, side.TUF, side.SigningConfig
		t.FetchedAt, t.InstalledAt = side.FetchedAt, side.InstalledAt
	}
	if age, known := (check.RootOrigin{FetchedAt: t.FetchedAt}).Age(at); known {
		seconds := int64(age / time.Second)
		t.AgeSeconds = &seconds
	}
	return t
}

// TrustList writes one line for each root.
func TrustList(w io.Writer, roots []TrustRoot) error {
	p := &page{}
	if len(roots) == 0 {
		p.line("no trusted root is installed")
	}
	for _, r := range roots {
		p.line("%-20s %-16s %s  %s", r.Name, ageWord(r.AgeSeconds), r.Digest, Printable(strings.TrimSpace(r.Source+" "+r.Mirror)))
		if r.Note != "" {
			p.line("  note: %s", Printable(r.Note))
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// Trust writes what a root is and what it trusts.
func Trust(w io.Writer, r TrustRoot, style Style) error {
	p := &page{style: style}
	title := "Trusted root"
	if r.Name != "" {
		title += " " + Quoted(r.Name)
	}
	p.line("%s", p.paint(bold, title))
	p.field("digest", r.Digest.String())
	switch {
	case r.Source == "tuf":
		p.field("source", "TUF, "+Printable(r.Mirror))
	case r.Source == "import":
		p.field("source", "imported from a file at "+second(r.InstalledAt))
	default:
		p.field("source", "a file; nobody says where it came from")
	}
	if r.AgeSeconds == nil {
		p.field("age", "unknown")
	} else {
		p.field("age", fmt.Sprintf("%s, fetched at %s", ageWord(r.AgeSeconds), second(r.FetchedAt)))
	}
	p.field("note", Printable(r.Note))
	if t := r.TUF; t != nil {
		p.field("TUF", fmt.Sprintf("root %d until %s, timestamp %d until %s, snapshot %d, targets %d",
			t.Root.Version, day(t.Root.Expires), t.Timestamp.Version, day(t.Timestamp.Expires), t.Snapshot.Version, t.Targets.Version))
		p.field("", "began with "+t.Anchor.String())
	}
	if !r.SigningConfig.IsZero() {
		p.field("signing", "its signing configuration is "+r.SigningConfig.String())
	}
	p.field("newest key", "in use since "+day(r.NewestKey))
	c := r.Contents
	p.authorities("Certificate authorities", c.CertificateAuthorities)
	p.logs("Certificate transparency logs", c.CertificateLogs)
	p.logs("Transparency logs", c.TransparencyLogs)
	p.authorities("Timestamp authorities", c.TimestampAuthorities)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *page) authorities(title string, list []check.TrustAuthority) {
	p.heading(fmt.Sprintf("%s (%d)", title, len(list)))
	for _, a := range list {
		p.line("  %s", Printable(a.URL))
		name := a.Subject
		if a.Root != "" {
			name += ", under " + a.Root
		}
		p.line("    %s", Printable(name))
		p.line("    %s; certificates until %s; root %s", span(a.ValidFor), day(a.NotAfter), a.Digest)
	}
}

func (p *page) logs(title string, list []check.TrustLog) {
	p.heading(fmt.Sprintf("%s (%d)", title, len(list)))
	for _, l := range list {
		kind := l.Key
		if l.Generation != "" {
			kind = "Rekor v" + l.Generation + ", " + kind
		}
		p.line("  %s", Printable(l.URL))
		p.line("    %s; %s", Printable(kind), span(l.ValidFor))
		p.line("    key id %s", Printable(l.KeyID))
	}
}

// span writes the time in which an authority or key may have signed.
func span(v check.TrustPeriod) string {
	switch {
	case v.Start.IsZero() && v.End.IsZero():
		return "trusted at all times"
	case v.End.IsZero():
		return "in use since " + day(v.Start)
	case v.Start.IsZero():
		return "trusted until " + day(v.End)
	default:
		return fmt.Sprintf("trusted from %s to %s", day(v.Start), day(v.End))
	}
}

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ageWord writes an age in days, or in hours for the first two.
func ageWord(seconds *int64) string {
	if seconds == nil {
		return "age unknown"
	}
	if hours := *seconds / 3600; hours < 48 {
		return fmt.Sprintf("%d h old", hours)
	}
	return fmt.Sprintf("%d days old", *seconds/86400)
}
