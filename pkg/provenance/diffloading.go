package provenance

import "github.com/modelcheck/modelcheck/pkg/artifact"

// A LoadingChange says what loading does otherwise. Its zero value says that
// nothing changed.
type LoadingChange struct {
	Before         LoadClass     `json:"before"` // of the model; equal where only its parts changed
	After          LoadClass     `json:"after"`
	ScopeBefore    string        `json:"scopeBefore,omitempty"` // what the class is about, where that changed
	ScopeAfter     string        `json:"scopeAfter,omitempty"`
	Files          []ClassChange `json:"files,omitempty"`
	LoadersGone    []Loader      `json:"loadersGone,omitempty"`
	LoadersAdded   []Loader      `json:"loadersAdded,omitempty"`
	TemplatesGone  []Template    `json:"templatesGone,omitempty"`
	TemplatesAdded []Template    `json:"templatesAdded,omitempty"`
}

// A ClassChange is a file with the same bytes in which something else is seen
// now.
type ClassChange struct {
	Path   string          `json:"path"`
	Digest artifact.Digest `json:"digest"`
	Before LoadClass       `json:"before"`
	After  LoadClass       `json:"after"`
}

// IsZero says that nothing changed.
func (c LoadingChange) IsZero() bool {
	return c.Before == c.After && c.ScopeBefore == c.ScopeAfter && len(c.Files) == 0 && len(c.LoadersGone) == 0 && len(c.LoadersAdded) == 0 &&
		len(c.TemplatesGone) == 0 && len(c.TemplatesAdded) == 0
}

// diffLoading compares what stands in two sorted manifests. One without the
// block says nothing, and its class is unknown.
func diffLoading(a, b *Manifest) LoadingChange {
	var x, y Loading
	if a.Loading != nil {
		x = *a.Loading
	}
	if b.Loading != nil {
		y = *b.Loading
	}
	c := LoadingChange{
		Before: x.Class, After: y.Class,
		LoadersGone: missing(x.Loaders, y.Loaders), LoadersAdded: missing(y.Loaders, x.Loaders),
		TemplatesGone: missing(x.Templates, y.Templates), TemplatesAdded: missing(y.Templates, x.Templates),
	}
	if x.Scope != y.Scope {
		c.ScopeBefore, c.ScopeAfter = x.Scope, y.Scope
	}
	type content struct {
		path   string
		digest artifact.Digest
	}
	before := map[content]LoadClass{}
	for _, f := range a.Files {
		before[content{f.Path, f.Digest}] = f.Class
	}
	for _, f := range b.Files {
		if class, ok := before[content{f.Path, f.Digest}]; ok && class != f.Class {
			c.Files = append(c.Files, ClassChange{Path: f.Path, Digest: f.Digest, Before: class, After: f.Class})
		}
	}
	return c
}
