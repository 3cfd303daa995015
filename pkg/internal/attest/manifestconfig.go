package attest

import (
	"context"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A config is the config blob of a referring manifest. It is hashed once for
// all bundles of the manifest; nil where the manifest has none.
type config struct {
	descriptor artifact.Descriptor
	inline     []byte // content that the descriptor carries itself

	once sync.Once
	err  error
}

// readConfig checks the descriptor before anything is fetched. Retired kinds of
// manifests have no config.
func (d descriptor) readConfig() (*config, error) {
	if d.Digest == "" && d.Size == 0 && len(d.Data) == 0 {
		return nil, nil
	}
	digest, err := artifact.ParseDigest(d.Digest)
	if err != nil {
		return nil, refuse(provenance.CodeManifestMalformed, "the descriptor of its config: %v", err)
	}
	if d.Size < 0 {
		return nil, refuse(provenance.CodeManifestMalformed, "the descriptor of its config: size %d", d.Size)
	}
	if d.Size > MaxConfig {
		return nil, refuse(provenance.CodeLimitExceeded, "a config of %d bytes is over the limit of %d", d.Size, MaxConfig)
	}
	return &config{descriptor: artifact.Descriptor{MediaType: d.MediaType, Digest: digest, Size: d.Size}, inline: d.Data}, nil
}

// size is how many bytes have to be fetched.
func (c *config) size() int64 {
	if c == nil || len(c.inline) > 0 {
		return 0
	}
	return c.descriptor.Size
}

// check hashes the config: the content in the descriptor where there is one
// (image-spec 1.1, descriptor.md, data), else the blob.
func (c *config) check(ctx context.Context, fetch Fetch) error {
	if c == nil {
		return nil
	}
	c.once.Do(func() {
		if len(c.inline) > 0 {
			c.err = checkBlob(c.inline, c.descriptor, "config of the signature")
			return
		}
		_, c.err = fetchBlob(ctx, c.descriptor, fetch, MaxConfig, "config of signature")
	})
	return c.err
}
