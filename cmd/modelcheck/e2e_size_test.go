//go:build e2e

package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

const (
	// memoryLimit is what verifying may take at its peak, whatever the model's size.
	memoryLimit = 64 << 20
	// manifestLimit is what registries take: distribution refuses more.
	manifestLimit = 4 << 20

	bigShards  = 8
	manyLayers = 10_000
)

// shardSize is 128 MiB, 1 GiB in all, or with MODELCHECK_E2E_BIG 512 MiB, 4 GiB in
// all.
func shardSize() int64 {
	if os.Getenv("MODELCHECK_E2E_BIG") != "" {
		return 512 << 20
	}
	return 128 << 20
}

// TestE2EMemory verifies an artifact far larger than the memory that it may take.
func TestE2EMemory(t *testing.T) {
	b := startSized(t)
	var layers []layer
	for shard := range bigShards {
		title := fmt.Sprintf("model-%05d-of-%05d.safetensors", shard+1, bigShards)
		layers = append(layers, b.addBlob(t, title, bigShard(t, shard, shardSize())))
	}
	p := b.publish(t, "size/big", layers)
	b.verifyWithin(t, p, memoryLimit)
	t.Run("one byte of it changed", func(t *testing.T) {
		b.blobs.add(layers[bigShards-1].Digest, lastByteChanged(bigShard(t, bigShards-1, shardSize())))
		b.user.verify(t, "--key", b.key.public, p.pinned()).expect(t, exitDeny, "deny", "digest-mismatch")
	})
}

// TestE2EManyLayers verifies a manifest of as many layers as any registry takes.
func TestE2EManyLayers(t *testing.T) {
	b := startSized(t)
	var layers []layer
	for i := range manyLayers {
		content := fmt.Appendf(nil, "part %d\n", i)
		source := blobSource{size: int64(len(content)), open: func() io.Reader { return bytes.NewReader(content) }}
		layers = append(layers, b.addBlob(t, fmt.Sprintf("parts/%05d.txt", i), source))
	}
	b.verifyWithin(t, b.publish(t, "size/many", layers), 0)
}

// A sized is a bed with one registry, whose blobs are computed and not stored.
type sized struct {
	*bed
	user     user
	key      keyPair
	blobs    *blobStore
	registry *testRegistry
}

func startSized(t *testing.T) sized {
	t.Helper()
	w, blobs := newWorkshop(t), newBlobStore()
	reg := startReferrers(t, blobs)
	// A key needs no services, but cosign wants to be told so.
	w.run(t, "cosign", "signing-config", "create", "--out", w.path("sc_empty.json"))
	w.run(t, "cosign", "trusted-root", "create", "--out", w.path("trusted_root.json"))
	b := &bed{
		workshop:   w,
		sigstore:   &sigstore{noServices: w.path("sc_empty.json"), trustedRoot: w.path("trusted_root.json")},
		registries: []*testRegistry{reg},
	}
	return sized{bed: b, user: newUser(t, w), key: b.newKey(t, "publisher"), blobs: blobs, registry: reg}
}

// addBlob computes the blob's digest and puts it into the registry.
func (b sized) addBlob(t *testing.T, title string, source blobSource) layer {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, source.open()); err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", hash.Sum(nil))
	b.blobs.add(digest, source)
	return layer{
		MediaType:   "application/octet-stream",
		Digest:      digest,
		Size:        source.size,
		Annotations: map[string]string{titleAnnotation: title},
	}
}

// publish puts a manifest of the layers into the registry and signs it.
func (b sized) publish(t *testing.T, repository string, layers []layer) published {
	t.Helper()
	empty := []byte("{}")
	config := layer{MediaType: "application/vnd.oci.empty.v1+json", Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(empty)), Size: 2}
	b.blobs.addBytes(config.Digest, empty)
	manifest := map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestType,
		"artifactType":  "application/vnd.unknown.artifact.v1",
		"config":        config,
		"layers":        layers,
	}
	body, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > manifestLimit {
		t.Fatalf("a manifest of %d bytes, more than the %d that registries take", len(body), manifestLimit)
	}
	t.Logf("%d layers, a manifest of %d bytes", len(layers), len(body))
	b.put(t, repository, body)
	p := published{repository: b.registry.host + "/" + repository, digest: fmt.Sprintf("sha256:%x", sha256.Sum256(body))}
	b.signByKey(t, p, b.key)
	return p
}

// put tags a manifest as v1.
func (b sized) put(t *testing.T, repository string, manifest []byte) {
	t.Helper()
	b.putAs(t, repository, "v1", manifest)
}

// putAs puts a manifest under a tag or its digest.
func (b sized) putAs(t *testing.T, repository, name string, manifest []byte) {
	t.Helper()
	url := "http://" + b.registry.host + "/v2/" + repository + "/manifests/" + name
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", manifestType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("PUT %s: %s", url, res.Status)
	}
}

// verifyWithin expects the artifact to be allowed, within so much memory unless it
// is 0.
func (b sized) verifyWithin(t *testing.T, p published, limit int64) {
	t.Helper()
	o, usage := b.user.measure(t, "--key", b.key.public, p.tag())
	o.expect(t, exitAllow, "allow", "")
	t.Logf("peak of resident memory %.1f MiB, %v", float64(usage.peak)/(1<<20), usage.elapsed)
	if limit > 0 && usage.peak > limit {
		t.Errorf("resident memory peaked at %d bytes, limit %d", usage.peak, limit)
	}
}

// bigShard is a valid safetensors file of one tensor whose bytes are a block over
// and over; the block differs from shard to shard.
func bigShard(t *testing.T, shard int, size int64) blobSource {
	t.Helper()
	const headerSize = 256
	header := fmt.Appendf(nil, `{"model.layers.%d.weight":{"dtype":"U8","shape":[%[2]d],"data_offsets":[0,%[2]d]}}`, shard, size-8-headerSize)
	if len(header) > headerSize {
		t.Fatalf("a header of %d bytes", len(header))
	}
	start := binary.LittleEndian.AppendUint64(nil, headerSize)
	start = append(start, header...)
	start = append(start, bytes.Repeat([]byte(" "), headerSize-len(header))...)
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i*7 + i>>8 + shard)
	}
	return blobSource{size: size, open: func() io.Reader {
		return io.LimitReader(io.MultiReader(bytes.NewReader(start), &repeating{block: block}), size)
	}}
}

// repeating reads a block over and over.
type repeating struct {
	block []byte
	at    int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// lastByteChanged is the same blob with another last byte.
func lastByteChanged(source blobSource) blobSource {
	return blobSource{size: source.size, open: func() io.Reader {
		return io.MultiReader(io.LimitReader(source.open(), source.size-1), bytes.NewReader([]byte{0xff}))
	}}
}
