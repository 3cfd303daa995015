package inspect

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A frame is one open object or array on the way to a value.
type frame struct {
	object bool
	name   string // of the member at hand
	start  int    // where that name begins
	index  int    // of the item at hand
}

// A scalar is a string, number or literal with the way to it.
type scalar struct {
	path       []frame // valid during the visit only
	kind       jsontext.Kind
	text       string // unquoted, of strings; as written, of numbers
	start, end int    // bytes
}

// walk visits every scalar of a text that strictjson has checked, in order.
func walk(text []byte, visit func(scalar)) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	var path []frame
	for {
		kind := dec.PeekKind()
		switch kind {
		case '{', '[':
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
			path = append(path, frame{object: kind == '{', start: -1})
			continue
		case '}', ']':
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
			path = path[:len(path)-1]
		default:
			raw, err := dec.ReadValue()
			if err != nil {
				return err
			}
			s, err := newScalar(path, raw, int(dec.InputOffset()))
			if err != nil {
				return err
			}
			if n := len(path); n > 0 && path[n-1].object && path[n-1].start < 0 {
				path[n-1].name, path[n-1].start = s.text, s.start
				continue
			}
			visit(s)
		}
		if len(path) == 0 {
			return nil
		}
		path[len(path)-1].index++
		path[len(path)-1].start = -1
	}
}

func newScalar(path []frame, raw jsontext.Value, end int) (scalar, error) {
	s := scalar{path: path, kind: raw.Kind(), start: end - len(raw), end: end}
	if s.kind == '"' {
		b, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return s, err
		}
		s.text = string(b)
	} else if s.kind == '0' {
		s.text = string(raw)
	}
	return s, nil
}

// key is the name of the member that the scalar is the value of, or of the
// nearest one around it.
func (s scalar) key() string {
	for _, f := range slices.Backward(s.path) {
		if f.object {
			return f.name
		}
	}
	return ""
}

// below returns the depth of the outermost member called name, or -1.
func (s scalar) below(name string) int {
	return slices.IndexFunc(s.path, func(f frame) bool { return f.object && f.name == name })
}

// pointer is the JSON Pointer (RFC 6901) of the first depth+1 frames.
func (s scalar) pointer(depth int) string {
	var b strings.Builder
	for _, f := range s.path[:depth+1] {
		b.WriteByte('/')
		if f.object {
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(f.name))
		} else {
			b.WriteString(strconv.Itoa(f.index))
		}
	}
	return b.String()
}
