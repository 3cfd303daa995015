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
	texts := func(words string) (*provenance.Manifest, check.RecordSide) {
		m, err := provenance.Decode(golden(t))
		if err != nil {
			t.Fatal(err)
		}
		sum := artifact.SumSHA256([]byte(words))
		m.Licensing = []provenance.Licensing{{Asset: "text", Basis: provenance.BasisText, Text: &provenance.LicenseText{Path: "LICENSE", Digest: sum, Normalized: sum, Match: provenance.TextMatch{Method: "unidentified/1"}}}}
		f := m.Files[0]
		f.Path, f.Digest, f.Role = "LICENSE", sum, artifact.RoleLicense
		m.Files = append(m.Files, f)
		return m, check.RecordSide{Name: "a", Documents: map[artifact.Digest][]byte{sum: []byte(words)}}
	}
	one, oneSide := texts("words")
	two, twoSide := texts("other words")
	words := func() object {
		d, err := check.CompareRecords(one, two, oneSide, twoSide, "v1")
		if err != nil || len(d.LicenseTexts) != 1 || len(d.LicenseTexts[0].Edits) != 2 {
			t.Fatalf("%v, %+v", err, d)
		}
		data, err := jsonv2.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return document(t, data)
	}
	for name, doc := range map[string]object{"same": made(a, a), "changed": made(a, b), "changed back": made(b, a), "words": words(), "no words": made(one, two)} {
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if made(a, a)["reviewsHold"] != true || made(a, b)["reviewsHold"] != false {
		t.Error("reviews hold where the records differ, or do not where they are the same")
	}
	change := func(d object) object { return d["licenseTexts"].([]any)[0].(object) }
	for name, edit := range map[string]func(object){
		"words and why there are none": func(d object) { change(d)["why"] = "x" },
		"neither":                      func(d object) { delete(change(d), "edits") },
		"another op":                   func(d object) { change(d)["edits"].([]any)[0].(object)["op"] = "moved" },
		"no text":                      func(d object) { delete(change(d), "after") },
		"no texts":                     func(d object) { d["licenseTexts"] = []any{} },
	} {
		doc := words()
		edit(doc)
		if s.Validate(doc) == nil {
			t.Errorf("accepted: %s", name)
		}
	}
	for name, change := range map[string]func(object){
		"texts beside no change": func(d object) {
			d["difference"], d["reviewsHold"], d["licenseTexts"] = object{}, true, words()["licenseTexts"]
		},
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
