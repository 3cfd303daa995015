package registry

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const acceptManifests = typeOCIManifest + ", " + typeOCIIndex + ", " + typeDockerManifest + ", " + typeDockerList

// byTag fetches what a tag points at now. HEAD is not asked: a registry can
// answer it otherwise than GET (CVE-2022-47633), and only bytes can be hashed.
func (r *remote) byTag(ctx context.Context, tag string) (artifact.Descriptor, []byte, error) {
	a, err := r.fetchManifest(ctx, tag)
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	d := artifact.Descriptor{MediaType: a.mediaType, Digest: artifact.SumSHA256(a.body), Size: int64(len(a.body))}
	// The header is the registry's claim. A malformed one says nothing; one
	// that names other bytes says that something on the way is broken.
	claimed, err := artifact.ParseDigest(a.header.Get("Docker-Content-Digest"))
	if err != nil {
		return d, a.body, nil
	}
	if got := sum(claimed.Algorithm(), a.body); got != claimed {
		return artifact.Descriptor{}, nil, fmt.Errorf("comparing the Docker-Content-Digest header: %w",
			&artifact.MismatchError{What: "manifest", Want: claimed, Got: got, WantSize: d.Size, GotSize: d.Size})
	}
	return d, a.body, nil
}

// byDigest fetches a manifest and compares its bytes with the digest. A
// mismatch is asked about once more: one transfer may have been damaged, and a
// registry that holds other bytes gives them again.
func (r *remote) byDigest(ctx context.Context, want artifact.Digest) (artifact.Descriptor, []byte, error) {
	for try := 1; ; try++ {
		a, err := r.fetchManifest(ctx, want.String())
		if err != nil {
			return artifact.Descriptor{}, nil, err
		}
		d := artifact.Descriptor{MediaType: a.mediaType, Digest: want, Size: int64(len(a.body))}
		err = verify("manifest", d, a.body)
		if err == nil {
			return d, a.body, nil
		}
		if try == 2 {
			return artifact.Descriptor{}, nil, err
		}
		r.log.WarnContext(ctx, "fetching a manifest again after a mismatch", slog.Any("error", err))
	}
}

func (r *remote) fetchManifest(ctx context.Context, name string) (answer, error) {
	a, err := r.fetch(ctx, r.url("manifests/"+name), acceptManifests, maxManifest)
	if err != nil {
		return answer{}, err
	}
	// Log-in pages of captive portals come with status 200. What calls itself
	// a manifest, or looks like one, is left to whoever parses it.
	if !isManifestType(a.mediaType) && !bytes.HasPrefix(bytes.TrimLeft(a.body, " \t\r\n"), []byte("{")) {
		return answer{}, refuse("not a registry's answer: a body of type %q where a manifest was asked for", clip(a.mediaType))
	}
	return a, nil
}

func isManifestType(t string) bool {
	switch t {
	case typeOCIManifest, typeOCIIndex, typeDockerManifest, typeDockerList:
		return true
	}
	return strings.HasPrefix(t, "application/vnd.docker.distribution.manifest.")
}
