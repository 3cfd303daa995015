package packaging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
)

// layout reads an OCI layout folder for tests.
type layout string

func (l layout) blob(t testing.TB, d artifact.Digest) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(string(l), "blobs", d.Algorithm().String(), d.Hex()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// root returns the descriptor that the tag v1 names.
func (l layout) root(t testing.TB) artifact.Descriptor {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(string(l), "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Manifests []struct {
			MediaType, Digest string
			Size              int64
			Annotations       map[string]string
		}
	}
	if err := json.Unmarshal(body, &index); err != nil {
		t.Fatal(err)
	}
	for _, m := range index.Manifests {
		if m.Annotations["org.opencontainers.image.ref.name"] == "v1" {
			d, err := artifact.ParseDigest(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return artifact.Descriptor{MediaType: m.MediaType, Digest: d, Size: m.Size}
		}
	}
	t.Fatalf("%s: no tag v1", l)
	return artifact.Descriptor{}
}

// images returns the manifests of the layout by name of their expected list.
func (l layout) images(t testing.TB) (names []string, images []*packaging.Image) {
	t.Helper()
	base := filepath.Base(string(l))
	d := l.root(t)
	doc, err := packaging.Parse(l.blob(t, d.Digest), d)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Image != nil {
		return []string{base}, []*packaging.Image{doc.Image}
	}
	for _, m := range doc.Index.Members {
		child, err := packaging.Parse(l.blob(t, m.Digest), m.Descriptor)
		if err != nil {
			t.Fatal(err)
		}
		_, arch, _ := strings.Cut(m.Platform, "/")
		names = append(names, base+"."+arch)
		images = append(images, child.Image)
	}
	return names, images
}

// stream reads a plan's blobs from wherever open finds them.
func stream(t testing.TB, p *packaging.Plan, open func(artifact.Digest) []byte) {
	t.Helper()
	var jobs []blob.Job
	for _, b := range p.Blobs() {
		jobs = append(jobs, blob.Job{What: b.What, Files: b.Files, Want: b.Descriptor, Sink: b.Sink,
			Open: func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(open(b.Digest))), nil
			}})
	}
	for i, err := range blob.Stream(t.Context(), blob.Config{}, jobs) {
		if err != nil {
			t.Fatalf("blob %d: %v", i, err)
		}
	}
}

func TestLayouts(t *testing.T) {
	kinds := map[string]packaging.Packaging{
		"dockerai-dir-as-modelpack": packaging.ModelPack, "dockerai-gguf-as-modelpack": packaging.ModelPack,
		"dockerai-v0.1-gguf": packaging.DockerAI, "dockerai-v0.2-dir-safetensors": packaging.DockerAI,
		"image-config-artifact": packaging.Container, "kaito-style-oras": packaging.ORAS,
		"kitops-modelkit-gzip": packaging.ModelKit, "kitops-modelkit-none": packaging.ModelKit,
		"modelcar-olot.amd64": packaging.Container, "modelcar-olot.arm64": packaging.Container,
		"modelcar-olot.unknown": packaging.ModelPack, "modelcar-plain-image": packaging.Container,
		"modelpack-modctl-raw": packaging.ModelPack, "modelpack-modctl-tar": packaging.ModelPack,
		"ollama-gguf-byhand": packaging.Ollama, "ollama-tensor-byhand": packaging.Ollama,
		"oras-plain": packaging.ORAS, "oras-unknown-type": packaging.ORAS,
	}
	root := fixtures.Dir(t, "oci")
	seen := 0
	for _, dir := range layouts(t, root) {
		l := layout(dir)
		names, images := l.images(t)
		plan, err := packaging.NewPlan(images, nil)
		if err != nil {
			t.Fatal(err)
		}
		stream(t, plan, func(d artifact.Digest) []byte { return l.blob(t, d) })
		for i, name := range names {
			seen++
			if images[i].Packaging != kinds[name] {
				t.Errorf("%s: packaging %q, want %q", name, images[i].Packaging, kinds[name])
			}
			contents, err := plan.Contents(i)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, err := os.ReadFile(filepath.Join(root, "expected", name+".tsv"))
			if err != nil {
				t.Fatal(err)
			}
			if got := table(images[i], contents.Files); got != string(want) {
				t.Errorf("%s: got\n%swant\n%s", name, got, want)
			}
			findings := contents.Findings
			findings = append(findings, images[i].Findings...)
			for _, f := range findings {
				if name != "modelcar-plain-image" || f.ID != "link-in-archive" || f.Subject != "models/model.file" {
					t.Errorf("%s: finding %+v", name, f)
				}
			}
			if name == "modelcar-plain-image" && len(findings) != 1 {
				t.Errorf("%s: %d findings, want the link", name, len(findings))
			}
		}
	}
	if seen != len(kinds) {
		t.Errorf("%d manifests, want %d", seen, len(kinds))
	}
}

func layouts(t testing.TB, root string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(root, "layouts", "*"))
	if err != nil || len(dirs) != 16 {
		t.Fatalf("%d layouts, %v", len(dirs), err)
	}
	return dirs
}

// table writes files as the expected lists have them.
func table(m *packaging.Image, files []artifact.File) string {
	at := map[artifact.Digest]int{}
	for i, l := range m.Layers {
		at[l.Digest] = i
	}
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%s\t%s\t%d\tlayer%d\n", f.Path, f.Digest.Hex(), f.Size, at[f.Layer])
	}
	return b.String()
}

// TestContentIdentity: the same twelve files have one identity, whatever they
// are packed in.
func TestContentIdentity(t *testing.T) {
	same := map[string]bool{"dockerai-dir-as-modelpack": true, "dockerai-v0.2-dir-safetensors": true, "modelpack-modctl-raw": true,
		"modelpack-modctl-tar": true, "modelcar-olot.amd64": true, "modelcar-olot.arm64": true, "modelcar-olot.unknown": true}
	root := fixtures.Dir(t, "oci")
	first := ""
	all := map[string][]string{}
	for _, dir := range layouts(t, root) {
		l := layout(dir)
		names, images := l.images(t)
		plan, err := packaging.NewPlan(images, nil)
		if err != nil {
			t.Fatal(err)
		}
		stream(t, plan, func(d artifact.Digest) []byte { return l.blob(t, d) })
		for i, name := range names {
			contents, err := plan.Contents(i)
			if err != nil {
				t.Fatal(err)
			}
			id, err := artifact.ContentIdentity(contents.Files)
			if err != nil {
				t.Fatal(err)
			}
			all[id.String()] = append(all[id.String()], name)
			if same[name] {
				first = id.String()
			}
		}
	}
	if len(all[first]) != len(same) {
		t.Errorf("identities: %v", all)
	}
	for _, name := range all[first] {
		if !same[name] {
			t.Errorf("%s has the identity of other files", name)
		}
	}
}
