package gguf

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

type builder []byte

func (b *builder) u32(n uint32) *builder {
	*b = binary.LittleEndian.AppendUint32(*b, n)
	return b
}

func (b *builder) u64(n uint64) *builder {
	*b = binary.LittleEndian.AppendUint64(*b, n)
	return b
}

func (b *builder) text(s string) *builder {
	b.u64(uint64(len(s)))
	*b = append(*b, s...)
	return b
}

func (b *builder) bytes(s string) *builder { *b = append(*b, s...); return b }

func (b *builder) pad(n int) *builder {
	for len(*b)%n != 0 {
		*b = append(*b, 0)
	}
	return b
}

func start(tensors, keys uint64) *builder {
	b := builder("GGUF")
	return b.u32(3).u64(tensors).u64(keys)
}

func (b *builder) tensor(name string, kind uint32, offset uint64, dims ...uint64) *builder {
	b.text(name).u32(uint32(len(dims)))
	for _, d := range dims {
		b.u64(d)
	}
	return b.u32(kind).u64(offset)
}

func valid() *builder {
	b := start(2, 3)
	b.text("general.architecture").u32(8).text("llama")
	b.text("tokenizer.ggml.tokens").u32(9).u32(8).u64(2).text("a").text("bc")
	b.text("llama.block_count").u32(4).u32(7)
	b.tensor("t.weight", 8, 0, 32, 2).tensor("n.weight", 0, 96, 3)
	b.pad(32).bytes(strings.Repeat("\x01", 68)).pad(32).bytes(strings.Repeat("\x02", 12))
	return b.pad(32)
}

func parse(b []byte, piece int) (Header, []Value, error) {
	var got []Value
	p := New(int64(len(b)), func(v Value) { got = append(got, v) })
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	h, err := p.Header()
	return h, got, err
}

func TestValid(t *testing.T) {
	b := *valid()
	for _, piece := range []int{1, 7, len(b)} {
		h, got, err := parse(b, piece)
		if err != nil {
			t.Fatal(err)
		}
		if h.Tensors != 2 || h.Elements != 67 || h.ByType["Q8_0"] != 64 || h.ByType["F32"] != 3 || h.Keys != 3 || h.Data%32 != 0 {
			t.Errorf("%+v", h)
		}
		if len(got) != 3 || got[0].Text != "llama" || got[1].Omitted || len(got[1].List) != 2 || got[2].Bits != 7 {
			t.Errorf("%+v", got)
		}
	}
	if _, _, err := parse(b[:len(b)-20], 100); err != nil {
		t.Errorf("without padding behind the last tensor: %v", err)
	}
	if _, _, err := parse(*start(0, 0), 100); err != nil {
		t.Errorf("without anything: %v", err)
	}
	if _, _, err := parse(*start(0, 1).text("general.alignment").u32(4).u32(4096).tensorless(), 100); err != nil {
		t.Errorf("alignment: %v", err)
	}
}

func (b *builder) tensorless() *builder { return b.pad(4096) }

