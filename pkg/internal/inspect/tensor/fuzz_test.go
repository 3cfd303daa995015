package tensor

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// tensorsOf makes tensors that are often alike out of four bytes each.
func tensorsOf(b []byte) []Digest {
	var out []Digest
	for c := range slices.Chunk(b[:len(b)/4*4], 4) {
		d := Digest{Name: string(rune('a' + c[0]%5)), DType: []string{"F32", "float32", "FP32", "U8", ""}[c[1]%5], Bytes: uint64(c[3] % 3)}
		for i := range c[2] % 3 {
			d.Shape = append(d.Shape, uint64(c[2]>>4+i))
		}
		d.Sum[31] = c[3]
		out = append(out, d)
	}
	return out
}

// facts are the tensors as a set, in words.
func facts(all []Digest) map[string]bool {
	out := map[string]bool{}
	for _, d := range all {
		out[fmt.Sprintf("%q %s %v %v", d.Name, DTypeOf(d.DType), d.Shape, d.Sum)] = true
	}
	return out
}

// FuzzSame holds: order and copies do not count; two lists have one root only
// where they hold the same set of tensors; who compares whom does not count;
// and what is not the same is named.
func FuzzSame(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x01\x01\x00\x01\x02"), []byte("\x01\x01\x01\x02\x00\x02\x01\x01\x00\x02\x01\x01"))
	f.Add([]byte("\x00\x00\x01\x01"), []byte("\x00\x03\x01\x01"))
	f.Add([]byte("\x00\x00\x01\x01"), []byte("\x00\x00\x12\x01"))
	f.Add([]byte("\x00\x00\x01\x01\x00\x00\x01\x02"), []byte("\x00\x00\x01\x02"))
	// One name, again and again: what a stranger's list may hold.
	f.Add(bytes.Repeat([]byte("\x00\x00\x01\x01\x00\x00\x01\x02"), 400), bytes.Repeat([]byte("\x00\x00\x01\x03"), 800))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, b := tensorsOf(x), tensorsOf(y)
		var s, back Sameness
		fixtures.Bounded(t, len(x)+len(y), uint64(4096*(len(a)+len(b))+8192), func() { s, back = Same(a, b), Same(b, a) })
		equal := maps.Equal(facts(a), facts(b))
		if equal != (Root(a) == Root(b)) {
			t.Fatalf("%v and %v: the same set is %v", a, b, equal)
		}
		mixed := slices.Concat(a, a)
		slices.Reverse(mixed)
		if Root(mixed) != Root(a) || ContentRoot(mixed) != ContentRoot(a) {
			t.Fatalf("order or copies count: %v", a)
		}
		if s.Same != back.Same || s.Same != (equal && s.SharedA.OfBytes > 0) || s.SharedA != back.SharedB || !slices.Equal(s.OnlyA, back.OnlyB) {
			t.Fatalf("%+v\nturned round %+v", s, back)
		}
		if named := len(s.Differ) + len(s.Retyped) + len(s.Reshaped) + len(s.OnlyA) + len(s.OnlyB); equal != (named == 0) {
			t.Fatalf("%d differences are named: %+v", named, s)
		}
	})
}
