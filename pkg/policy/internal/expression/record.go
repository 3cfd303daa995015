package expression

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Facts are what expressions are evaluated over.
type Facts struct {
	Manifest     *provenance.Manifest
	Signatures   []provenance.Signature   // those that count
	Attestations []provenance.Attestation // those that count
	// Attests says whether the signer of this name in the record may attest:
	// what another attests is shown as declared. nil: everybody in the record.
	Attests func(signer string) bool
	Reviews []Review // those in force
	At      time.Time
}

// A Review is one that counts.
type Review struct {
	Reviewer, Role, Decision string
	Time, Expires            time.Time
}

func review(r Review) object {
	return object{
		"reviewer": types.String(r.Reviewer), "role": types.String(r.Role), "decision": types.String(r.Decision),
		"time": types.Timestamp{Time: r.Time}, "expires": types.Timestamp{Time: r.Expires},
	}
}

// A Record is a manifest as expressions see it. Its parts are made when the
// first expression asks for them; it is not safe for concurrent use.
type Record struct {
	facts  Facts
	values map[string]ref.Val
	made   map[*provenance.Claim]ref.Val
}

// NewRecord makes a record; without a manifest every expression fails.
func NewRecord(f Facts) *Record {
	return &Record{facts: f, values: map[string]ref.Val{}, made: map[*provenance.Claim]ref.Val{}}
}

// ResolveName makes a variable's value.
func (r *Record) ResolveName(name string) (any, bool) {
	if v, ok := r.values[name]; ok {
		return v, true
	}
	v := r.variable(name)
	if v == nil {
		return nil, false
	}
	r.values[name] = v
	return v, true
}

// Parent is that of CEL's activations; a record has none.
func (r *Record) Parent() interpreter.Activation { return nil }

func (r *Record) variable(name string) ref.Val {
	m := r.facts.Manifest
	if m == nil {
		return nil
	}
	switch name {
	case "manifest":
		return r.manifest()
	case "files":
		return each(m.Files, file)
	case "weights":
		return r.weights()
	case "loading":
		if m.Loading == nil { // says nothing: every rule about it fails
			return nil
		}
		return of(loading(*m.Loading))
	case "claims":
		return r.claims()
	case "license":
		if i := slices.IndexFunc(m.Claims, func(c provenance.Claim) bool { return c.ID == LicenseClaim }); i >= 0 {
			return asked{types.DefaultTypeAdapter, r}.NativeToValue(&m.Claims[i])
		}
		return r.claim(provenance.Claim{ID: LicenseClaim})
	case "findings":
		return each(m.Findings, finding)
	case "signatures":
		return each(r.facts.Signatures, signature)
	case "attestations":
		return each(r.facts.Attestations, func(a provenance.Attestation) object {
			return signature(provenance.Signature{Signer: a.Signer, Scheme: a.Scheme, Identity: a.Identity, PredicateType: a.PredicateType, Relation: a.Relation, Evidence: a.Evidence})
		})
	case "reviews":
		return each(r.facts.Reviews, review)
	case "lineage":
		return each(m.Lineage, lineage)
	case "at":
		return types.Timestamp{Time: r.facts.At}
	default:
		return nil
	}
}

// LicenseClaim is the claim that the variable license stands for.
const LicenseClaim = "license.weights"

type object = map[string]any

func of(o object) ref.Val { return types.NewStringInterfaceMap(types.DefaultTypeAdapter, o) }

