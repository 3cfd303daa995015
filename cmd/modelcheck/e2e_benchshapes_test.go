//go:build e2e

package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A shape is so many blobs of so many bytes.
type shape struct {
	name, what string
	blobs      int
	size       int64
}

func shapes(scale int64) []shape {
	list := []shape{
		{name: "typical", blobs: 8, size: 512 << 20},
		{name: "one-big", blobs: 1, size: 4 << 30},
		{name: "many-small", blobs: 200, size: 64 << 10},
		{name: "many-layers", blobs: 1000, size: 1 << 20},
	}
	for i := range list {
		s := &list[i]
		s.size = max(s.size/scale, 4096)
		s.what = fmt.Sprintf("%d × %s", s.blobs, human(s.size))
	}
	return list
}

func human(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1024 || n%1024 != 0 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%d GiB", n)
}

// publish puts an artifact of the shape into the registry's storage, random
// safetensors files, and signs it.
func (b *bench) publish(t *testing.T, s shape) (published, []layer) {
	t.Helper()
	layers := make([]layer, s.blobs)
	for i := range layers {
		title := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, s.blobs)
		seed := [32]byte{byte(i), byte(i >> 8), byte(s.size >> 12), byte(s.blobs)}
		layers[i] = b.store(t, "bench/"+s.name, title, s.size, rand.NewChaCha8(seed))
	}
	return b.manifest(t, "bench/"+s.name, layers), layers
}

// manifest puts a manifest of the layers into the registry and signs it.
func (b *bench) manifest(t *testing.T, repository string, layers []layer) published {
	t.Helper()
	empty := []byte("{}")
	config := b.place(t, repository, "", int64(len(empty)), bytes.NewReader(empty))
	config.MediaType, config.Annotations = "application/vnd.oci.empty.v1+json", nil
	body, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestType,
		"artifactType":  "application/vnd.unknown.artifact.v1",
		"config":        config,
		"layers":        layers,
	})
	if err != nil {
		t.Fatal(err)
	}
	sized{registry: b.registries[0]}.put(t, repository, body)
	p := published{repository: b.host + "/" + repository, digest: fmt.Sprintf("sha256:%x", sha256.Sum256(body))}
	b.signByKey(t, p, b.key)
	return p
}

// store makes a safetensors file of one tensor whose bytes come from content.
// Without content they are zeros, which take no space.
func (b *bench) store(t *testing.T, repository, title string, size int64, content io.Reader) layer {
	t.Helper()
	header := fmt.Appendf(nil, `{"weight":{"dtype":"U8","shape":[%d],"data_offsets":[0,%[1]d]}}`, size-8-128)
	header = append(header, bytes.Repeat([]byte(" "), 128-len(header))...)
	start := append(binary.LittleEndian.AppendUint64(nil, 128), header...)
	if content == nil {
		return b.place(t, repository, title, size, bytes.NewReader(start))
	}
	return b.place(t, repository, title, size, io.LimitReader(io.MultiReader(bytes.NewReader(start), content), size))
}

