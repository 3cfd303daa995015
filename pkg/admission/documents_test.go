package admission

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDocuments(t *testing.T) {
	const text = `# what Helm writes
---
apiVersion: v1
kind: Pod
metadata: &m {name: a}
spec: &s
  volumes: [{image: {reference: r.io/m:1}}]
---
# nothing
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, metadata: {name: b}}
  - apiVersion: v1
    kind: Pod
    spec:
      <<: {volumes: [{image: {reference: r.io/merged:1}}]}
      hostNetwork: true
      count: 0x10
      date: 2026-01-01
---
{"apiVersion": "v1", "kind": "ConfigMap", "data": {"yes": "no", "1": "x"}}
`
	docs, err := Documents([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		line    int
		text    string
		pointer string
		at      [2]int
	}{
		{3, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"volumes":[{"image":{"reference":"r.io/m:1"}}]}}`, "/spec/volumes/0/image/reference", [2]int{7, 33}},
		{14, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}`, "/metadata/name", [2]int{14, 50}},
		{15, `{"apiVersion":"v1","kind":"Pod","spec":{"count":16,"date":"2026-01-01","hostNetwork":true,"volumes":[{"image":{"reference":"r.io/merged:1"}}]}}`, "/spec/volumes/0/image/reference", [2]int{18, 42}},
		{23, `{"apiVersion":"v1","data":{"1":"x","yes":"no"},"kind":"ConfigMap"}`, "/no/such/place", [2]int{23, 1}},
	}
	if len(docs) != len(want) {
		t.Fatalf("%d documents", len(docs))
	}
	for i, w := range want {
		line, column := docs[i].Place(w.pointer)
		if docs[i].Line != w.line || string(docs[i].Object) != w.text || line != w.at[0] || column != w.at[1] {
			t.Errorf("line %d: %s at %d:%d", docs[i].Line, docs[i].Object, line, column)
		}
	}
}

