package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// BlobFrom is Blob without the first offset bytes, which the caller has. A
// registry that knows ranges does not send them; with another they are stepped
// over. Who reads must hash what it has together with what comes.
func (s *Store) BlobFrom(ctx context.Context, d artifact.Descriptor, offset int64) (io.ReadCloser, error) {
	r, err := s.openBlobFrom(ctx, d, offset)
	if err != nil {
		return nil, fmt.Errorf("opening blob %v at byte %d: %w", d.Digest, offset, err)
	}
	return r, nil
}

func (s *Store) openBlobFrom(ctx context.Context, d artifact.Descriptor, offset int64) (io.ReadCloser, error) {
	if err := checkDescriptor("blob", d, 1<<63-2); err != nil {
		return nil, err
	}
	if offset < 0 || offset > d.Size {
		return nil, refuse("byte %d of a blob of %d", offset, d.Size)
	}
	if src, ok := s.src.(*remote); ok {
		if r := src.mirrored(ctx, d, offset); r != nil {
			return r, nil
		}
		return src.blobFrom(ctx, d, offset)
	}
	r, err := s.src.blob(ctx, d)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil && err != io.EOF {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}
