package expression

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// claims are made when they are asked for: a rule asks for few of many.
func (r *Record) claims() ref.Val {
	out := make(object, len(r.facts.Manifest.Claims))
	for i := range r.facts.Manifest.Claims {
		out[r.facts.Manifest.Claims[i].ID] = &r.facts.Manifest.Claims[i]
	}
	return types.NewStringInterfaceMap(asked{types.DefaultTypeAdapter, r}, out)
}

// asked makes a claim's value, once, when CEL takes it out of the map.
type asked struct {
	types.Adapter
	record *Record
}

// NativeToValue is CEL's own, of claims too.
func (a asked) NativeToValue(v any) ref.Val {
	c, ok := v.(*provenance.Claim)
	if !ok {
		return a.Adapter.NativeToValue(v)
	}
	made, ok := a.record.made[c]
	if !ok {
		made = a.record.claim(*c)
		a.record.made[c] = made
	}
	return made
}

// claim is a claim as rules see it. What was inferred has neither grade nor
// value here: a rule must name the inference to count it. What somebody
// attests whom the policy does not name as the producer is declared.
func (r *Record) claim(c provenance.Claim) ref.Val {
	observations := make([]ref.Val, 0, len(c.Observations))
	inferred := object{}
	attested := false
	for _, o := range c.Observations {
		if o.Grade == provenance.Inferred || o.Grade == provenance.NoGrade {
			inferred[o.Method] = decoded(o.Value)
			continue
		}
		if o.Grade == provenance.Attested && r.facts.Attests != nil && !r.facts.Attests(o.Speaker.Signer) {
			o.Grade = provenance.Declared
		}
		attested = attested || o.Grade == provenance.Attested
		observations = append(observations, of(observation(o)))
	}
	if c.State == provenance.StateAttested && !attested {
		c.State = provenance.StateDeclared
	}
	value := types.NullValue
	out := object{
		"id": types.String(c.ID), "state": types.String(c.State.String()), "grade": types.Int(gradeOf(c.State)), "ceiling": types.Int(c.Ceiling),
		"absence": types.String(c.Absence.String()), "observations": types.NewRefValList(types.DefaultTypeAdapter, observations),
		"searched": texts(c.Searched, document), "unread": texts(c.Unread, document), inferences: of(inferred), "value": value,
	}
	if gradeOf(c.State) != provenance.NoGrade {
		out["value"] = decoded(c.Value)
	}
	return of(out)
}

func document(d provenance.Document) string { return d.Path }

// gradeOf is the grade of a claim in a state; those that rest on nobody's
// statement have none, and an inferred one has none by itself.
func gradeOf(s provenance.State) provenance.Grade {
	switch s {
	case provenance.StateDeclared:
		return provenance.Declared
	case provenance.StateAttested:
		return provenance.Attested
	case provenance.StateVerified:
		return provenance.Verified
	default:
		return provenance.NoGrade
	}
}

func observation(o provenance.Observation) object {
	return object{
		"grade": types.Int(o.Grade), "value": decoded(o.Value), "absence": types.String(o.Absence.String()), "method": types.String(o.Method),
		"speaker": of(object{"name": types.String(o.Speaker.Name), "relation": types.String(o.Speaker.Relation.String()), "signer": types.String(o.Speaker.Signer)}),
		"source": of(object{
			"kind": types.String(o.Source.Kind), "path": types.String(o.Source.Path), "digest": digest(o.Source.Digest),
			"pointer": types.String(o.Source.Pointer), "quote": types.String(o.Source.Quote),
		}),
	}
}
