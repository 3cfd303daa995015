package attest

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json" // image-spec 1.1, manifest.md §Guidance for an Empty Descriptor
	emptyContent = "{}"
)

// An Attachment is a referring manifest and the blobs to push before it.
type Attachment struct {
	Manifest   []byte
	Descriptor artifact.Descriptor // of Manifest
	Blobs      []Blob
}

// A Blob is content with its descriptor.
type Blob struct {
	Descriptor artifact.Descriptor
	Content    []byte
}

type referrerManifest struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	ArtifactType  string               `json:"artifactType"`
	Config        referrerDescriptor   `json:"config"`
	Layers        []referrerDescriptor `json:"layers"`
	Subject       referrerDescriptor   `json:"subject"`
	Annotations   map[string]string    `json:"annotations"`
}

type referrerDescriptor struct {
	MediaType    string          `json:"mediaType"`
	ArtifactType string          `json:"artifactType,omitempty"`
	Digest       artifact.Digest `json:"digest"`
	Size         int64           `json:"size"`
}

// ReferrerManifest returns the manifest that attaches a signature bundle to
// subject, in the shape that cosign v3 writes, but without a time of creation:
// the same input gives the same bytes.
func ReferrerManifest(subject artifact.Descriptor, bundle []byte) (Attachment, error) {
	return StatementManifest(subject, bundle, SignType)
}

// StatementManifest is ReferrerManifest for a bundle whose statement is of
// another predicate type.
func StatementManifest(subject artifact.Descriptor, bundle []byte, predicateType string) (Attachment, error) {
	layer := blobOf(BundleType, bundle)
	config := blobOf(emptyType, []byte(emptyContent))
	body, err := json.Marshal(referrerManifest{
		SchemaVersion: 2,
		MediaType:     manifestType,
		ArtifactType:  BundleType,
		Config:        describe(config.Descriptor),
		Layers:        []referrerDescriptor{describe(layer.Descriptor)},
		Subject:       describe(subject),
		Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicateType,
		},
	}, json.Deterministic(true))
	if err != nil {
		return Attachment{}, fmt.Errorf("attaching a signature to %v: %w", subject.Digest, err)
	}
	d := blobOf(manifestType, body).Descriptor
	d.ArtifactType = BundleType
	return Attachment{Manifest: body, Descriptor: d, Blobs: []Blob{config, layer}}, nil
}

func blobOf(mediaType string, content []byte) Blob {
	return Blob{
		Descriptor: artifact.Descriptor{MediaType: mediaType, Digest: artifact.SumSHA256(content), Size: int64(len(content))},
		Content:    content,
	}
}

func describe(d artifact.Descriptor) referrerDescriptor {
	return referrerDescriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
}
