package schemas_test

import (
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// signed is the report of a signature that was attached.
func signed(t *testing.T) check.SignReport {
	t.Helper()
	r := allowed(t)
	c := r.Signatures[0]
	c.Signers = nil
	return check.SignReport{
		SchemaVersion: check.SignReportVersion, Tool: r.Tool, Reference: r.Reference, Place: r.Place, Resolved: r.Resolved,
		Signatory: &check.Signatory{Kind: "token", Issuer: "https://i", Subject: "s"},
		Services:  &check.Services{CertificateAuthority: "https://f", TransparencyLogs: []string{"https://l"}, TimestampAuthorities: []string{"https://t"}},
		Statement: []byte(`{"_type":"x","subject":[],"predicateType":"y"}`),
		Bundle:    &check.Bundle{Digest: c.Digest, Size: 700}, Signature: &c,
		Attached:  &check.Attached{Digest: c.Digest, Layout: "referrers-api", Existed: true},
		StartedAt: time.Unix(0, 0).UTC(), FinishedAt: time.Unix(1, 5).UTC(),
	}
}

func TestSignSchema(t *testing.T) {
	s := compile(t, "sign-v1.json")
	dry := signed(t)
	dry.DryRun, dry.Bundle, dry.Signature, dry.Attached = true, nil, nil, nil
	for name, r := range map[string]*check.SignReport{
		"signed":  new(signed(t)),
		"dry run": &dry,
		"failed":  check.FailedSigning("x", provenance.CodeSigningKey, provenance.ErrNotCanonical, "v1"),
	} {
		b, err := jsonv2.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(document(t, b)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	b, err := jsonv2.Marshal(signed(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(object){
		"signed without a signature": func(d object) { delete(d, "signature") },
		"a signature that is not":    func(d object) { d["signature"].(object)["verdict"] = "refused" },
		"signed by nobody":           func(d object) { delete(d, "signatory") },
		"signed without a bundle":    func(d object) { delete(d, "bundle") },
		"a dry run that signed":      func(d object) { d["dryRun"] = true },
		"attached to nothing":        func(d object) { delete(d, "resolved") },
		"unknown member":             func(d object) { d["ok"] = true },
		"another version":            func(d object) { d["schemaVersion"] = "2" },
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
