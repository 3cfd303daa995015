package registry

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// byTag finds the entry of index.json that carries the tag; without a tag, the
// only artifact of the layout.
func (l *layout) byTag(_ context.Context, tag string) (artifact.Descriptor, []byte, error) {
	list, err := l.entries()
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	if tag == "" {
		return l.only(list)
	}
	tagged := slices.DeleteFunc(slices.Clone(list), func(e listed) bool { return e.Annotations[refName] != tag })
	switch len(tagged) {
	case 1:
		return l.manifest(tagged[0])
	case 0:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: no tag %q in index.json (it has %s)", ErrNotFound, tag, tags(list))
	default:
		return artifact.Descriptor{}, nil, refuse("tag %q stands %d times in index.json", tag, len(tagged))
	}
}

func (l *layout) only(list []listed) (artifact.Descriptor, []byte, error) {
	var (
		d    artifact.Descriptor
		body []byte
		n    int
	)
	for _, e := range list {
		ed, eb, err := l.manifest(e)
		if err != nil {
			return artifact.Descriptor{}, nil, err
		}
		a, err := parseReferrer(eb)
		if err == nil && (a.subject != "" || reSupplement().MatchString(e.Annotations[refName])) {
			continue
		}
		if n == 0 || ed.Digest != d.Digest { // one artifact may carry several tags
			d, body = ed, eb
			n++
		}
	}
	switch n {
	case 1:
		return d, body, nil
	case 0:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: no artifact in index.json", ErrNotFound)
	default:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: %d artifacts in index.json, name a tag or digest (it has %s)", ErrAmbiguous, n, tags(list))
	}
}

// tags lists what a user could have written.
func tags(list []listed) string {
	var names []string
	for _, e := range list {
		if t := e.Annotations[refName]; t != "" && !reSupplement().MatchString(t) {
			names = append(names, fmt.Sprintf("%q", clip(t)))
		}
	}
	if len(names) == 0 {
		return "no tags"
	}
	slices.Sort(names)
	if extra := len(names) - 10; extra > 0 {
		return fmt.Sprintf("tags %s and %d more", strings.Join(names[:10], ", "), extra)
	}
	return "tags " + strings.Join(names, ", ")
}

// reSupplement is what tags look like that hold something about another
// artifact: the referrers tag schema, and cosign's older tags.
var reSupplement = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$`)
})
