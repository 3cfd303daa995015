package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"golang.org/x/sync/errgroup"
)

// readReferrers fetches what was listed, in parallel, and keeps the order. An
// entry that stands twice is read once. What was read already comes last and
// counts towards the bounds.
func readReferrers(ctx context.Context, src source, subject artifact.Digest, list []claim, read []Referrer) ([]Referrer, error) {
	if n := len(list) + len(read); n > maxReferrers {
		return nil, &LimitError{What: "number of referrers", Limit: maxReferrers, Got: int64(n)}
	}
	type entry struct {
		where, digest, mediaType string
		size                     int64
	}
	var (
		found []Referrer
		total int64
		seen  = map[entry]bool{}
	)
	for _, r := range read {
		total += int64(len(r.Body))
	}
	for _, l := range list {
		if e := (entry{l.where, l.Digest, l.MediaType, l.Size}); seen[e] {
			continue
		} else {
			seen[e] = true
		}
		f := Referrer{Layout: l.where, Descriptor: artifact.Descriptor{MediaType: l.MediaType, ArtifactType: l.ArtifactType, Size: l.Size}}
		f.Descriptor.Digest, f.Err = artifact.ParseDigest(l.Digest)
		if f.Err == nil {
			f.Err = checkDescriptor("referrer", f.Descriptor, maxManifest)
		}
		if f.Err == nil {
			total += l.Size
		}
		if total > maxReferrersBytes {
			return nil, &LimitError{What: "size of all referrers in bytes", Limit: maxReferrersBytes, Got: total}
		}
		found = append(found, f)
	}
	var g errgroup.Group
	g.SetLimit(maxParallel)
	for i := range found {
		g.Go(func() error {
			readReferrer(ctx, src, subject, &found[i])
			return nil
		})
	}
	if err := errors.Join(g.Wait(), context.Cause(ctx)); err != nil {
		return nil, err // what was not read because time ran out is not unreadable
	}
	return append(found, read...), nil
}

func readReferrer(ctx context.Context, src source, subject artifact.Digest, f *Referrer) {
	if f.Err != nil || ctx.Err() != nil {
		return
	}
	body, err := fetchManifest(ctx, src, f.Descriptor)
	if err != nil {
		f.Err = fmt.Errorf("reading referrer %v: %w", f.Descriptor.Digest, err)
		return
	}
	f.Body = body
	about, err := parseReferrer(body)
	if err == nil && about.subject != subject.String() {
		err = fmt.Errorf("%w: %q", ErrForeignSubject, clip(about.subject))
	}
	if err != nil {
		f.Err = fmt.Errorf("reading referrer %v: %w", f.Descriptor.Digest, err)
		return
	}
	// The manifest decides, not the list: the list is nobody's statement.
	f.Descriptor.ArtifactType, f.Descriptor.Annotations = about.artifactType, about.annotations
}

// about is what a manifest says of its relation to others.
type about struct {
	subject      string // "" for none
	artifactType string
	annotations  map[string]string
}

func parseReferrer(body []byte) (about, error) {
	var m struct {
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
		Config       struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
		Subject struct {
			Digest string `json:"digest"`
		} `json:"subject"`
	}
	if err := strictjson.Decode(body, &m); err != nil {
		return about{}, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	a := about{subject: m.Subject.Digest, artifactType: m.ArtifactType, annotations: m.Annotations}
	if a.artifactType == "" {
		// image-spec 1.1, §Guidelines for Artifact Usage: the config's type
		// stands in for a missing artifactType.
		a.artifactType = m.Config.MediaType
	}
	return a, nil
}