func TestDocumentsRefuses(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	tests := []struct {
		name, text string
		want       error
		line       int
	}{
		{"a member twice", "a: 1\nb: 2\na: 3\n", ErrMalformed, 3},
		{"a member twice, quoted", "a: 1\n\"a\": 3\n", ErrMalformed, 2},
		{"a member twice, as a number", "1: 1\n\"1\": 3\n", ErrMalformed, 2},
		{"a tag of its own", "a: !secret x\n", ErrMalformed, 1},
		{"bytes", "a: !!binary aGk=\n", ErrMalformed, 1},
		{"a set", "a: !!set {x: }\n", ErrMalformed, 1},
		{"a list", "- a\n", ErrMalformed, 1},
		{"a text", "hello\n", ErrMalformed, 1},
		{"no number", "a: .nan\n", ErrMalformed, 1},
		{"a name that is none", "null: x\n", ErrMalformed, 1},
		{"a name that is a list", "? [a]\n: x\n", ErrMalformed, 1},
		{"a merge of a text", "<<: x\na: b\n", ErrMalformed, 1},
		{"a tab", "a:\n\tb: c\n", ErrMalformed, 2},
		{"not UTF-8", "a: \xff\n", ErrMalformed, 1},
		{"an unknown alias", "a: *b\n", ErrMalformed, 1},
		{"the second document", "a: b\n---\na: [\n", ErrMalformed, 1},
		{"a bomb", bomb, ErrLimit, 1},
		{"an alias in itself", "a: &a [*a]\n", ErrLimit, 1},
		{"too deep", strings.Repeat("[", 500) + strings.Repeat("]", 500), ErrLimit, 1},
		{"too large", "a: " + strings.Repeat("x", MaxFile), ErrLimit, 1},
		{"an object too large", "a: " + strings.Repeat("x", MaxObject), ErrLimit, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			docs, err := Documents([]byte(tt.text))
			var at *FileError
			if !errors.Is(err, tt.want) || !errors.As(err, &at) || docs != nil || at.Line < tt.line {
				t.Errorf("%v, %d documents", err, len(docs))
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	const text = "# comment: r.io/m:1\napiVersion: v1 # é\nkind: Pod\nspec:\n  volumes:\n  - image: {reference: r.io/m:1} # keep\n  - image: { \"reference\" : \"r.io/n:1\" }\n  - é: 'ü'\n    image:\n      reference: 'r.io/o:1'   \r\n\n---\napiVersion: v1\nkind: Pod\nspec: {volumes: [{image: {reference: r.io/m:1}}]}\n"
	at := func(i int) string { return fmt.Sprintf("/spec/volumes/%d/image/reference", i) }
	got, err := Rewrite([]byte(text), []Pin{
		{0, at(0), "r.io/m:1", "r.io/m:1@sha256:aa"},
		{0, at(1), "r.io/n:1", "r.io/n:1@sha256:bb"},
		{0, at(2), "r.io/o:1", "r.io/o:1@sha256:cc"},
	})
	want := strings.NewReplacer("{reference: r.io/m:1} # keep", "{reference: r.io/m:1@sha256:aa} # keep", "r.io/n:1", "r.io/n:1@sha256:bb", "r.io/o:1", "r.io/o:1@sha256:cc").Replace(text)
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := Rewrite([]byte(text), nil); err != nil || string(got) != text {
		t.Errorf("nothing to do: %v", err)
	}
	for name, tt := range map[string]struct {
		text string
		pin  Pin
	}{
		"another text":   {"a: r.io/m:1\n", Pin{0, "/a", "r.io/n:1", "x"}},
		"no such place":  {"a: r.io/m:1\n", Pin{0, "/b", "r.io/m:1", "x"}},
		"no such object": {"a: r.io/m:1\n", Pin{1, "/a", "r.io/m:1", "x"}},
		"escapes":        {"a: \"r.io\\x2fm:1\"\n", Pin{0, "/a", "r.io/m:1", "x"}},
		"an anchor":      {"a: &r r.io/m:1\nb: *r\n", Pin{0, "/b", "r.io/m:1", "x"}},
		"two aliases":    {"z: &z {a: r.io/m:1}\nb: *z\n", Pin{0, "/b/a", "r.io/m:1", "x"}},
		"several lines":  {"a: |-\n  r.io/m:1\n", Pin{0, "/a", "r.io/m:1", "x"}},
		"what breaks":    {"a: r.io/m:1\n", Pin{0, "/a", "r.io/m:1", "b: c"}},
		"other breaks":   {"x: y\u2028a: r.io/m:1\n", Pin{0, "/a", "r.io/m:1", "x"}},
	} {
		if got, err := Rewrite([]byte(tt.text), []Pin{tt.pin}); !errors.Is(err, ErrNotRewritten) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// FuzzRewrite pins whatever stands in a file: either it fails, or reading the
// file again gives the objects with exactly the pins.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte("a: r.io/m:1 # x\nb: [r.io/m:1]\n"), "r.io/m:1@sha256:aa")
	f.Add([]byte("apiVersion: v1\nkind: List\nitems: [{a: &x 'b', c: *x}]\n"), "c")
	f.Add([]byte("{\"a\": \"b\"}\n---\n? a\n: >-\n  b\n"), "c: d")
	f.Fuzz(func(t *testing.T, data []byte, to string) {
		docs, err := Documents(data)
		if err != nil {
			return
		}
		for i, d := range docs {
			root, err := decode(d.Object)
			if err != nil {
				return // what YAML allows, such as an empty name twice by case
			}
			for name, v := range root {
				text, ok := v.(string)
				if !ok {
					continue
				}
				out, err := Rewrite(data, []Pin{{i, "/" + escape(name), text, to}})
				if err != nil {
					continue
				}
				now, err := Documents(out)
				if err != nil || len(now) != len(docs) {
					t.Fatalf("%v", err)
				}
				again, err := decode(now[i].Object)
				if err != nil || again[name] != to {
					t.Fatalf("%q became %q: %v", text, again[name], err)
				}
			}
		}
	})
}
