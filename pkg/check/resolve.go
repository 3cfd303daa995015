package check

import (
	"context"
	"errors"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Resolve says which digest ref names now, and judges nothing. A reference with
// a digest names that, and nobody is asked.
func (c *Checker) Resolve(ctx context.Context, ref artifact.Reference) (d artifact.Digest, err error) {
	if d := ref.Digest(); !d.IsZero() {
		return d, nil
	}
	store, err := c.client.Open(ref)
	if err != nil {
		return artifact.Digest{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	found, err := store.Resolve(ctx)
	return found.Descriptor.Digest, err
}

// CodeOf is the code of docs/errors.md for an error of this package.
func CodeOf(err error) string {
	code, _ := classify(err)
	return code
}
