package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"golang.org/x/sync/errgroup"
)

// Bounds of a list of referrers. Anybody who may push to a repository may add
// to it, so it is hostile (CVE-2023-46737, CVE-2023-33957). Real artifacts
// have fewer than a dozen.
const (
	maxPages          = 100
	maxReferrers      = 1000
	maxReferrersBytes = 16 << 20
	maxParallel       = 8
)

// An index is an OCI index or Docker list, as far as listing needs it.
type index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     *[]listed         `json:"manifests"`
	Annotations   map[string]string `json:"annotations"`
}

// listed is a descriptor in an index. The digest is kept as text: one that
// cannot be read spoils its own entry and not the list.
type listed struct {
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations"`
}

func parseIndex(body []byte) ([]listed, error) {
	var x index
	if err := strictjson.Decode(body, &x); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if x.SchemaVersion != 2 || x.Manifests == nil {
		return nil, refuse("a list that is no OCI index (schema version %d)", x.SchemaVersion)
	}
	return *x.Manifests, nil
}

// fallbackTag is the tag of a subject's referrers in registries without the
// API (distribution-spec 1.1, §Referrers Tag Schema): both parts cut to their
// allowed lengths.
func fallbackTag(subject artifact.Digest) string {
	hex := subject.Hex()
	return subject.Algorithm().String() + "-" + hex[:min(len(hex), 64)]
}

// referrers asks the API and, where there is none, the fallback tag. An empty
// answer of the API is not the last word: a registry that has learned the API
// does not know what clients wrote under the tag before.
func (r *remote) referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	list, err := r.listByAPI(ctx, subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	where := layoutAPI
	if len(list) == 0 {
		where = layoutTag
		if list, err = r.listByTag(ctx, subject); err != nil {
			return nil, err
		}
	}
	return readReferrers(ctx, r, subject, where, list)
}

// listByAPI reads all pages of GET /v2/<name>/referrers/<digest>.
func (r *remote) listByAPI(ctx context.Context, subject artifact.Digest) ([]listed, error) {
	var all []listed
	page := r.url("referrers/" + subject.String())
	seen := map[string]bool{}
	for {
		if seen[page.String()] {
			return nil, refuse("the pages of referrers form a loop")
		}
		seen[page.String()] = true
		if len(seen) > maxPages {
			return nil, &LimitError{What: "pages of referrers", Limit: maxPages, Got: int64(len(seen))}
		}
		a, err := r.fetch(ctx, page, typeOCIIndex, maxManifest)
		if err != nil {
			if len(seen) > 1 && errors.Is(err, ErrNotFound) {
				return nil, refuse("page %d of the referrers is missing", len(seen))
			}
			return nil, err
		}
		if a.mediaType != typeOCIIndex {
			return nil, refuse("not a list of referrers: a body of type %q", clip(a.mediaType))
		}
		list, err := parseIndex(a.body)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(all) > maxReferrers {
			return nil, &LimitError{What: "number of referrers", Limit: maxReferrers, Got: int64(len(all))}
		}
		next, err := nextLink(a.header.Values("Link"))
		if err != nil || next == "" {
			return all, err
		}
		if page, err = follow(page, next); err != nil {
			return nil, err
		}
	}
}

// listByTag reads the index under the fallback tag. No such tag: none.
func (r *remote) listByTag(ctx context.Context, subject artifact.Digest) ([]listed, error) {
	_, body, err := r.byTag(ctx, fallbackTag(subject))
	if errors.Is(err, ErrNotFound) {
		r.log.DebugContext(ctx, "no referrers", slog.String("subject", subject.String()))
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the fallback tag: %w", err)
	}
	list, err := parseIndex(body)
	if err != nil {
		return nil, fmt.Errorf("reading the fallback tag: %w", err)
	}
	return list, nil
}

// readReferrers fetches what was listed, in parallel, and keeps the order. An
// entry that stands twice is read once.
func readReferrers(ctx context.Context, src source, subject artifact.Digest, where string, list []listed) ([]Referrer, error) {
	if len(list) > maxReferrers {
		return nil, &LimitError{What: "number of referrers", Limit: maxReferrers, Got: int64(len(list))}
	}
	type entry struct {
		digest, mediaType string
		size              int64
	}
	var (
		found []Referrer
		total int64
		seen  = map[entry]bool{}
	)
	for _, l := range list {
		if e := (entry{l.Digest, l.MediaType, l.Size}); seen[e] {
			continue
		} else {
			seen[e] = true
		}
		f := Referrer{Layout: where, Descriptor: artifact.Descriptor{MediaType: l.MediaType, ArtifactType: l.ArtifactType, Size: l.Size}}
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
	return found, nil
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
