package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Create opens the place that ref names for writing. A folder that is no layout
// yet is made one, if it is not there or empty; a registry is not contacted.
func (c *Client) Create(ref artifact.Reference) (*Store, error) {
	if ref.Place() == artifact.Layout {
		if err := makeLayout(filepath.FromSlash(ref.Path())); err != nil {
			return nil, fmt.Errorf("making OCI layout %q: %w", ref.Path(), err)
		}
	}
	return c.Open(ref)
}

func makeLayout(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return nil // Open says what it is
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	l := &layout{root: root}
	err = l.create("index.json", []byte(`{"schemaVersion":2,"mediaType":"`+typeOCIIndex+`","manifests":[]}`), 0o644)
	if err == nil {
		err = l.create("oci-layout", []byte(`{"imageLayoutVersion":"`+layoutVersion+`"}`), 0o644)
	}
	return errors.Join(err, root.Close())
}

func (l *layout) putContent(ctx context.Context, c Content) (how Stored, err error) {
	name := blobPath(c.Descriptor.Digest)
	for _, dir := range []string{"blobs", path.Dir(name)} {
		if err := l.folder(dir); err != nil {
			return 0, err
		}
	}
	if there, err := l.holdsBlob(c.Descriptor); err != nil || there {
		return Existed, err
	}
	r, err := c.Open(ctx)
	if err != nil {
		return 0, err
	}
	err = l.replaceFrom(name, newCheckedReader(r, c.Descriptor))
	return Uploaded, errors.Join(err, r.Close())
}

// holdsBlob says whether the blob is there, by its bytes.
func (l *layout) holdsBlob(d artifact.Descriptor) (bool, error) {
	f, err := l.open(blobPath(d.Digest))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, newCheckedReader(f, d))
	if errors.Is(err, artifact.ErrDigestMismatch) || errors.Is(err, artifact.ErrSizeMismatch) {
		return false, f.Close()
	}
	return true, errors.Join(err, f.Close())
}

func (l *layout) putManifest(ctx context.Context, d artifact.Descriptor, body []byte, tag string, named bool) error {
	if err := l.putBlob(d.Digest, body); err != nil {
		return err
	}
	if !named {
		return nil
	}
	e := listed{MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size, ArtifactType: d.ArtifactType}
	if tag != "" {
		e.Annotations = map[string]string{refName: tag}
	}
	return l.name(ctx, e, tag)
}
