package packaging

import (
	"bytes"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// The manifest media types that are understood.
const (
	mediaManifest       = "application/vnd.oci.image.manifest.v1+json"
	mediaIndex          = "application/vnd.oci.image.index.v1+json"
	mediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	mediaDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// wireManifest names every field of all manifest formats, so that a manifest
// that is two of them at once, or has a field in other letter case, is seen
// (CVE-2021-41190).
type wireManifest struct {
	SchemaVersion *int64            `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *wireDescriptor   `json:"config"`
	Layers        *[]wireDescriptor `json:"layers"`
	Manifests     *[]wireDescriptor `json:"manifests"`
	Subject       *wireDescriptor   `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
	FSLayers      *[]any            `json:"fsLayers"` // Docker schema 1
	Blobs         *[]any            `json:"blobs"`    // OCI artifact manifest, withdrawn
}

// Parse reads a manifest whose bytes were found to match d. What the body says
// of its media type must be what d says; where neither does, the fields that
// are there decide between an OCI manifest and an OCI index.
//
// Errors wrap ErrMalformed, ErrMediaType, ErrEmpty or ErrLimit (image-spec
// 1.1, manifest.md, image-index.md, descriptor.md); inline data that is not
// what its descriptor names is an *artifact.MismatchError. What an examination
// can go on with is a finding in the result.
func Parse(body []byte, d artifact.Descriptor) (Document, error) {
	doc, err := parse(body, d)
	if err != nil {
		return Document{}, fmt.Errorf("reading manifest %v: %w", d.Digest, err)
	}
	return doc, nil
}

func parse(body []byte, d artifact.Descriptor) (Document, error) {
	if len(body) > MaxManifest {
		return Document{}, &LimitError{What: "manifest in bytes", Limit: MaxManifest, Got: int64(len(body))}
	}
	var w wireManifest
	if err := strictjson.Decode(body, &w); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); trimmed[0] != '{' {
		return Document{}, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	media, err := w.mediaType(d.MediaType)
	if err != nil {
		return Document{}, err
	}
	switch media {
	case mediaManifest, mediaDockerManifest:
		image, err := w.image(media)
		return Document{Image: image}, err
	case mediaIndex, mediaDockerList:
		index, err := w.index(media)
		return Document{Index: index}, err
	default:
		return Document{}, fmt.Errorf("%w: %q is no manifest type that is understood", ErrMediaType, media)
	}
}

// mediaType settles what the manifest is, and refuses one that is two things.
func (w *wireManifest) mediaType(said string) (string, error) {
	switch {
	case w.FSLayers != nil || w.Blobs != nil:
		return "", fmt.Errorf("%w: of a withdrawn format (fsLayers, blobs)", ErrMalformed)
	case w.SchemaVersion == nil || *w.SchemaVersion != 2:
		return "", fmt.Errorf("%w: schemaVersion is not 2", ErrMalformed)
	case w.Manifests != nil && (w.Layers != nil || w.Config != nil):
		return "", fmt.Errorf("%w: ambiguous, both an image and an index", ErrMalformed)
	}
	switch {
	case w.MediaType != "" && said != "" && w.MediaType != said:
		return "", fmt.Errorf("%w: the manifest says %q, its descriptor %q", ErrMediaType, w.MediaType, said)
	case w.MediaType != "":
		return w.MediaType, nil
	case said != "":
		return said, nil
	case w.Manifests != nil:
		return mediaIndex, nil
	default:
		return mediaManifest, nil
	}
}

func (w *wireManifest) image(media string) (*Image, error) {
	if w.Manifests != nil {
		return nil, fmt.Errorf("%w: %q with a list of manifests", ErrMediaType, media)
	}
	if w.Config == nil {
		return nil, fmt.Errorf("%w: no config", ErrMalformed)
	}
	if w.Layers == nil || len(*w.Layers) == 0 {
		return nil, fmt.Errorf("%w: no layers", ErrEmpty)
	}
	if n := len(*w.Layers); n > MaxLayers {
		return nil, &LimitError{What: "layers", Limit: MaxLayers, Got: int64(n)}
	}
	m := &Image{MediaType: media, ArtifactType: w.ArtifactType, Annotations: w.Annotations}
	var err error
	var notes findings
	if m.Config, err = w.Config.descriptor("config", &notes); err != nil {
		return nil, err
	}
	for i := range *w.Layers {
		d, err := (*w.Layers)[i].descriptor(fmt.Sprintf("layer %d", i), &notes)
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, Layer{Descriptor: d})
	}
	if m.Subject, err = w.subject(); err != nil {
		return nil, err
	}
	if err := m.consistent(); err != nil {
		return nil, err
	}
	m.parsed = len(m.Layers)
	m.recognise(*w.Layers, &notes)
	m.Findings = notes.list()
	return m, nil
}

// consistent refuses a manifest that gives one digest two sizes, and one whose
// only content is the empty blob (image-spec 1.1, §Guidance for an Empty
// Descriptor).
func (m *Image) consistent() error {
	sizes := map[artifact.Digest]int64{m.Config.Digest: m.Config.Size}
	content := false
	for _, l := range m.Layers {
		if size, ok := sizes[l.Digest]; ok && size != l.Size {
			return fmt.Errorf("%w: %v with sizes %d and %d", ErrMalformed, l.Digest, size, l.Size)
		}
		sizes[l.Digest] = l.Size
		content = content || l.MediaType != mediaEmpty
	}
	if !content {
		return fmt.Errorf("%w: only empty layers", ErrEmpty)
	}
	return nil
}

func (w *wireManifest) index(media string) (*Index, error) {
	if w.Layers != nil || w.Config != nil {
		return nil, fmt.Errorf("%w: %q with layers or a config", ErrMediaType, media)
	}
	if w.Manifests == nil || len(*w.Manifests) == 0 {
		return nil, fmt.Errorf("%w: no manifests", ErrEmpty)
	}
	if n := len(*w.Manifests); n > MaxMembers {
		return nil, &LimitError{What: "manifests of an index", Limit: MaxMembers, Got: int64(n)}
	}
	x := &Index{MediaType: media, ArtifactType: w.ArtifactType, Annotations: w.Annotations}
	var notes findings
	for i := range *w.Manifests {
		wd := &(*w.Manifests)[i]
		d, err := wd.descriptor(fmt.Sprintf("manifest %d", i), &notes)
		if err != nil {
			return nil, err
		}
		x.Members = append(x.Members, IndexMember{
			Descriptor:  d,
			Platform:    wd.Platform.String(),
			Attestation: d.Annotations[annotationReference] == "attestation-manifest",
		})
	}
	var err error
	if x.Subject, err = w.subject(); err != nil {
		return nil, err
	}
	x.Findings = notes.list()
	return x, nil
}

// subject reads what the manifest refers to. It is content of another
// artifact, so that its descriptor's urls and data are nobody's business here.
func (w *wireManifest) subject() (artifact.Digest, error) {
	if w.Subject == nil {
		return artifact.Digest{}, nil
	}
	d, err := w.Subject.descriptor("subject", &findings{})
	return d.Digest, err
}
