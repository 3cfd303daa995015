package check

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ErrContradiction is wrapped by DecodeReports' error about a report that is
// not at one with itself: edited, or never written by this program.
var ErrContradiction = errors.New("the report contradicts itself")

// DecodeReports reads what `verify --output json` wrote: one report, or
// {"reports": […]}. Nothing in a report is proof of anything, since nobody
// signs it; but a record in it is sound (provenance.Validate), has the digest
// that the report names, and no report both allows and tells of a failure.
func DecodeReports(data []byte) ([]*Report, error) {
	var several struct {
		Reports []jsontext.Value `json:"reports"`
	}
	if err := strictjson.Decode(data, &several); err != nil {
		return nil, err
	}
	if several.Reports == nil {
		several.Reports = []jsontext.Value{data}
	}
	if len(several.Reports) == 0 {
		return nil, errors.New("no report in it")
	}
	var out []*Report
	for i, one := range several.Reports {
		r, err := decodeReport(one)
		if err != nil {
			return nil, fmt.Errorf("report %d: %w", i+1, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func decodeReport(data []byte) (*Report, error) {
	r := new(Report)
	if err := strictjson.Decode(data, r); err != nil {
		return nil, err
	}
	switch {
	case r.SchemaVersion != ReportVersion:
		return nil, fmt.Errorf("schemaVersion %q, want %q", r.SchemaVersion, ReportVersion)
	case r.Verdict.Allowed() && (r.Error != nil || r.Inspected || r.Manifest == nil):
		return nil, fmt.Errorf("%w: it allows what was not examined to its end", ErrContradiction)
	case r.Manifest == nil && !r.ManifestDigest.IsZero():
		return nil, fmt.Errorf("%w: it names the digest of a record that is not in it", ErrContradiction)
	case r.Manifest == nil:
		return r, nil
	case r.Resolved == nil:
		return nil, fmt.Errorf("%w: it holds a record and does not say of what", ErrContradiction)
	}
	r.Manifest.Subject = r.Resolved.Digest
	return r, r.rebind()
}

// rebind holds the record in a stored report to the digests beside it. What
// Describe tells has none.
func (r *Report) rebind() error {
	if r.Inspected {
		if !r.ManifestDigest.IsZero() {
			return fmt.Errorf("%w: a record that was not read to its end has no digest", ErrContradiction)
		}
		return nil
	}
	encoded, err := provenance.Encode(r.Manifest)
	if err != nil {
		return err
	}
	if got := artifact.SumSHA256(encoded); got != r.ManifestDigest {
		return fmt.Errorf("%w: its record has the digest %v, and it says %v", ErrContradiction, got, r.ManifestDigest)
	}
	substance, err := provenance.SubstanceDigest(r.Manifest)
	if err != nil {
		return err
	}
	if substance != r.SubstanceDigest {
		return fmt.Errorf("%w: the substance of its record has the digest %v, and it says %v", ErrContradiction, substance, r.SubstanceDigest)
	}
	r.encoded = encoded
	return nil
}
