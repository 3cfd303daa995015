package tensor

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"
)

func some(names ...string) []Digest {
	var out []Digest
	for _, n := range names {
		out = append(out, Digest{Name: n, DType: "F32", Shape: []uint64{2}, Bytes: 8, Sum: sha256.Sum256([]byte(n))})
	}
	return out
}

func TestRoot(t *testing.T) {
	abc := some("a", "b", "c", "d", "e")
	back := slices.Clone(abc)
	slices.Reverse(back)
	if Root(abc) != Root(back) {
		t.Error("the root depends on the order")
	}
	seen := map[Sum]string{Root(nil): "nothing", Root(abc): "itself"}
	for what, change := range map[string]func(*Digest){
		"name":    func(d *Digest) { d.Name = "f" },
		"type":    func(d *Digest) { d.DType = "I32" },
		"shape":   func(d *Digest) { d.Shape = []uint64{1, 2} },
		"content": func(d *Digest) { d.Sum[0]++ },
		// Without lengths before them, name and type could be cut elsewhere.
		"cut": func(d *Digest) { d.Name, d.DType = "eF", "32" },
	} {
		c := slices.Clone(abc)
		change(&c[4])
		if other, ok := seen[Root(c)]; ok {
			t.Errorf("%s has the root of %s", what, other)
		}
		seen[Root(c)] = what
	}
	if _, ok := seen[Root(abc[:4])]; ok {
		t.Error("four have the root of five")
	}
	if one := some("a"); Root(one) != one[0].leaf() {
		t.Error("the root of one is its leaf")
	}
	same := slices.Clone(abc)
	same[0].DType = "float32"
	if Root(same) != Root(abc) {
		t.Error("the container's word for a type counts")
	}
	// Made once; another value would silently rename every model.
	const golden = "e14c70a0c72f2f11a5fd228fd6614cda860409397c11088e3d814d6aacfd0b7e"
	if got := Root(abc).String(); got != golden {
		t.Error(got)
	}
}

func TestContentRoot(t *testing.T) {
	a, renamed := some("a", "b", "c"), some("c", "a", "b")
	for i := range renamed {
		renamed[i].Name = "x" + renamed[i].Name
	}
	if ContentRoot(a) != ContentRoot(renamed) || Root(a) == Root(renamed) {
		t.Error("names count, or do not")
	}
	seen := map[Sum]bool{ContentRoot(a): true, ContentRoot(nil): true, Root(a): true}
	for what, change := range map[string]func(*Digest){
		"type":    func(d *Digest) { d.DType = "I32" },
		"shape":   func(d *Digest) { d.Shape = []uint64{1, 2} },
		"content": func(d *Digest) { d.Sum[0]++ },
	} {
		c := slices.Clone(a)
		change(&c[1])
		if seen[ContentRoot(c)] {
			t.Errorf("another %s has the same root", what)
		}
	}
}

func TestSame(t *testing.T) {
	a := some("a", "b", "c")
	if s := Same(a, some("c", "a", "b")); !s.Same || s.Equal != 3 || s.SharedA != (Share{3, 3, 24, 24}) || s.SharedA != s.SharedB {
		t.Errorf("%+v", s)
	}
	b := some("a", "b", "x")
	b[1].Sum[0]++
	b[0].Shape = []uint64{1, 2}
	s := Same(a, b)
	if s.Same || s.Equal != 0 || !slices.Equal(s.Differ, []string{"b"}) || !slices.Equal(s.Reshaped, []string{"a"}) || !slices.Equal(s.OnlyA, []string{"c"}) || !slices.Equal(s.OnlyB, []string{"x"}) {
		t.Errorf("%+v", s)
	}
	retyped := some("a", "b", "c")
	retyped[2].DType = "I32"
	if s := Same(a, retyped); s.Same || s.Equal != 2 || !slices.Equal(s.Retyped, []string{"c"}) || s.SharedA.Tensors != 2 {
		t.Errorf("%+v", s)
	}
	renamed := some("a", "b")
	renamed[0].Name = "z"
	if s := Same(some("a", "b"), renamed); s.Same || s.SharedA.Bytes != s.SharedA.OfBytes {
		t.Errorf("renamed: %+v", s)
	}
}

// What must never be the same.
func TestNotSame(t *testing.T) {
	if Same(nil, nil).Same {
		t.Error("nothing is the same as nothing")
	}
	empty := some("a")
	empty[0].Bytes = 0
	if Same(empty, empty).Same {
		t.Error("no byte was compared")
	}
	twice := some("a", "a")
	twice[1].Sum[0]++
	if s := Same(twice, some("a", "a")); s.Same || !slices.Equal(s.Differ, []string{"a"}) {
		t.Errorf("a name that stands twice hides a difference: %+v", s)
	}
	if s := Same(some("a"), twice); s.Same || !slices.Equal(s.Differ, []string{"a"}) {
		t.Errorf("a name that stands twice hides a difference: %+v", s)
	}
	// In two containers of one model the same tensor may stand twice.
	if !Same(some("a", "b", "a"), some("a", "b")).Same {
		t.Error("a second copy counts")
	}
}

func TestSumIsText(t *testing.T) {
	b, err := json.Marshal(some("a")[0])
	if err != nil {
		t.Fatal(err)
	}
	var d Digest
	if err := json.Unmarshal(b, &d); err != nil || d.Sum != some("a")[0].Sum {
		t.Errorf("%s: %+v %v", b, d, err)
	}
	for _, bad := range []string{"", "00", "zz", "ABCD"} {
		if new(Sum).UnmarshalText([]byte(bad)) == nil {
			t.Errorf("read %q", bad)
		}
	}
}
