package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// maxCarried bounds one blob of a referrer that is carried on, in bytes: larger
// than the largest bundle that is read.
const maxCarried = 64 << 20

// ErrNotCarried is wrapped where a referrer cannot be carried on because of
// what it is, or because its blobs are not where it came from.
var ErrNotCarried = errors.New("not fit to be carried on")

// Carry attaches a referrer that another store lists to the same subject here:
// in the way of this place, and what stood under one of cosign's older tags
// under the same tag.
func (s *Store) Carry(ctx context.Context, from *Store, r Referrer, subject artifact.Descriptor) error {
	blobs, err := from.parts(ctx, r)
	if err == nil && (r.Layout == layoutSig || r.Layout == layoutAtt) {
		err = s.carryOlder(ctx, r, subject.Digest, blobs)
	} else if err == nil {
		_, err = s.Attach(ctx, Attachment{Subject: subject, Manifest: r.Body, Blobs: blobs})
	}
	if errors.Is(err, ErrAttachment) {
		err = fmt.Errorf("%w: %w", ErrNotCarried, err)
	}
	if err != nil {
		return fmt.Errorf("carrying referrer %v on: %w", r.Descriptor.Digest, err)
	}
	return nil
}

// parts fetches the blobs of a referrer.
func (s *Store) parts(ctx context.Context, r Referrer) ([]Blob, error) {
	if r.Err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCarried, r.Err)
	}
	var m struct {
		Config listed   `json:"config"`
		Layers []listed `json:"layers"`
	}
	if err := strictjson.Decode(r.Body, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
	}
	var blobs []Blob
	for _, part := range append(m.Layers, m.Config) {
		d := artifact.Descriptor{MediaType: part.MediaType, Size: part.Size}
		var err error
		if d.Digest, err = artifact.ParseDigest(part.Digest); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
		}
		b, err := s.Bytes(ctx, d, maxCarried)
		for _, theirs := range []error{ErrNotFound, ErrLimit, artifact.ErrDigestMismatch, artifact.ErrSizeMismatch} {
			if errors.Is(err, theirs) {
				err = fmt.Errorf("%w: %w", ErrNotCarried, err)
				break
			}
		}
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, Blob{Descriptor: d, Content: b})
	}
	return blobs, nil
}

func (s *Store) carryOlder(ctx context.Context, r Referrer, subject artifact.Digest, blobs []Blob) error {
	for _, b := range blobs {
		if _, err := s.PutBlob(ctx, Content{Descriptor: b.Descriptor, Open: b.open}); err != nil {
			return err
		}
	}
	for _, t := range olderTags(subject) {
		if t.layout == r.Layout {
			return s.PutManifest(ctx, r.Descriptor, r.Body, t.tag, true)
		}
	}
	return fmt.Errorf("%w: no tag for it", ErrNotCarried)
}
