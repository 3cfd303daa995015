package provenance_test

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func ExampleSettle() {
	types := []provenance.ClaimType{
		{ID: "license.weights", Ceiling: provenance.Attested, Kind: provenance.SPDX},
		{ID: "td.size.text", Ceiling: provenance.Attested, Kind: provenance.Count},
		{ID: "td.languages", Ceiling: provenance.Attested, Kind: provenance.List},
	}
	readme := artifact.SumSHA256([]byte("README"))
	says := func(id, value string, line int) provenance.ClaimObservation {
		return provenance.ClaimObservation{Claim: id, Observation: provenance.Observation{
			Grade: provenance.Declared, Value: provenance.Value(value), Method: "card-prose/1",
			Source: provenance.Source{Kind: provenance.SourceFile, Path: "README.md", Digest: readme, Lines: []int{line, line}},
		}}
	}
	claims, err := provenance.Settle(types, []provenance.ClaimObservation{
		says("license.weights", `"MIT"`, 2),
		says("license.weights", `"LicenseRef-acme-1.0"`, 40),
		says("td.size.text", `{"count":14800000000000,"text":"14.8T"}`, 50),
		says("td.size.text", `{"count":15000000000000,"text":"15T"}`, 12),
	}, []provenance.Document{{Path: "README.md", Digest: readme}}, nil, "")
	if err != nil {
		panic(err)
	}
	for _, c := range claims {
		fmt.Println(c.ID, c.State)
	}
	fmt.Println(claims[2].Value)
	// Output:
	// license.weights conflicting
	// td.languages absent
	// td.size.text declared
	// {"count":14800000000000,"text":"14.8T"}
}

func ExampleEncode() {
	subject := artifact.SumSHA256([]byte("an OCI manifest"))
	m := &provenance.Manifest{
		Subject:   subject,
		Generator: provenance.Generator{Name: "modelcheck", Version: "v1.0.0"},
		Artifact:  provenance.Artifact{Kind: "manifest", Members: []provenance.Member{{Digest: subject, Packaging: "oras"}}},
		Claims:    []provenance.Claim{{ID: "license.weights", State: provenance.StateVerified, Ceiling: provenance.Verified, Value: provenance.Value(`"MIT"`)}},
	}
	_, err := provenance.Encode(m)
	fmt.Println(err)

	m.Claims = nil
	b, err := provenance.Encode(m)
	fmt.Println(string(b[:57]), err)
	// Output:
	// encoding provenance manifest: dishonest provenance manifest: claim "license.weights" is verified: the best observation is of grade "none"
	// {"_type":"https://in-toto.io/Statement/v1","predicate":{" <nil>
}

func ExampleDiff() {
	file := func(text string) provenance.File {
		return provenance.File{Path: "model.safetensors", Digest: artifact.SumSHA256([]byte(text))}
	}
	ann := provenance.Signature{Signer: "ann", Scheme: "sigstore-key", Identity: provenance.Identity{KeyFingerprint: "sha256:…"}}
	d := provenance.Diff(
		&provenance.Manifest{Files: []provenance.File{file("one")}, Signatures: []provenance.Signature{ann}},
		&provenance.Manifest{Files: []provenance.File{file("two")}},
	)
	fmt.Println(d.Files[0].Path, len(d.SignersGone), len(d.Claims))
	// Output: model.safetensors 1 0
}
