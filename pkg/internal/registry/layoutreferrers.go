package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// referrers finds the manifests of index.json, and those of the index under
// the fallback tag, whose subject is the given one, and what stands under
// cosign's older tags. An entry that cannot be read may have been one of them,
// so it is reported and not skipped.
func (l *layout) referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	list, err := l.entries()
	if err != nil {
		return nil, err
	}
	older := map[string]olderTag{}
	for _, t := range olderTags(subject) {
		older[t.tag] = t
	}
	var (
		all  []claim
		read []Referrer
	)
	for _, e := range list {
		name := e.Annotations[refName]
		switch t, isOlder := older[name]; {
		case name == fallbackTag(subject):
			more, err := l.fallback(e)
			if err != nil {
				return nil, fmt.Errorf("reading the fallback tag: %w", err)
			}
			all = append(all, claims(layoutTag, more)...)
		case isOlder:
			read = append(read, l.older(t, e))
		case e.Digest != subject.String():
			all = append(all, claim{e, layoutIndex})
		}
	}
	found, err := readReferrers(ctx, l, subject, all, read)
	if err != nil {
		return nil, err
	}
	// Other artifacts lie beside the subject; only the index under the
	// fallback tag claims that all it lists belongs here.
	own := found[:0]
	for _, f := range found {
		if f.Layout != layoutIndex || !errors.Is(f.Err, ErrForeignSubject) {
			own = append(own, f)
		}
	}
	return once(own), nil
}

func (l *layout) fallback(e listed) ([]listed, error) {
	_, body, err := l.manifest(e)
	if err != nil {
		return nil, err
	}
	return parseIndex(body)
}

// older reads the manifest under one of cosign's older tags.
func (l *layout) older(t olderTag, e listed) Referrer {
	d, body, err := l.manifest(e)
	if err == nil {
		return olderReferrer(t, d, body)
	}
	f := Referrer{Layout: t.layout, Err: fmt.Errorf("reading the tag %q: %w", t.tag, err)}
	f.Descriptor = artifact.Descriptor{MediaType: e.MediaType, ArtifactType: e.ArtifactType, Size: e.Size}
	if f.Descriptor.Digest, err = artifact.ParseDigest(e.Digest); err != nil {
		f.Descriptor.Digest = artifact.Digest{}
	}
	return f
}
