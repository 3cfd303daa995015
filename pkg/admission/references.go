package admission

import (
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// Limits of References.
const (
	// MaxObject is the largest object in bytes: the API server's own limit on
	// a request body (k8s.io/apiserver, MaxRequestBodyBytes: 3 MiB).
	MaxObject = 3 << 20
	// MaxReferences is the most references in one object. A Pod may have
	// hundreds of containers in theory; objects in the wild stay below 50.
	MaxReferences = 1000
)

// What errors of this package wrap.
var (
	// ErrUnknownKind: nobody has said where references stand in this kind.
	ErrUnknownKind = errors.New("unknown kind")
	// ErrMalformed: the object is not what its kind says.
	ErrMalformed = errors.New("malformed object")
	// ErrLimit: the object is larger, or names more, than is looked at.
	ErrLimit = errors.New("over the limit")
	// ErrNotVerifiable: a model comes from a place where nothing can be
	// verified: a bucket, a hub, a volume.
	ErrNotVerifiable = errors.New("not verifiable")
)

// A Kind says what a reference is for. The zero value is unknown.
type Kind uint8

// The kinds of references.
const (
	KindUnknown Kind = iota
	KindImage        // a container image, which may hold a model or not
	KindModel        // model files: an image volume, a storage URI
)

// String returns the word used in reports.
func (k Kind) String() string {
	switch k {
	case KindImage:
		return "image"
	case KindModel:
		return "model"
	default:
		return "unknown"
	}
}

// A Found is one place in an object where a model or an image is named.
// Reference is useful only where Err is nil; where it is not, the place must
// be judged as not verified, never skipped.
type Found struct {
	Pointer   string // JSON Pointer (RFC 6901) into the object
	Text      string // as written; untrusted
	Kind      Kind
	Reference artifact.Reference // in a registry
	Err       error              // wraps artifact.ErrBadReference or ErrNotVerifiable
}

// References returns every place in a Kubernetes object, given as JSON, where
// a model reference can stand, in the order of the table of kinds. An object
// of a kind that is not in the table is an error that wraps ErrUnknownKind; a
// list is looked at item by item. An empty result means that the kind is known
// and names nothing.
func References(object []byte) ([]Found, error) {
	if len(object) > MaxObject {
		return nil, fmt.Errorf("reading an object of %d bytes: %w of %d", len(object), ErrLimit, MaxObject)
	}
	var v any
	if err := strictjson.Decode(object, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	f := finder{seen: map[string]bool{}}
	if err := f.object("", root, true); err != nil {
		return nil, err
	}
	return f.found, nil
}

// object looks at one object, or where list says so at the items of a list.
func (f *finder) object(at string, o map[string]any, list bool) error {
	version, err := word(o, "apiVersion")
	if err != nil {
		return err
	}
	kind, err := word(o, "kind")
	if err != nil {
		return err
	}
	key := groupKind(version, kind)
	sites, known := sitesOf(key)
	switch {
	case known:
		return f.sites(at, o, sites)
	case list && isList(key):
		return f.items(at, o)
	default:
		return fmt.Errorf("%w: %q of %q: where it names models is not known", ErrUnknownKind, kind, version)
	}
}

func (f *finder) items(at string, o map[string]any) error {
	if err := exactCase(o, "items"); err != nil {
		return err
	}
	items, ok := o["items"].([]any)
	if !ok && o["items"] != nil {
		return fmt.Errorf("%w: items is no array", ErrMalformed)
	}
	for i, item := range items {
		one, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("%w: item %d is no object", ErrMalformed, i)
		}
		if err := f.object(fmt.Sprintf("%s/items/%d", at, i), one, false); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

func word(o map[string]any, name string) (string, error) {
	if err := exactCase(o, name); err != nil {
		return "", err
	}
	s, ok := o[name].(string)
	if !ok || s == "" {
		return "", fmt.Errorf("%w: no %s", ErrMalformed, name)
	}
	return s, nil
}
