package admission

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

// Limits of Documents. What Helm renders of the largest charts in use has some
// thousand objects and a few MiB.
const (
	MaxFile      = 16 << 20 // bytes
	maxDocuments = 10_000
	maxNodes     = 1 << 20 // with aliases followed
	maxNesting   = 200
)

// A Document is one object of a file of manifests: a document of its own, or an
// item of a list.
type Document struct {
	Object []byte // JSON
	Line   int    // where it begins, from 1

	root *yaml.Node
}

// A FileError says what is wrong with a file of manifests, and where. Lines and
// columns count from 1. It wraps ErrMalformed or ErrLimit.
type FileError struct {
	Line, Column int
	Err          error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

func wrong(n *yaml.Node, format string, args ...any) error {
	return &FileError{max(n.Line, 1), max(n.Column, 1), fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))}
}

// Documents reads a file of manifests, YAML or JSON, with any number of
// documents. Lists are taken apart. Aliases and merge keys are followed; a key
// that stands twice, and a tag that makes something else of a value, are
// refused, for two readers would see two objects.
func Documents(data []byte) (out []Document, err error) {
	if len(data) > MaxFile {
		return nil, &FileError{1, 1, fmt.Errorf("%w of %d bytes for a file", ErrLimit, MaxFile)}
	}
	if !utf8.Valid(data) {
		return nil, &FileError{1, 1, fmt.Errorf("%w: not UTF-8", ErrMalformed)}
	}
	defer func() {
		if p := recover(); p != nil { // of the YAML reader
			out, err = nil, &FileError{1, 1, fmt.Errorf("%w: %v", ErrMalformed, p)}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	c := converter{left: maxNodes}
	for {
		var document yaml.Node
		switch err := dec.Decode(&document); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, &FileError{lineOf(err), 1, fmt.Errorf("%w: %s", ErrMalformed, strings.TrimPrefix(err.Error(), "yaml: "))}
		}
		if out, err = c.document(out, &document); err != nil {
			return nil, err
		}
		if len(out) > maxDocuments {
			return nil, &FileError{1, 1, fmt.Errorf("%w of %d objects in a file", ErrLimit, maxDocuments)}
		}
	}
}

func lineOf(err error) int {
	var line int
	if _, scan := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scan != nil || line < 1 {
		return 1
	}
	return line
}

// document appends the objects of one YAML document. One without content is
// none.
func (c *converter) document(out []Document, document *yaml.Node) ([]Document, error) {
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, wrong(document, "no document")
	}
	root := document.Content[0]
	v, err := c.value(root, 0)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return out, nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(root, "not an object")
	}
	items, ok := o["items"].([]any)
	if !ok || !isListOf(o) {
		return appendObject(out, root, o)
	}
	for i, item := range items {
		node := descend(root, []string{"items", strconv.Itoa(i)})
		one, ok := item.(map[string]any)
		if !ok || node == nil {
			return nil, wrong(root, "item %d is no object", i)
		}
		if out, err = appendObject(out, node, one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isListOf(o map[string]any) bool {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	f := finder{Finder: &Finder{}}
	return f.isList(groupKind(version, kind))
}

func appendObject(out []Document, node *yaml.Node, o map[string]any) ([]Document, error) {
	b, err := json.Marshal(o, json.Deterministic(true))
	if err != nil {
		return nil, wrong(node, "%w", err)
	}
	if len(b) > MaxObject {
		return nil, &FileError{node.Line, node.Column, fmt.Errorf("%w of %d bytes for an object", ErrLimit, MaxObject)}
	}
	return append(out, Document{Object: b, Line: node.Line, root: node}), nil
}

// A converter makes plain values of YAML nodes, as many as its limit allows.
type converter struct{ left int }

func (c *converter) value(n *yaml.Node, depth int) (any, error) {
	if c.left--; c.left < 0 || depth > maxNesting {
		return nil, &FileError{max(n.Line, 1), max(n.Column, 1), fmt.Errorf("%w: more than %d values, or nested deeper than %d", ErrLimit, maxNodes, maxNesting)}
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		if n.ShortTag() != "!!seq" {
			return nil, wrong(n, "tag %q", n.Tag)
		}
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := c.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		if n.ShortTag() != "!!map" {
			return nil, wrong(n, "tag %q", n.Tag)
		}
		return c.mapping(n, depth)
	case yaml.ScalarNode:
		return scalar(n)
	default:
		return nil, wrong(n, "neither a value nor an object")
	}
}

// mapping reads its own members, and then those that are merged into it, which
// never replace one.
func (c *converter) mapping(n *yaml.Node, depth int) (map[string]any, error) {
	o := map[string]any{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		name, err := member(key)
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, wrong(key, "member %q stands twice", name)
		}
		if o[name], err = c.value(value, depth+1); err != nil {
			return nil, err
		}
	}
	for _, m := range merged {
		list := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			list = m.Content
		}
		for _, from := range list {
			v, err := c.value(from, depth+1)
			if err != nil {
				return nil, err
			}
			other, ok := v.(map[string]any)
			if !ok {
				return nil, wrong(from, "what is merged is no object")
			}
			for name, v := range other {
				if _, own := o[name]; !own {
					o[name] = v
				}
			}
		}
	}
	return o, nil
}

func member(key *yaml.Node) (string, error) {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
		return "", wrong(key, "a member's name is no text")
	}
	return key.Value, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp", "!!merge":
		return n.Value, nil
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, wrong(n, "%w", err)
		}
		return v, nil
	default:
		return nil, wrong(n, "tag %q", n.Tag)
	}
}

// Place finds where the value of a JSON Pointer stands in the file, from 1, or
// where the object does.
func (d Document) Place(pointer string) (line, column int) {
	n := d.root
	if pointer != "" {
		if found := descend(d.root, segments(pointer)); found != nil {
			n = found
		}
	}
	return max(n.Line, 1), max(n.Column, 1)
}

func segments(pointer string) []string {
	out := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, s := range out {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return out
}

// descend follows names and numbers down a node, through aliases and merges.
func descend(n *yaml.Node, path []string) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || len(path) == 0 {
		return n
	}
	switch n.Kind {
	case yaml.SequenceNode:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil
		}
		return descend(n.Content[i], path[1:])
	case yaml.MappingNode:
		return descendMember(n, path)
	default:
		return nil
	}
}

func descendMember(n *yaml.Node, path []string) *yaml.Node {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			if value.Kind == yaml.SequenceNode {
				merged = append(merged, value.Content...)
			} else {
				merged = append(merged, value)
			}
			continue
		}
		if name, err := member(key); err == nil && name == path[0] {
			return descend(value, path[1:])
		}
	}
	for _, m := range merged {
		if found := descend(m, path); found != nil {
			return found
		}
	}
	return nil
}
