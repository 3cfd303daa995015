package schemas_test

import (
	"encoding"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
	"github.com/modelcheck/modelcheck/schemas"
)

// A field in Go and not in the schema would make what this program writes
// invalid; one in the schema and not in Go is a promise that nothing keeps.
func TestSchemasHaveTheFieldsOfTheTypes(t *testing.T) {
	for _, tc := range []struct {
		schema []byte
		types  map[string]any // by definition; "" is the document
	}{
		{schemas.Manifest(), map[string]any{
			"manifest": provenance.Manifest{}, "generator": provenance.Generator{}, "catalog": provenance.Catalog{},
			"artifact": provenance.Artifact{}, "member": provenance.Member{}, "file": provenance.File{},
			"loading": provenance.Loading{}, "loader": provenance.Loader{}, "template": provenance.Template{}, "promptText": provenance.PromptText{},
			"weights": provenance.Weights{}, "statedCount": provenance.StatedCount{},
			"signature": provenance.Signature{}, "attestation": provenance.Attestation{}, "identity": provenance.Identity{}, "claim": provenance.Claim{},
			"observation": provenance.Observation{}, "speaker": provenance.Speaker{}, "source": provenance.Source{},
			"document": provenance.Document{}, "licensing": provenance.Licensing{}, "licenseText": provenance.LicenseText{}, "textMatch": provenance.TextMatch{},
			"term": provenance.Term{}, "obligation": provenance.Obligation{}, "lineage": provenance.Lineage{}, "finding": provenance.Finding{}, "coverage": provenance.Coverage{},
		}},
		{schemas.Report(), map[string]any{
			"": check.Report{}, "tool": check.Tool{}, "resolved": check.Resolved{}, "trustedRoot": check.TrustedRoot{},
			"bytes": check.Bytes{}, "failure": check.Failure{}, "unread": check.Unread{}, "unverifiedHeader": check.UnverifiedHeader{},
			"tensors": check.Tensors{}, "tensorless": check.TensorlessOf{},
			"placed": check.Placed{}, "copied": check.Copied{}, "notCopied": check.NotCopied{}, "summaryReport": check.SummaryReport{}, "setting": check.Setting{}, "recordedStatement": check.RecordedStatement{}, "attached": check.Attached{}, "bundle": check.Bundle{}, "receiptCheck": check.ReceiptCheck{},
			"verdict": policy.Verdict{}, "reason": policy.Reason{},
			"reviewState": policy.ReviewState{}, "reviewVerdict": policy.ReviewVerdict{}, "quorumState": policy.QuorumState{}, "candidate": provenance.Candidate{}, "evidence": provenance.Evidence{},
		}},
		{schemas.Review(), map[string]any{
			"review": provenance.Review{}, "reviewer": provenance.Reviewer{}, "reviewed": provenance.Reviewed{}, "evidenceRef": provenance.EvidenceRef{},
			"baseline": provenance.Baseline{}, "criterionResult": provenance.CriterionResult{}, "scope": provenance.Scope{}, "resolution": provenance.Resolution{},
			"waiver": provenance.Waiver{}, "condition": provenance.Condition{}, "validity": provenance.Validity{},
		}},
		{schemas.Rules(), map[string]any{"rule": check.Rule{}}},
		{schemas.Evidence(), map[string]any{
			"": check.EvidenceReport{}, "rechecked": check.Rechecked{}, "notRechecked": check.NotRechecked{},
		}},
		{schemas.Diff(), map[string]any{
			"": check.RecordDiff{}, "side": check.RecordSide{}, "textChange": check.TextChange{}, "textEdit": check.TextEdit{}, "difference": provenance.Difference{}, "claimChange": provenance.ClaimChange{},
			"fileChange": provenance.FileChange{}, "loadingChange": provenance.LoadingChange{}, "classChange": provenance.ClassChange{},
		}},
		{schemas.Lock(), map[string]any{"": check.Lock{}, "lockedModel": check.LockedModel{}}},
		{schemas.Tensors(), map[string]any{"": check.TensorManifest{}, "tensor": check.Tensor{}, "tensorless": check.TensorlessOf{}}},
		{schemas.Same(), map[string]any{"": check.SameReport{}, "side": check.SameSide{}, "tensorless": check.TensorlessOf{}}},
		{schemas.Sign(), map[string]any{
			"": check.SignReport{}, "signatory": check.Signatory{}, "services": check.Services{}, "bundle": check.Bundle{}, "attached": check.Attached{},
		}},
	} {
		root := document(t, tc.schema)
		for name, value := range tc.types {
			def := root
			if name != "" {
				def = root["$defs"].(object)[name].(object)
			}
			checkFields(t, name, def, reflect.TypeOf(value))
		}
		for name, def := range root["$defs"].(object) {
			_, closed := def.(object)["properties"]
			if _, known := tc.types[name]; closed && !known {
				t.Errorf("definition %q is of no Go type", name)
			}
		}
	}
}

