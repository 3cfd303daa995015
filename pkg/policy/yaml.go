package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ErrInvalid is wrapped by every error about what a policy says.
var ErrInvalid = errors.New("invalid policy")

// An Error says what is wrong with a policy file, and where. Lines and columns
// count from 1. It wraps ErrInvalid.
type Error struct {
	Line, Column int
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%v: line %d, column %d: %s", ErrInvalid, e.Line, e.Column, e.Problem)
}

// Unwrap returns ErrInvalid.
func (e *Error) Unwrap() error { return ErrInvalid }

func fail(n *yaml.Node, format string, args ...any) error {
	return &Error{Line: max(n.Line, 1), Column: max(n.Column, 1), Problem: fmt.Sprintf(format, args...)}
}

// Limits of a policy file. A policy with a thousand signers has 200 kB.
const (
	maxPolicy = 1 << 20 // bytes
	maxDepth  = 16      // this format nests 6 deep
)

// readYAML returns the root of the one document in data. What YAML has beyond
// plain data, and what its readers disagree on, is refused.
func readYAML(data []byte) (*yaml.Node, error) {
	if len(data) > maxPolicy {
		return nil, &Error{Line: 1, Column: 1, Problem: fmt.Sprintf("over the limit of %d bytes", maxPolicy)}
	}
	if !utf8.Valid(data) {
		return nil, notUTF8(data)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, &Error{Line: 1, Column: 1, Problem: "it is empty"}
	case err != nil:
		return nil, syntaxError(data, err)
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntaxError(data, err)
	default:
		return nil, fail(&second, "a second document")
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, fail(&document, "not a document")
	}
	top := document.Content[0]
	return top, plain(top, 0)
}

// notUTF8 finds the first byte that is none.
func notUTF8(data []byte) error {
	good := 0
	for good < len(data) {
		r, size := utf8.DecodeRune(data[good:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		good += size
	}
	before := data[:good]
	last := bytes.LastIndexByte(before, '\n')
	return &Error{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[last+1:]) + 1, Problem: "not UTF-8"}
}

// syntaxError gives the YAML reader's error its line; it knows no column. Of a
// tab that indents it names the line before.
func syntaxError(data []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if _, scan := fmt.Sscanf(text, "line %d:", &line); scan == nil {
		_, problem, _ := strings.Cut(text, ": ")
		if strings.Contains(problem, "tab character") {
			for i, l := range strings.Split(string(data), "\n") {
				indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
				if tab := strings.IndexByte(indent, '\t'); i+1 >= line && tab >= 0 {
					return &Error{Line: i + 1, Column: tab + 1, Problem: "a tab indents this line: YAML wants spaces"}
				}
			}
		}
		return &Error{Line: max(line, 1), Column: 1, Problem: problem}
	}
	return &Error{Line: 1, Column: 1, Problem: text}
}

// plain refuses anchors, aliases, merges and tags, at any depth.
func plain(n *yaml.Node, depth int) error {
	switch {
	case depth > maxDepth:
		return fail(n, "nested deeper than %d", maxDepth)
	case n.Kind == yaml.AliasNode:
		return fail(n, "aliases are not allowed")
	case n.Anchor != "":
		return fail(n, "anchors are not allowed")
	case n.Style&yaml.TaggedStyle != 0:
		return fail(n, "tags are not allowed")
	case n.Kind == yaml.ScalarNode && n.Tag == "!!merge":
		return fail(n, "merge keys are not allowed")
	}
	for _, child := range n.Content {
		if err := plain(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fields returns the values of a mapping by key: known keys only (any, where
// none is given), each once.
func fields(n *yaml.Node, what string, known ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fail(n, "%s: want a mapping", what)
	}
	out := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, err := text(n.Content[i], "key of "+what)
		if err != nil {
			return nil, err
		}
		if len(known) > 0 && !slices.Contains(known, name) {
			return nil, fail(n.Content[i], "%s: unknown key %q (known: %s)", what, name, strings.Join(known, ", "))
		}
		if out[name] != nil {
			return nil, fail(n.Content[i], "%s: key %q stands twice", what, name)
		}
		out[name] = n.Content[i+1]
	}
	return out, nil
}

func items(n *yaml.Node, what string) ([]*yaml.Node, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fail(n, "%s: want a list", what)
	}
	if len(n.Content) == 0 {
		return nil, fail(n, "%s: the list is empty", what)
	}
	return n.Content, nil
}

// texts reads a list of distinct strings and returns it sorted.
func texts(n *yaml.Node, what string) ([]string, error) {
	list, err := items(n, what)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, item := range list {
		s, err := text(item, what)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, s) {
			return nil, fail(item, "%s: %q stands twice", what, s)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out, nil
}

// text reads a string of one line: not blank, nothing invisible in it or
// around it. 'no' and 2026 are no strings unless they are quoted.
func text(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return "", fail(n, "%s: want a string", what)
	}
	s := n.Value
	if strings.TrimSpace(s) == "" {
		return "", fail(n, "%s: is blank", what)
	}
	if strings.TrimSpace(s) != s || strings.ContainsFunc(s, invisible) {
		return "", fail(n, "%s: %q holds characters that cannot be seen", what, s)
	}
	return s, nil
}

func invisible(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) }

func boolean(n *yaml.Node, what string) (bool, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || (n.Value != "true" && n.Value != "false") {
		return false, fail(n, "%s: want true or false", what)
	}
	return n.Value == "true", nil
}

// natural reads a decimal number from 1 to 9999, without sign or leading zero.
func natural(n *yaml.Node, what string) (int, error) {
	value := 0
	for _, r := range n.Value {
		if r < '0' || r > '9' || value == 0 && r == '0' || value > 999 {
			value = 0
			break
		}
		value = 10*value + int(r-'0')
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || value == 0 {
		return 0, fail(n, "%s: want a number of at least 1", what)
	}
	return value, nil
}
