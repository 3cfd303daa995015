package schemas_test

import (
	"errors"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// listed is a list of one tensor whose root is made up.
func listed() *check.TensorManifest {
	hex := strings.Repeat("ab", 32)
	return &check.TensorManifest{
		SchemaVersion: check.TensorsVersion, Subject: artifact.SumSHA256([]byte("x")),
		Tensors: check.Tensors{Algorithm: "mc-tensor-v1", Root: hex, ContentRoot: hex, Count: 1, Bytes: 4},
		List:    []check.Tensor{{Name: "a", DType: "F32", Shape: []uint64{1}, Bytes: 4, SHA256: hex, File: "m.safetensors"}},
	}
}

// TestSameSchema: what is printed is valid, and the schema does not let a
// report say "same" beside a difference or a failure.
func TestSameSchema(t *testing.T) {
	list, same := compile(t, "tensors-v1.json"), compile(t, "same-v1.json")
	l := listed()
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Validate(document(t, b)); err != nil {
		t.Error(err)
	}
	equal, err := check.Compare(l, l, "v1")
	if err != nil || equal.Result != check.ResultSame {
		t.Fatal(equal.Result, err)
	}
	other := listed()
	other.List[0].Name, other.Root = "b", strings.Repeat("cd", 32)
	differ, err := check.Compare(l, other, "v1")
	if err != nil || differ.Result != check.ResultDiffer {
		t.Fatal(differ.Result, err)
	}
	none, err := check.Compare(nil, l, "v1")
	if !errors.Is(err, check.ErrNotCompared) {
		t.Fatal(err)
	}
	none.Error = &check.Failure{Code: "not-compared", Message: err.Error()}
	for name, r := range map[string]*check.SameReport{"same": equal, "differ": differ, "not compared": none} {
		r.A.Name, r.B.Name = "a", "b"
		b, err := jsonv2.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := same.Validate(document(t, b)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	b, err = jsonv2.Marshal(equal)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(object){
		"same with a failure":    func(d object) { d["error"] = object{"code": "x", "message": "y"} },
		"same with a difference": func(d object) { d["differ"] = []any{"a"} },
		"same without a root":    func(d object) { delete(d["a"].(object), "root") },
		"nothing and no failure": func(d object) { d["result"] = "" },
		"unknown member":         func(d object) { d["ok"] = true },
	} {
		doc := document(t, b)
		change(doc)
		if same.Validate(doc) == nil {
			t.Errorf("accepted: %s", name)
		}
	}
}
