package schemas_test

import (
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestDiffSchema: what is printed is valid, and no document may say that
// reviews hold beside a change, or that they do not hold beside none.
func TestDiffSchema(t *testing.T) {
	s := compile(t, "diff-v1.json")
	a, err := provenance.Decode(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := provenance.Decode(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	b.Signatures, b.Findings, b.Weights, b.Artifact.TotalBytes = nil, b.Findings[:1], nil, 43
	b.Files[0].Layer = artifact.SumSHA256([]byte("elsewhere"))
	made := func(x, y *provenance.Manifest) object {
		d, err := check.CompareRecords(x, y, check.RecordSide{Name: "a"}, check.RecordSide{Name: "b"}, "v1")
		if err != nil {
			t.Fatal(err)
		}
		data, err := jsonv2.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return document(t, data)
	}
	for name, doc := range map[string]object{"same": made(a, a), "changed": made(a, b), "changed back": made(b, a)} {
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if made(a, a)["reviewsHold"] != true || made(a, b)["reviewsHold"] != false {
		t.Error("reviews hold where the records differ, or do not where they are the same")
	}
	for name, change := range map[string]func(object){
		"reviews hold, changed":  func(d object) { d["reviewsHold"] = true },
		"nothing changed":        func(d object) { d["difference"] = object{} },
		"no substance digest":    func(d object) { delete(d["after"].(object), "substanceDigest") },
		"no name":                func(d object) { d["before"].(object)["name"] = "" },
		"artifact of one side":   func(d object) { delete(d["difference"].(object), "artifactAfter") },
		"file of neither side":   func(d object) { d["difference"].(object)["files"] = []any{object{"path": "x"}} },
		"claim of neither side":  func(d object) { d["difference"].(object)["claims"] = []any{object{"id": "x"}} },
		"a verdict":              func(d object) { d["verdict"] = "allow" },
		"a signer without a key": func(d object) { d["difference"].(object)["signersGone"] = []any{object{"signer": "x"}} },
	} {
		doc := made(a, b)
		change(doc)
		if s.Validate(doc) == nil {
			t.Errorf("accepted: %s", name)
		}
	}
}
