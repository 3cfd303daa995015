package check

import (
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An Evidence is a record with the documents that were bundled with it.
type Evidence struct {
	Manifest  *provenance.Manifest
	Bytes     []byte // of the manifest
	Documents map[artifact.Digest][]byte
}

// OpenEvidence reads an evidence bundle. Every document has its digest, and the
// record is the one that was bundled; else nothing of it is checked, as
// VerifyEvidence does. The error's code is one of docs/errors.md (CodedError).
func OpenEvidence(data []byte) (*Evidence, error) {
	d, err := dossier.Read(data)
	if err != nil {
		return nil, &CodedError{evidenceCode(err), err}
	}
	m, err := provenance.Decode(d.Record)
	if err != nil {
		return nil, &CodedError{recordCode(err), err}
	}
	out := &Evidence{Manifest: m, Bytes: d.Record, Documents: map[artifact.Digest][]byte{}}
	for _, doc := range d.Index.Documents {
		out.Documents[doc.Digest] = d.Blobs[doc.Digest]
	}
	return out, nil
}
