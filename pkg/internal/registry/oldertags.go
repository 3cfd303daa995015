package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"golang.org/x/sync/errgroup"
)

// maxTag is the longest tag (distribution-spec 1.1, §Pulling manifests).
const maxTag = 128

// An olderTag is where cosign kept signatures or attestations before there were
// referrers (cosign, specs/SIGNATURE_SPEC.md, §Tag-based Discovery).
type olderTag struct{ tag, layout string }

func olderTags(subject artifact.Digest) []olderTag {
	base := subject.Algorithm().String() + "-" + subject.Hex()
	if len(base)+len(".sig") > maxTag {
		return nil // a SHA-512 digest: there never was such a tag
	}
	return []olderTag{{base + ".sig", layoutSig}, {base + ".att", layoutAtt}}
}

// readOlder reads the manifests under cosign's older tags. No such tag: none.
func (r *remote) readOlder(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	tags := olderTags(subject)
	found := make([][]Referrer, len(tags))
	g, ctx := errgroup.WithContext(ctx)
	for i, t := range tags {
		g.Go(func() error {
			d, body, err := r.byTag(ctx, t.tag)
			switch {
			case err == nil:
				found[i] = []Referrer{olderReferrer(t, d, body)}
				return nil
			case errors.Is(err, ErrNotFound):
				return nil
			default:
				return fmt.Errorf("reading the tag %q: %w", t.tag, err)
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []Referrer
	for _, f := range found {
		all = append(all, f...)
	}
	return all, nil
}

// olderReferrer describes what stands under an older tag. No field of it names
// the subject; whoever judges it must find the subject in what was signed.
func olderReferrer(t olderTag, d artifact.Descriptor, body []byte) Referrer {
	f := Referrer{Layout: t.layout, Descriptor: d, Body: body}
	about, err := parseReferrer(body)
	if err != nil {
		f.Err = fmt.Errorf("reading the tag %q: %w", t.tag, err)
		return f
	}
	f.Descriptor.ArtifactType, f.Descriptor.Annotations = about.artifactType, about.annotations
	return f
}

// once leaves out what was read well in another place already, and what could
// not be read there either. Entries that contradict each other stay, unless the
// bytes were read.
func once(found []Referrer) []Referrer {
	type entry struct {
		digest    artifact.Digest
		mediaType string
		size      int64
	}
	good := map[artifact.Digest]int{}
	for i, f := range found {
		if _, ok := good[f.Descriptor.Digest]; !ok && f.Err == nil {
			good[f.Descriptor.Digest] = i
		}
	}
	bad := map[entry]bool{}
	kept := found[:0]
	for i, f := range found {
		e := entry{f.Descriptor.Digest, f.Descriptor.MediaType, f.Descriptor.Size}
		if first, ok := good[e.digest]; ok && first != i || bad[e] {
			continue
		}
		bad[e] = f.Err != nil && !e.digest.IsZero()
		kept = append(kept, f)
	}
	return kept
}
