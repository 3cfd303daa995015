package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func parse(b []byte, piece int) (Header, error) {
	p := New(int64(len(b)), nil)
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return p.Header()
}

func one(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"t":{"dtype":%q,"shape":[%s],"data_offsets":[%s]}}`, dtype, shape, offsets)
}

func TestAccepts(t *testing.T) {
	tests := []struct {
		name     string
		header   string
		data     int
		tensors  int
		elements uint64
	}{
		{"no tensors", `{}`, 0, 0, 0},
		{"padding", `{}      `, 0, 0, 0},
		{"metadata only", `{"__metadata__":{"a":"{\"}\\"}}`, 0, 0, 0},
		{"rank 0", one("F32", "", "0,4"), 4, 1, 1},
		{"empty tensor", one("F32", "0,4", "0,0"), 0, 1, 0},
		{"fp8", one("F8_E4M3", "3,5", "0,15"), 15, 1, 15},
		{"scales", one("F8_E8M0", "3", "0,3"), 3, 1, 3},
		{"packed F4", one("F4", "4", "0,2"), 2, 1, 4},
		{"packed F6", one("F6_E2M3", "4", "0,3"), 3, 1, 4},
		{"complex", one("C64", "1", "0,8"), 8, 1, 1},
		{"any order of tensors and fields", `{"b":{"data_offsets":[1,2],"shape":[1],"dtype":"U8"},"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 2, 2, 2},
		{"empty between", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2, 3, 2},
		{"space inside", "{ \"a\" :\n{\"dtype\":\"U8\" , \"shape\":[ 1 ],\"data_offsets\":[0,1]}\t}", 1, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 5, 1 << 20} {
				h, err := parse(file(tt.header, tt.data), piece)
				if err != nil || h.Tensors != tt.tensors || h.Elements != tt.elements || h.Data != uint64(tt.data) {
					t.Errorf("pieces of %d: %+v %v", piece, h, err)
				}
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	two := func(a, b string) string {
		return fmt.Sprintf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[%s]},"b":{"dtype":"U8","shape":[2],"data_offsets":[%s]}}`, a, b)
	}
	tests := []struct {
		name   string
		header string
		data   int
	}{
		{"trailing bytes", one("U8", "1", "0,1"), 2},
		{"missing bytes", one("U8", "2", "0,2"), 1},
		{"hole", two("0,2", "3,5"), 5},
		{"hole at the start", one("U8", "1", "1,2"), 2},
		{"overlap", two("0,2", "1,3"), 3},
		{"same place twice", two("0,2", "0,2"), 2},
		{"backwards", one("U8", "1", "1,0"), 1},
		{"size differs from shape", one("F32", "2", "0,4"), 4},
		{"unknown dtype", one("F128", "1", "0,16"), 16},
		{"dtype in lower case", one("f32", "1", "0,4"), 4},
		{"half a byte", one("F4", "3", "0,1"), 1},
		{"product overflows", one("U8", "4294967296,4294967296", "0,0"), 0},
		{"product overflows before a zero", one("U8", "9223372036854775808,4,0", "0,0"), 0},
		{"bits overflow", one("F64", "4611686018427387904", "0,0"), 0},
		{"wraps to the right size", one("F64", "2305843009213693953", "0,8"), 8},
		{"number over 64 bits", one("U8", "18446744073709551617", "0,1"), 1},
		{"negative", one("U8", "-1", "0,1"), 1},
		{"fraction", one("U8", "1.0", "0,1"), 1},
		{"exponent", one("U8", "1e0", "0,1"), 1},
		{"minus zero", one("U8", "-0", "0,0"), 0},
		{"shape of null", `{"t":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1},
		{"item of null", one("U8", "null", "0,0"), 0},
		{"shape as string", `{"t":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1},
		{"three offsets", one("U8", "1", "0,1,1"), 1},
		{"one offset", one("U8", "0", "0"), 0},
		{"no dtype", `{"t":{"shape":[1],"data_offsets":[0,1]}}`, 1},
		{"unknown field", `{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1},
		{"field in other case", `{"t":{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}}`, 1},
		{"duplicate field", `{"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1},
		{"duplicate tensor", `{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2},
		{"duplicate by escape", `{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0074":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2},
		{"two metadata", `{"__metadata__":{},"__metadata__":{}}`, 0},
		{"metadata with a number", `{"__metadata__":{"a":1}}`, 0},
		{"metadata with an object", `{"__metadata__":{"a":{}}}`, 0},
		{"metadata of null", `{"__metadata__":null}`, 0},
		{"duplicate metadata key", `{"__metadata__":{"a":"","a":""}}`, 0},
		{"leading space", ` {}`, 0},
		{"trailing line feed", "{}\n", 0},
		{"second object", `{}{}`, 0},
		{"array", `[]`, 0},
		{"empty header", ``, 0},
		{"not closed", `{`, 0},
		{"not closed string", `{"a`, 0},
		{"trailing comma", `{"__metadata__":{},}`, 0},
		{"leading comma", `{,"__metadata__":{}}`, 0},
		{"wrong bracket", `{"__metadata__":{}]`, 0},
		{"crossed brackets", `{"__metadata__":{"a":"b"]}`, 0},
		{"no value", `{"a"}`, 0},
		{"two values", `{"a":1 "b":2}`, 0},
		{"invalid UTF-8", "{\"__metadata__\":{\"a\":\"\xff\"}}", 0},
		{"lone surrogate", `{"__metadata__":{"a":"\ud800"}}`, 0},
		{"control character", "{\"__metadata__\":{\"a\":\"\n\"}}", 0},
		{"byte order mark", "\xef\xbb\xbf{}", 0},
		{"nested deep", `{"a":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`, 0},
		{"rank 65", one("U8", strings.Repeat("1,", 64)+"1", "0,1"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 1 << 20} {
				if h, err := parse(file(tt.header, tt.data), piece); !errors.Is(err, ErrMalformed) {
					t.Errorf("pieces of %d: %+v, %v", piece, h, err)
				}
			}
		})
	}
}

// TestLengthLies gives header lengths that the file cannot have; nothing may
// be allocated for them.
func TestLengthLies(t *testing.T) {
	for _, n := range []uint64{MaxHeader + 1, 1 << 62, 1<<63 + 1, 1<<64 - 1, 1<<64 - 8, 100} {
		b := binary.LittleEndian.AppendUint64(nil, n)
		b = append(b, "{}"...)
		if _, err := parse(b, 4); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d: %v", n, err)
		}
	}
	for size := range 8 {
		if _, err := parse(make([]byte, size), 3); size > 0 && !errors.Is(err, ErrMalformed) {
			t.Errorf("file of %d bytes: %v", size, err)
		}
	}
	if _, err := New(0, nil).Header(); !errors.Is(err, ErrMalformed) {
		t.Errorf("empty file: %v", err)
	}
}

func TestLimits(t *testing.T) {
	long := `{"__metadata__":{"a":"` + strings.Repeat("x", MaxMember) + `"}}`
	if _, err := parse(file(long, 0), 1<<16); !errors.Is(err, feed.ErrTooLarge) {
		t.Errorf("metadata: %v", err)
	}
	b := file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0)
	p := New(int64(len(b)), nil)
	p.spans = make([]span, MaxTensors)
	_, _ = p.Write(b)
	if _, err := p.Header(); !errors.Is(err, feed.ErrTooLarge) {
		t.Errorf("tensors: %v", err)
	}
}

func TestEachSeesTensorsInOrder(t *testing.T) {
	var names []string
	b := file(`{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2)
	p := New(int64(len(b)), func(x Tensor) { names = append(names, x.Name) })
	_, _ = p.Write(b)
	if !p.Done() || !slices.Equal(names, []string{"b", "a"}) {
		t.Errorf("%v", names)
	}
}

// FuzzHeader holds: no panic, the same answer whatever the pieces, and an
// accepted file's tensors fill its data.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(one("F8_E4M3", "3,5", "0,15")), 15)
	f.Add([]byte(`{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}  `), 4)
	f.Add([]byte(`{"a":{"dtype":"U8","shape":[18446744073709551615,2],"data_offsets":[0,0]}}`), 0)
	f.Fuzz(func(t *testing.T, header []byte, data int) {
		data &= 0xfff
		b := file(string(header), data)
		whole, err := parse(b, len(b)+1)
		pieces, err2 := parse(b, 3)
		if (err == nil) != (err2 == nil) || whole.Elements != pieces.Elements {
			t.Fatalf("%v, in pieces %v", err, err2)
		}
		if err == nil && whole.Data != uint64(data) {
			t.Fatalf("accepted %d bytes of data as %d", data, whole.Data)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	var s strings.Builder
	s.WriteByte('{')
	for i := range 1000 {
		fmt.Fprintf(&s, `"model.layers.%d.mlp.experts.%d.down_proj.weight":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[%d,%d]},`, i/256, i%256, i, i+1)
	}
	f := file(s.String()[:s.Len()-1]+"}", 1000)
	b.SetBytes(int64(len(f)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(f, 1<<16); err != nil {
			b.Fatal(err)
		}
	}
}
