package inspect

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// tarOf makes a tar. A body that begins with "->" is a symbolic link, "=>" a
// hard link, "!" a pipe.
func tarOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		name, body, _ := strings.Cut(m, "=")
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}
		for mark, kind := range map[string]byte{"->": tar.TypeSymlink, "=>": tar.TypeLink, "!": tar.TypeFifo} {
			if link, ok := strings.CutPrefix(body, mark); ok {
				h.Linkname, h.Typeflag, h.Size, body = link, kind, 0, ""
			}
		}
		if err := w.WriteHeader(h); err != nil {
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

func rules(f Facts) []string {
	var out []string
	for _, x := range f.Findings {
		out = append(out, x.Facts[factRule])
	}
	return out
}

func TestTar(t *testing.T) {
	const code = "\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."
	inner := string(archiveOf(t, "a/data.pkl="+code))
	harmless := string(archiveOf(t, "a/data.pkl="+tensorPickle, "a/data/0=xxxx"))
	tests := []struct {
		name    string
		members []string
		class   Class
		rules   []string
	}{
		{"texts", []string{"a.txt=hello", "d/b.txt=hello"}, ClassInert, nil},
		{"NeMo's", []string{"model_config.yaml=a: 1\n", "model_weights.ckpt=" + harmless}, ClassInert, []string{"MC-PICKLE-TENSORS"}},
		{"a target", []string{"model_config.yaml=a: {_target_: os.system}\n"}, ClassCodeOnLoad, []string{"MC-CONFIG-TARGET"}},
		{"code in a zip in it", []string{"w.ckpt=" + inner}, ClassCodeOnLoad, []string{"MC-PICKLE-IMPORT", "MC-PICKLE-REACH"}},
		{"a pickle", []string{"p=" + code}, ClassCodeOnLoad, []string{"MC-PICKLE-IMPORT", "MC-PICKLE-REACH"}},
		{"a library", []string{"x.so=\x7fELF\x02"}, ClassNative, []string{"MC-NATIVE-CODE"}},
		{"a way out", []string{"../x.txt=hello"}, ClassUnknown, []string{"MC-ARCHIVE-NAME"}},
		{"a link out", []string{"x=->/etc/passwd"}, ClassUnknown, []string{"MC-ARCHIVE-NAME"}},
		{"a link up", []string{"d/x=->../../y"}, ClassUnknown, []string{"MC-ARCHIVE-NAME"}},
		{"a link inside", []string{"a.txt=x", "d/x=->../a.txt"}, ClassInert, []string{"MC-ARCHIVE-NAME"}},
		{"a pipe", []string{"x=!"}, ClassUnknown, []string{"MC-ARCHIVE-NAME"}},
		{"a long name", []string{strings.Repeat("long/", 60) + "a.txt=x"}, ClassInert, nil},
		{"same name twice", []string{"a.txt=x", "a.txt=y"}, ClassUnknown, []string{"MC-ARCHIVE-MALFORMED"}},
		{"a tar in a tar", []string{"a.tar=" + string(tarOf(t, "p.pkl="+code))}, ClassCodeOnLoad, []string{"MC-PICKLE-IMPORT", "MC-PICKLE-REACH"}},
		{"a template", []string{"chat_template.jinja={{ x.__class__ }}"}, ClassTemplate, []string{"MC-TEMPLATE-ESCAPE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tarOf(t, tt.members...)
			for _, piece := range []int{13, 1 << 20} {
				f := look("m.nemo", b, piece)
				if f.Class != tt.class || !slices.Equal(rules(f), tt.rules) || f.Format != FormatTar {
					t.Errorf("pieces of %d: %q %v %v", piece, f.Format, f.Class, f.Findings)
				}
			}
		})
	}
	b := tarOf(t, "a.txt=hello")
	for name, bad := range map[string][]byte{
		"cut":                    b[:1024],
		"one block of zeroes":    b[:1536],
		"behind the end":         append(bytes.Clone(b), []byte(strings.Repeat("x", 512))...),
		"no whole block":         append(bytes.Clone(b), 0),
		"padding":                append(append(bytes.Clone(b[:600]), 'x'), b[601:]...),
		"checksum":               append([]byte("b"), b[1:]...),
		"zeroes and then a file": append(append(bytes.Clone(b[:1024]), make([]byte, 512)...), b...),
	} {
		if f := look("a.tar", bad, 100); f.Class != ClassUnknown || !slices.Contains(ids(f), provenance.CodeArchiveMalformed) && f.Format == FormatTar {
			t.Errorf("%s: %q %v %v", name, f.Format, f.Class, ids(f))
		}
	}
}
