package inspect

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// sparse is a file of which only the begin is there; the rest are zeros.
func sparse(b []byte, size int64) RangeReader {
	return func(p []byte, offset int64) error {
		if offset < 0 || offset+int64(len(p)) > size {
			return fmt.Errorf("read beyond the file: %d bytes from %d", len(p), offset)
		}
		clear(p)
		if offset < int64(len(b)) {
			copy(p, b[offset:])
		}
		return nil
	}
}

// TestPeekDeepSeekV3 reads the headers of 163 shards of 689 GB.
func TestPeekDeepSeekV3(t *testing.T) {
	files, sizes, _ := fixtures.DeepSeekV3().Shards(163)
	var read, all int64
	var elements uint64
	tensors, requests := 0, 0
	types := map[string]uint64{}
	began := time.Now()
	for name, b := range files {
		u, err := Peek(name, sizes[name], sparse(b, sizes[name]))
		if err != nil {
			t.Fatal(err)
		}
		read, all, elements, tensors, requests = read+u.Read, all+sizes[name], elements+u.Elements, tensors+u.Tensors, requests+u.Requests
		for k, n := range u.ByDType {
			types[k] += n
		}
	}
	if elements != 684_531_386_000 || tensors != 91_991 || types["F8_E4M3"] != 680_571_043_840 {
		t.Errorf("%d elements, %d tensors, %v", elements, tensors, types)
	}
	if read*1000 > all {
		t.Errorf("%d of %d bytes were read", read, all)
	}
	t.Logf("%d bytes of %d in %d requests, %v", read, all, requests, time.Since(began))
}

func TestPeek(t *testing.T) {
	st := safetensorsOf(`{"a":{"dtype":"U8","shape":[70000],"data_offsets":[0,70000]}}`, strings.Repeat("x", 70000))
	long := safetensorsOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`+strings.Repeat(" ", 3*peekStep), "x")
	gg := ggufWith([][2]string{{"general.architecture", "llama"}}, "abcd", "abcdefgh")
	var torch bytes.Buffer
	z := zip.NewWriter(&torch)
	for i, name := range []string{"m/data.pkl", "m/data/0"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err == nil {
			_, err = w.Write(make([]byte, 300_000*i))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		b    []byte
		want Unverified
		read int64 // at most
	}{
		"safetensors": {st, Unverified{Format: FormatSafetensors, Tensors: 1, Elements: 70000, ByDType: map[string]uint64{"U8": 70000}}, peekFirst},
		"long header": {long, Unverified{Format: FormatSafetensors, Tensors: 1, Elements: 1, ByDType: map[string]uint64{"U8": 1}}, int64(len(long))},
		"gguf":        {gg, Unverified{Format: FormatGGUF, Tensors: 2, Elements: 3, ByDType: map[string]uint64{"F32": 3}}, int64(len(gg))},
		"torch":       {torch.Bytes(), Unverified{Format: FormatTorchZip, Members: 2}, peekFirst + 2*peekBlock},
		"text":        {[]byte("just a text\n"), Unverified{Format: FormatText}, 12},
		"empty":       {nil, Unverified{}, 0},
	} {
		u, err := Peek("x", int64(len(tc.b)), sparse(tc.b, int64(len(tc.b))))
		if err != nil || u.Format != tc.want.Format || u.Tensors != tc.want.Tensors || u.Elements != tc.want.Elements || u.Members != tc.want.Members || !maps.Equal(u.ByDType, tc.want.ByDType) {
			t.Errorf("%s: %+v %v", name, u, err)
		}
		if u.Read > tc.read {
			t.Errorf("%s: %d bytes read", name, u.Read)
		}
	}
}

// Headers that lie cost no more than the bounds, and are errors.
func TestPeekHostile(t *testing.T) {
	le := binary.LittleEndian
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	le.PutUint16(end[8:], 0xfffe)
	le.PutUint16(end[10:], 0xfffe)
	le.PutUint32(end[12:], 1<<30)
	le.PutUint32(end[16:], 4)
	for name, tc := range map[string]struct {
		b    []byte
		size int64
	}{
		"safetensors header of 90 MB": {append(le.AppendUint64(nil, 90_000_000), '{'), 1 << 30},
		"safetensors header cut":      {safetensorsOf(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}`, ""), 1 << 20},
		"safetensors hole":            {safetensorsOf(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, "     "), 0},
		"gguf tensors":                {le.AppendUint64(le.AppendUint64([]byte("GGUF\x03\x00\x00\x00"), 1<<40), 0), 1 << 30},
		"gguf string":                 {le.AppendUint64(le.AppendUint64(le.AppendUint64([]byte("GGUF\x03\x00\x00\x00"), 0), 1), 1<<62), 1 << 30},
		"gguf cut":                    {ggufWith([][2]string{{"a.b", strings.Repeat("c", 99)}})[:60], 60},
		"zip directory":               {append([]byte("PK\x03\x04"), end...), 0},
		"zip without end":             {[]byte("PK\x03\x04xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), 1 << 30},
	} {
		size := max(tc.size, int64(len(tc.b)))
		u, err := Peek("x", size, sparse(tc.b, size))
		if err == nil || u.Tensors != 0 || u.Members != 0 {
			t.Errorf("%s: %+v %v", name, u, err)
		}
		if u.Read > peekMost+peekStep {
			t.Errorf("%s: %d bytes read", name, u.Read)
		}
	}
	broken := errors.New("broken")
	if _, err := Peek("x", 100, func([]byte, int64) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// FuzzPeek: never reads outside of the file, nor beyond the bounds.
func FuzzPeek(f *testing.F) {
	f.Add(safetensorsOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "x"), int64(0))
	f.Add(ggufWith([][2]string{{"a.b", "c"}}, "abcd"), int64(99))
	f.Add([]byte("PK\x03\x04PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, more int64) {
		size := int64(len(b)) + max(0, more)%(1<<24)
		bound := int64(peekMost + peekStep + peekZip)
		u, _ := Peek("x", size, func(p []byte, at int64) error {
			if bound -= int64(len(p)); bound < 0 {
				t.Fatal("reads on and on")
			}
			if err := sparse(b, size)(p, at); err != nil {
				t.Fatal(err)
			}
			return nil
		})
		if u.Tensors < 0 || u.Header > size {
			t.Fatalf("%+v", u)
		}
	})
}
