package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// tensorFile builds a safetensors file around a header.
func tensorFile(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

// look feeds b in pieces of the given size, and spoils afterwards what was lent
// to the Sink: facts that point into it become visibly wrong.
func look(name string, b []byte, piece int) Facts {
	s := New(name, int64(len(b)))
	lent := make([]byte, min(piece, len(b)))
	for c := range slices.Chunk(b, piece) {
		copy(lent, c)
		_, _ = s.Write(lent[:len(c)])
	}
	spoil(lent)
	f := s.Facts()
	var windows [4][]byte
	for i := range windows {
		windows[i] = window()
		spoil(windows[i][:cap(windows[i])])
	}
	for _, w := range windows {
		putWindow(w)
	}
	return f
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xaa
	}
}

func ids(f Facts) []string {
	var out []string
	for _, x := range f.Findings {
		out = append(out, x.ID)
	}
	return out
}

func TestFormats(t *testing.T) {
	tar := tarOf(t, "a.txt=hello")
	hdf := make([]byte, 2048)
	copy(hdf[1024:], hdf5Magic)
	tests := []struct {
		name string
		body []byte
		want string
		ids  []string
	}{
		{"m.safetensors", tensorFile(`{"a":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}`, 4), FormatSafetensors, nil},
		{"m.bin", tensorFile(`{}`, 0), FormatSafetensors, nil},
		{"m.gguf", []byte("GGUF\x03\x00\x00\x00" + strings.Repeat("\x00", 16)), FormatGGUF, nil},
		{"m.gguf", []byte("GGUF\x03"), FormatGGUF, []string{provenance.CodeFormatMalformed}},
		{"m.safetensors", []byte("GGUF\x03\x00\x00\x00"), FormatGGUF, []string{provenance.CodeFormatMalformed, provenance.CodeFormatMalformed, provenance.CodeFormatMismatch}},
		{"a.tar", tar, FormatTar, nil},
		{"a.h5", hdf, FormatHDF5, nil},
		{"libx.so", []byte("\x7fELF\x02"), FormatELF, []string{provenance.CodeNativeCode}},
		{"model.json", []byte("\x7fELF\x02"), FormatELF, []string{provenance.CodeFormatMismatch}},
		{"llama.safetensors", []byte("MZqFpD='\n"), FormatPE, []string{provenance.CodeFormatMalformed, provenance.CodeFormatMismatch}},
		{"run", []byte("#!/bin/sh\n"), FormatShebang, []string{codeSource}},
		{"config.json", []byte("#!/bin/sh\n"), FormatShebang, []string{codeSource, provenance.CodeFormatMismatch}},
		{"convert.py", []byte("#!/usr/bin/env python\n"), FormatPython, nil},
		{"config.json", []byte(" {\"a\":1}\n"), FormatJSON, nil},
		{"config.json", []byte("version https://git-lfs.github.com/spec/v1\n"), FormatText, []string{provenance.CodeFormatMismatch}},
		{"chat_template.jinja", []byte("{% if x %}"), FormatJinja, nil},
		{"model.py", []byte("import os\n"), FormatPython, nil},
		{"__init__.py", nil, FormatUnknown, nil},
		{"a.safetensors", nil, FormatUnknown, []string{provenance.CodeFormatMalformed, provenance.CodeFormatMismatch}},
		{"README.md", []byte("# Grüße\n"), FormatText, nil},
		{"README.md", []byte("\x00\x01"), FormatUnknown, []string{provenance.CodeFormatMismatch}},
		{"m.onnx", []byte("\x08\x08\x12\x07pytorch"), FormatONNX, nil},
		{"blob", []byte("\x08\x08\x12\x07pytorch"), FormatUnknown, nil},
		{"x.bz2", []byte("BZh91AY&SY\x00"), FormatBzip2, nil},
		{"spiece.model", []byte("\x0a\x07\x0a\x05<unk>"), FormatSentences, nil},
		{"spiece.model", []byte("\x0a\x0e\x0a\x05<unk>"), FormatSentences, []string{provenance.CodeFormatMalformed}},
		{"spiece.bin", []byte("\x0a\x07\x0a\x05<unk>"), FormatUnknown, nil},
		{"a.mp4", []byte("\x00\x00\x00\x18ftypmp42...."), FormatMedia, nil},
		{"a.parquet", []byte("PAR1...."), FormatParquet, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %.12q", tt.name, tt.body), func(t *testing.T) {
			for _, piece := range []int{1, 7, 1 << 20} {
				f := look(tt.name, tt.body, piece)
				if f.Format != tt.want || !slices.Equal(ids(f), tt.ids) {
					t.Errorf("pieces of %d: %q %v, want %q %v", piece, f.Format, ids(f), tt.want, tt.ids)
				}
			}
		})
	}
}

