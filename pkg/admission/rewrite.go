package admission

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

// A Pin says what to write into a file of manifests: To in place of From, at a
// JSON Pointer of its nth object, from 0.
type Pin struct {
	Document int
	Pointer  string
	From, To string
}

// ErrNotRewritten is wrapped by errors about a text that cannot be replaced
// where it stands.
var ErrNotRewritten = errors.New("cannot be rewritten in place")

// Rewrite replaces texts in a file and leaves every other byte as it is:
// comments, order and quotes. What it returns was read again, and differs from
// the file in those values alone; where it would not, Rewrite fails.
func Rewrite(data []byte, pins []Pin) ([]byte, error) {
	docs, err := Documents(data)
	if err != nil {
		return nil, err
	}
	type edit struct {
		start, end int
		to         string
	}
	var edits []edit
	for _, p := range pins {
		if p.Document < 0 || p.Document >= len(docs) {
			return nil, fmt.Errorf("%w: there is no object %d", ErrNotRewritten, p.Document)
		}
		start, end, err := find(data, docs[p.Document], p)
		if err != nil {
			return nil, err
		}
		if e := (edit{start, end, p.To}); !slices.Contains(edits, e) {
			edits = append(edits, e)
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	out := slices.Clone(data)
	for i, e := range edits {
		if i > 0 && e.end > edits[i-1].start {
			return nil, fmt.Errorf("%w: two texts stand in one place", ErrNotRewritten)
		}
		out = slices.Concat(out[:e.start], []byte(e.to), out[e.end:])
	}
	return out, same(docs, out, pins)
}

// find gives the bytes of a text that stands in one line, plain or in quotes.
func find(data []byte, d Document, p Pin) (start, end int, err error) {
	n := descend(d.root, segments(p.Pointer))
	if n == nil || n.Kind != yaml.ScalarNode || n.Value != p.From {
		return 0, 0, fmt.Errorf("%w: %s is not %q", ErrNotRewritten, p.Pointer, p.From)
	}
	at := offset(data, n.Line, n.Column)
	for _, quote := range []string{"", `"`, "'"} {
		if at >= 0 && bytes.HasPrefix(data[at:], []byte(quote+p.From+quote)) {
			return at + len(quote), at + len(quote) + len(p.From), nil
		}
	}
	return 0, 0, fmt.Errorf("%w: line %d, column %d: %q is written in a way that only the program that made the file can change: an anchor, escapes, or several lines", ErrNotRewritten, n.Line, n.Column, p.From)
}

// offset finds a line and column, which counts characters, in data; -1 where
// there is none.
func offset(data []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	for i := range string(data[at:]) {
		if column--; column == 0 {
			return at + i
		}
	}
	return -1
}

// same wants that the new file holds the old objects with the new texts, and
// nothing else.
func same(docs []Document, data []byte, pins []Pin) error {
	now, err := Documents(data)
	if err != nil || len(now) != len(docs) {
		return fmt.Errorf("%w: the file would not read as before", ErrNotRewritten)
	}
	for i, d := range docs {
		var want any
		if err := json.Unmarshal(d.Object, &want); err != nil {
			return err
		}
		for _, p := range pins {
			if p.Document == i && !set(want, segments(p.Pointer), p.To) {
				return fmt.Errorf("%w: %s", ErrNotRewritten, p.Pointer)
			}
		}
		b, err := json.Marshal(want, json.Deterministic(true))
		if err != nil {
			return err
		}
		if !bytes.Equal(b, now[i].Object) {
			return fmt.Errorf("%w: more than was meant would change in the object at line %d: an alias repeats the text elsewhere", ErrNotRewritten, d.Line)
		}
	}
	return nil
}

// set puts a text where a text stands.
func set(v any, path []string, to string) bool {
	for i, name := range path {
		last := i == len(path)-1
		switch o := v.(type) {
		case map[string]any:
			if _, ok := o[name].(string); last && ok {
				o[name] = to
				return true
			}
			v = o[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(o) {
				return false
			}
			if _, ok := o[n].(string); last && ok {
				o[n] = to
				return true
			}
			v = o[n]
		default:
			return false
		}
	}
	return false
}

// NameOf reads from an object what an API server would know of it without its
// kind's definition.
func NameOf(object []byte) (apiVersion, kind, namespace, name string) {
	o, err := decode(object)
	if err != nil {
		return "", "", "", ""
	}
	text := func(o map[string]any, name string) string {
		s, _ := o[name].(string)
		return strings.ToValidUTF8(s, "\ufffd")
	}
	metadata, _ := o["metadata"].(map[string]any)
	return text(o, "apiVersion"), text(o, "kind"), text(metadata, "namespace"), text(metadata, "name")
}