func checkFields(t *testing.T, name string, def object, typ reflect.Type) {
	t.Helper()
	var all, required []string
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" || tag == "-" {
			continue
		}
		all = append(all, tag)
		if !strings.Contains(options, "omit") {
			required = append(required, tag)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	if got := slices.Sorted(maps.Keys(def["properties"].(object))); !slices.Equal(got, all) {
		t.Errorf("%q: the schema has %q, %v has %q", name, got, typ, all)
	}
	if got := words(def["required"]); !slices.Equal(got, required) {
		t.Errorf("%q: the schema requires %q, %v always writes %q", name, got, typ, required)
	}
}

func words(list any) []string {
	var out []string
	items, _ := list.([]any)
	for _, w := range items {
		out = append(out, w.(string))
	}
	slices.Sort(out)
	return out
}

// The words of an enum in the schema are the words of the Go type.
func TestSchemasHaveTheWordsOfTheEnums(t *testing.T) {
	defs := document(t, schemas.Manifest())["$defs"].(object)
	of := func(def, property string) []string {
		return words(defs[def].(object)["properties"].(object)[property].(object)["enum"])
	}
	report := document(t, schemas.Report())["$defs"].(object)
	for name, tc := range map[string]struct {
		schema []string
		word   func(i uint8) encoding.TextMarshaler
		first  uint8
	}{
		"state":    {of("claim", "state"), func(i uint8) encoding.TextMarshaler { return provenance.State(i) }, 0},
		"ceiling":  {of("claim", "ceiling"), func(i uint8) encoding.TextMarshaler { return provenance.Grade(i) }, 1},
		"grade":    {of("observation", "grade"), func(i uint8) encoding.TextMarshaler { return provenance.Grade(i) }, 1},
		"absence":  {of("claim", "absence"), func(i uint8) encoding.TextMarshaler { return provenance.Absence(i) }, 1},
		"stated":   {of("observation", "absence"), func(i uint8) encoding.TextMarshaler { return provenance.Absence(i) }, 2},
		"check":    {of("obligation", "check"), func(i uint8) encoding.TextMarshaler { return provenance.ObligationCheck(i) }, 0},
		"role":     {of("file", "role"), func(i uint8) encoding.TextMarshaler { return artifact.Role(i) }, 0},
		"relation": {words(defs["relation"].(object)["enum"]), func(i uint8) encoding.TextMarshaler { return provenance.Relation(i) }, 0},
		"outcome":  {words(report["outcome"].(object)["enum"]), func(i uint8) encoding.TextMarshaler { return policy.Outcome(i) }, 0},
		"verdict":  {words(report["candidate"].(object)["properties"].(object)["verdict"].(object)["enum"]), func(i uint8) encoding.TextMarshaler { return provenance.SignatureVerdict(i) }, 0},
	} {
		var want []string
		for i := tc.first; i < 100; i++ {
			b, err := tc.word(i).MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(b))
		}
		slices.Sort(want)
		// Values without a name fall back to the zero value's word, or deny.
		want = slices.Compact(want)
		if zero, _ := tc.word(0).MarshalText(); tc.first > 0 {
			want = slices.DeleteFunc(want, func(w string) bool { return w == string(zero) })
		}
		if !slices.Equal(tc.schema, want) {
			t.Errorf("%s: the schema has %q, Go has %q", name, tc.schema, want)
		}
	}
}
