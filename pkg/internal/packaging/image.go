package packaging

import (
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Packaging is the way in which an image manifest holds a model.
type Packaging string

// The ways that exist.
const (
	ModelPack Packaging = "modelpack" // CNCF ModelPack, model-spec 0.0.7
	ModelKit  Packaging = "modelkit"  // KitOps
	DockerAI  Packaging = "docker-ai" // Docker Model Runner, v0.1 and v0.2
	Ollama    Packaging = "ollama"
	ORAS      Packaging = "oras"  // files by title annotation
	Container Packaging = "image" // a container image with files in tar layers (ModelCar)
	Unknown   Packaging = "unknown"
)

// An Encoding says how the files lie in a layer. The zero value is Raw: the
// blob is the file.
type Encoding uint8

// The encodings.
const (
	Raw Encoding = iota
	Tar
	TarGzip
	TarZstd
)

var encodingNames = [...]string{"raw", "tar", "tar+gzip", "tar+zstd"}

// String returns the suffix that media types use.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "none"
}

// A Document is a parsed manifest: exactly one of the two is set.
type Document struct {
	Index *Index
	Image *Image
}

// An Index is an OCI image index or a Docker manifest list.
type Index struct {
	MediaType    string
	ArtifactType string
	Members      []IndexMember // 1 to MaxMembers
	Subject      artifact.Digest
	Annotations  map[string]string
	Findings     []provenance.Finding
}

// An IndexMember is one manifest of an index.
type IndexMember struct {
	artifact.Descriptor
	Platform string // "os/architecture[/variant]", "" if not said; untrusted
	// Attestation: the member says of itself that it is BuildKit's attestation
	// of another one and no model. It is hashed like every other.
	Attestation bool
}

// An Image is an OCI image manifest or a Docker v2 schema 2 manifest. Its
// blobs are Config and Layers; Plan lists each distinct one once.
//
// Who reads only some of the layers may leave others out of a copy: then
// nothing is said of what the whole would show.
type Image struct {
	MediaType    string
	ArtifactType string
	Packaging    Packaging
	Config       artifact.Descriptor
	Layers       []Layer // 1 to MaxLayers, in the manifest's order
	Subject      artifact.Digest
	Annotations  map[string]string
	Findings     []provenance.Finding

	parsed int // layers in the manifest; 0 for one that was not parsed
}

func (m *Image) partial() bool { return len(m.Layers) < m.parsed }

// A Layer is one layer and what kind and media type say of it. A blob that
// stands twice in a manifest is two layers.
type Layer struct {
	artifact.Descriptor
	Encoding Encoding
	// Path is the path of a Raw layer's file: the layer's own name, or
	// "unnamed/" and the digest's first 12 digits where that cannot be used
	// (then there is a finding). Of an archive it is the directory that its
	// entries lie in, "" where any will do.
	Path string
}

// Annotation keys that say where a file belongs, or what it is.
const (
	annotationTitle       = "org.opencontainers.image.title" // image-spec 1.1, annotations.md
	annotationFilepath    = "org.cncf.model.filepath"        // model-spec, docs/annotations.md
	annotationFilepathOld = "org.cnai.model.filepath"        // model-spec up to 0.0.6
	annotationUnpack      = "io.deis.oras.content.unpack"    // oras-go, content/file
	annotationTarDigest   = "io.deis.oras.content.digest"    // of the tar inside the gzip
	annotationReference   = "vnd.docker.reference.type"      // BuildKit, attestation storage
	annotationOlotDigest  = "olot.layer.content.digest"      // of the one file in the layer
	annotationOlotType    = "olot.layer.content.type"        // "file" or "directory"
	annotationOlotPath    = "olot.layer.content.inlayerpath" // absolute, in the image
	annotationMetadata    = "org.cncf.model.file.metadata+json"
	annotationMetadataOld = "org.cnai.model.file.metadata+json"
)
