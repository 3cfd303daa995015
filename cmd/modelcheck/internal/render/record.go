package render

import (
	"fmt"
	"io"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A RecordSource is a provenance manifest that is shown by itself, without the
// report of the run that wrote it.
type RecordSource struct {
	Name     string // of the file or reference
	Manifest *provenance.Manifest
	Digest   artifact.Digest // of its bytes
	Examined bool            // the artifact was examined in this run
}

// Record writes a manifest for a person. It says first that showing is not
// checking.
func Record(w io.Writer, r RecordSource, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	m := r.Manifest
	if r.Examined {
		p.line("%s  every byte was hashed and matches; nothing was judged", p.paint(bold, "RECORD"))
	} else {
		p.line("%s  shown as it stands in the file; nothing of it was checked", p.paint(bold, "RECORD, NOT CHECKED"))
	}
	p.heading("Artifact")
	p.field("from", Printable(r.Name))
	p.field("subject", m.Subject.String())
	for _, member := range m.Artifact.Members {
		p.field("packaging", Printable(member.Packaging+" "+member.Platform))
	}
	p.field("size", fmt.Sprintf("%s, %s", Bytes(m.Artifact.TotalBytes), plural(len(m.Files), "file")))
	p.field("written by", Printable(m.Generator.Name+" "+m.Generator.Version))
	p.recordedSigners(m)
	p.notDisclosed(m)
	p.conflicts(m)
	p.licences(m)
	p.claims(m)
	p.elsewhere(m)
	p.coverage(m, true)
	p.findings(m)
	p.files(m)
	p.heading("Record")
	p.field("manifest", r.Digest.String())
	if substance, err := provenance.SubstanceDigest(m); err == nil {
		p.field("substance", substance.String())
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// recordedSigners lists the signers that stand in the record.
func (p *page) recordedSigners(m *provenance.Manifest) {
	p.heading("Signers that the record names")
	if len(m.Signatures) == 0 {
		p.line("  none")
	}
	for _, s := range m.Signatures {
		p.line("  %s  %s", Quoted(s.Signer), p.wrap(fmt.Sprintf("%s (%s, %s)", identity(s.Identity), Printable(s.Scheme), s.Relation), 4))
	}
	for _, a := range m.Attestations {
		p.line("  %s  %s", Quoted(a.Signer), p.wrap(fmt.Sprintf("attests %s: %s (%s)", Printable(a.PredicateType), identity(a.Identity), a.Relation), 4))
	}
}
