package license

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want []Edit
	}{
		{"", "", nil},
		{"a b\n c", "a  b c", []Edit{{Same, "a b c"}}},
		{"", "a b", []Edit{{Added, "a b"}}},
		{"a b", "", []Edit{{Gone, "a b"}}},
		{"free for any use", "free for research use", []Edit{{Same, "free for"}, {Gone, "any"}, {Added, "research"}, {Same, "use"}}},
		{"You may use it.", "You may not use it.", []Edit{{Same, "You may"}, {Added, "not"}, {Same, "use it."}}},
		{"a b c d e", "a c d x e", []Edit{{Same, "a"}, {Gone, "b"}, {Same, "c d"}, {Added, "x"}, {Same, "e"}}},
		{"a a a", "a a", []Edit{{Same, "a a"}, {Gone, "a"}}},
	} {
		if got, ok := Words(c.a, c.b); !ok || !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: %v", c.a, c.b, got)
		}
	}
	for name, c := range map[string][2]string{
		"too different": {strings.Repeat("a ", maxChanges), strings.Repeat("b ", maxChanges)},
		"too long":      {strings.Repeat("a ", maxWords+1), strings.Repeat("a ", maxWords+1)},
	} {
		if got, ok := Words(c[0], c[1]); ok || got != nil {
			t.Errorf("%s: %d edits", name, len(got))
		}
	}
}

// FuzzWords: the edits are both texts, word for word.
func FuzzWords(f *testing.F) {
	text, err := os.ReadFile("testdata/texts/MPL-2.0.1.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a b c", "a c d")
	f.Add("", "x")
	f.Add(string(text), strings.Replace(string(text), "may", "may not", 3))
	f.Fuzz(func(t *testing.T, a, b string) {
		edits, ok := Words(a, b)
		if !ok {
			return
		}
		var x, y []string
		for i, e := range edits {
			if i > 0 && edits[i-1].Op == e.Op || e.Words == "" {
				t.Errorf("edit %d: %v", i, e)
			}
			if e.Op != Added {
				x = append(x, strings.Fields(e.Words)...)
			}
			if e.Op != Gone {
				y = append(y, strings.Fields(e.Words)...)
			}
		}
		if !slices.Equal(x, strings.Fields(a)) || !slices.Equal(y, strings.Fields(b)) {
			t.Errorf("%q and %q out of %q and %q", x, y, a, b)
		}
	})
}
