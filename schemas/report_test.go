package schemas_test

import (
	"encoding/json"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// allowed is a report of an artifact that was verified and allowed.
func allowed(t *testing.T) check.Report {
	t.Helper()
	m, err := provenance.Decode(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	index := int64(7)
	return check.Report{
		SchemaVersion: check.ReportVersion, Tool: check.Tool{Name: "modelcheck", Version: "v1"},
		Reference: "localhost:5000/a:b", Place: artifact.Registry.String(),
		Resolved: &check.Resolved{Digest: m.Subject, MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 700},
		Verdict: policy.Verdict{Outcome: policy.Allow, Policy: m.Subject, Reasons: []policy.Reason{
			{Code: provenance.CodeSignatureVerified, Effect: policy.Allow, Message: "signed", Subject: "ci"}}},
		Signatures: []provenance.Candidate{{
			Layout: "referrers-api", Scheme: "sigstore-key", Digest: m.Subject, PredicateType: policy.DefaultSignatureType,
			Identity: m.Signatures[0].Identity, Verdict: provenance.Proven, Code: provenance.CodeSignatureVerified,
			SignedAt: []provenance.Timestamp{{Time: "2026-01-01T00:00:00Z", Source: "rfc3161"}}, LogIndex: &index, Signers: []string{"ci"},
		}},
		ManifestDigest: m.Subject, SubstanceDigest: m.Subject, Manifest: m,
		Bytes:     check.Bytes{Hashed: 42, Blobs: 3, Files: 3},
		StartedAt: time.Unix(0, 0).UTC(), FinishedAt: time.Unix(1, 5).UTC(),
	}
}

func TestReportSchema(t *testing.T) {
	s := compile(t, "report-v1.json")
	failed := check.Report{
		SchemaVersion: check.ReportVersion, Tool: check.Tool{Name: "modelcheck", Version: "v1"}, Reference: "dir:x", Place: "directory",
		Verdict: (&policy.Policy{}).Evaluate(policy.Case{}), StartedAt: time.Unix(0, 0), FinishedAt: time.Unix(0, 0),
		Error: &check.Failure{Code: provenance.CodeNotFound, Message: "no such folder"},
	}
	for name, r := range map[string]check.Report{"allowed": allowed(t), "failed": failed} {
		b, err := jsonv2.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(document(t, b)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	b, err := jsonv2.Marshal(allowed(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(object){
		"allowed without a record":     func(d object) { delete(d, "manifest") },
		"allowed without a digest":     func(d object) { delete(d, "manifestDigest") },
		"allowed, nothing resolved":    func(d object) { delete(d, "resolved") },
		"allowed without files":        func(d object) { d["manifest"].(object)["files"] = []any{} },
		"allowed for no reason":        func(d object) { d["verdict"].(object)["reasons"] = []any{} },
		"allowed by no policy":         func(d object) { delete(d["verdict"].(object), "policy") },
		"allowed despite a reason":     func(d object) { d["verdict"].(object)["reasons"].([]any)[0].(object)["effect"] = "hold" },
		"allowed after an error":       func(d object) { d["error"] = object{"code": "x", "message": "y"} },
		"allowed by inspection":        func(d object) { d["inspected"] = true },
		"refused signature of signers": func(d object) { d["signatures"].([]any)[0].(object)["verdict"] = "refused" },
		"verified with another code":   func(d object) { d["signatures"].([]any)[0].(object)["code"] = "signature-bad" },
		"unknown outcome":              func(d object) { d["verdict"].(object)["outcome"] = "pass" },
		"unknown member":               func(d object) { d["ok"] = true },
		"another version":              func(d object) { d["schemaVersion"] = "2" },
		"dishonest record":             func(d object) { d["manifest"].(object)["claims"].([]any)[0].(object)["value"] = "MIT" },
		"no time":                      func(d object) { d["startedAt"] = "yesterday" },
		"size beyond 2^53":             func(d object) { d["bytes"].(object)["hashed"] = json.Number("9007199254740992") },
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, b)
			change(doc)
			if s.Validate(doc) == nil {
				t.Error("accepted")
			}
		})
	}
}
