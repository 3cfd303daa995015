package strictjson_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

func TestDecode(t *testing.T) {
	var m manifest
	err := strictjson.Decode([]byte(" {\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"a\",\"size\":1,\"new\":{}}],\"annotations\":{\"A\":\"1\",\"a\":\"2\"}}\r\n"), &m)
	want := manifest{2, []descriptor{{"a", 1}}, map[string]string{"A": "1", "a": "2"}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := func(n int) string { return `{"new":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	if err := strictjson.Check([]byte(deep(strictjson.MaxDepth - 1))); err != nil {
		t.Errorf("nested as deep as is allowed: %v", err)
	}
	for name, in := range map[string]string{
		"nothing":                      "",
		"white space":                  " \n",
		"half":                         `{"layers":[`,
		"trailing value":               `{}{}`,
		"trailing bracket":             `{}]`,
		"trailing comma":               `{"layers":[],}`,
		"trailing nul":                 "{}\x00",
		"trailing text":                `{} // comment`,
		"comment":                      `/* x */{}`,
		"byte order mark":              "\xef\xbb\xbf{}",
		"UTF-16":                       "{\x00}\x00",
		"invalid UTF-8":                "{\"annotations\":{\"a\":\"\xff\"}}",
		"invalid UTF-8 in a name":      "{\"\xff\":1}",
		"lone surrogate":               `{"annotations":{"a":"\ud800"}}`,
		"control character":            "{\"annotations\":{\"a\":\"\n\"}}",
		"single quotes":                `{'layers':[]}`,
		"bare name":                    `{layers:[]}`,
		"NaN":                          `{"new":NaN}`,
		"leading zero":                 `{"schemaVersion":02}`,
		"plus sign":                    `{"schemaVersion":+2}`,
		"hexadecimal":                  `{"schemaVersion":0x2}`,
		"float for an integer":         `{"schemaVersion":2.5}`,
		"string for an integer":        `{"schemaVersion":"2"}`,
		"too large for an integer":     `{"layers":[{"size":9223372036854775808}]}`,
		"an array for an object":       `[]`,
		"duplicate":                    `{"layers":[],"layers":[{"size":1}]}`,
		"duplicate of an unknown name": `{"new":1,"new":2}`,
		"duplicate, escaped":           `{"layers":[],"\u006cayers":[{"size":1}]}`,
		"duplicate, deep":              `{"new":{"a":[{"b":1,"b":1}]}}`,
		"duplicate annotation":         `{"annotations":{"a":"1","a":"1"}}`,
		"case variant alone":           `{"Layers":[{"size":1}]}`,
		"case variant beside":          `{"layers":[],"Layers":[{"size":1}]}`,
		"case variant before":          `{"LAYERS":[{"size":1}],"layers":[]}`,
		"case variant inside":          `{"layers":[{"size":1,"Size":2}]}`,
		"case variant, long s":         `{"ſchemaVersion":2}`,
		"case variant, same value":     `{"layers":[],"Layers":[]}`,
		"too deep":                     deep(strictjson.MaxDepth),
		"far too deep":                 strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var m manifest
			err := strictjson.Decode([]byte(in), &m)
			if !errors.Is(err, strictjson.ErrMalformed) {
				t.Errorf("%v, %+v", err, m)
			}
			if dup := strings.HasPrefix(name, "duplicate"); dup && !errors.Is(err, strictjson.ErrDuplicate) {
				t.Errorf("not called a duplicate: %v", err)
			}
		})
	}
}

func TestCheckTakesAnyOneValue(t *testing.T) {
	for _, in := range []string{`null`, `1`, `"x"`, `[]`, ` {} `, `-0`, `1e9`, `"😀"`} {
		if err := strictjson.Check([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// What is accepted, Go's first JSON package reads as the same document: that
// is the reader most tools around registries have.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"schemaVersion":2,"layers":[{"mediaType":"a","size":1}]}`, `{"Layers":[]}`, `{"annotations":{"a":"b"}}`, `null`, `{"layers":null}`, `{"layerſ":[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got manifest
		if strictjson.Decode(data, &got) != nil {
			return
		}
		if err := strictjson.Check(data); err != nil {
			t.Fatalf("decoded, and yet %v", err)
		}
		var want manifest
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if !same(got, want) {
			t.Fatalf("got %+v, encoding/json %+v", got, want)
		}
	})
}

// same: the two packages differ in whether an empty list is nil.
func same(a, b manifest) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}
