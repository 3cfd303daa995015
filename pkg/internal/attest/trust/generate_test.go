package trust

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
)

const testdata = "../../../../testdata/trust"

var generate = flag.Bool("generate", false, "write testdata/trust anew")

// TestGenerate writes what the script tests of the command use: a Sigstore
// instance's trusted root, a keyless signature of the demo model by it, and a
// TUF repository that does not expire and holds the root.
func TestGenerate(t *testing.T) {
	if !*generate {
		t.Skip("only with -generate")
	}
	r := newRepository(t)
	lab, err := sigstoretest.New(time.Now().UTC().Truncate(time.Second))
	r.must(err)
	root, err := lab.TrustedRoot()
	r.must(err)
	r.must(os.RemoveAll(filepath.Join(testdata, "tuf")))
	r.must(os.RemoveAll(filepath.Join(testdata, "layout")))
	save(t, "trusted_root.json", root)
	save(t, "other_root.json", trustedRoot(t))

	r.root.Signed.Version = 1
	r.root.Signed.Expires = time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)
	r.expires = r.root.Signed.Expires
	r.signRoot(r.keys["root"])
	r.publish(map[string][]byte{rootTarget: root, signingTarget: []byte(signingConfig)})
	for path, data := range r.files {
		save(t, "tuf"+path, data)
	}
	sign(t, lab)
}

// sign attaches a keyless signature to the demo model, in a layout that holds
// only what is to be put over the demo's own.
func sign(t *testing.T, lab *sigstoretest.Lab) {
	t.Helper()
	var index struct {
		SchemaVersion int              `json:"schemaVersion"`
		MediaType     string           `json:"mediaType"`
		Manifests     []map[string]any `json:"manifests"`
	}
	if err := json.Unmarshal(read0(t, "../../../../testdata/demo/layout/index.json"), &index); err != nil {
		t.Fatal(err)
	}
	model := index.Manifests[0]
	digest, err := artifact.ParseDigest(model["digest"].(string))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := lab.Bundle(sigstoretest.Request{
		Subject:  digest,
		Identity: "https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1",
		Issuer:   "https://token.actions.githubusercontent.com",
		IssuedAt: time.Now().Add(-time.Hour).UTC().Truncate(time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := attest.ReferrerManifest(artifact.Descriptor{MediaType: model["mediaType"].(string), Digest: digest, Size: int64(model["size"].(float64))}, bundle)
	if err != nil {
		t.Fatal(err)
	}
	blobs := map[string][]byte{a.Descriptor.Digest.Hex(): a.Manifest}
	for _, b := range a.Blobs {
		blobs[b.Descriptor.Digest.Hex()] = b.Content
	}
	for hex, data := range blobs {
		save(t, "layout/blobs/sha256/"+hex, data)
	}
	signature := maps.Clone(index.Manifests[1])
	signature["digest"], signature["size"] = a.Descriptor.Digest.String(), a.Descriptor.Size
	index.Manifests[1] = signature
	out, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	save(t, "layout/index.json", out)
}

func save(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(testdata, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
