// Package strictjson decodes strangers' JSON so that no other reader can see
// another document in the same bytes: one value, valid UTF-8, no duplicate
// names, no name that differs from a known one only in case, bounded size and
// depth. It does not refuse unknown names; formats grow.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed JSON")

// ErrDuplicate is wrapped as well where a name stands twice in one object.
var ErrDuplicate = errors.New("duplicate name")

// MaxDepth bounds nesting. Manifests, statements and model configurations in
// the wild stay below 16; 64 leaves room and keeps recursion harmless.
const MaxDepth = 64

// Decode reads data, which must be exactly one JSON value, into v, a pointer.
func Decode(data []byte, v any) error {
	if err := Check(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if reflect.TypeOf(v).Elem().Kind() == reflect.Interface {
		return nil // no names are known here
	}
	// A reader that ignores case, such as Go's first JSON package, must see
	// the same: decode once more that way and compare.
	folded := reflect.New(reflect.TypeOf(v).Elem())
	if err := json.Unmarshal(data, folded.Interface(), json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("%w: %w: %w", ErrMalformed, ErrDuplicate, err)
	}
	if !reflect.DeepEqual(folded.Elem().Interface(), reflect.ValueOf(v).Elem().Interface()) {
		return fmt.Errorf("%w: a name differs from a known one only in case", ErrMalformed)
	}
	return nil
}

// Check reads data to its end without keeping anything.
func Check(data []byte) error {
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return fmt.Errorf("%w: byte order mark", ErrMalformed)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for first := true; first || dec.StackDepth() > 0; first = false {
		if _, err := dec.ReadToken(); err != nil {
			if errors.Is(err, jsontext.ErrDuplicateName) {
				return fmt.Errorf("%w: %w: %w", ErrMalformed, ErrDuplicate, err)
			}
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if dec.StackDepth() > MaxDepth {
			return fmt.Errorf("%w: nested deeper than %d", ErrMalformed, MaxDepth)
		}
	}
	rest := data[dec.InputOffset():]
	if len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return fmt.Errorf("%w: more after the value, at byte %d", ErrMalformed, dec.InputOffset())
	}
	return nil
}
