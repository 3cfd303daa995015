package disclose

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The limits of a front matter. Result tables of embedding models make the
// largest on the Hub, some 700 KiB; the document's own limit is 1 MiB.
const (
	maxFrontMatterNodes = 200_000
	maxFrontMatterDepth = 32
)

// A frontMatter is the metadata block at the head of a model card: YAML
// between two lines of three hyphens, the first of which is the file's first
// line (Hugging Face Hub, "Model cards").
type frontMatter struct {
	fields map[string]*yaml.Node
	keys   map[string]*yaml.Node
	order  []string // keys as they stand
	end    int      // line of the closing hyphens; 0 where there is no front matter
}

var (
	errAnchor    = errors.New("an anchor or alias")
	errNoMapping = errors.New("not a mapping of names to values")
)

// readFrontMatter finds and understands the block. An error means that there
// is one and that it cannot be believed: end then still says where it ends.
func readFrontMatter(p page) (frontMatter, error) {
	var f frontMatter
	if strings.TrimRight(p.lines[0], " \t") != "---" {
		return f, nil
	}
	for i, line := range p.lines[1:] {
		if line = strings.TrimRight(line, " \t"); line == "---" || line == "..." {
			f.end = i + 2
			break
		}
	}
	if f.end == 0 {
		return f, nil // a rule, and not a block
	}
	var root yaml.Node
	block := strings.Join(p.lines[1:f.end-1], "\n")
	if err := yaml.Unmarshal([]byte(block), &root); err != nil {
		return f, fmt.Errorf("reading the front matter: %w", err)
	}
	if root.Kind == 0 {
		return f, nil // empty, or comments only
	}
	nodes := 0
	if err := checkNode(&root, 0, &nodes); err != nil {
		return f, fmt.Errorf("reading the front matter: %w", err)
	}
	mapping := root.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return f, fmt.Errorf("reading the front matter: %w", errNoMapping)
	}
	f.fields, f.keys = map[string]*yaml.Node{}, map[string]*yaml.Node{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		f.fields[key.Value], f.keys[key.Value] = mapping.Content[i+1], key
		f.order = append(f.order, key.Value)
	}
	return f, nil
}

// checkNode refuses what two readers may read differently, or what grows when
// it is read: anchors, aliases, names that stand twice, names that are no
// scalars, merge keys, and more than the limits allow.
func checkNode(n *yaml.Node, depth int, nodes *int) error {
	*nodes++
	switch {
	case n.Anchor != "" || n.Kind == yaml.AliasNode:
		return fmt.Errorf("line %d: %w", n.Line+1, errAnchor)
	case depth > maxFrontMatterDepth:
		return fmt.Errorf("line %d: nested deeper than %d", n.Line+1, maxFrontMatterDepth)
	case *nodes > maxFrontMatterNodes:
		return fmt.Errorf("more than %d values", maxFrontMatterNodes)
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Kind != yaml.ScalarNode:
				return fmt.Errorf("line %d: a name that is no text", key.Line+1)
			case key.Tag == "!!merge":
				return fmt.Errorf("line %d: a merge key", key.Line+1)
			case seen[key.Value]:
				return fmt.Errorf("line %d: %q stands twice", key.Line+1, cut(key.Value, 80))
			}
			seen[key.Value] = true
		}
	}
	for _, child := range n.Content {
		if err := checkNode(child, depth+1, nodes); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a plain value, and "" for null and for what is no
// scalar. The text is the one in the document: a language called no is "no".
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// scalars returns the texts of a value that is one scalar or a list of them,
// and whether it is either.
func scalars(n *yaml.Node) ([]string, bool) {
	if n == nil {
		return nil, false
	}
	if n.Kind == yaml.ScalarNode {
		s := scalar(n)
		return []string{s}, s != ""
	}
	if n.Kind != yaml.SequenceNode {
		return nil, false
	}
	var out []string
	for _, item := range n.Content {
		s := scalar(item)
		if s == "" {
			return nil, false
		}
		out = append(out, s)
	}
	return out, len(out) > 0
}

// lines returns the first and the last line of a field in the document.
func (f frontMatter) lines(key string) (first, last int) {
	first = f.keys[key].Line + 1
	return first, max(first, lastLine(f.fields[key])+1)
}

func lastLine(n *yaml.Node) int {
	last := n.Line
	if n.Kind == yaml.ScalarNode && (n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle) {
		last += strings.Count(strings.TrimRight(n.Value, "\n"), "\n") + 1
	}
	for _, child := range n.Content {
		last = max(last, lastLine(child))
	}
	return last
}
