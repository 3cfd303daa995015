package packaging

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestKinds: configuration before artifact type before layers.
func TestKinds(t *testing.T) {
	const tarLayer = "application/vnd.oci.image.layer.v1.tar"
	tests := []struct {
		config, artifactType, layer, annotation string
		kind                                    Packaging
		encoding                                Encoding
		path                                    string
	}{
		{"application/vnd.cncf.model.config.v1+json", "", "application/vnd.cncf.model.weight.v1.raw", annotationFilepath, ModelPack, Raw, "name"},
		{"application/vnd.cncf.model.config.v1+json", "", "application/vnd.cncf.model.weight.v1.tar+zstd", annotationFilepath, ModelPack, TarZstd, ""},
		{"application/vnd.cncf.model.config.v1+json", "", "application/vnd.cncf.model.weight.v1.gguf", annotationFilepath, ModelPack, Raw, "name"},
		{"application/vnd.cnai.model.config.v1+json", "", "application/vnd.cnai.model.weight.v1.raw", annotationFilepathOld, ModelPack, Raw, "name"},
		{mediaEmpty, "application/vnd.cncf.model.manifest.v1+json", "application/octet-stream", annotationFilepath, ModelPack, Raw, "name"}, // podman
		{mediaEmpty, "application/vnd.cncf.model.manifest.v1+json", tarLayer, annotationTitle, ModelPack, Raw, "name"},
		{"application/vnd.kitops.modelkit.config.v1+json", "", "application/vnd.kitops.modelkit.model.v1.tar+gzip", "", ModelKit, TarGzip, ""},
		{"application/vnd.docker.ai.model.config.v0.1+json", "", "application/vnd.docker.ai.gguf.v3", "", DockerAI, Raw, "model.gguf"},
		{"application/vnd.docker.ai.model.config.v0.1+json", "", "application/vnd.docker.ai.license", "", DockerAI, Raw, "LICENSE"},
		{"application/vnd.docker.ai.model.config.v0.1+json", "", "application/vnd.docker.ai.vllm.config.tar", "", DockerAI, Tar, ""},
		{mediaDockerImage, "", "application/vnd.ollama.image.model", "", Ollama, Raw, "model"},
		{mediaDockerImage, "", "application/vnd.docker.image.rootfs.diff.tar.gzip", "", Container, TarGzip, ""},
		{mediaOCIConfig, "", "application/vnd.oci.image.layer.v1.tar+zstd", annotationTitle, Container, TarZstd, ""},
		{mediaOCIConfig, "application/vnd.cncf.model.manifest.v1+json", tarLayer, annotationTitle, Container, Tar, ""},
		{mediaOCIConfig, "", "application/octet-stream", annotationTitle, ORAS, Raw, "name"},
		{mediaEmpty, "application/vnd.unknown.artifact.v1", tarLayer, annotationTitle, ORAS, Raw, "name"}, // oras' default type
		{"application/vnd.cncf.helm.config.v1+json", "", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "", Unknown, Raw, standIn(strings.TrimPrefix(digestB, "sha256:"))},
	}
	for _, tt := range tests {
		t.Run(tt.config+" "+tt.layer, func(t *testing.T) {
			annotations := "{}"
			if tt.annotation != "" {
				annotations = fmt.Sprintf(`{%q:"./name"}`, tt.annotation)
			}
			body := fmt.Sprintf(`{"schemaVersion":2,"artifactType":%q,"config":{"mediaType":%q,"digest":%q,"size":1},"layers":[{"mediaType":%q,"digest":%q,"size":1,"annotations":%s}]}`,
				tt.artifactType, tt.config, digestA, tt.layer, digestB, annotations)
			doc, err := Parse([]byte(body), descriptorOf(body, ""))
			if err != nil {
				t.Fatal(err)
			}
			m := doc.Image
			if l := m.Layers[0]; m.Packaging != tt.kind || l.Encoding != tt.encoding || l.Path != tt.path {
				t.Errorf("got %q %v %q, want %q %v %q", m.Packaging, l.Encoding, l.Path, tt.kind, tt.encoding, tt.path)
			}
			if got := has(m.Findings, provenance.CodeUnknownPackaging); got != (tt.kind == Unknown) {
				t.Errorf("findings %v", m.Findings)
			}
		})
	}
}

// TestSynthesis: several unnamed layers of a kind get different names.
func TestSynthesis(t *testing.T) {
	m := &Image{Config: artifact.Descriptor{MediaType: "application/vnd.docker.ai.model.config.v0.1+json"}}
	for _, mediaType := range []string{"gguf.v3", "gguf.v3", "license", "license", "mmproj", "chat.template.jinja", "odd"} {
		m.Layers = append(m.Layers, Layer{Descriptor: artifact.Descriptor{MediaType: prefixDockerAI + mediaType, Digest: artifact.SumSHA256([]byte(mediaType))}})
	}
	var notes findings
	m.recognise(make([]wireDescriptor, len(m.Layers)), &notes)
	want := []string{"model-00001-of-00002.gguf", "model-00002-of-00002.gguf", "LICENSE", "LICENSE-2", "model.mmproj", "template.jinja"}
	for i, name := range want {
		if m.Layers[i].Path != name {
			t.Errorf("layer %d: %q, want %q", i, m.Layers[i].Path, name)
		}
	}
	if !has(notes.list(), provenance.CodeUnnamedLayer) {
		t.Error("a layer of an unknown type got a name")
	}
}
