package policy_test

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func ExampleParse() {
	p, err := policy.Parse([]byte(`
apiVersion: modelcheck/v1
kind: Policy
trustedRoots:
  - {name: sigstore, file: trusted_root.json}
signers:
  - name: acme-release
    relation: producer
    keyless:
      issuer: https://token.actions.githubusercontent.com
      subjectPattern: https://github\.com/acme/models/\.github/workflows/release\.yaml@refs/tags/v.+
  - name: platform-team
    key: {file: platform.pub}
require:
  signatures: {anyOf: [acme-release, platform-team]}
findings:
  deny: [serialized-objects]
`))
	fmt.Println(err)
	fmt.Println(p.Files())

	_, err = policy.Parse([]byte("apiVersion: modelcheck/v1\nkind: Policy\nsigner: []\n"))
	fmt.Println(err)
	// Output:
	// <nil>
	// [platform.pub trusted_root.json]
	// invalid policy: line 3, column 1: policy: unknown key "signer" (known: apiVersion, kind, trustedRoots, signers, criteria, reviewers, require, summaries, allowUnsigned, findings, rules, use, scopes, admission, expires, extends)
}

func ExamplePolicy_Evaluate() {
	p, err := policy.Build(policy.Settings{AllowUnsigned: true}) // typed by a person
	if err != nil {
		panic(err)
	}
	subject := artifact.SumSHA256([]byte("an OCI manifest"))
	record := &provenance.Manifest{
		Subject:   subject,
		Generator: provenance.Generator{Name: "modelcheck", Version: "v1.0.0"},
		Artifact:  provenance.Artifact{Kind: "manifest", Members: []provenance.Member{{Digest: subject, Packaging: "oras"}}},
		Files:     []provenance.File{{Path: "model.gguf", Digest: artifact.SumSHA256([]byte("weights")), Size: 7, Class: provenance.LoadInert}},
		Loading:   &provenance.Loading{Class: provenance.LoadInert, Scope: "these files"},
	}
	v := p.Evaluate(policy.Case{Manifest: record})
	fmt.Println(v.Allowed(), v.Reasons[0].Code)

	record.Findings = []provenance.Finding{{ID: provenance.CodeUnnamedLayer, Detail: "layer 3 has no name"}}
	v = p.Evaluate(policy.Case{Manifest: record})
	fmt.Println(v.Allowed(), v.Reasons[0].Code)

	fmt.Println(p.Evaluate(policy.Case{}).Outcome)
	// Output:
	// true unsigned-allowed
	// false unnamed-layer
	// undecided
}