func TestRefuses(t *testing.T) {
	key := func(b *builder) *builder { return b.text("k") }
	tests := []struct {
		name string
		b    *builder
		want error
	}{
		{"trailing byte", valid().bytes("\x00"), ErrMalformed},
		{"no magic", new(builder).bytes("GGUL").u32(3).u64(0).u64(0), ErrMalformed},
		{"version 1", new(builder).bytes("GGUF").u32(1).u32(0).u32(0).u32(0).u32(0), ErrUnsupported},
		{"version 4", new(builder).bytes("GGUF").u32(4).u64(0).u64(0), ErrUnsupported},
		{"big-endian", new(builder).bytes("GGUF\x00\x00\x00\x03").u64(0).u64(0), ErrUnsupported},
		{"many tensors", start(math.MaxUint64, 0), feed.ErrTooLarge},
		{"many keys", start(0, 1<<40), feed.ErrTooLarge},
		{"keys that are not there", start(0, 9), ErrMalformed},
		{"tensors that are not there", start(9, 0), ErrMalformed},
		{"empty key", start(0, 1).text("").u32(0).bytes("x"), ErrMalformed},
		{"key longer than the file", start(0, 1).u64(60000).bytes("x"), ErrMalformed},
		{"key over its limit", start(0, 1).u64(math.MaxUint64), ErrMalformed},
		{"key with a line feed", start(0, 1).text("a\nb").u32(0).bytes("x"), ErrMalformed},
		{"key twice", key(key(start(0, 2)).u32(0).bytes("x")).u32(0).bytes("x"), ErrMalformed},
		{"unknown type", key(start(0, 1)).u32(13).u64(0), ErrMalformed},
		{"truth of 2", key(start(0, 1)).u32(7).bytes("\x02"), ErrMalformed},
		{"string longer than the file", key(start(0, 1)).u32(8).u64(1000), ErrMalformed},
		{"string of all bytes", key(start(0, 1)).u32(8).u64(math.MaxUint64), feed.ErrTooLarge},
		{"array of arrays", key(start(0, 1)).u32(9).u32(9).u64(0), ErrMalformed},
		{"array overflows", key(start(0, 1)).u32(9).u32(12).u64(1 << 61), ErrMalformed},
		{"array wraps", key(start(0, 1)).u32(9).u32(12).u64(math.MaxUint64/8 + 2), ErrMalformed},
		{"array longer than the file", key(start(0, 1)).u32(9).u32(0).u64(1 << 40), ErrMalformed},
		{"strings that are not there", key(start(0, 1)).u32(9).u32(8).u64(1 << 60), ErrMalformed},
		{"alignment 0", start(0, 1).text("general.alignment").u32(4).u32(0), ErrMalformed},
		{"alignment 48", start(0, 1).text("general.alignment").u32(4).u32(48), ErrMalformed},
		{"alignment huge", start(0, 1).text("general.alignment").u32(4).u32(1 << 31), feed.ErrTooLarge},
		{"alignment of 64 bits", start(0, 1).text("general.alignment").u32(10).u64(32), ErrMalformed},
		{"alignment as text", start(0, 1).text("general.alignment").u32(8).text("32"), ErrMalformed},
		{"tensor without name", start(1, 0).tensor("", 0, 0, 1).pad(32).u32(0), ErrMalformed},
		{"long tensor name", start(1, 0).tensor(strings.Repeat("n", 64), 0, 0, 1).pad(32).u32(0), ErrMalformed},
		{"tensor twice", start(2, 0).tensor("t", 0, 0, 1).tensor("t", 0, 32, 1).pad(32).u32(0).pad(32).u32(0), ErrMalformed},
		{"rank 5", start(1, 0).tensor("t", 0, 0, 1, 1, 1, 1, 1).pad(32).u32(0), ErrMalformed},
		{"type that was taken back", start(1, 0).tensor("t", 4, 0, 32).pad(32).bytes(strings.Repeat("x", 100)), ErrMalformed},
		{"half a block", start(1, 0).tensor("t", 8, 0, 16, 2).pad(32).bytes(strings.Repeat("x", 34)), ErrMalformed},
		{"product overflows", start(1, 0).tensor("t", 0, 0, 1<<32, 1<<32).pad(32), ErrMalformed},
		{"product over int64", start(1, 0).tensor("t", 24, 0, 1<<31, 1<<32).pad(32), ErrMalformed},
		{"negative dimension", start(1, 0).tensor("t", 0, 0, math.MaxUint64).pad(32), ErrMalformed},
		{"negative dimension beside a zero", start(1, 0).tensor("t", 0, 0, 0, math.MaxUint64).pad(32), ErrMalformed},
		{"bytes overflow", start(1, 0).tensor("t", 28, 0, 1<<61).pad(32), ErrMalformed},
		{"hole", start(1, 0).tensor("t", 0, 32, 1).pad(32).bytes(strings.Repeat("\x00", 64)), ErrMalformed},
		{"overlap", start(2, 0).tensor("t", 0, 0, 16).tensor("u", 0, 32, 16).pad(32).bytes(strings.Repeat("x", 96)), ErrMalformed},
		{"data missing", start(1, 0).tensor("t", 0, 0, 2).pad(32).u32(0), ErrMalformed},
		{"padding of the header not zero", start(1, 0).tensor("t", 0, 0, 1).bytes("!").pad(32).u32(0), ErrMalformed},
		{"padding of a tensor not zero", start(2, 0).tensor("t", 0, 0, 1).tensor("u", 0, 32, 1).pad(32).u32(0).bytes("!").pad(32).u32(0), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 1 << 20} {
				if h, _, err := parse(*tt.b, piece); !errors.Is(err, tt.want) {
					t.Errorf("pieces of %d: %+v, %v", piece, h, err)
				}
			}
		})
	}
	whole := *valid()
	for n := range len(whole) - 20 {
		if _, _, err := parse(whole[:n], 64); err == nil && n > 0 {
			t.Errorf("accepted the first %d bytes of %d", n, len(whole))
		}
	}
}

func TestLongStringsAreOmitted(t *testing.T) {
	b := start(0, 1).text("k").u32(8).text(strings.Repeat("x", MaxValue+1)).pad(32)
	_, got, err := parse(*b, 1<<16)
	if err != nil || len(got) != 1 || !got[0].Omitted || got[0].Text != "" {
		t.Errorf("%v %+v", err, got)
	}
}

// FuzzFile holds: no panic, and the same answer whatever the pieces.
func FuzzFile(f *testing.F) {
	f.Add([]byte(*valid()))
	f.Add([]byte(*start(1, 0).tensor("t", 28, 0, 1<<61)))
	f.Add([]byte(*start(0, 1).text("general.alignment").u32(4).u32(64).pad(64)))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, _, err := parse(b, len(b)+1)
		pieces, _, err2 := parse(b, 5)
		if (err == nil) != (err2 == nil) || whole.Elements != pieces.Elements || whole.Data != pieces.Data {
			t.Fatalf("%v, in pieces %v", err, err2)
		}
	})
}
