package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

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

// A claim is an entry of a list, and where that list stood.
type claim struct {
	listed
	where string
}

func claims(where string, list []listed) []claim {
	all := make([]claim, 0, len(list))
	for _, l := range list {
		all = append(all, claim{l, where})
	}
	return all
}

// referrers asks all places at once: the API, the fallback tag, and cosign's
// older tags. An answer of the API is not the last word: a registry that has
// learned the API does not know what clients wrote under the tag before, nor do
// those who write there know of the API.
func (r *remote) referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	var (
		api, tag []listed
		older    []Referrer
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if api, err = r.listByAPI(gctx, subject); errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	g.Go(func() (err error) {
		tag, err = r.listByTag(gctx, subject)
		return err
	})
	g.Go(func() (err error) {
		older, err = r.readOlder(gctx, subject)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	tag = slices.DeleteFunc(tag, func(t listed) bool {
		return slices.ContainsFunc(api, func(a listed) bool {
			return a.Digest == t.Digest && a.Size == t.Size && a.MediaType == t.MediaType
		})
	})
	found, err := readReferrers(ctx, r, subject, append(claims(layoutAPI, api), claims(layoutTag, tag)...), older)
	if err != nil {
		return nil, err
	}
	return once(found), nil
}

// listByAPI reads all pages of GET /v2/<name>/referrers/<digest>.
func (r *remote) listByAPI(ctx context.Context, subject artifact.Digest) ([]listed, error) {
	var all []listed
	err := r.pages(ctx, r.url("referrers/"+subject.String()), "referrers", typeOCIIndex, maxManifest, func(a answer) error {
		if a.mediaType != typeOCIIndex {
			return refuse("not a list of referrers: a body of type %q", clip(a.mediaType))
		}
		list, err := parseIndex(a.body)
		if all = append(all, list...); err == nil && len(all) > maxReferrers {
			err = &LimitError{What: "number of referrers", Limit: maxReferrers, Got: int64(len(all))}
		}
		return err
	})
	return all, err
}

// pages reads a list from its first page to the last, each of at most limit
// bytes. A first page that is not there is ErrNotFound; a later one makes the
// list unusable.
func (r *remote) pages(ctx context.Context, page *url.URL, what, accept string, limit int64, take func(answer) error) error {
	seen := map[string]bool{}
	for {
		if seen[page.String()] {
			return refuse("the pages of %s form a loop", what)
		}
		seen[page.String()] = true
		if len(seen) > maxPages {
			return &LimitError{What: "pages of " + what, Limit: maxPages, Got: int64(len(seen))}
		}
		a, err := r.fetch(ctx, page, accept, limit)
		if err != nil {
			if len(seen) > 1 && errors.Is(err, ErrNotFound) {
				return refuse("page %d of the %s is missing", len(seen), what)
			}
			return err
		}
		if err := take(a); err != nil {
			return err
		}
		next, err := nextLink(a.header.Values("Link"))
		if err != nil || next == "" {
			return err
		}
		if page, err = follow(page, next); err != nil {
			return err
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
