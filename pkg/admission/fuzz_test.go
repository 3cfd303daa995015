package admission

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kindsWithSites reads the names of all kinds that have places for references
// from the tables themselves.
func kindsWithSites(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("kinds_*.go")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v %v", files, err)
	}
	var out []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([a-z0-9.-]*/[A-Z]\w+)"`).FindAllStringSubmatch(string(data), -1) {
			if sites, _ := sitesOf(m[1]); len(sites) > 0 {
				out = append(out, m[1])
			}
		}
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) < 50 {
		t.Fatalf("%d kinds", len(out))
	}
	return out
}

// A stranger invents the rest of an object from bytes.
type stranger struct {
	bytes []byte
	words []string
}

func (s *stranger) next() int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b)
}

func (s *stranger) value(depth int) any {
	kind := s.next()
	if depth > 5 {
		kind %= 5
	}
	switch kind % 8 {
	case 0:
		return nil
	case 1:
		return kind%16 == 1
	case 2:
		return float64(s.next())
	case 3:
		return s.words[s.next()%len(s.words)]
	case 4:
		return "other.example/x:" + strconv.Itoa(s.next())
	case 5, 6:
		return s.object(depth + 1)
	default:
		list := []any{}
		for range s.next() % 4 {
			list = append(list, s.value(depth+1))
		}
		return list
	}
}

func (s *stranger) object(depth int) map[string]any {
	o := map[string]any{}
	for range s.next() % 5 {
		o[s.words[s.next()%len(s.words)]] = s.value(depth)
	}
	return o
}

// plant puts a value where a path leads to, and returns the pointer. What
// stands in the way is replaced.
func (s *stranger) plant(at string, v any, path []string, planted any) (any, string) {
	if len(path) == 0 {
		return planted, at
	}
	if name, ok := strings.CutPrefix(path[0], "["); ok {
		list, _ := v.([]any)
		i := 0
		if len(list) > 0 {
			i = s.next() % len(list)
		}
		item, _ := any(map[string]any{}), 0
		if name != "]" {
			item = map[string]any{"name": strings.TrimSuffix(strings.TrimPrefix(name, "name="), "]")}
		}
		below, pointer := s.plant(at+"/"+strconv.Itoa(i), item, path[1:], planted)
		return slices.Insert(slices.Clone(list), i, below), pointer
	}
	o, ok := v.(map[string]any)
	if !ok {
		o = s.object(4)
	}
	name := path[0]
	if name == "*" {
		name = "any~of/them"
	}
	below, pointer := s.plant(at+"/"+escape(name), o[name], path[1:], planted)
	o[name] = below
	return o, pointer
}

// FuzzReferences plants a reference in a random known place of a random object
// with random other content: it is found at exactly that place. Where the other
// content has the names of known members, the object may be refused instead.
func FuzzReferences(f *testing.F) {
	kinds := kindsWithSites(f)
	for i := range kinds {
		f.Add(uint16(i), uint16(3*i), []byte{7, 3, 5, 9, 1, 4, 2, 200, 17, 5, 3, 8, 5, 5, 250, 31}, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, kind, place uint16, noise []byte, known bool) {
		key := kinds[int(kind)%len(kinds)]
		sites, _ := sitesOf(key)
		s := sites[int(place)%len(sites)]
		words := []string{"zeta", "eta/a~b", "theta.b", "", "ünï", "oci://other.example/y:1"}
		if known {
			words = append(words, "spec", "containers", "image", "template", "volumes", "reference", "model", "storageUri", "predictor", "name", "Image", "metadata", "env")
		}
		group, name, _ := strings.Cut(key, "/")
		version := "v1"
		if group != "" {
			version = group + "/v1"
		}
		other := &stranger{bytes: noise, words: words}
		object := other.object(0)
		object["apiVersion"], object["kind"] = version, name
		var planted any = "planted.example/m:1"
		switch s.form {
		case uri:
			planted = "oci://planted.example/m:1"
		case parts:
			planted = map[string]any{"repository": "planted.example/m", "tag": "1"}
		case foreign: // some of these hold places of their own
			planted = map[string]any{"theta": "planted.example/m:1"}
		}
		root, pointer := other.plant("", object, s.path, planted)
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		found, err := References(text)
		if err != nil {
			if found != nil || !known || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrLimit) {
				t.Fatalf("%v in %s", err, text)
			}
			return
		}
		if s.unless != nil && known {
			return // what says it better may be there
		}
		if !slices.ContainsFunc(found, func(x Found) bool {
			return x.Pointer == pointer && (s.form == foreign || x.Err == nil && x.Reference.String() == "planted.example/m:1")
		}) {
			t.Fatalf("lost the reference at %s of %s", pointer, text)
		}
	})
}

// FuzzLook reads whatever bytes: it never panics, and what it finds stands in
// the object.
func FuzzLook(f *testing.F) {
	f.Add([]byte(object("v1", "Pod", `"spec":`+aPod)))
	f.Add([]byte(object("v1", "List", `"items":[{"apiVersion":"v1","kind":"Pod","spec":null}]`)))
	f.Add([]byte(object("serving.kserve.io/v1beta1", "InferenceService", `"spec":{"predictor":{"model":{"storageUri":"hf://a/b"}}}`)))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"args":["--model=hf://a/b"]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		sight, err := (&Finder{unknownKinds: true, annotations: []string{"a.b/c"}}).Look(text)
		if err != nil && (sight.Found != nil || sight.Elsewhere != nil) {
			t.Fatal("references beside an error")
		}
		for _, x := range slices.Concat(sight.Found, sight.Elsewhere) {
			if !strings.HasPrefix(x.Pointer, "/") {
				t.Fatalf("%+v", x)
			}
		}
	})
}
