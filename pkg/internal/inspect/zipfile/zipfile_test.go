package zipfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

type watcher struct {
	got  []string
	data []*bytes.Buffer
}

func (w *watcher) Open(m Member) io.Writer {
	w.got = append(w.got, m.Name)
	w.data = append(w.data, new(bytes.Buffer))
	return w.data[len(w.data)-1]
}

func (w *watcher) Close() { w.got[len(w.got)-1] += "/" }

func parse(b []byte, piece int) (*watcher, error) {
	w := &watcher{}
	p := New(w)
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return w, p.Err()
}

// build makes a zip; with descriptors where the names begin with "d".
func build(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		name, body, _ := strings.Cut(m, "=")
		h := &zip.FileHeader{Name: name, Method: zip.Store}
		var w io.Writer
		var err error
		if strings.HasPrefix(name, "d") {
			w, err = z.CreateHeader(h)
		} else {
			h.CRC32 = crcOf(body)
			h.CompressedSize64, h.UncompressedSize64 = uint64(len(body)), uint64(len(body))
			w, err = z.CreateRaw(h)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMembers(t *testing.T) {
	b := build(t, "a/data.pkl=hello", "d/1=PK\x07PK\x07\x08 and PPK\x07\x08more than that", "empty=", "d/2=PK")
	for piece := 1; piece < 40; piece++ {
		w, err := parse(b, piece)
		if err != nil || !slices.Equal(w.got, []string{"a/data.pkl/", "d/1/", "empty/", "d/2/"}) {
			t.Fatalf("pieces of %d: %q %v", piece, w.got, err)
		}
		if w.data[0].String() != "hello" || w.data[1].String() != "PK\x07PK\x07\x08 and PPK\x07\x08more than that" || w.data[3].String() != "PK" {
			t.Errorf("pieces of %d: %q", piece, w.data)
		}
	}
	if _, err := parse(build(t), 9); err != nil {
		t.Errorf("empty zip: %v", err)
	}
}

func TestZip64(t *testing.T) {
	b := build(t, "a=x")
	i := bytes.Index(b, []byte("PK\x05\x06"))
	central := bytes.Index(b, []byte("PK\x01\x02"))
	wide := []byte("PK\x06\x06")
	le := binary.LittleEndian
	wide = le.AppendUint64(wide, 44)
	wide = append(wide, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, n := range []uint64{1, 1, uint64(i - central), uint64(central)} {
		wide = le.AppendUint64(wide, n)
	}
	wide = append(wide, "PK\x06\x07\x00\x00\x00\x00"...)
	wide = le.AppendUint64(wide, uint64(i))
	wide = le.AppendUint32(wide, 1)
	good := slices.Concat(b[:i], wide, b[i:])
	if _, err := parse(good, 11); err != nil {
		t.Error(err)
	}
	for at := i + 4; at < i+len(wide); at++ {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if _, err := parse(bad, 1000); err == nil && (at < i+12 || at > i+15) { // versions made by and needed do not matter
			t.Errorf("accepted with byte %d of the zip64 records changed", at-i)
		}
	}
}

func TestRefuses(t *testing.T) {
	b := build(t, "a/data.pkl=hello", "d=world")
	central := bytes.Index(b, []byte("PK\x01\x02"))
	end := bytes.Index(b, []byte("PK\x05\x06"))
	change := func(at int, to string) []byte {
		c := bytes.Clone(b)
		copy(c[at:], to)
		return c
	}
	insert := func(at int, s string) []byte { return slices.Concat(b[:at], []byte(s), b[at:]) }
	tests := map[string][]byte{
		"prefix":                        insert(0, "x"),
		"between member and directory":  insert(central, "x"),
		"in the directory":              insert(end, "x"),
		"behind the end":                insert(len(b), "x"),
		"comment":                       append(change(len(b)-2, "\x01\x00"), 'x'),
		"truncated":                     b[:len(b)-1],
		"no directory":                  b[:central],
		"name in the local header":      change(30, "A"),
		"name in the directory":         change(central+46, "A"),
		"checksum in the local header":  change(14, "x"),
		"data":                          change(40, "H"),
		"data behind a descriptor":      change(bytes.Index(b, []byte("world")), "W"),
		"size in the local header":      change(18, "\x04"),
		"flags in the local header":     change(6, "\x01"),
		"flags in the directory":        change(central+8, "\x01"),
		"flag of patched data":          change(6, "\x20"),
		"method in the directory":       change(central+10, "\x08"),
		"offset in the directory":       change(central+42, "\x01"),
		"number of members":             change(end+10, "\x01"),
		"place of the directory":        change(end+16, "\x01"),
		"disk":                          change(end+4, "\x01"),
		"same name twice":               build(t, "a=x", "a=y"),
		"directory that is not listed":  slices.Concat(b[:central], b[end:]),
		"only one of two in the middle": slices.Concat(b[:central], b[central:central+46+10], b[end:]),
		"empty":                         nil,
	}
	for name, c := range tests {
		for _, piece := range []int{1, 1 << 16} {
			if _, err := parse(c, piece); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNotExamined) {
				t.Errorf("%s, pieces of %d: %v", name, piece, err)
			}
		}
	}
}

func TestTooManyMembers(t *testing.T) {
	var b bytes.Buffer
	for i := range MaxMembers + 1 {
		name := fmt.Sprint(i)
		h := make([]byte, 30)
		copy(h, "PK\x03\x04")
		h[26] = byte(len(name))
		b.Write(h)
		b.WriteString(name)
	}
	if _, err := parse(b.Bytes(), 1<<16); !errors.Is(err, ErrNotExamined) {
		t.Error(err)
	}
}

// FuzzFile holds: no panic, the same answer whatever the pieces, and what is
// accepted, archive/zip reads with the same members.
func FuzzFile(f *testing.F) {
	f.Add(build(f, "a/data.pkl=hello", "d/1=PK\x07PK\x07\x08x", "e="))
	f.Add(build(f))
	f.Add(build(f, "d=")[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := parse(b, len(b)+1)
		pieces, err2 := parse(b, 3)
		if (err == nil) != (err2 == nil) || !slices.Equal(whole.got, pieces.got) {
			t.Fatalf("%v %q, in pieces %v %q", err, whole.got, err2, pieces.got)
		}
		if err != nil {
			return
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			t.Fatalf("accepted what archive/zip refuses: %v", err)
		}
		if z != nil && len(z.File) != len(whole.got) {
			t.Fatalf("%d members, archive/zip sees %d", len(whole.got), len(z.File))
		}
	})
}
