package tarfile

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

type watcher struct {
	names []string
	data  []*bytes.Buffer
}

func (w *watcher) Open(m Member) io.Writer {
	w.names = append(w.names, m.Name)
	w.data = append(w.data, new(bytes.Buffer))
	return w.data[len(w.data)-1]
}
func (w *watcher) Close() {}

func parse(b []byte, piece int) (*watcher, error) {
	w := &watcher{}
	p := New(w)
	for c := range slices.Chunk(b, piece) {
		_, _ = p.Write(c)
	}
	return w, p.Err()
}

func build(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		body := strings.Repeat("x", int(h.Size))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMembers(t *testing.T) {
	long := strings.Repeat("n", 300)
	for _, format := range []tar.Format{tar.FormatPAX, tar.FormatGNU} {
		b := build(t, tar.Header{Name: "a", Size: 600, Mode: 0o644, Format: format}, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Format: format},
			tar.Header{Name: long, Size: 1, Mode: 0o644, Format: format}, tar.Header{Name: "l", Linkname: "a", Typeflag: tar.TypeSymlink, Format: format})
		for _, piece := range []int{1, 511, 1 << 20} {
			w, err := parse(b, piece)
			if err != nil || !slices.Equal(w.names, []string{"a", "d/", long, "l"}) || w.data[0].Len() != 600 || w.data[2].String() != "x" {
				t.Errorf("%v, pieces of %d: %q %v", format, piece, w.names, err)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	b := build(t, tar.Header{Name: "a", Size: 3, Mode: 0o644})
	global := build(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "evil"}}, tar.Header{Name: "a", Mode: 0o644})
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":        {nil, ErrMalformed},
		"cut":            {b[:800], ErrMalformed},
		"no end":         {b[:1024], ErrMalformed},
		"global headers": {global, ErrNotExamined},
		"same name":      {build(t, tar.Header{Name: "a", Mode: 0o644}, tar.Header{Name: "a", Mode: 0o644}), ErrMalformed},
		"text":           {bytes.Repeat([]byte("hello "), 400), ErrMalformed},
	} {
		for _, piece := range []int{1, 1 << 16} {
			if _, err := parse(c.b, piece); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// FuzzFile holds: no panic, the same answer whatever the pieces, and what is
// accepted, archive/tar reads with the same members and contents.
func FuzzFile(f *testing.F) {
	f.Add(build(f, tar.Header{Name: "a", Size: 600, Mode: 0o644}, tar.Header{Name: "d/", Typeflag: tar.TypeDir}))
	f.Add(build(f, tar.Header{Name: strings.Repeat("n", 300), Size: 1, Mode: 0o644, Format: tar.FormatPAX}))
	f.Add(build(f, tar.Header{Name: strings.Repeat("n", 300), Size: 1, Mode: 0o644, Format: tar.FormatGNU}))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := parse(b, len(b)+1)
		pieces, err2 := parse(b, 7)
		if (err == nil) != (err2 == nil) || !slices.Equal(whole.names, pieces.names) {
			t.Fatalf("%q %v\nin pieces %q %v", whole.names, err, pieces.names, err2)
		}
		if err != nil {
			return
		}
		r := tar.NewReader(bytes.NewReader(b))
		for i := 0; ; i++ {
			h, err := r.Next()
			if errors.Is(err, io.EOF) && i == len(whole.names) {
				return
			}
			if err != nil && !errors.Is(err, tar.ErrInsecurePath) || i == len(whole.names) {
				t.Fatalf("member %d: %v, of %q", i, err, whole.names)
			}
			body, err := io.ReadAll(r)
			if err != nil || h.Name != whole.names[i] || !bytes.Equal(body, whole.data[i].Bytes()) {
				t.Fatalf("member %d: %q, archive/tar %q %v", i, whole.names[i], h.Name, err)
			}
		}
	})
}
