//go:build e2e

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bundleType is the media type of a Sigstore bundle and the artifact type of the
// referrer that carries one.
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// What the OCI image specification calls a manifest and the name of a layer.
const (
	manifestType    = "application/vnd.oci.image.manifest.v1+json"
	titleAnnotation = "org.opencontainers.image.title"
)

// A bed is everything that a publisher and a user of models meet: two registries,
// a Sigstore and the publisher's tools.
type bed struct {
	*workshop
	*sigstore
	registries []*testRegistry
}

// startBed brings it all up on loopback.
func startBed(t *testing.T) *bed {
	t.Helper()
	w := newWorkshop(t)
	return &bed{
		workshop:   w,
		sigstore:   startSigstore(t, w),
		registries: []*testRegistry{startDistribution(t, w), startReferrers(t, newBlobStore())},
	}
}

// A published artifact is known by its repository and digest.
type published struct {
	repository string // with the host
	digest     string
}

func (p published) tag() string    { return p.repository + ":v1" }
func (p published) pinned() string { return p.repository + "@" + p.digest }

// push packs the folder with oras as a user would, one layer for each file, the
// path as its title. The same folder gives the same digest everywhere.
func (b *bed) push(t *testing.T, to *testRegistry, repository, folder string) published {
	t.Helper()
	p := published{repository: to.host + "/" + repository}
	args := []string{"push", "--plain-http", "--no-tty", "--format", "json",
		"--annotation", "org.opencontainers.image.created=2026-01-01T00:00:00Z", p.tag()}
	var result struct {
		Digest string `json:"digest"`
	}
	parse(t, b.runIn(t, folder, "oras", append(args, filesOf(t, folder)...)...), &result)
	p.digest = result.Digest
	return p
}

// filesOf lists the folder's files as oras wants them named: path:media type.
func filesOf(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		files = append(files, entry.Name()+":application/octet-stream")
	}
	return files
}

// A keyPair names the files of a cosign key.
type keyPair struct{ private, public string }

// newKey makes a key with cosign, without a password.
func (b *bed) newKey(t *testing.T, name string) keyPair {
	t.Helper()
	b.run(t, "cosign", "generate-key-pair", "--output-key-prefix", filepath.Join(b.dir, name))
	return keyPair{private: b.path(name + ".key"), public: b.path(name + ".pub")}
}

// signByKey signs with the key alone: no certificate, no log, no timestamp.
func (b *bed) signByKey(t *testing.T, p published, key keyPair) {
	t.Helper()
	b.run(t, "cosign", "sign", "--yes", "--allow-http-registry", "--key", key.private,
		"--signing-config", b.noServices, "--trusted-root", b.trustedRoot, p.pinned())
}

// signKeyless signs as whoever the token speaks for.
func (b *bed) signKeyless(t *testing.T, p published, token string) {
	t.Helper()
	b.run(t, "cosign", "sign", "--yes", "--allow-http-registry", "--identity-token", token,
		"--signing-config", b.signingConfig, "--trusted-root", b.trustedRoot, p.pinned())
}

// attest attaches a signed statement that is not a signature.
func (b *bed) attest(t *testing.T, p published, key keyPair) {
	t.Helper()
	predicate := b.write(t, "predicate.json", []byte(`{"scanner":"none","verdict":"FAIL"}`))
	b.run(t, "cosign", "attest", "--yes", "--allow-http-registry", "--key", key.private,
		"--signing-config", b.noServices, "--trusted-root", b.trustedRoot,
		"--predicate", predicate, "--type", "https://example.com/scan/v1", p.pinned())
}

// copySignatures attaches every bundle that refers to one artifact to another.
func (b *bed) copySignatures(t *testing.T, from, to published) {
	t.Helper()
	for _, bundle := range b.bundles(t, from) {
		b.write(t, "copied.json", b.run(t, "oras", "blob", "fetch", "--plain-http", "--output", "-", from.repository+"@"+bundle))
		b.run(t, "oras", "attach", "--plain-http", "--no-tty", "--artifact-type", bundleType, to.pinned(), "copied.json:"+bundleType)
	}
}

// bundles lists the digests of the bundles that refer to the artifact.
func (b *bed) bundles(t *testing.T, p published) []string {
	t.Helper()
	var digests []string
	for _, reference := range b.referrers(t, p) {
		for _, l := range b.layers(t, reference) {
			if l.MediaType == bundleType {
				digests = append(digests, l.Digest)
			}
		}
	}
	if len(digests) == 0 {
		t.Fatalf("%s has no bundle to copy", p.pinned())
	}
	return digests
}

// referrers names the manifests that refer to p.
func (b *bed) referrers(t *testing.T, p published) []string {
	t.Helper()
	var found struct {
		Referrers []struct {
			Reference string `json:"reference"`
		} `json:"referrers"`
	}
	parse(t, b.run(t, "oras", "discover", "--plain-http", "--format", "json", p.pinned()), &found)
	var list []string
	for _, referrer := range found.Referrers {
		list = append(list, referrer.Reference)
	}
	return list
}

// A layer is a descriptor as far as the tests look.
type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// layers fetches a manifest and lists its layers.
func (b *bed) layers(t *testing.T, reference string) []layer {
	t.Helper()
	var manifest struct {
		Layers []layer `json:"layers"`
	}
	parse(t, b.run(t, "oras", "manifest", "fetch", "--plain-http", reference), &manifest)
	return manifest.Layers
}

// blob finds the digest of a file of the artifact.
func (b *bed) blob(t *testing.T, p published, title string) string {
	t.Helper()
	for _, l := range b.layers(t, p.pinned()) {
		if l.Annotations[titleAnnotation] == title {
			return l.Digest
		}
	}
	t.Fatalf("%s has no file %s", p.pinned(), title)
	return ""
}

// parse reads a JSON document.
func parse(t *testing.T, document []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(document, into); err != nil {
		t.Fatalf("%v in:\n%s", err, strings.TrimSpace(string(document)))
	}
}