// place writes a blob to where distribution's registry keeps it. What content
// lacks is a hole of zeros.
func (b *bench) place(t *testing.T, repository, title string, size int64, content io.Reader) layer {
	t.Helper()
	incoming := b.path("incoming")
	file, err := os.Create(incoming)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Truncate(size))
	if _, serr := file.Seek(0, io.SeekStart); serr == nil {
		_, serr = io.Copy(hash, file)
		err = errors.Join(err, serr)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", hash.Sum(nil))
	link := filepath.Join(b.storage, "repositories", repository, "_layers/sha256", hex, "link")
	data := b.blobPath(hex)
	for _, dir := range []string{filepath.Dir(link), filepath.Dir(data)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(incoming, data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(link, []byte("sha256:"+hex), 0o644); err != nil {
		t.Fatal(err)
	}
	return layer{MediaType: "application/octet-stream", Digest: "sha256:" + hex, Size: size, Annotations: map[string]string{titleAnnotation: title}}
}

func (b *bench) blobPath(hex string) string {
	return filepath.Join(b.storage, "blobs/sha256", hex[:2], hex, "data")
}

// unpublish frees the disk.
func (b *bench) unpublish(t *testing.T, layers []layer) {
	t.Helper()
	for _, l := range layers {
		if err := os.Remove(b.blobPath(strings.TrimPrefix(l.Digest, "sha256:"))); err != nil {
			t.Fatal(err)
		}
	}
}

// small measures an artifact of five small files, where starting up is what
// counts: by key and by identity.
func (b *bench) small(t *testing.T) table {
	t.Helper()
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	for i := len(filesOf(t, folder)); i < 5; i++ {
		if err := os.WriteFile(fmt.Sprintf("%s/part-%d.txt", folder, i), fmt.Appendf(nil, "part %d\n", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	byKey := b.push(t, b.registries[0], "bench/by-key", folder)
	b.signByKey(t, byKey, b.key)
	keyless := b.push(t, b.registries[0], "bench/keyless", folder)
	b.signKeyless(t, keyless, b.people.person(t, alice))
	cosign := []string{b.tool("cosign"), "verify", "--allow-http-registry"}
	trust := b.trust(alice, b.people.url)
	out := b.alternate(t, rounds(0), []command{
		{name: "modelcheck version", line: []string{b.user.binary, "version"}},
		{name: "cosign verify, by key", line: append(cosign[:3:3], "--insecure-ignore-tlog", "--key", b.key.public, byKey.pinned())},
		{name: "modelcheck verify, by key", line: []string{b.user.binary, "verify", "-q", "--key", b.key.public, byKey.pinned()}},
		{name: "cosign verify, by identity", line: append(append(cosign[:3:3], "--use-signed-timestamps"), append(trust, keyless.pinned())...)},
		{name: "modelcheck verify, by identity", line: append(append([]string{b.user.binary, "verify", "-q"}, trust...), keyless.pinned())},
	})
	out.name, out.what = "small", "five small files"
	return out
}

// growth measures what entries and referrers cost.
func (b *bench) growth(t *testing.T) []table {
	t.Helper()
	verify := func(n int, p published) command {
		return command{name: fmt.Sprint(n), line: []string{b.user.binary, "verify", "-q", "--key", b.key.public, p.pinned()}}
	}
	var byEntries, byReferrers []command
	for n := 10; n <= 10_000; n *= 10 {
		repository := fmt.Sprintf("bench/entries-%d", n)
		layers := make([]layer, n)
		for i := range layers {
			content := fmt.Appendf(nil, "part %d of %d\n", i, n)
			layers[i] = b.place(t, repository, fmt.Sprintf("p/%05d.txt", i), int64(len(content)), bytes.NewReader(content))
		}
		byEntries = append(byEntries, verify(n, b.manifest(t, repository, layers)))
	}
	crowd := sized{bed: b.bed, key: b.key, blobs: newBlobStore()}
	crowd.registry = startReferrers(t, crowd.blobs)
	for n := 1; n <= 1000; n *= 10 {
		content := fmt.Appendf(nil, "%d referrers\n", n)
		source := blobSource{size: int64(len(content)), open: func() io.Reader { return bytes.NewReader(content) }}
		p := crowd.publish(t, fmt.Sprintf("bench/referrers-%d", n), []layer{crowd.addBlob(t, "a.txt", source)})
		crowd.multiply(t, p, n)
		byReferrers = append(byReferrers, verify(n, p))
	}
	entries, referrers := b.alternate(t, *benchRounds, byEntries), b.alternate(t, *benchRounds, byReferrers)
	entries.name, referrers.name = "entries", "referrers"
	return []table{entries, referrers}
}

// multiply attaches the bundle of p until there are n of it.
func (b sized) multiply(t *testing.T, p published, n int) {
	t.Helper()
	var manifest map[string]any
	parse(t, b.run(t, "oras", "manifest", "fetch", "--plain-http", b.referrers(t, p)[0]), &manifest)
	repository := strings.TrimPrefix(p.repository, b.registry.host+"/")
	for i := 1; i < n; i++ {
		manifest["annotations"] = map[string]string{"copy": fmt.Sprint(i)}
		body, err := json.Marshal(manifest)
		if err != nil {
			t.Fatal(err)
		}
		b.putAs(t, repository, fmt.Sprintf("sha256:%x", sha256.Sum256(body)), body)
	}
}

// sparse measures files of zeros, which take no space in the registry: memory
// must not depend on their size.
func (b *bench) sparse(t *testing.T) table {
	t.Helper()
	var list []command
	var all []layer
	for _, gib := range []int64{4, *benchSparse} {
		repository := fmt.Sprintf("bench/sparse-%d", gib)
		layers := []layer{b.store(t, repository, "model.safetensors", gib<<30, nil)}
		p := b.manifest(t, repository, layers)
		all = append(all, layers...)
		list = append(list,
			command{name: fmt.Sprintf("modelcheck verify, %d GiB", gib), line: []string{b.user.binary, "verify", "-q", "--key", b.key.public, p.pinned()}},
			command{name: fmt.Sprintf("modelcheck pull, %d GiB", gib), line: []string{b.user.binary, "pull", "-q", "--key", b.key.public, p.pinned(), "%DIR/model"}})
	}
	out := b.alternate(t, 1, list)
	out.name, out.what = "sparse", "one file of zeros"
	b.unpublish(t, all)
	return out
}
