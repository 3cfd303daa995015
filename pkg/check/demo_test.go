package check_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

var update = flag.Bool("update", false, "write testdata/demo/layout anew, with a new signature")

const demoLayout = "../../testdata/demo/layout"

// TestDemoLayout holds the shipped demo model to its generator: everything but
// the signature, which is another one each time, must come out the same.
func TestDemoLayout(t *testing.T) {
	l := newLayoutWriter()
	model := l.demoModel(t)
	if *update {
		l.sign(t, model)
		l.write(t, demoLayout)
	}
	for d, want := range l.blobs {
		got, err := os.ReadFile(filepath.Join(demoLayout, "blobs/sha256", d.Hex()))
		if err != nil {
			t.Fatalf("%v (go test ./pkg/check -run TestDemoLayout -update)", err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("blob %v differs from what the generator makes", d)
		}
	}
}

// demoModel is a tiny model in the CNCF ModelPack packaging, as modctl writes
// it, with a card that discloses some things and leaves others out.
func (l *layoutWriter) demoModel(t testing.TB) artifact.Descriptor {
	t.Helper()
	var layers []map[string]any
	var diffIDs []string
	for _, f := range []struct{ path, kind string }{
		{"LICENSE", "doc"}, {"README.md", "doc"}, {"config.json", "weight.config"},
		{"tokenizer_config.json", "weight.config"}, {"model.safetensors", "weight"},
	} {
		data := demoFile(t, f.path)
		layers = append(layers, l.blob("application/vnd.cncf.model."+f.kind+".v1.raw", data, map[string]string{"org.cncf.model.filepath": f.path}))
		diffIDs = append(diffIDs, artifact.SumSHA256(data).String())
	}
	config := l.blob("application/vnd.cncf.model.config.v1+json", encode(t, map[string]any{
		"descriptor": map[string]any{"family": "tiny", "name": "tiny-demo", "licenses": []string{"MIT"}},
		"config":     map[string]any{"architecture": "llama", "format": "safetensors", "precision": "bfloat16"},
		"modelfs":    map[string]any{"type": "layers", "diffIds": diffIDs},
	}), nil)
	manifest := encode(t, map[string]any{
		"schemaVersion": 2,
		"mediaType":     ocispec.MediaTypeImageManifest,
		"artifactType":  "application/vnd.cncf.model.manifest.v1+json",
		"config":        config,
		"layers":        layers,
	})
	return l.manifest(manifest, "v1", "application/vnd.cncf.model.manifest.v1+json")
}

func demoFile(t testing.TB, path string) []byte {
	t.Helper()
	if path == "model.safetensors" {
		return safetensors(t, map[string][]int{
			"model.embed_tokens.weight":              {32, 16},
			"model.layers.0.self_attn.q_proj.weight": {16, 16},
			"model.norm.weight":                      {16},
			"lm_head.weight":                         {32, 16},
		})
	}
	data, err := os.ReadFile("../../testdata/demo/model/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// safetensors writes a valid file of BF16 tensors with reproducible noise.
func safetensors(t testing.TB, shapes map[string][]int) []byte {
	t.Helper()
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	slices.Sort(names)
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	offset := 0
	for _, name := range names {
		n := 2
		for _, dim := range shapes[name] {
			n *= dim
		}
		header[name] = map[string]any{"dtype": "BF16", "shape": shapes[name], "data_offsets": []int{offset, offset + n}}
		offset += n
	}
	head := encode(t, header)
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	out = append(out, head...)
	noise := rand.NewChaCha8([32]byte{})
	data := make([]byte, offset)
	_, _ = noise.Read(data)
	return append(out, data...)
}
