package inspect

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/python"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// roomFor is what reading n bytes may allocate: the windows, and some times
// what was read.
func roomFor(n int) uint64 { return uint64(1<<20 + 256*n) }

// FuzzArray holds: the same facts whatever the pieces, and an array is inert
// only where its header names a dtype that cannot be objects.
func FuzzArray(f *testing.F) {
	const padding = "                                                  \n"
	f.Add(byte(1), "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"+padding, []byte("abcd"))
	f.Add(byte(1), "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"+padding, []byte("\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."))
	f.Add(byte(2), `{'descr': '|\x4f', 'fortran_order': False, 'shape': (1,), }`+padding, []byte("cos\nsystem\n(S'id'\ntR."))
	f.Add(byte(3), "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (), }\n", []byte("\x80\x02]."))
	f.Add(byte(4), "{", []byte{})
	f.Fuzz(func(t *testing.T, version byte, header string, body []byte) {
		b := []byte("\x93NUMPY" + string(version) + "\x00")
		if version == 1 {
			b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
		}
		b = append(append(b, header...), body...)
		var whole, pieces Facts
		fixtures.Bounded(t, len(b), roomFor(len(b)), func() { whole, pieces = look("a.npy", b, len(b)+1), look("a.npy", b, 3) })
		if whole.Format != pieces.Format || whole.Class != pieces.Class || !slices.Equal(rules(whole), rules(pieces)) {
			t.Fatalf("%+v\nin pieces %+v", whole, pieces)
		}
		_, rest, ok := strings.Cut(header, "'descr': '")
		descr, _, _ := strings.Cut(rest, "'")
		if whole.Class == ClassInert && (!ok || strings.ContainsAny(descr, `Oo\`) || len(descr) < 2) {
			t.Fatalf("inert with %q", header)
		}
	})
}

// values calls visit for every member with a text in a document that another
// reader has decoded.
func values(v any, visit func(name, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			if s, ok := item.(string); ok {
				visit(k, s)
			}
			values(item, visit)
		}
	case map[any]any:
		for k, item := range v {
			name, _ := k.(string)
			if s, ok := item.(string); ok {
				visit(name, s)
			}
			values(item, visit)
		}
	case []any:
		for _, item := range v {
			values(item, visit)
		}
	}
}

// FuzzKeras holds: what a Keras archive does is what its configuration does
// and no less, and every class that another JSON reader sees is judged.
func FuzzKeras(f *testing.F) {
	f.Add(`{"module":"keras.layers","class_name":"Lambda","config":{"function":{"class_name":"__lambda__"}}}`)
	f.Add(`{"module":"keras.src.utils","class_name":"get_file","registered_name":null}`)
	f.Add(`{"class_name":"Functional","config":{"layers":[{"class_name":"StringLookup","config":{"vocabulary":"/etc/passwd"}}]}}`)
	f.Add(`{"module":"keras","class_name":"Sequential","config":{"layers":[{"module":"builtins","class_name":"exec"}]}}`)
	f.Fuzz(func(t *testing.T, config string) {
		b := archiveOf(t, "metadata.json={}", "config.json="+config)
		var facts, alone Facts
		fixtures.Bounded(t, len(b), 2*roomFor(len(b)), func() {
			facts = look("m.keras", b, 100)
			alone = Config("config.json", artifact.Digest{}, []byte(config))
		})
		if config == "" {
			return // in an empty file is nothing, whatever its name promises
		}
		if facts.Format != FormatKeras || facts.Class.Compare(alone.Class) < 0 {
			t.Fatalf("%q %v, its configuration %v", facts.Format, facts.Class, alone.Class)
		}
		var v any
		if strictjson.Check([]byte(config)) != nil || json.Unmarshal([]byte(config), &v) != nil || !isKeras([]byte(config)) {
			return
		}
		values(v, func(name, text string) {
			code := name == "class_name" && slices.Contains(kerasCode, text) || name == "module" && !strings.Contains(text, "keras")
			if code && facts.Class.Compare(ClassCodeOnLoad) < 0 || name == "vocabulary" && facts.Class.Compare(ClassFileRead) < 0 {
				t.Fatalf("%v with %s %q", facts.Class, name, text)
			}
		})
	})
}

// FuzzYAML holds: what is visited lies in the text; every text that another
// reader sees under a name is visited under it; and no alias multiplies work.
func FuzzYAML(f *testing.F) {
	f.Add("a: &x [1, {_target_: os.system}]\nb: *x\nc: !!python/name:os.system ''\n---\nü: {auto_map: {A: b.C}}")
	f.Add("a: &b _target_\n*b : os.system\n? !!python/object/apply:os.system [id]\n: x\n")
	f.Add("a: &a {<<: {b: |\n  c\n}, ? {d: e} : f}\n")
	f.Add("a: &a [x, x]\nb: &b [*a, *a]\nc: &c {*b : [*b, *b]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		type said struct{ name, text string }
		seen := map[said]bool{}
		var err error
		fixtures.Bounded(t, len(text), uint64(1<<20+4096*len(text)), func() {
			err = walkYAML([]byte(text), func(s scalar) {
				if s.start < 0 || s.start > s.end || s.end > len(text) {
					t.Fatalf("%+v of %d", s, len(text))
				}
				if s.kind == '"' {
					seen[said{s.key(), s.text}] = true
				}
			}, func(string, scalar) {})
		})
		if err != nil {
			return
		}
		dec := yaml.NewDecoder(strings.NewReader(text))
		for {
			var v any
			if err := dec.Decode(&v); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				return // it refuses what another reader might read
			}
			values(v, func(name, text string) {
				if name == "_target_" && !seen[said{name, text}] {
					t.Fatalf("%q: %q was not visited: %v", name, text, seen)
				}
			})
		}
	})
}

// FuzzNotebook holds: a cell written as a text and as a list of lines is the
// same, and imports what the same source imports in a file.
func FuzzNotebook(f *testing.F) {
	f.Add("import os\n!pip install x\nos.system('id')\n")
	f.Add("%matplotlib inline\nx = 1 %\\\n  2\n")
	f.Add("'''\n!x\n'''\nfrom a import b\r\n")
	f.Fuzz(func(t *testing.T, source string) {
		if !utf8.ValidString(source) {
			return
		}
		book := func(source any) []byte {
			b, err := json.Marshal(map[string]any{"cells": []any{map[string]any{"cell_type": "code", "source": source}, map[string]any{"cell_type": "markdown", "source": "import no"}}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		lines := slices.Collect(strings.Lines(source))
		if lines == nil {
			lines = []string{}
		}
		var one, two Facts
		fixtures.Bounded(t, len(source), 4*roomFor(len(source)), func() { one, two = notebookFacts("n.ipynb", book(source)), notebookFacts("n.ipynb", book(lines)) })
		if one.Class != two.Class || !slices.Equal(one.Code.Uses.Imports, two.Code.Uses.Imports) || one.Class != ClassCode && one.Class != ClassUnknown {
			t.Fatalf("%+v\nas lines %+v", one, two)
		}
		if strings.ContainsAny(source, "!%") || one.Class != ClassCode {
			return
		}
		alone, err := python.Parse([]byte(source + "\n"))
		if err != nil || !slices.Equal(alone.Imports, one.Code.Uses.Imports) || !slices.Equal(alone.Marks, one.Code.Uses.Marks) {
			t.Fatalf("%+v\nin a file %+v %v", one.Code.Uses, alone, err)
		}
	})
}

// FuzzTokenizer holds: a fingerprint is of what a text says and not of how it
// is written, and nobody has one who has no model.
func FuzzTokenizer(f *testing.F) {
	f.Add([]byte(tokenizerText))
	f.Add([]byte(`{"model":{"vocab":[["a",-1.5],["b",1e400]],"type":"Unigram"},"normalizer":{"type":"Replace","pattern":{"String":"a"},"content":"b"}}`))
	f.Add([]byte(`{"model":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var one artifact.Digest
		fixtures.Bounded(t, len(text), roomFor(len(text)), func() {
			var f Facts
			tokenizerFacts("tokenizer.json", text, &f)
			one = f.tokenizer
			if len(f.Findings) > 3*maxReplacements+1 || one.IsZero() && f.Class == ClassInert && len(f.Findings) == 0 {
				t.Fatalf("%+v", f)
			}
		})
		if one.IsZero() {
			return
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, text, "", "  "); err != nil {
			t.Fatalf("a fingerprint of what another reader refuses: %v", err)
		}
		if fingerprintOf(spaced.Bytes()) != one {
			t.Fatal("the layout counts")
		}
		var v map[string]json.RawMessage
		if err := json.Unmarshal(text, &v); err != nil || !bytes.HasPrefix(bytes.TrimSpace(v["model"]), []byte("{")) {
			t.Fatalf("%v: no model in %q", err, text)
		}
	})
}
