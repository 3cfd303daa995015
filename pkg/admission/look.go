package admission

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// look finds the references that are to be judged. Not ok: there is nothing
// that could be, and d says why.
func (g *Gate) look(d *Decision, req Request) (models []Found, ok bool) {
	sight, err := g.finder.Look(req.Object)
	if err == nil {
		err = sight.isOf(req)
	}
	if err != nil {
		code := provenance.CodeObjectMalformed
		switch {
		case errors.Is(err, ErrUnknownKind):
			code = provenance.CodeKindUnknown
		case errors.Is(err, ErrLimit):
			code = provenance.CodeLimitExceeded
		}
		d.refuse(policy.Deny, code, err.Error())
		return nil, false
	}
	for _, kind := range sight.Unknown {
		d.refuse(policy.Allow, provenance.CodeKindUnknown, fmt.Sprintf("nobody said where %s names models; the policy lets it in", kind))
	}
	g.mention(d, sight.Elsewhere)
	stood := g.stood(req)
	for _, f := range sight.Found {
		if p := placeOf(f); stood[p] > 0 {
			stood[p]--
			d.Unchanged++
			continue
		}
		if f.Kind == KindImage {
			var model bool
			if f, model = g.image(f); !model {
				d.Images++
				continue
			}
		}
		models = append(models, f)
	}
	return models, true
}

// isOf wants that the object is of the kind that the API server says.
func (s Sight) isOf(req Request) error {
	if req.Kind != "" && s.kind != req.Kind || req.APIVersion != "" && s.apiVersion != req.APIVersion {
		return fmt.Errorf("%w: it is asked for as %s of %q and calls itself %q of %q", ErrMalformed, req.Kind, req.APIVersion, s.kind, s.apiVersion)
	}
	return nil
}

// image says whether a container image is a model: where a scope of the policy
// is for it. What cannot be read could be in any scope.
func (g *Gate) image(f Found) (Found, bool) {
	if !g.cfg.Policy.HasScopes() {
		return f, false
	}
	f.Reference, f.Err = imageReference(f.Text)
	return f, f.Err != nil || g.cfg.Policy.InScope(f.Reference.String())
}

// imageReference reads a container image as runtimes do: without a registry it
// is of Docker's, without a tag it is "latest" (distribution/reference,
// ParseNormalizedNamed).
func imageReference(text string) (artifact.Reference, error) {
	name, digest, pinned := strings.Cut(text, "@")
	first, _, deep := strings.Cut(name, "/")
	switch {
	case !deep:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost" && first == strings.ToLower(first):
		name = "docker.io/" + name
	case first == "index.docker.io":
		name = "docker.io" + strings.TrimPrefix(name, first)
	}
	if pinned {
		name += "@" + digest
	} else if !strings.Contains(name[strings.LastIndexByte(name, '/'):], ":") {
		name += ":latest"
	}
	return parse(name, plain)
}

// A place is where a reference stands, whichever item of a list it is in: one
// container more makes no reference of another one new.
type place struct{ shape, text string }

func placeOf(f Found) place {
	segments := strings.Split(f.Pointer, "/")
	for i, s := range segments {
		if s != "" && strings.Trim(s, "0123456789") == "" {
			segments[i] = "[]"
		}
	}
	return place{strings.Join(segments, "/"), f.Text}
}

// stood counts the references of the old object of an update. Of an old object
// that cannot be read none do.
func (g *Gate) stood(req Request) map[place]int {
	out := map[place]int{}
	if req.Operation != Update || len(req.OldObject) == 0 {
		return out
	}
	old, err := g.finder.Look(req.OldObject)
	if err != nil {
		return out
	}
	for _, f := range old.Found {
		out[placeOf(f)]++
	}
	return out
}

// ending says whether an object that is being deleted changes in nothing but
// its metadata and status: finalizers are taken away, and nothing starts.
func ending(req Request) bool {
	now, err := decode(req.Object)
	if err != nil {
		return false
	}
	old, err := decode(req.OldObject)
	if err != nil {
		return false
	}
	for _, o := range []map[string]any{now, old} {
		metadata, ok := o["metadata"].(map[string]any)
		if at, said := metadata["deletionTimestamp"].(string); !ok || !said || at == "" {
			return false
		}
		delete(o, "metadata")
		delete(o, "status")
	}
	return reflect.DeepEqual(now, old)
}

// mention warns of what looks like a model where none is expected.
func (g *Gate) mention(d *Decision, elsewhere []Found) {
	for _, f := range elsewhere {
		if f.Err == nil && g.cfg.Policy.HasScopes() && !g.cfg.Policy.InScope(f.Reference.String()) {
			continue
		}
		d.Warnings = append(d.Warnings, warning("modelcheck did not judge "+quote(f.Text)+" at "+f.Pointer+", which looks like a model: name the place in the policy's admission.references or .annotations"))
	}
}

// quote makes strangers' text harmless in a message.
func quote(untrusted string) string { return strconv.QuoteToGraphic(untrusted) }
