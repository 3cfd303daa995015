package check_test

import (
	"context"
	"fmt"
	"os"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A model is verified under a policy made of one public key. Only Allowed
// opens a door; the reasons and the record tell why.
func Example() {
	pol, err := policy.Build(policy.Settings{KeyFiles: []string{"../../testdata/keys/demo.pub"}})
	if err != nil {
		panic(err)
	}
	if err := pol.Resolve(os.ReadFile); err != nil {
		panic(err)
	}
	checker, err := check.New(check.Config{Policy: pol, Version: "example"})
	if err != nil {
		panic(err)
	}
	ref, err := artifact.ParseReference("oci-layout:../../testdata/demo/layout:v1")
	if err != nil {
		panic(err)
	}
	report, err := checker.Examine(context.Background(), ref)
	if err != nil {
		panic(err) // no verdict
	}
	fmt.Println(report.Verdict.Outcome, report.Verdict.Allowed())
	fmt.Println(len(report.Manifest.Files), "files,", report.Bytes.Hashed, "bytes hashed")
	// Output:
	// allow true
	// 5 files, 5311 bytes hashed
}

// Describe reads no weights and gives no verdict.
func ExampleChecker_Describe() {
	nobody, err := policy.Build(policy.Settings{})
	if err != nil {
		panic(err)
	}
	if err := nobody.Resolve(os.ReadFile); err != nil {
		panic(err)
	}
	checker, err := check.New(check.Config{Policy: nobody})
	if err != nil {
		panic(err)
	}
	ref, err := artifact.ParseReference("oci-layout:../../testdata/demo/layout:v1")
	if err != nil {
		panic(err)
	}
	report, err := checker.Describe(context.Background(), ref)
	if err != nil {
		panic(err)
	}
	for _, claim := range report.Manifest.Claims {
		if claim.ID == "license.weights" {
			fmt.Println(claim.State, claim.Value, report.Verdict.Outcome)
		}
	}
	// Output:
	// declared "MIT" undecided
}