func TestTensorsAreCounted(t *testing.T) {
	f := look("m.safetensors", tensorFile(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]}} `, 8), 3)
	if f.Tensors.Count != 2 || f.Tensors.Elements != 5 || f.Tensors.ByDType["F8_E4M3"] != 4 || f.Tensors.ByDType["F32"] != 1 {
		t.Errorf("%+v", f.Tensors)
	}
	if f.Class != ClassInert {
		t.Errorf("class %v", f.Class)
	}
}

func TestMalformedTensorsAreNotInert(t *testing.T) {
	f := look("m.safetensors", tensorFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 5), 100)
	if f.Class != ClassUnknown || f.Tensors.Count != 0 || !slices.Equal(ids(f), []string{provenance.CodeFormatMalformed}) {
		t.Errorf("%v %+v %v", f.Class, f.Tensors, ids(f))
	}
}

func TestClassOrder(t *testing.T) {
	if ClassInert.Worse(ClassUnknown) != ClassUnknown || ClassUnknown.Worse(ClassEgress) != ClassUnknown ||
		ClassUnknown.Worse(ClassCodeOnLoad) != ClassCodeOnLoad || ClassNative.Worse(ClassCodeOnLoad) != ClassNative || Class(99).Worse(ClassInert) == ClassInert {
		t.Error("order of classes")
	}
}

// TestWriteDoesNotAllocate holds a sink to its memory: what streams past the
// header costs nothing.
func TestWriteDoesNotAllocate(t *testing.T) {
	const size = 1 << 40
	header := fmt.Sprintf(`{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, size, size)
	s := New("m.safetensors", int64(8+len(header)+size))
	_, _ = s.Write(tensorFile(header, headWindow))
	data := bytes.Repeat([]byte{1}, 1<<20)
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Write(data) }); n != 0 {
		t.Errorf("%v allocations for one write", n)
	}
}

// TestEndOfAnySize: a zip behind other content is found from the end, whether
// the end lies in the head, in the tail or in both; where its comment is longer
// than is kept, or cut short, it is none.
func TestEndOfAnySize(t *testing.T) {
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	polyglot := func(b []byte) bool {
		f := look("notes.txt", b, 1000)
		return slices.ContainsFunc(f.Findings, func(x provenance.Finding) bool { return x.Facts[factRule] == "MC-FORMAT-POLYGLOT" }) && f.Class == ClassUnknown
	}
	for _, size := range []int{100, headWindow - 1, headWindow, headWindow + 1, tailWindow - 1, tailWindow, tailWindow + 1, 3 * tailWindow} {
		text := bytes.Repeat([]byte("a"), size-len(end))
		if !polyglot(append(slices.Clone(text), end...)) {
			t.Errorf("%d bytes: the zip at the end was not found", size)
		}
		for name, b := range map[string][]byte{
			"no zip":      bytes.Repeat([]byte("a"), size),
			"cut short":   append(slices.Clone(text), end[:21]...),
			"not the end": append(append(slices.Clone(text), end...), 'a'),
		} {
			if polyglot(b) {
				t.Errorf("%d bytes, %s: a zip was found", size, name)
			}
		}
	}
}

// TestFactsOnce: asked again, a Sink says nothing rather than something else.
func TestFactsOnce(t *testing.T) {
	s := New("notes.txt", 10)
	_, _ = s.Write([]byte("{{ text }}"))
	if f := s.Facts(); !f.seen || f.Class != ClassTemplate {
		t.Fatalf("%+v", f)
	}
	if f := s.Facts(); f.seen || f.Class == ClassInert {
		t.Errorf("asked again: %+v", f)
	}
}
