package packaging

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

type wireDescriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         *int64            `json:"size"`
	URLs         []string          `json:"urls"`
	Annotations  map[string]string `json:"annotations"`
	Data         *[]byte           `json:"data"`
	ArtifactType string            `json:"artifactType"`
	Platform     *wirePlatform     `json:"platform"`
	Name         string            `json:"name"` // Ollama's own
}

type wirePlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant"`
}

// descriptor checks one descriptor by itself (image-spec 1.1, descriptor.md:
// mediaType, digest and size are REQUIRED).
func (w *wireDescriptor) descriptor(what string, notes *findings) (artifact.Descriptor, error) {
	digest, err := artifact.ParseDigest(w.Digest)
	switch {
	case err != nil:
		return artifact.Descriptor{}, fmt.Errorf("%w: %s: %w", ErrMalformed, what, err)
	case w.MediaType == "":
		return artifact.Descriptor{}, fmt.Errorf("%w: %s: no media type", ErrMalformed, what)
	case w.Size == nil || *w.Size < 0:
		return artifact.Descriptor{}, fmt.Errorf("%w: %s: no size, or a negative one", ErrMalformed, what)
	case *w.Size > maxBlob:
		return artifact.Descriptor{}, &LimitError{What: "size of " + what, Limit: maxBlob, Got: *w.Size}
	}
	d := artifact.Descriptor{MediaType: w.MediaType, ArtifactType: w.ArtifactType, Digest: digest, Size: *w.Size, Annotations: w.Annotations}
	if w.Data != nil {
		if err := matches(*w.Data, d, what); err != nil {
			return artifact.Descriptor{}, err
		}
	}
	if len(w.URLs) > 0 {
		notes.add(provenance.Finding{ID: provenance.CodeExternalContent, Subject: digest.String(), Digest: digest,
			Detail: fmt.Sprintf("the descriptor of %s says that its content lies elsewhere: %q", what, w.URLs[0])})
	}
	return d, nil
}

// matches compares inline data with the descriptor that it stands in (MUST be
// identical to the content, descriptor.md §Embedded Content).
func matches(data []byte, d artifact.Descriptor, what string) error {
	h := d.Digest.Algorithm().New()
	h.Write(data)
	got := artifact.DigestOf(d.Digest.Algorithm(), h.Sum(nil))
	if got == d.Digest && int64(len(data)) == d.Size {
		return nil
	}
	return &artifact.MismatchError{What: "inline data of " + what, Want: d.Digest, Got: got, WantSize: d.Size, GotSize: int64(len(data))}
}

// String writes "os/architecture[/variant]".
func (p *wirePlatform) String() string {
	if p == nil || p.OS == "" && p.Architecture == "" {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
