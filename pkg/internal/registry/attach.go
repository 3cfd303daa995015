package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// An Attachment is a manifest about another one, and what it is made of.
type Attachment struct {
	// Subject is what Manifest is about: Manifest must say so itself.
	Subject artifact.Descriptor
	// Manifest is an OCI image manifest of at most 4 MiB.
	Manifest []byte
	// Blobs are the config and the layers of Manifest, all of them.
	Blobs []Blob
}

// A Blob is content with its descriptor.
type Blob struct {
	Descriptor artifact.Descriptor // Digest and Size count
	Content    []byte
}

// Attached says where an attachment is found from now on.
type Attached struct {
	// Digest is that of the manifest.
	Digest artifact.Digest
	// Layout says where it is listed: "referrers-api", "fallback-tag" or
	// "layout-index".
	Layout string
	// Existed is set where manifest and listing had been there before.
	Existed bool
}

// Attach stores the blobs and the manifest and has the manifest listed among
// the referrers of the subject. Without an error all of it was read back: the
// manifest by its digest with the same bytes, its entry in the list.
//
// Attaching the same again changes nothing, or finishes what an interrupted
// Attach has begun. Any number of processes may attach to one subject at the
// same time; nobody's entry is lost within the bounds that keepTag describes.
//
// Errors wrap ErrAttachment where nothing was tried, else they are a
// *PendingError that wraps ErrReadBack, ErrUnauthorized, ErrUnreachable,
// ErrResponse, ErrLimit, ErrBusy or an error of the disk.
func (s *Store) Attach(ctx context.Context, a Attachment) (Attached, error) {
	p, err := newParcel(a)
	if err != nil {
		return Attached{}, fmt.Errorf("attaching to %v: %w: %w", a.Subject.Digest, ErrAttachment, err)
	}
	got, err := s.src.attach(ctx, p)
	if err != nil {
		return Attached{}, fmt.Errorf("attaching to %v: %w", a.Subject.Digest, err)
	}
	return got, nil
}

// A parcel is an Attachment that was checked.
type parcel struct {
	subject artifact.Digest
	entry   listed // of body, as it stands in lists
	digest  artifact.Digest
	body    []byte
	blobs   []Blob // each once
}

// newParcel refuses what a registry would refuse later, and what a layout,
// which checks nothing, would keep.
func newParcel(a Attachment) (*parcel, error) {
	if err := checkDescriptor("subject", a.Subject, maxManifest); err != nil {
		return nil, err
	}
	p := &parcel{subject: a.Subject.Digest, body: a.Manifest, digest: artifact.SumSHA256(a.Manifest)}
	d := artifact.Descriptor{MediaType: typeOCIManifest, Digest: p.digest, Size: int64(len(p.body))}
	if err := checkDescriptor("manifest", d, maxManifest); err != nil {
		return nil, err
	}
	about, err := parseReferrer(p.body)
	if err != nil {
		return nil, err
	}
	if about.subject != p.subject.String() {
		return nil, fmt.Errorf("%w: %q", ErrForeignSubject, clip(about.subject))
	}
	p.entry = listed{
		MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size,
		ArtifactType: about.artifactType, Annotations: about.annotations,
	}
	for _, b := range a.Blobs {
		if err := checkDescriptor("blob", b.Descriptor, 1<<63-2); err != nil {
			return nil, err
		}
		if err := verify("blob", b.Descriptor, b.Content); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(p.blobs, func(o Blob) bool { return o.Descriptor.Digest == b.Descriptor.Digest }) {
			p.blobs = append(p.blobs, b)
		}
	}
	return p, p.checkParts()
}

// checkParts compares the blobs with what the manifest names.
func (p *parcel) checkParts() error {
	var m struct {
		SchemaVersion int      `json:"schemaVersion"`
		MediaType     string   `json:"mediaType"`
		Config        listed   `json:"config"`
		Layers        []listed `json:"layers"`
	}
	if err := strictjson.Decode(p.body, &m); err != nil {
		return err
	}
	if m.SchemaVersion != 2 || m.MediaType != typeOCIManifest {
		return fmt.Errorf("a manifest of type %q (schema version %d), want %q", clip(m.MediaType), m.SchemaVersion, typeOCIManifest)
	}
	named := map[string]bool{}
	for _, part := range append(m.Layers, m.Config) {
		named[part.Digest] = true
		if !slices.ContainsFunc(p.blobs, func(b Blob) bool {
			return b.Descriptor.Digest.String() == part.Digest && b.Descriptor.Size == part.Size
		}) {
			return fmt.Errorf("blob %q of the manifest is missing", clip(part.Digest))
		}
	}
	if len(named) != len(p.blobs) {
		return fmt.Errorf("%d blobs, but the manifest names %d", len(p.blobs), len(named))
	}
	return nil
}

// A step is a part of attaching that can be done again without harm.
type step struct {
	name string
	do   func(context.Context) error
}

// walk does the steps and says which are left where one fails.
func (p *parcel) walk(ctx context.Context, steps ...step) error {
	for i, s := range steps {
		if err := s.do(ctx); err != nil {
			e := &PendingError{Manifest: p.digest, Err: err}
			for _, left := range steps[i:] {
				e.Pending = append(e.Pending, left.name)
			}
			return e
		}
	}
	return nil
}

func (b Blob) open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.Content)), nil
}
