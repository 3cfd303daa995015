package schemas_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What manifest verify prints fits its schema, and an allow without a record
// does not.
func TestEvidenceSchema(t *testing.T) {
	s := compile(t, "evidence-v1.json")
	report := check.EvidenceReport{
		SchemaVersion: check.EvidenceVersion,
		Tool:          check.Tool{Name: "modelcheck", Version: "1"},
		Verdict:       policy.Verdict{Outcome: policy.Deny, Reasons: []policy.Reason{{Code: provenance.CodeEvidenceDigest, Effect: policy.Deny, Message: "m"}}},
		Signatures:    []provenance.Candidate{},
		TrustedRoots:  []check.TrustedRoot{},
		NotRechecked:  []check.NotRechecked{{What: "files", Reason: "r"}},
		StartedAt:     time.Unix(1, 0).UTC(), FinishedAt: time.Unix(1, 0).UTC(),
	}
	holds := func(r check.EvidenceReport) error {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(doc)
	}
	if err := holds(report); err != nil {
		t.Errorf("a denial: %v", err)
	}
	report.Verdict.Outcome = policy.Allow
	if holds(report) == nil {
		t.Error("allowed, and about nothing")
	}
	d := artifact.SumSHA256(nil)
	report.Subject, report.ManifestDigest, report.SubstanceDigest = d, d, d
	if err := holds(report); err != nil {
		t.Errorf("an allow: %v", err)
	}
}
