package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// referrers finds the manifests of index.json, and those of the index under
// the fallback tag, whose subject is the given one. An entry that cannot be
// read may have been one of them, so it is reported and not skipped.
func (l *layout) referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	list, err := l.entries()
	if err != nil {
		return nil, err
	}
	var top, tagged []listed
	for _, e := range list {
		switch {
		case e.Annotations[refName] == fallbackTag(subject):
			_, body, err := l.manifest(e)
			if err != nil {
				return nil, fmt.Errorf("reading the fallback tag: %w", err)
			}
			more, err := parseIndex(body)
			if err != nil {
				return nil, fmt.Errorf("reading the fallback tag: %w", err)
			}
			tagged = append(tagged, more...)
		case e.Digest != subject.String():
			top = append(top, e)
		}
	}
	found, err := readReferrers(ctx, l, subject, layoutIndex, top)
	if err != nil {
		return nil, err
	}
	// Other artifacts lie beside the subject; only the index under the
	// fallback tag claims that all it lists belongs here.
	known := map[artifact.Digest]bool{}
	own := found[:0]
	for _, f := range found {
		if !errors.Is(f.Err, ErrForeignSubject) {
			own = append(own, f)
			known[f.Descriptor.Digest] = true
		}
	}
	claimed, err := readReferrers(ctx, l, subject, layoutTag, tagged)
	if err != nil {
		return nil, err
	}
	for _, f := range claimed {
		if !known[f.Descriptor.Digest] {
			own = append(own, f)
		}
	}
	return own, nil
}
