package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// Bounds of what a registry lists. Docker Hub's largest namespaces have some
// thousand repositories, and ghcr.io pages by 100.
const (
	maxRepositories = 10_000
	maxTags         = 10_000
	maxListing      = 4 << 20 // bytes of one page
	catalogPage     = 1000
)

// ErrNoCatalog is wrapped by Repositories' error about a registry that lists
// no repositories, or not to everybody.
var ErrNoCatalog = errors.New("the registry does not list its repositories")

// Repositories lists the repositories of a registry that are called namespace
// or lie below it, sorted; "" means all. It is the registry's word: what it
// leaves out cannot be known.
//
// GET /v2/_catalog is no part of the OCI distribution-spec; it is in Docker's
// (registry HTTP API v2, "Listing repositories").
func (c *Client) Repositories(ctx context.Context, host, namespace string) ([]string, error) {
	r := c.newRemote(host, namespace)
	r.catalog = true
	first := *r.base
	first.Path, first.RawQuery = "/v2/_catalog", "n="+strconv.Itoa(catalogPage)
	var page struct {
		Repositories []string `json:"repositories"`
	}
	found, err := r.names(ctx, &first, "repositories", maxRepositories, func(body []byte) ([]string, error) {
		page.Repositories = nil
		err := strictjson.Decode(body, &page)
		return page.Repositories, err
	})
	if err == nil {
		err = spelled(host, found, "latest")
	}
	if err == nil {
		found = slices.DeleteFunc(found, func(name string) bool {
			return namespace != "" && name != namespace && !strings.HasPrefix(name, namespace+"/")
		})
		return found, nil
	}
	var status *StatusError
	if errors.As(err, &status) && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, status.Status) {
		err = fmt.Errorf("%w: %w", ErrNoCatalog, err)
	}
	return nil, fmt.Errorf("listing the repositories of %q: %w", host, err)
}

// attachedTag is a tag that stands for what is attached to an artifact: the
// referrers' fallback tag (distribution-spec 1.1, §Referrers Tag Schema) and
// cosign's older ones.
var attachedTag = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{64,128})(?:\.[a-z]+)?$`)
})

// Tags lists the tags of a repository, sorted, without those of attachments.
func (c *Client) Tags(ctx context.Context, host, repository string) ([]string, error) {
	r := c.newRemote(host, repository)
	var page struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	found, err := r.names(ctx, r.url("tags/list"), "tags", maxTags, func(body []byte) ([]string, error) {
		page.Name, page.Tags = "", nil
		err := strictjson.Decode(body, &page)
		if err == nil && page.Name != repository {
			err = refuse("the tags of %q, and not of %q", clip(page.Name), repository)
		}
		return page.Tags, err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the tags of %q: %w", host+"/"+repository, err)
	}
	found = slices.DeleteFunc(found, attachedTag().MatchString)
	for _, tag := range found {
		if err := spelled(host, []string{repository}, tag); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// names reads all pages of a list of names.
func (r *remote) names(ctx context.Context, first *url.URL, what string, limit int, parse func([]byte) ([]string, error)) ([]string, error) {
	var all []string
	err := r.pages(ctx, first, what, "application/json", maxListing, func(a answer) error {
		list, err := parse(a.body)
		if err != nil {
			return refuse("not a list of %s: %v", what, err)
		}
		if all = append(all, list...); len(all) > limit {
			return &LimitError{What: "number of " + what, Limit: int64(limit), Got: int64(len(all))}
		}
		return nil
	})
	slices.Sort(all)
	return slices.Compact(all), err
}

// spelled refuses names that no reference can hold: a registry that lists them
// lists something else than it serves.
func spelled(host string, repositories []string, tag string) error {
	for _, name := range repositories {
		if _, err := artifact.ParseReference(host + "/" + name + ":" + tag); err != nil {
			return refuse("a name that cannot be one: %q", clip(name+":"+tag))
		}
	}
	return nil
}
