package packaging

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A node is one name in the tree that an image's layers make together. A
// directory has children, even if none; a file or a link has an entry.
type node struct {
	children map[string]*node
	entry    *entry
	layer    int
}

// A tree puts layers on top of each other.
type tree struct {
	root  *node
	nodes int64
	// stacked: later layers replace and remove what earlier ones hold
	// (image-spec 1.1, layer.md §Applying Changesets). Otherwise two layers
	// that claim one path contradict each other, and the first is kept.
	stacked bool
	area    area
	layers  []Layer
	notes   *findings
}

// Whiteouts (image-spec 1.1, layer.md §Whiteouts).
const (
	whiteout       = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutAufs   = ".wh..wh." // bookkeeping of an old storage driver
)

// add puts layer i on top.
func (t *tree) add(i int, entries []entry) error {
	if t.stacked {
		for j := range entries {
			t.whiteout(i, &entries[j])
		}
	}
	for j := range entries {
		e := &entries[j]
		if t.stacked && strings.HasPrefix(lastSegment(e.path), whiteout) {
			continue
		}
		if err := t.put(i, e); err != nil {
			return err
		}
	}
	return nil
}

// whiteout removes what lower layers hold; the layer's own entries are put
// afterwards, in whatever order they stand in the archive.
func (t *tree) whiteout(i int, e *entry) {
	dir, base := splitPath(e.path)
	name, ok := strings.CutPrefix(base, whiteout)
	if !ok {
		return
	}
	if e.kind != fileEntry {
		t.note(provenance.CodeUnsafeEntry, e.path, i, fmt.Sprintf("%q has a whiteout's name and is no file", e.path))
	}
	parent := t.find(dir)
	switch {
	case base == whiteoutOpaque:
		if parent != nil && parent.children != nil {
			t.nodes -= count(parent) - 1
			parent.children = map[string]*node{}
		}
	case strings.HasPrefix(base, whiteoutAufs):
	case name == "" || name == "." || name == "..":
		t.note(provenance.CodeUnsafeName, e.path, i, fmt.Sprintf("the whiteout %q removes no file's name", e.path))
	case parent != nil && parent.children[name] != nil:
		t.nodes -= count(parent.children[name])
		delete(parent.children, name)
	}
}

// put adds one entry.
func (t *tree) put(i int, e *entry) error {
	at := t.root
	for rest := e.path; ; {
		name, more, deeper := strings.Cut(rest, "/")
		next := at.children[name]
		if !deeper {
			return t.leaf(i, at, name, next, e)
		}
		if next == nil {
			next = &node{children: map[string]*node{}, layer: i}
			at.children[name] = next
			if err := t.grow(); err != nil {
				return err
			}
		}
		if next.children == nil && !t.open(i, next, e) {
			return nil
		}
		at, rest = next, more
	}
}

// open makes a directory of what is in e's way. A link there means that e is
// somewhere else than it says, for a reader that follows links.
func (t *tree) open(i int, n *node, e *entry) bool {
	if n.entry.kind == linkEntry {
		t.note(provenance.CodeUnsafeEntry, e.path, i, fmt.Sprintf("the path %q leads through the link %q", e.path, n.entry.path))
		return false
	}
	if !t.stacked || n.layer == i {
		t.note(provenance.CodeDuplicateName, e.path, i, fmt.Sprintf("%q is a file, and a directory for %q", n.entry.path, e.path))
		return false
	}
	n.entry, n.children, n.layer = nil, map[string]*node{}, i
	return true
}

// leaf puts e where its path ends; old is what stands there.
func (t *tree) leaf(i int, parent *node, name string, old *node, e *entry) error {
	fresh := &node{entry: e, layer: i}
	if e.kind == dirEntry {
		fresh = &node{children: map[string]*node{}, layer: i}
	}
	switch {
	case old == nil:
		parent.children[name] = fresh
		return t.grow()
	case old.children != nil && e.kind == dirEntry:
		return nil // a directory may stand in several layers
	case t.stacked && old.layer != i:
		t.nodes -= count(old) - 1
		parent.children[name] = fresh
	case old.children != nil:
		t.note(provenance.CodeDuplicateName, e.path, i, fmt.Sprintf("%q is a directory, and a file in layer %d", e.path, i))
	case e.kind == dirEntry:
		t.note(provenance.CodeDuplicateName, e.path, i, fmt.Sprintf("%q is a file in layer %d, and a directory in layer %d", e.path, old.layer, i))
	default:
		t.note(provenance.CodeDuplicateName, e.path, i, fmt.Sprintf("%q stands in layer %d and again in layer %d", e.path, old.layer, i))
		if t.stacked {
			parent.children[name] = fresh
		}
	}
	return nil
}

func (t *tree) grow() error {
	if t.nodes++; t.nodes > maxNodes {
		return &LimitError{What: "files and directories", Limit: maxNodes, Got: t.nodes}
	}
	return nil
}

func (t *tree) find(dir string) *node {
	at := t.root
	if dir == "" {
		return at
	}
	for name := range strings.SplitSeq(dir, "/") {
		if at = at.children[name]; at == nil {
			return nil
		}
	}
	return at
}

// each visits files and links in the order of their paths.
func (t *tree) each(visit func(e *entry, layer int)) { t.root.each(visit) }

func (n *node) each(visit func(e *entry, layer int)) {
	if n.entry != nil {
		visit(n.entry, n.layer)
	}
	for _, name := range sortedKeys(n.children) {
		n.children[name].each(visit)
	}
}

func (t *tree) note(code, path string, layer int, detail string) {
	if t.area.model(path) {
		t.notes.add(provenance.Finding{ID: code, Subject: path, Detail: detail, Digest: t.layers[layer].Digest})
	}
}

func count(n *node) int64 {
	c := int64(1)
	for _, child := range n.children {
		c += count(child)
	}
	return c
}

func splitPath(p string) (dir, base string) {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i], p[i+1:]
	}
	return "", p
}

func lastSegment(p string) string {
	_, base := splitPath(p)
	return base
}
