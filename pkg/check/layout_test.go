package check_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
)

// A layoutWriter makes an OCI image layout.
type layoutWriter struct {
	blobs map[artifact.Digest][]byte
	index ocispec.Index
}

func newLayoutWriter() *layoutWriter {
	return &layoutWriter{
		blobs: map[artifact.Digest][]byte{},
		index: ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex},
	}
}

func (l *layoutWriter) blob(mediaType string, data []byte, annotations map[string]string) map[string]any {
	d := artifact.SumSHA256(data)
	l.blobs[d] = data
	desc := map[string]any{"mediaType": mediaType, "digest": d.String(), "size": len(data)}
	if annotations != nil {
		desc["annotations"] = annotations
	}
	return desc
}

func (l *layoutWriter) manifest(body []byte, tag, artifactType string) artifact.Descriptor {
	d := artifact.SumSHA256(body)
	l.blobs[d] = body
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Digest: digest.Digest(d.String()), Size: int64(len(body))}
	if tag != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	}
	l.index.Manifests = append(l.index.Manifests, desc)
	return artifact.Descriptor{MediaType: desc.MediaType, ArtifactType: artifactType, Digest: d, Size: desc.Size}
}

// sign attaches a signature by the demo key, in the shape that cosign writes.
func (l *layoutWriter) sign(t testing.TB, subject artifact.Descriptor) {
	t.Helper()
	l.attach(t, subject, bundle(t, subject.Digest, signer(t, "demo.key")))
}

func signer(t testing.TB, name string) crypto.Signer {
	t.Helper()
	data, err := os.ReadFile("../../testdata/keys/" + name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(crypto.Signer)
}

func bundle(t testing.TB, subject artifact.Digest, key crypto.Signer) []byte {
	t.Helper()
	data, err := attest.SignKey(subject, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (l *layoutWriter) attach(t testing.TB, subject artifact.Descriptor, bundle []byte) {
	t.Helper()
	r, err := attest.ReferrerManifest(subject, bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range r.Blobs {
		l.blobs[b.Descriptor.Digest] = b.Content
	}
	l.manifest(r.Manifest, "", r.Descriptor.ArtifactType)
}

func (l *layoutWriter) write(t testing.TB, dir string) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.RemoveAll(dir))
	check(os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	for d, data := range l.blobs {
		check(os.WriteFile(filepath.Join(dir, "blobs/sha256", d.Hex()), data, 0o644))
	}
	check(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	check(os.WriteFile(filepath.Join(dir, "index.json"), encode(t, l.index), 0o644))
}

// encode writes compact JSON with sorted keys.
func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(fmt.Errorf("encoding: %w", err))
	}
	return data
}

// A namedFile is a file of a model that a test packs.
type namedFile struct {
	path string
	data []byte
}

// files packs a model as oras does: a layer per file, named by its title.
func (l *layoutWriter) files(t testing.TB, tag string, files ...namedFile) artifact.Descriptor {
	t.Helper()
	var layers []map[string]any
	for _, f := range files {
		layers = append(layers, l.blob("application/octet-stream", f.data, map[string]string{ocispec.AnnotationTitle: f.path}))
	}
	return l.manifest(l.image(t, layers), tag, "")
}

// image writes the manifest of an artifact with these layers.
func (l *layoutWriter) image(t testing.TB, layers []map[string]any) []byte {
	t.Helper()
	return encode(t, map[string]any{
		"schemaVersion": 2,
		"mediaType":     ocispec.MediaTypeImageManifest,
		"artifactType":  "application/vnd.example.model.v1",
		"config":        l.blob(ocispec.MediaTypeEmptyJSON, []byte("{}"), nil),
		"layers":        layers,
	})
}

// replace puts other bytes where a blob lies.
func replace(data, with []byte) func(*testing.T, string, artifact.Descriptor) {
	return func(t *testing.T, dir string, _ artifact.Descriptor) {
		if err := os.WriteFile(blobFile(dir, data), with, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(data []byte) func(*testing.T, string, artifact.Descriptor) {
	return func(t *testing.T, dir string, _ artifact.Descriptor) {
		if err := os.Remove(blobFile(dir, data)); err != nil {
			t.Fatal(err)
		}
	}
}
