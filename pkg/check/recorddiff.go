package check

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// RecordDiffVersion is the version of the JSON of a RecordDiff, described by
// schemas/diff-v1.json.
const RecordDiffVersion = "1"

// A RecordDiff says what changed from one record to another, and whether
// reviews of the first are about the second too. Nothing of it is a verdict.
type RecordDiff struct {
	SchemaVersion string                `json:"schemaVersion"`
	Tool          Tool                  `json:"tool"`
	ReviewsHold   bool                  `json:"reviewsHold"` // the substance digests are the same
	Before        RecordSide            `json:"before"`
	After         RecordSide            `json:"after"`
	Difference    provenance.Difference `json:"difference"`
	LicenseTexts  []TextChange          `json:"licenseTexts,omitempty"` // word by word
}

// A RecordSide is one of the two records.
type RecordSide struct {
	Name      string          `json:"name"` // file or reference
	Subject   artifact.Digest `json:"subject"`
	Manifest  artifact.Digest `json:"manifestDigest"`
	Substance artifact.Digest `json:"substanceDigest"`
	Examined  bool            `json:"examined"` // the artifact was examined in this run; else the record is the word of a file

	Documents map[artifact.Digest][]byte `json:"-"` // that came with the record: none with a manifest alone
}

// CompareRecords holds two records against each other, each under its name.
func CompareRecords(a, b *provenance.Manifest, before, after RecordSide, version string) (*RecordDiff, error) {
	for _, side := range []struct {
		to *RecordSide
		m  *provenance.Manifest
	}{{&before, a}, {&after, b}} {
		var err error
		if side.to.Substance, err = provenance.SubstanceDigest(side.m); err != nil {
			return nil, err
		}
		if side.to.Manifest, err = provenance.Digest(side.m); err != nil {
			return nil, err
		}
		side.to.Subject = side.m.Subject
	}
	d := &RecordDiff{
		SchemaVersion: RecordDiffVersion, Tool: Tool{Name: toolName, Version: version},
		ReviewsHold: before.Substance == after.Substance, Before: before, After: after, Difference: provenance.Diff(a, b), LicenseTexts: diffTexts(a, b, before, after),
	}
	if d.ReviewsHold != d.Difference.IsZero() {
		return nil, fmt.Errorf("comparing records: the digests are the same is %t, and nothing changed is %t", d.ReviewsHold, d.Difference.IsZero())
	}
	return d, nil
}
