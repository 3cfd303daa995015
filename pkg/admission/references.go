package admission

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/policy"
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

// MarshalText writes the word of String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (k *Kind) UnmarshalText(b []byte) error {
	for _, known := range []Kind{KindImage, KindModel} {
		if known.String() == string(b) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("unknown kind of reference %q", b)
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
	var f Finder
	sight, err := f.Look(object)
	return sight.Found, err
}

// A Finder finds references in objects of the kinds in the table, and where
// else a policy says. The zero value knows the table alone.
type Finder struct {
	paths        map[string][]site // by group/Kind
	known        map[string]bool   // kinds that the policy knows
	annotations  []string
	unknownKinds bool // are looked through, and no error
}

// NewFinder returns the finder of a policy.
func NewFinder(a policy.Admission) *Finder {
	f := &Finder{paths: map[string][]site{}, known: map[string]bool{}, annotations: a.Annotations, unknownKinds: a.AllowUnknownKinds}
	for _, r := range a.References {
		key := r.Kind
		if !strings.Contains(key, "/") {
			key = "/" + key
		}
		if !r.Further {
			f.known[key] = true
		}
		if r.Path != "" {
			f.paths[key] = append(f.paths[key], at(r.Path, KindModel, either))
		}
	}
	return f
}

// A Sight is what Look found.
type Sight struct {
	Found []Found
	// Unknown are the kinds, as group/Kind, of which nobody said where they name
	// models; only a policy that allows that gets here.
	Unknown []string
	// Elsewhere are strings that look like models and stand where none is
	// expected. They are not judged.
	Elsewhere []Found

	apiVersion, kind string // of the object
}

// Look is References, and looks where the policy says too.
func (f *Finder) Look(object []byte) (Sight, error) {
	if len(object) > MaxObject {
		return Sight{}, fmt.Errorf("reading an object of %d bytes: %w of %d", len(object), ErrLimit, MaxObject)
	}
	root, err := decode(object)
	if err != nil {
		return Sight{}, err
	}
	search := finder{Finder: f, seen: map[string]bool{}}
	if err := search.object("", root, true); err != nil {
		return Sight{}, err
	}
	search.sight.apiVersion, _ = root["apiVersion"].(string)
	search.sight.kind, _ = root["kind"].(string)
	return search.sight, nil
}

func decode(object []byte) (map[string]any, error) {
	var v any
	if err := strictjson.Decode(object, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	return root, nil
}

// sitesOf returns where references stand in a kind, and whether it is known.
func (f *Finder) sitesOf(key string) ([]site, bool) {
	sites, known := sitesOf(key)
	sites = slices.Concat(sites, f.paths[key])
	for _, name := range f.annotations {
		sites = append(sites, annotated(sites, name)...)
	}
	return sites, known || f.known[key]
}

// annotated are the places of an annotation: that of the object, and those of
// the Pods that it makes.
func annotated(sites []site, name string) []site {
	out := []site{{path: []string{"metadata", "annotations", name}, kind: KindModel, form: either}}
	for _, s := range sites {
		pod, ok := cutSuffix(s.path, "containers", "[]", "image")
		if !ok || len(pod) == 0 {
			continue
		}
		if last := len(pod) - 1; pod[last] == "spec" {
			pod = append(slices.Clone(pod[:last]), "metadata")
		}
		out = append(out, site{path: append(slices.Clone(pod), "annotations", name), kind: KindModel, form: either})
	}
	return out
}

func cutSuffix(path []string, suffix ...string) ([]string, bool) {
	n := len(path) - len(suffix)
	if n < 0 || !slices.Equal(path[n:], suffix) {
		return nil, false
	}
	return path[:n], true
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
	sites, known := f.sitesOf(key)
	switch {
	case list && f.isList(key) && !known:
		return f.list(at, o)
	case !known && !f.unknownKinds:
		return fmt.Errorf("%w: %q of %q: where it names models is not known", ErrUnknownKind, kind, version)
	case !known:
		f.sight.Unknown = append(f.sight.Unknown, key)
	}
	if err := f.sites(at, o, sites); err != nil {
		return err
	}
	if len(sites) > 0 || !known {
		f.sweep(at, o)
	}
	return nil
}

// isList says whether a kind is a list of objects: List, or a known kind's.
func (f *finder) isList(key string) bool {
	one, ok := strings.CutSuffix(key, "List")
	if !ok {
		return false
	}
	_, known := f.sitesOf(one)
	return one == "/" || known
}

func (f *finder) list(at string, o map[string]any) error {
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
