package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// noVerdict is what the decision says of a record that is shown by itself.
const noVerdict = "no verdict: this is a record"

// newRecordView puts a record into words. It has no verdict and no reasons,
// and says of a file that nothing of it was checked.
func newRecordView(src RecordSource, files int, id string) view {
	m := src.Manifest
	v := view{Word: "RECORD, NOT CHECKED", Sentence: noVerdict, Tone: "wait", Reference: Printable(src.Name)}
	v.Note = "It is shown as it stands in the file. Nothing of it was checked for this page, and anybody can write such a file."
	v.Verified = "Nothing was verified for this page."
	if src.Examined {
		v.Word = "RECORD"
		v.Note = "The artifact was examined, and nobody asked whether it may be used; modelcheck verify does."
		v.Verified = fmt.Sprintf("%s in %s were hashed, and every size and digest matches what the artifact names.", Bytes(m.Artifact.TotalBytes), plural(len(m.Files), "file"))
		if m.Artifact.Kind == "tree" {
			v.Verified = fmt.Sprintf("%s in %s were hashed; nobody named digests to compare them with.", Bytes(m.Artifact.TotalBytes), plural(len(m.Files), "file"))
		}
	}
	v.Artifact = []fieldView{{"digest", m.Subject.String()}}
	v.packaging(m)
	v.Unsigned = "The record names no signer."
	for _, s := range m.Signatures {
		v.Signatures = append(v.Signatures, recordedSignature(s.Signer, s.Scheme, s.Relation, s.Identity, s.Evidence))
	}
	v.Method = []fieldView{{"written by", Printable(strings.TrimSpace(m.Generator.Name + " " + m.Generator.Version))}}
	v.catalogs(m)
	v.manifest(m, files, id)
	v.Record = []fieldView{{"manifest", src.Digest.String()}}
	if substance, err := provenance.SubstanceDigest(m); err == nil {
		v.Record = append(v.Record, fieldView{"substance", substance.String()})
	}
	v.Commands = []commandView{
		{"sha256sum manifest.json", src.Digest.Hex()},
		{"modelcheck manifest generate REFERENCE@" + m.Subject.String() + " --policy POLICY -o again.json", "recorded " + src.Digest.String() + ", with the policy that the record was made under"},
	}
	if m.Artifact.Kind == "tree" {
		v.Commands[1].Line = "modelcheck manifest generate dir:PATH --policy POLICY -o again.json"
	}
	return v
}

// recordedSignature says "recorded", since nothing was verified here.
func recordedSignature(signer, scheme string, relation provenance.Relation, who provenance.Identity, evidence []string) signatureView {
	return signatureView{
		Word: "recorded", Who: cmp.Or(identity(who), Quoted(signer)), Checked: Printable(strings.Join(evidence, ", ")),
		Signers: fmt.Sprintf("the policy’s signer %s, %s, %s", Quoted(signer), relation, Printable(scheme)),
	}
}

// fromFile says of a report that was read from a file what it is: the words of
// a file. Nobody signs reports, and nothing was checked again.
func (p Page) fromFile(v view) view {
	if p.file == "" {
		return v
	}
	v.Word += ", AS A FILE SAYS"
	if v.Tone == "go" {
		v.Tone = "wait"
	}
	v.Note = "This page was made of the report file " + Quoted(p.file) + ". Nothing was checked again, and nobody signs such files."
	return v
}
