package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// errYAML is wrapped by every error about a YAML text.
var errYAML = errors.New("malformed YAML")

// A yamlWalk visits the scalars of a YAML text like walk those of JSON. An
// alias is not followed: what it stands for was visited at its anchor, and a
// chain of aliases costs nothing.
type yamlWalk struct {
	lines []int // where each line begins, in bytes
	size  int
	visit func(scalar)
	tags  func(tag string, s scalar)
}

// walkYAML reads every document of a text. Names that stand twice in one
// mapping are an error: readers disagree on them.
func walkYAML(text []byte, visit func(scalar), tags func(string, scalar)) error {
	w := yamlWalk{lines: []int{0}, size: len(text), visit: visit, tags: tags}
	for i, c := range text {
		if c == '\n' {
			w.lines = append(w.lines, i+1)
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errYAML, err)
		}
		if err := w.node(&n, nil); err != nil {
			return err
		}
	}
}

func (w *yamlWalk) node(n *yaml.Node, path []frame) error {
	if len(path) > strictjson.MaxDepth {
		return fmt.Errorf("%w: nested deeper than %d", errYAML, strictjson.MaxDepth)
	}
	if w.isPython(n) {
		w.tags(n.LongTag(), w.scalar(n, path))
	}
	switch n.Kind {
	case yaml.MappingNode:
		return w.mapping(n, path)
	case yaml.SequenceNode, yaml.DocumentNode:
		for i, item := range n.Content {
			inner := path
			if n.Kind == yaml.SequenceNode {
				inner = append(path, frame{index: i, start: -1})
			}
			if err := w.node(item, inner); err != nil {
				return err
			}
		}
	case yaml.ScalarNode:
		w.visit(w.scalar(n, path))
	}
	return nil
}

func (w *yamlWalk) mapping(n *yaml.Node, path []frame) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], w.offset(n.Content[i])
		alias := key.Kind == yaml.AliasNode
		if alias {
			key = key.Alias // it names the member by what it stands for
		}
		f := frame{object: true, name: key.Value, start: at}
		// A loader constructs names as it constructs values. A plain name is no
		// value, and is not visited as one.
		if !alias && (key.Kind != yaml.ScalarNode || w.isPython(key)) {
			if err := w.node(key, append(path, f)); err != nil {
				return err
			}
		}
		if key.Kind == yaml.ScalarNode && key.Value != "<<" {
			if seen[key.Value] {
				return fmt.Errorf("%w: line %d: %q stands twice", errYAML, key.Line, clip(key.Value))
			}
			seen[key.Value] = true
		}
		if err := w.node(n.Content[i+1], append(path, f)); err != nil {
			return err
		}
	}
	return nil
}

// isPython says whether a node makes PyYAML construct something of Python's.
func (w *yamlWalk) isPython(n *yaml.Node) bool {
	return strings.HasPrefix(n.LongTag(), "tag:yaml.org,2002:python")
}

func (w *yamlWalk) scalar(n *yaml.Node, path []frame) scalar {
	s := scalar{path: path, kind: '0', text: n.Value, start: w.offset(n)}
	switch n.ShortTag() {
	case "!!null":
		s.kind = 'n'
	case "!!bool":
		var b bool
		if s.kind = 'f'; n.Decode(&b) != nil || b {
			s.kind = 't'
		}
	case "!!int", "!!float":
	default:
		s.kind = jsontext.Kind('"')
	}
	s.end = min(s.start+len(n.Value), w.size)
	return s
}

// offset turns a node's line and column into bytes.
func (w *yamlWalk) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(w.lines) {
		return 0
	}
	return min(w.lines[n.Line-1]+max(n.Column-1, 0), w.size)
}

// pythonTag: a loader that is not the safe one constructs what the tag names
// (PyYAML, full_load and unsafe_load).
func pythonTag(tag string, s scalar) trigger {
	t := trigger{rule: "MC-CONFIG-YAML-TAG", key: "yaml tag", value: tag, loader: "PyYAML", class: ClassCodeOnLoad, start: s.start, end: s.end}
	if len(s.path) > 0 {
		t.pointer = s.pointer(len(s.path) - 1)
		t.place = t.pointer
	}
	return t
}
