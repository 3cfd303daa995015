package sentencepiece_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/sentencepiece"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

func field(n protowire.Number, body ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), body)
}

func model(names ...string) []byte {
	out := slices.Concat(field(1, field(1, []byte("<unk>")...)...), field(1, field(1, []byte("▁a")...)...))
	var trainer []byte
	for _, n := range names {
		trainer = append(trainer, field(1, []byte(n)...)...)
	}
	return append(out, field(2, trainer...)...)
}

func read(b []byte, piece int) (sentencepiece.Report, error) {
	p := sentencepiece.New(int64(len(b)))
	for chunk := range slices.Chunk(b, piece) {
		_, _ = p.Write(chunk)
	}
	return p.Report()
}

func TestReport(t *testing.T) {
	for _, piece := range []int{1, 3, 1 << 10} {
		r, err := read(model("/data/corpus.txt", " "), piece)
		if err != nil || r.Pieces != 2 || !slices.Equal(r.Inputs, []string{"/data/corpus.txt"}) || r.More {
			t.Errorf("%+v %v", r, err)
		}
	}
	for name, b := range map[string][]byte{
		"no pieces":            field(2, field(1, 'x')...),
		"cut off":              model("x")[:8],
		"a piece beyond UTF-8": field(1, field(1, 0xff)...),
		"something behind it":  append(model("x"), 0x0a, 0x7f),
	} {
		if _, err := read(b, 4); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := read(model(string(bytes.Repeat([]byte("x"), 2000))), 100); err != nil || !r.More {
		t.Errorf("a long name: %+v %v", r, err)
	}
}

// FuzzParser holds: no panic, and the cut of the input changes nothing.
func FuzzParser(f *testing.F) {
	f.Add(model("a", "b"), 3)
	f.Add([]byte("\x0a\x0e\x0a\x05<unk>"), 1)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		if piece < 1 {
			piece = 1
		}
		whole, err := read(b, max(len(b), 1))
		parts, err2 := read(b, piece)
		if (err == nil) != (err2 == nil) || whole.Pieces != parts.Pieces && err == nil {
			t.Fatalf("%v %v, in pieces %v %v", whole, err, parts, err2)
		}
	})
}
