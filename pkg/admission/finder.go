package admission

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A form says how a reference is written at a site.
type form uint8

const (
	plain   form = iota // HOST/REPOSITORY:TAG, as container runtimes take it
	uri                 // oci://HOST/…; every other scheme is a source that cannot be verified
	either              // plain or uri
	parts               // an object of repository and tag
	foreign             // whatever stands here names a source that cannot be verified
)

// A site is one place of a kind where references stand. Segments are member
// names; "[]" is every item of an array, "*" every member of an object, and
// "[name=X]" the items of an array whose member name is X.
type site struct {
	path   []string
	kind   Kind
	form   form
	unless []string // members beside the last one that say it better
}

type finder struct {
	*Finder
	sight Sight
	seen  map[string]bool
}

func (f *finder) sites(at string, o map[string]any, sites []site) error {
	for _, s := range sites {
		if err := f.walk(at, o, s, s.path); err != nil {
			return err
		}
	}
	return nil
}

// walk follows the rest of a site's path below v. What is absent or null is
// not there; what has another type than the path needs is an error, because a
// reader that takes it could see a reference that we do not.
func (f *finder) walk(at string, v any, s site, rest []string) error {
	if v == nil {
		return nil
	}
	if len(rest) == 0 {
		return f.take(at, v, s)
	}
	switch {
	case strings.HasPrefix(rest[0], "["):
		return f.items(at, v, s, rest)
	case rest[0] == "*":
		return f.members(at, v, s, rest[1:])
	}
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: %s is no object", ErrMalformed, at)
	}
	if err := exactCase(o, rest[0]); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if len(rest) == 1 && len(s.unless) > 0 && present(o, s.unless) {
		return nil
	}
	return f.walk(at+"/"+escape(rest[0]), o[rest[0]], s, rest[1:])
}

// items follows the path below the items of an array: all, or those of a name.
func (f *finder) items(at string, v any, s site, rest []string) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%w: %s is no array", ErrMalformed, at)
	}
	name, named := strings.CutPrefix(strings.TrimSuffix(rest[0], "]"), "[name=")
	for i, item := range items {
		below := at + "/" + strconv.Itoa(i)
		if o, ok := item.(map[string]any); named && ok {
			if err := exactCase(o, "name"); err != nil {
				return fmt.Errorf("%s: %w", below, err)
			}
			if o["name"] != name {
				continue
			}
		}
		if err := f.walk(below, item, s, rest[1:]); err != nil {
			return err
		}
	}
	return nil
}

// present says whether a text stands at the end of a path.
func present(o map[string]any, path []string) bool {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(map[string]any)
	}
	text, ok := o[path[len(path)-1]].(string)
	return ok && text != ""
}

// members follows the path below every member that is an object: at "*" the
// kind has other members as well, which name nothing.
func (f *finder) members(at string, v any, s site, rest []string) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: %s is no object", ErrMalformed, at)
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if _, ok := o[name].(map[string]any); !ok {
			continue
		}
		if err := f.walk(at+"/"+escape(name), o[name], s, rest); err != nil {
			return err
		}
	}
	return nil
}

// take reads the reference at the end of a path.
func (f *finder) take(at string, v any, s site) error {
	if f.seen[at] || v == "" { // "" is as good as absent: the default of the kind applies
		return nil
	}
	f.seen[at] = true
	if len(f.sight.Found) == MaxReferences {
		return fmt.Errorf("looking for references: %w of %d", ErrLimit, MaxReferences)
	}
	one := Found{Pointer: at, Kind: s.kind}
	switch s.form {
	case foreign:
		one.Text = foreignText(v)
		one.Err = fmt.Errorf("%w: the source named at %s is no OCI registry", ErrNotVerifiable, at)
	case parts:
		text, err := join(at, v)
		if err != nil {
			return err
		}
		one.Text = text
		one.Reference, one.Err = parse(text, plain)
	default:
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("%w: %s is no string", ErrMalformed, at)
		}
		one.Text = text
		one.Reference, one.Err = parse(text, s.form)
	}
	f.sight.Found = append(f.sight.Found, one)
	return nil
}

// maxForeign is the longest text of what names no registry: a path in a bucket
// is shorter, and the rest only has to differ where it differs.
const maxForeign = 256

func foreignText(v any) string {
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return fmt.Sprint(v)
		}
		text = string(b)
	}
	if len(text) > maxForeign {
		text = strings.ToValidUTF8(text[:maxForeign], "") + "… " + artifact.SumSHA256([]byte(text)).String()
	}
	return text
}

// join puts an image that is written as an object into one text.
func join(at string, v any) (string, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return "", fmt.Errorf("%w: %s is no object", ErrMalformed, at)
	}
	var part [2]string
	for i, name := range []string{"repository", "tag"} {
		if err := exactCase(o, name); err != nil {
			return "", fmt.Errorf("%s: %w", at, err)
		}
		if part[i], ok = o[name].(string); !ok && o[name] != nil {
			return "", fmt.Errorf("%w: %s/%s is no string", ErrMalformed, at, name)
		}
	}
	switch {
	case part[1] == "":
		return part[0], nil
	case strings.HasPrefix(part[1], "sha256:"):
		return part[0] + "@" + part[1], nil
	}
	return part[0] + ":" + part[1], nil
}

// parse wants a reference into a registry: what ParseReference reads besides,
// folders of the verifying machine, must never come out of an object.
func parse(text string, form form) (artifact.Reference, error) {
	scheme, _, hasScheme := strings.Cut(text, "://")
	switch {
	case form == uri && !hasScheme:
		return artifact.Reference{}, fmt.Errorf("%w: %q has no scheme, want oci://", ErrNotVerifiable, text)
	case (form == uri || form == either && hasScheme) && scheme != "oci":
		return artifact.Reference{}, fmt.Errorf("%w: %q is no OCI registry (scheme %q)", ErrNotVerifiable, text, scheme)
	case form == plain && hasScheme:
		return artifact.Reference{}, fmt.Errorf("%w %q: an image has no scheme", artifact.ErrBadReference, text)
	}
	ref, err := artifact.ParseReference(text)
	if err != nil {
		return artifact.Reference{}, err
	}
	if ref.Place() != artifact.Registry {
		return artifact.Reference{}, fmt.Errorf("%w %q: %w", artifact.ErrBadReference, text, errors.New("not in a registry"))
	}
	return ref, nil
}

// exactCase refuses a member whose name differs from the wanted one only in
// case: some readers would take it.
func exactCase(o map[string]any, name string) error {
	for k := range o {
		if k != name && strings.EqualFold(k, name) {
			return fmt.Errorf("%w: member %q differs from %q only in case", ErrMalformed, k, name)
		}
	}
	return nil
}

// escape writes a name as a segment of a JSON Pointer (RFC 6901, section 3).
func escape(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
