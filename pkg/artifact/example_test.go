package artifact_test

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func ExampleParseReference() {
	ref, err := artifact.ParseReference("oci://GHCR.io/acme/tiny-r1:v1")
	fmt.Println(ref, err)
	fmt.Println(ref.Host(), ref.Repository(), ref.Tag())

	_, err = artifact.ParseReference("ghcr.io/acme/tiny-r1")
	fmt.Println(err)
	// Output:
	// ghcr.io/acme/tiny-r1:v1 <nil>
	// ghcr.io acme/tiny-r1 v1
	// malformed reference "ghcr.io/acme/tiny-r1": no tag and no digest
}

func ExampleContentIdentity() {
	weights := artifact.File{Path: "models/tiny/model.gguf", Digest: artifact.SumSHA256([]byte("weights")), Size: 7}
	packed, _ := artifact.ContentIdentity([]artifact.File{weights})
	weights.Path = "model.gguf"
	plain, _ := artifact.ContentIdentity([]artifact.File{weights})
	fmt.Println(packed == plain)

	_, err := artifact.ContentIdentity(nil)
	fmt.Println(err)
	// Output:
	// true
	// no model files
}