func each[T any](list []T, spell func(T) object) ref.Val {
	out := make([]ref.Val, 0, len(list))
	for _, v := range list {
		out = append(out, of(spell(v)))
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

func texts[T any](list []T, spell func(T) string) ref.Val {
	out := make([]ref.Val, 0, len(list))
	for _, v := range list {
		out = append(out, types.String(spell(v)))
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

func plain(s string) string { return s }

func words(m map[string]string) ref.Val {
	out := make(object, len(m))
	for k, v := range m {
		out[k] = types.String(v)
	}
	return of(out)
}

func digest(d artifact.Digest) types.String {
	if d.IsZero() {
		return ""
	}
	return types.String(d.String())
}

func (r *Record) resolved(name string) any {
	v, _ := r.ResolveName(name)
	return v
}

func (r *Record) manifest() ref.Val {
	m := r.facts.Manifest
	a := m.Artifact
	return of(object{
		"subject": digest(m.Subject),
		"artifact": of(object{
			"kind": types.String(a.Kind), "mediaType": types.String(a.MediaType), "contentIdentity": digest(a.ContentIdentity),
			"totalBytes": types.Int(a.TotalBytes), "members": each(a.Members, member),
		}),
		"files": r.resolved("files"), "findings": r.resolved("findings"), "claims": r.resolved("claims"),
	})
}

// weights are the same values as those files.
func (r *Record) weights() ref.Val {
	all, ok := r.resolved("files").(traits.Lister)
	if !ok {
		return nil
	}
	out := []ref.Val{}
	for i, f := range r.facts.Manifest.Files {
		if f.Role == artifact.RoleWeights {
			out = append(out, all.Get(types.Int(i)))
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

func member(m provenance.Member) object {
	return object{
		"digest": digest(m.Digest), "packaging": types.String(m.Packaging), "platform": types.String(m.Platform),
		"artifactType": types.String(m.ArtifactType), "configMediaType": types.String(m.ConfigMediaType),
		"configDigest": digest(m.ConfigDigest), "contentIdentity": digest(m.ContentIdentity),
	}
}

func file(f provenance.File) object {
	return object{
		"path": types.String(f.Path), "digest": digest(f.Digest), "size": types.Int(f.Size), "role": types.String(f.Role.String()),
		"format": types.String(f.Format), "class": types.String(f.Class.String()), "layer": digest(f.Layer), "members": texts(f.Members, artifact.Digest.String),
	}
}

func loading(l provenance.Loading) object {
	return object{
		"class":     types.String(l.Class.String()),
		"loaders":   texts(l.Loaders, func(l provenance.Loader) string { return l.Name }),
		"templates": texts(l.Templates, func(t provenance.Template) string { return t.Digest.String() }),
	}
}

// lineage shows what was inferred with the grade that it has, so that a rule
// must ask for one.
func lineage(l provenance.Lineage) object {
	return object{
		"relation": types.String(l.Relation), "name": types.String(l.Name), "digest": digest(l.Digest), "license": types.String(l.License),
		"licensor": types.String(l.Licensor), "claim": types.String(l.Claim), "grade": types.Int(l.Grade),
	}
}

func finding(f provenance.Finding) object {
	return object{
		"id": types.String(f.ID), "subject": types.String(f.Subject), "detail": types.String(f.Detail),
		"digest": digest(f.Digest), "facts": words(f.Facts),
	}
}

func signature(s provenance.Signature) object {
	i := s.Identity
	return object{
		"signer": types.String(s.Signer), "scheme": types.String(s.Scheme), "predicateType": types.String(s.PredicateType),
		"relation": types.String(s.Relation.String()), "evidence": texts(s.Evidence, plain),
		"identity": of(object{
			"keyFingerprint": types.String(i.KeyFingerprint), "subject": types.String(i.Subject), "issuer": types.String(i.Issuer),
			"trustedRoot": types.String(i.TrustedRoot), "extensions": words(i.Extensions),
		}),
	}
}

// decoded is a JSON value for CEL; null where there is none. Whole numbers are
// integers.
func decoded(v provenance.Value) ref.Val {
	if len(v) == 0 {
		return types.NullValue
	}
	var native any
	if err := json.Unmarshal(v, &native); err != nil {
		return types.NullValue
	}
	return types.DefaultTypeAdapter.NativeToValue(whole(native))
}

// exact is up to where a float64 holds every whole number.
const exact = 1 << 53

func whole(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int64(v)) && v <= exact && v >= -exact {
			return int64(v)
		}
		return v
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
		return v
	default:
		return v
	}
}
