package check

import (
	"context"
	"errors"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
)

// ErrNoCatalog is wrapped by List's error about a registry that does not list
// its repositories, or not to everybody. Many do not.
var ErrNoCatalog = registry.ErrNoCatalog

// A Listed is what a registry lists: an artifact under a tag, or a repository
// of which nothing can be said but its name and why.
type Listed struct {
	Name      string             // HOST/REPOSITORY:TAG, or HOST/REPOSITORY where there is a problem
	Reference artifact.Reference // zero where there is a problem
	Problem   error
}

// List asks a registry what it holds below a namespace, "" for everything: one
// entry for each tag, in order of name. The list is the registry's word: what
// it leaves out, and what has no tag, is not in it. A repository whose tags
// cannot be read is in it with the problem.
func (c *Checker) List(ctx context.Context, host, namespace string) ([]Listed, error) {
	repositories, err := c.client.Repositories(ctx, host, namespace)
	if err != nil {
		return nil, err
	}
	var out []Listed
	for _, repository := range repositories {
		name := host + "/" + repository
		tags, err := c.client.Tags(ctx, host, repository)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil && len(tags) == 0 {
			err = errors.New("no tag in it")
		}
		if err != nil {
			out = append(out, Listed{Name: name, Problem: err})
			continue
		}
		for _, tag := range tags {
			ref, err := artifact.ParseReference(name + ":" + tag)
			out = append(out, Listed{Name: name + ":" + tag, Reference: ref, Problem: err})
		}
	}
	return out, nil
}
