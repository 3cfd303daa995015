package admission_test

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

func ExampleReferences() {
	found, err := admission.References([]byte(`{
		"apiVersion": "v1", "kind": "Pod",
		"spec": {
			"containers": [{"image": "ghcr.io/acme/server:v2"}],
			"volumes": [{"image": {"reference": "ghcr.io/acme/tiny-r1:v1"}}, {"image": {"reference": "tiny-r1"}}]
		}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range found {
		fmt.Println(f.Kind, f.Pointer, f.Text, f.Err == nil)
	}
	// Output:
	// image /spec/containers/0/image ghcr.io/acme/server:v2 true
	// model /spec/volumes/0/image/reference ghcr.io/acme/tiny-r1:v1 true
	// model /spec/volumes/1/image/reference tiny-r1 false
}

func ExampleDecide() {
	var nobodyJudged policy.Verdict
	answer := admission.Decide(nobodyJudged)
	fmt.Println(answer.Allowed, answer.Code, answer.Message)
	// Output: false 500 modelcheck reached no verdict
}
