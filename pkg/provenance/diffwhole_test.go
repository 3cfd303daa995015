package provenance_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// fill gives every empty list, map and pointer one member, so that every field
// there is stands somewhere in the record.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[artifact.Digest]() {
			if v.IsZero() {
				v.Set(reflect.ValueOf(digest("filled")))
			}
		} else {
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[provenance.Value]() {
			if v.Len() == 0 {
				v.SetBytes([]byte(`"filled"`))
			}
			return
		}
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.Len() == 0 {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.Zero(v.Type().Elem()))
		}
	}
}

// leaves calls f for every value that can be changed.
func leaves(path string, v reflect.Value, f func(path string, change func())) {
	switch {
	case v.Type() == reflect.TypeFor[artifact.Digest]():
		f(path, func() { v.Set(reflect.ValueOf(digest("changed"))) })
		return
	case v.Type() == reflect.TypeFor[provenance.Value]():
		f(path, func() { v.SetBytes([]byte(`"changed"`)) })
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		leaves(path, v.Elem(), f)
		f(path+" gone", func() { v.SetZero() })
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(path+"."+v.Type().Field(i).Name, v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(fmt.Sprintf("%s[%d]", path, i), v.Index(i), f)
		}
		f(path+" gone", func() { v.SetZero() })
	case reflect.Map:
		f(path+" gone", func() { v.SetZero() })
	case reflect.String:
		f(path, func() { v.SetString(v.String() + "x") })
	case reflect.Bool:
		f(path, func() { v.SetBool(!v.Bool()) })
	case reflect.Int, reflect.Int64:
		f(path, func() { v.SetInt(v.Int() + 1) })
	case reflect.Uint8, reflect.Uint64:
		f(path, func() { v.SetUint(v.Uint() + 1) })
	case reflect.Float64:
		f(path, func() { v.SetFloat(v.Float() + 0.5) })
	default:
		panic(path + ": a kind that this test does not change")
	}
}

// TestDiffLeavesNothingOut: whatever one field of a record says otherwise, its
// difference is not zero. Else reviews would stop holding, and nobody could
// say why.
func TestDiffLeavesNothingOut(t *testing.T) {
	made := func() *provenance.Manifest {
		m := sample(t)
		m.Attestations = attestations()
		fill(reflect.ValueOf(m))
		return m
	}
	substance := func(m *provenance.Manifest) string {
		s := *provenance.Sort(m)
		s.Generator = provenance.Generator{}
		b, err := json.Marshal(s, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		return s.Subject.String() + string(b)
	}
	before := made()
	if !provenance.Diff(before, made()).IsZero() {
		t.Fatal("the same record differs from itself")
	}
	n := 0
	leaves("", reflect.ValueOf(made()).Elem(), func(string, func()) { n++ })
	told := 0
	for i := range n {
		after, at := made(), 0
		var where string
		leaves("", reflect.ValueOf(after).Elem(), func(path string, change func()) {
			if at == i {
				where = path
				defer change()
			}
			at++
		})
		if where == "" || substance(before) == substance(after) {
			continue
		}
		told++
		if provenance.Diff(before, after).IsZero() || provenance.Diff(after, before).IsZero() {
			t.Errorf("%s changed, and no difference says so", where)
		}
		if provenance.Diff(before, after).String() == "" {
			t.Errorf("%s changed, and the difference has no words for it", where)
		}
	}
	if told < 200 {
		t.Errorf("only %d of %d changes were of substance", told, n)
	}
}
