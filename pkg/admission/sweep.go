package admission

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// maxElsewhere is how many strings that look like models are mentioned of one
// object: the reader looks at the first ones.
const maxElsewhere = 20

// sources are the schemes by which loaders fetch models.
var sources = []string{"oci", "docker", "hf", "huggingface", "s3", "gs", "pvc", "ngc", "modelscope", "ms", "ollama"}

// sweep looks for strings that look like models where the kind has no place for
// any: in arguments, environment, and members that nobody knows.
func (f *finder) sweep(at string, o map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if name != "status" { // what was, and not what is asked for
			f.sweepValue(at+"/"+escape(name), o[name])
		}
	}
}

func (f *finder) sweepValue(at string, v any) {
	if f.seen[at] || len(f.sight.Elsewhere) == maxElsewhere {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			f.sweepValue(at+"/"+escape(name), v[name])
		}
	case []any:
		for i, item := range v {
			f.sweepValue(at+"/"+strconv.Itoa(i), item)
		}
	case string:
		if one, ok := suspect(v); ok {
			one.Pointer = at
			f.sight.Elsewhere = append(f.sight.Elsewhere, one)
		}
	}
}

// suspect says whether a text, or what stands behind its first equals sign as
// in --model=…, looks like a model.
func suspect(text string) (Found, bool) {
	if !strings.Contains(text, "/") { // as most texts
		return Found{}, false
	}
	for _, s := range []string{text, text[strings.IndexByte(text, '=')+1:]} {
		scheme, rest, ok := strings.Cut(s, "://")
		if ok && rest != "" && slices.Contains(sources, strings.ToLower(scheme)) ||
			ok && (strings.HasPrefix(rest, "huggingface.co/") || strings.HasPrefix(rest, "hf.co/")) {
			one := Found{Text: s, Kind: KindModel}
			one.Reference, one.Err = parse(s, uri)
			return one, true
		}
		if ref, err := artifact.ParseReference(s); err == nil && ref.Place() == artifact.Registry {
			return Found{Text: s, Reference: ref}, true
		}
	}
	return Found{}, false
}
