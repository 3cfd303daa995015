package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// inferences is the field of a claim under which the inferred observations
// lie. No expression can write it: an inference counts only where its rule is
// named.
const inferences = "@inferences"

// functions are what a rule can ask of claims.
func functions() []cel.EnvOption {
	// At run time a record's objects are maps, of which CEL's guards know
	// nothing: the checker saw their types, and each function looks itself.
	unguarded := decls.DisableTypeGuards(true)
	claims, claim, text := claimMap(), cel.ObjectType(typeClaim), cel.StringType
	return []cel.EnvOption{
		cel.Function("state", unguarded, cel.MemberOverload("claims_state", []*cel.Type{claims, text}, text, cel.BinaryBinding(state))),
		cel.Function("grade", unguarded,
			cel.MemberOverload("claims_grade", []*cel.Type{claims, text}, cel.IntType, cel.BinaryBinding(grade)),
			cel.MemberOverload("claims_grade_by", []*cel.Type{claims, text, text}, cel.IntType, cel.FunctionBinding(gradeBy))),
		cel.Function("value", unguarded,
			cel.MemberOverload("claims_value", []*cel.Type{claims, text}, cel.DynType, cel.BinaryBinding(value)),
			cel.MemberOverload("claims_value_by", []*cel.Type{claims, text, text}, cel.DynType, cel.FunctionBinding(valueBy))),
		cel.Function("within", unguarded, cel.MemberOverload("claim_within", []*cel.Type{claim, cel.ListType(text)}, cel.BoolType, cel.BinaryBinding(within))),
	}
}

// find returns a claim, or an error where the record has none of this name: a
// question that was never asked has no answer.
func find(claims, id ref.Val) (traits.Mapper, ref.Val) {
	m, ok := claims.(traits.Mapper)
	if !ok {
		return nil, types.MaybeNoSuchOverloadErr(claims)
	}
	found, ok := m.Find(id)
	if !ok {
		return nil, types.NewErr("the record has no claim %q", id.Value())
	}
	claim, ok := found.(traits.Mapper)
	if !ok {
		return nil, types.MaybeNoSuchOverloadErr(found)
	}
	return claim, nil
}

func field(object traits.Mapper, name string) ref.Val {
	v, ok := object.Find(types.String(name))
	if !ok {
		return types.NewErr("no field %q", name)
	}
	return v
}

func state(claims, id ref.Val) ref.Val {
	claim, err := find(claims, id)
	if err != nil {
		return err
	}
	return field(claim, "state")
}

func grade(claims, id ref.Val) ref.Val {
	claim, err := find(claims, id)
	if err != nil {
		return err
	}
	return field(claim, "grade")
}

// value is what a claim says. Without a value that at least a document states
// it fails, and so does the rule.
func value(claims, id ref.Val) ref.Val {
	claim, err := find(claims, id)
	if err != nil {
		return err
	}
	v := field(claim, "value")
	if v == types.NullValue {
		return types.NewErr("claim %q has no value: it is %v", id.Value(), field(claim, "state").Value())
	}
	return v
}

// gradeBy also counts what the named rule inferred.
func gradeBy(args ...ref.Val) ref.Val {
	claim, err := find(args[0], args[1])
	if err != nil {
		return err
	}
	if g := field(claim, "grade"); g.Equal(types.Int(provenance.NoGrade)) != types.True {
		return g
	}
	if v := inferred(claim, args[2]); !types.IsError(v) {
		return types.Int(provenance.Inferred)
	}
	return types.Int(provenance.NoGrade)
}

// valueBy is the stated value, or else what the named rule inferred.
func valueBy(args ...ref.Val) ref.Val {
	claim, err := find(args[0], args[1])
	if err != nil {
		return err
	}
	if v := field(claim, "value"); v != types.NullValue {
		return v
	}
	return inferred(claim, args[2])
}

// inferred is the value of an inferred claim, where the named rule is among
// those that inferred it.
func inferred(claim traits.Mapper, method ref.Val) ref.Val {
	by, ok := field(claim, inferences).(traits.Mapper)
	if !ok || field(claim, "state").Equal(types.String(provenance.StateInferred.String())) != types.True {
		return types.NewErr("claim %q has no value: it is %v", field(claim, "id").Value(), field(claim, "state").Value())
	}
	v, ok := by.Find(method)
	if !ok {
		return types.NewErr("claim %q was not inferred by %q", field(claim, "id").Value(), method.Value())
	}
	return v
}

// within says whether a licence is among those of a list, by the meaning of
// SPDX expressions. What is not stated is within nothing.
func within(claim, list ref.Val) ref.Val {
	c, ok := claim.(traits.Mapper)
	if !ok {
		return types.MaybeNoSuchOverloadErr(claim)
	}
	expression, ok := field(c, "value").(types.String)
	if !ok {
		return types.False
	}
	l, ok := list.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	var allowed []string
	for it := l.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("a licence in a list must be a string")
		}
		allowed = append(allowed, string(s))
	}
	return types.Bool(provenance.LicenseWithin(string(expression), allowed))
}
