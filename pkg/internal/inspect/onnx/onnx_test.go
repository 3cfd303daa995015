package onnx

import (
	"errors"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

func read(b []byte, size int64, piece int) (Report, error) {
	p := New(size)
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return p.Report()
}

// sample has ir_version 8, a producer, two operator sets, and a graph with an
// operator of one of them and a tensor of 2×3 in another file.
const sample = "\x08\x08\x12\x01p\x42\x02\x0a\x00\x42\x03\x0a\x01x" +
	"\x3a\x1f\x0a\x06\x22\x01A\x3a\x01x\x2a\x15\x0a\x02\x02\x03\x10\x01\x6a\x0d\x0a\x08location\x12\x01f"

func TestReport(t *testing.T) {
	for _, size := range []int64{int64(len(sample)), -1} {
		r, err := read([]byte(sample), size, 2)
		if err != nil || r.IR != 8 || r.Producer != "p" || !slices.Equal(r.Domains, []string{"x"}) || !slices.Equal(r.Locations, []string{"f"}) || r.Elements != 6 || r.ByType["F32"] != 6 {
			t.Errorf("%+v %v", r, err)
		}
		if !slices.Equal(r.Custom(), []string{"x"}) {
			t.Errorf("%q", r.Custom())
		}
	}
	if _, err := read([]byte(sample[:20]), 20, 3); !errors.Is(err, wire.ErrMalformed) {
		t.Error(err)
	}
	if typeName(99) != "unknown" || typeName(16) != "BF16" {
		t.Error("names of types")
	}
}

// FuzzFile holds: no panic, the same answer whatever the pieces, bounded
// lists, and elements that add up by type.
func FuzzFile(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("\x3a\x0e\x2a\x0c\x08\x80\x80\x80\x80\x10\x08\x80\x80\x80\x80\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := read(b, int64(len(b)), len(b)+1)
		pieces, err2 := read(b, int64(len(b)), 1)
		if (err == nil) != (err2 == nil) || whole.Elements != pieces.Elements || !slices.Equal(whole.Locations, pieces.Locations) || !slices.Equal(whole.Domains, pieces.Domains) {
			t.Fatalf("%+v %v\nin pieces %+v %v", whole, err, pieces, err2)
		}
		sum := uint64(0)
		for _, n := range whole.ByType {
			sum += n
		}
		if sum != whole.Elements || len(whole.Locations) > maxDistinct || len(whole.Domains) > maxDistinct {
			t.Fatalf("%+v", whole)
		}
	})
}
