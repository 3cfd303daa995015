package render

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestSARIFSchema holds what is written against the schema of OASIS for SARIF
// 2.1.0 (testdata/schemas/README.md says where it is from).
func TestSARIFSchema(t *testing.T) {
	data, err := os.ReadFile(root + "testdata/schemas/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	reports := []*check.Report{poisoned(t), conflicting(t)}
	for _, rec := range recordedReports() {
		reports = append(reports, report(t, rec.name))
	}
	wrong, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(rendered(t, "sarif", reports[0]), `"level": "`, `"level": "very `, 1)))
	if err != nil || schema.Validate(wrong) == nil {
		t.Errorf("a level that does not exist is valid: %v", err)
	}
	for _, r := range reports {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(rendered(t, "sarif", r, reports[0])))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%.60q: %v", r.Reference, err)
		}
	}
}

// conflicting is a denied report with findings at a claim, a file and nowhere.
func conflicting(t *testing.T) *check.Report {
	t.Helper()
	r := report(t, "allow")
	r.Manifest.Claims = r.Manifest.Claims[:1]
	r.Manifest.Claims[0].ID = "license.weights"
	r.Manifest.Claims[0].Observations = []provenance.Observation{
		{Value: provenance.Value(`"MIT"`), Source: provenance.Source{Kind: provenance.SourceFile, Path: "README.md", Lines: []int{2, 2}}},
		{Value: provenance.Value(`"other"`), Source: provenance.Source{Kind: provenance.SourceFile, Path: "a b/LICENSE:x", Lines: []int{1, 3}}},
	}
	r.Manifest.Claims[0].State, r.Manifest.Claims[0].Value = provenance.StateConflicting, nil
	r.Manifest.Findings = []provenance.Finding{{ID: provenance.CodeConfigMalformed, Subject: "config.json", Detail: "two keys"}}
	r.Verdict.Outcome = policy.Deny
	r.Verdict.Reasons = append(r.Verdict.Reasons,
		policy.Reason{Code: provenance.CodeClaimConflict, Effect: policy.Deny, Message: "two answers", Subject: "license.weights"},
		policy.Reason{Code: provenance.CodeConfigMalformed, Effect: policy.Hold, Message: "two keys", Subject: "config.json"},
		policy.Reason{Code: provenance.CodeTagMoved, Message: "moved", Subject: "v1"},
	)
	return r
}

// TestSARIFPlaces: a result stands at the file and line of its evidence, and
// what has no file at the artifact.
func TestSARIFPlaces(t *testing.T) {
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID string }
				}
			}
			Results []struct {
				RuleID           string
				RuleIndex        int
				Level            string
				Locations        []sarifLocation
				RelatedLocations []sarifLocation
			}
		}
	}
	if err := json.Unmarshal([]byte(rendered(t, "sarif", conflicting(t))), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 3 {
		t.Fatalf("%d results: what speaks for a model is none", len(run.Results))
	}
	for i, want := range []struct{ code, level, uri string }{
		{"claim-conflict", "error", "README.md"}, {"config-malformed", "warning", "config.json"}, {"tag-differs", "note", "testdata/demo/layout"},
	} {
		got := run.Results[i]
		if got.RuleID != want.code || got.Level != want.level || got.Locations[0].Physical.Artifact.URI != want.uri || run.Tool.Driver.Rules[got.RuleIndex].ID != want.code {
			t.Errorf("got %+v, want %v", got, want)
		}
	}
	conflict := run.Results[0]
	if region := conflict.Locations[0].Physical.Region; region == nil || region.StartLine != 2 {
		t.Errorf("region %+v", region)
	}
	if len(conflict.RelatedLocations) != 1 || conflict.RelatedLocations[0].Physical.Artifact.URI != "a%20b/LICENSE%3Ax" || conflict.RelatedLocations[0].Physical.Region.EndLine != 3 {
		t.Errorf("related %+v", conflict.RelatedLocations)
	}
	if !strings.Contains(rendered(t, "github", conflicting(t)), "::error file=README.md,title=modelcheck%3A claim-conflict,line=2::") {
		t.Error("no annotation at README.md:2")
	}
}

// TestSARIFFingerprints: the same problem keeps its fingerprint in the next
// release of a model; another one has another.
func TestSARIFFingerprints(t *testing.T) {
	r := conflicting(t)
	before := rendered(t, "sarif", r)
	r.Resolved.Digest = artifact.SumSHA256([]byte("the next release"))
	r.Reference = strings.Replace(r.Reference, ":v1", ":v2", 1)
	a, b := fingerprints(before), fingerprints(rendered(t, "sarif", r))
	if strings.Join(a, " ") != strings.Join(b, " ") {
		t.Errorf("%v became %v", a, b)
	}
	if len(a) != 3 || a[0] == a[1] || a[1] == a[2] {
		t.Errorf("fingerprints %v", a)
	}
}

func fingerprints(doc string) []string {
	var out []string
	for line := range strings.Lines(doc) {
		if _, rest, ok := strings.Cut(line, `"modelcheck/v1": `); ok {
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return out
}
