package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

type log []string

func (l *log) Begin(m *Message) { *l = append(*l, m.Name+"{") }
func (l *log) End(m *Message)   { *l = append(*l, "}"+m.Name) }
func (l *log) Bytes(_ *Message, n protowire.Number, b []byte, size uint64) {
	*l = append(*l, fmt.Sprintf("%d=%q/%d", n, b, size))
}
func (l *log) Number(_ *Message, n protowire.Number, v uint64) {
	*l = append(*l, fmt.Sprintf("%d=%d", n, v))
}

// tree nests into itself at 1, keeps up to 4 bytes of 2, and counts at 3.
func tree() *Message {
	m := &Message{Name: "m", Keep: map[protowire.Number]uint64{2: 4}, Numbers: map[protowire.Number]bool{3: true}}
	m.Nested = map[protowire.Number]*Message{1: m}
	return m
}

func walk(b []byte, size int64, piece int) (log, error) {
	var l log
	p := New(size, tree(), &l)
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return l, p.Err()
}

func TestWalk(t *testing.T) {
	b := []byte("\x0a\x06\x12\x02ab\x18\x01\x12\x05abcde\x0a\x00\x1d....\x21........\x98\x06\x05\x2a\x01x\x18\x96\x01")
	want := "m{ m{ 2=\"ab\"/2 3=1 }m 2=\"\"/5 m{ }m 3=150"
	for _, piece := range []int{1, 3, 100} {
		got, err := walk(b, int64(len(b)), piece)
		if err != nil || strings.Join(got, " ") != want+" }m" {
			t.Errorf("pieces of %d: %q %v", piece, got, err)
		}
		got, err = walk(b, -1, piece)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("of unknown size: %q %v", got, err)
		}
	}
	if got, err := walk(nil, 0, 1); err != nil || len(got) != 2 {
		t.Errorf("empty: %q %v", got, err)
	}
}

func TestRefuses(t *testing.T) {
	deep := bytes.Repeat([]byte("\x0a\x7f"), 200)
	for name, b := range map[string][]byte{"depth": deep, "cut": []byte("\x12\x04ab"), "tag": []byte("\x80"), "number": []byte("\x18\x80"), "group": []byte("\x0b"), "long": []byte("\x18" + strings.Repeat("\xff", 9) + "\x02")} {
		for _, size := range []int64{int64(len(b)), -1} {
			if got, err := walk(b, size, 1); err == nil {
				t.Errorf("%s of %d: %q", name, size, got)
			}
		}
	}
}

// FuzzWalk holds: no panic, the same answer whatever the pieces and whether
// the size is known, and what is accepted is a message for protowire.
func FuzzWalk(f *testing.F) {
	f.Add([]byte("\x0a\x06\x12\x02ab\x18\x01\x12\x05abcde\x1d....\x21........\x2a\x01x"))
	f.Add([]byte("\x0a\x02\x0a\x00\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := walk(b, int64(len(b)), len(b)+1)
		pieces, err2 := walk(b, int64(len(b)), 1)
		open, err3 := walk(b, -1, 5)
		if (err == nil) != (err2 == nil) || !slices.Equal(whole, pieces) || (err == nil) != (err3 == nil) || err == nil && !slices.Equal(whole[:len(whole)-1], open) {
			t.Fatalf("%q %v\nin pieces %q %v\nopen %q %v", whole, err, pieces, err2, open, err3)
		}
		for rest := b; err == nil && len(rest) > 0; {
			_, _, n := protowire.ConsumeField(rest)
			if n < 0 {
				t.Fatalf("accepted what protowire refuses: %v", protowire.ParseError(n))
			}
			rest = rest[n:]
		}
	})
}
