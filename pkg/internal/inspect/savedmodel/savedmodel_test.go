package savedmodel

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

func read(b []byte, piece int) (Report, error) {
	p := New(int64(len(b)))
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return p.Report()
}

const sample = "\x08\x01\x12\x14\x12\x12\x0a\x05\x12\x03Add\x0a\x09\x12\x07WhatNow"

func TestReport(t *testing.T) {
	r, err := read([]byte(sample), 3)
	if err != nil || r.Graphs != 1 || r.Nodes != 2 || !slices.Equal(r.Unlisted, []string{"WhatNow"}) {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := read([]byte(sample[:10]), 3); !errors.Is(err, wire.ErrMalformed) {
		t.Error(err)
	}
	if inertOperator("") || inertOperator("Add MatMul") || !inertOperator("Add") || !matches(network, "DataServiceX") || matches(network, "XDataService") {
		t.Error("lists of operators")
	}
}

// TestListsAreApart: an operator with an effect is never on the inert list.
func TestListsAreApart(t *testing.T) {
	for _, list := range [][]string{code, network, files, variables} {
		for _, op := range strings.Fields(inert) {
			if matches(list, op) {
				t.Errorf("%s is inert and is not", op)
			}
		}
	}
}

// FuzzFile holds: no panic and the same answer whatever the pieces.
func FuzzFile(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("\x12\x10\x12\x0e\x12\x0c\x0a\x0a\x0a\x03\x0a\x01f\x1a\x03\x12\x01f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := read(b, len(b)+1)
		pieces, err2 := read(b, 1)
		if (err == nil) != (err2 == nil) || whole.Nodes != pieces.Nodes || !slices.Equal(whole.Unlisted, pieces.Unlisted) || !slices.Equal(whole.Code, pieces.Code) {
			t.Fatalf("%+v %v\nin pieces %+v %v", whole, err, pieces, err2)
		}
	})
}
