package packaging

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Media types by which kinds are told apart.
const (
	mediaEmpty       = "application/vnd.oci.empty.v1+json"
	mediaOCIConfig   = "application/vnd.oci.image.config.v1+json"
	mediaDockerImage = "application/vnd.docker.container.image.v1+json" // also Ollama's config

	prefixModelPack    = "application/vnd.cncf.model."
	prefixModelPackOld = "application/vnd.cnai.model." // model-spec up to 0.0.6, still written
	prefixModelKit     = "application/vnd.kitops.modelkit."
	prefixDockerAI     = "application/vnd.docker.ai."
	prefixOllama       = "application/vnd.ollama.image."

	prefixOCILayer    = "application/vnd.oci.image.layer."
	prefixDockerLayer = "application/vnd.docker.image.rootfs."
)

// kindOf recognises a packaging: by the configuration's media type first, then
// by the artifact type, then by the layers. A layer's media type alone says
// little: the same {type, title} is raw bytes in an ORAS artifact and a tar in
// a ModelCar, and oras labels every untyped file a tar.
func (m *Image) kindOf() Packaging {
	archives, titles, layers := true, false, Unknown
	for i := range m.Layers {
		l := &m.Layers[i]
		archives = archives && isImageLayer(l.MediaType)
		titles = titles || l.Annotations[annotationTitle] != "" || l.named() != ""
		if layers == Unknown {
			layers = byPrefix(l.MediaType)
		}
	}
	if p := byPrefix(m.Config.MediaType); p != Unknown {
		return p
	}
	// A container runtime goes by configuration and layers, whatever the
	// artifact type says.
	if archives && (m.Config.MediaType == mediaOCIConfig || m.Config.MediaType == mediaDockerImage) {
		return Container
	}
	if p := byPrefix(m.ArtifactType); p != Unknown {
		return p
	}
	if layers == Unknown && titles {
		return ORAS
	}
	return layers
}

func byPrefix(mediaType string) Packaging {
	for _, k := range []struct {
		prefix string
		kind   Packaging
	}{
		{prefixModelPack, ModelPack},
		{prefixModelPackOld, ModelPack},
		{prefixModelKit, ModelKit},
		{prefixDockerAI, DockerAI},
		{prefixOllama, Ollama},
	} {
		if strings.HasPrefix(mediaType, k.prefix) {
			return k.kind
		}
	}
	return Unknown
}

func isImageLayer(mediaType string) bool {
	return strings.HasPrefix(mediaType, prefixOCILayer) || strings.HasPrefix(mediaType, prefixDockerLayer)
}

// recognise fills in the packaging, and every layer's encoding and path.
func (m *Image) recognise(wire []wireDescriptor, notes *findings) {
	m.Packaging = m.kindOf()
	if m.Packaging == Unknown {
		notes.add(provenance.Finding{ID: provenance.CodeUnknownPackaging,
			Detail: fmt.Sprintf("config %q and artifact type %q are of no packaging that is known", m.Config.MediaType, m.ArtifactType)})
	}
	names := newSynthesis(m)
	for i := range m.Layers {
		l := &m.Layers[i]
		l.Encoding = m.encodingOf(l)
		if strings.Contains(l.MediaType, "nondistributable") || strings.Contains(l.MediaType, ".foreign.") {
			notes.add(provenance.Finding{ID: provenance.CodeExternalContent, Subject: l.Digest.String(), Digest: l.Digest,
				Detail: fmt.Sprintf("layer %d is of a type that registries need not hold: %q", i, l.MediaType)})
		}
		name := m.nameOf(l, wire[i].Name, names)
		if l.Encoding != Raw && m.Packaging != ORAS {
			continue // names are in the archive
		}
		l.setPath(i, name, notes)
	}
}

// setPath checks a layer's name. A file without one, or with one that cannot
// be used, is listed all the same, under a name that says so.
func (l *Layer) setPath(i int, name string, notes *findings) {
	if name == "" {
		notes.add(provenance.Finding{ID: provenance.CodeUnnamedLayer, Subject: l.Digest.String(), Digest: l.Digest,
			Detail: fmt.Sprintf("layer %d (%q) says of no file name", i, l.MediaType)})
		l.Path = l.unnamed()
		return
	}
	clean, err := cleanName(name)
	if err != nil {
		notes.add(provenance.Finding{ID: provenance.CodeUnsafeName, Subject: name, Digest: l.Digest,
			Detail: fmt.Sprintf("the name %q of layer %d is refused: %v", name, i, err)})
		clean = l.unnamed()
	}
	l.Path = clean
}

// unnamed is the path of a layer that has none of its own.
func (l *Layer) unnamed() string {
	if l.Encoding != Raw {
		return "" // the entries keep their names
	}
	return standIn(l.Digest.Hex())
}

// encodingOf decides what a layer is by kind and media type; the bytes confirm
// it when they stream.
func (m *Image) encodingOf(l *Layer) Encoding {
	switch m.Packaging {
	case Container:
		if e := bySuffix(l.MediaType); e != Raw {
			return e
		}
		return Tar // image-spec 1.1, layer.md: every layer type is a tar
	case ModelPack, ModelKit, DockerAI:
		if byPrefix(l.MediaType) != Unknown {
			return bySuffix(l.MediaType)
		}
		// A foreign type: podman writes what it sniffed. A layer that has a
		// name is a file; one without, of an image layer's type, an archive.
		if isImageLayer(l.MediaType) && l.named() == "" && l.Annotations[annotationTitle] == "" {
			return bySuffix(l.MediaType)
		}
		return Raw
	case ORAS:
		// oras packs directories, always as tar+gzip (oras-go, content/file).
		if l.Annotations[annotationUnpack] == "true" {
			return TarGzip
		}
		return Raw
	default:
		return Raw
	}
}

func bySuffix(mediaType string) Encoding {
	for _, s := range []struct {
		suffix   string
		encoding Encoding
	}{
		{".tar", Tar},
		{".tar+gzip", TarGzip},
		{".tar.gzip", TarGzip}, // Docker
		{".tar+zstd", TarZstd},
		{".tar.zstd", TarZstd},
	} {
		if strings.HasSuffix(mediaType, s.suffix) {
			return s.encoding
		}
	}
	return Raw
}

// named returns the name that model-spec's annotations give to a layer.
func (l *Layer) named() string {
	if name := l.Annotations[annotationFilepath]; name != "" {
		return name
	}
	return l.Annotations[annotationFilepathOld]
}

// nameOf returns the name of a layer's file, "" if nothing tells it.
func (m *Image) nameOf(l *Layer, own string, names *synthesis) string {
	path, title := l.named(), l.Annotations[annotationTitle]
	switch m.Packaging {
	case Ollama:
		if own != "" {
			return own
		}
		return names.ollama(l)
	case ORAS:
		if title != "" {
			return title // what oras goes by
		}
		return path
	case DockerAI:
		if path == "" && title == "" && l.Encoding == Raw {
			return names.docker(l)
		}
	}
	if path != "" {
		return path
	}
	return title
}
