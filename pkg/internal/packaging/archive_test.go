package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// item is one entry of a test's archive.
type item struct {
	name, body, link string
	kind             byte // default: a regular file
	pax              map[string]string
}

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, it := range items {
		h := &tar.Header{Name: it.name, Linkname: it.link, Typeflag: it.kind, Size: int64(len(it.body)), Mode: 0o4755, PAXRecords: it.pax}
		if it.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if it.kind == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: it.kind, Name: it.name, PAXRecords: it.pax}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, it.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstdOf(t testing.TB, b []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func layerOf(b []byte, e Encoding) Layer {
	l := Layer{Descriptor: artifact.Descriptor{MediaType: "test", Digest: artifact.SumSHA256(b), Size: int64(len(b))}, Encoding: e}
	if e == Raw {
		l.Path = "file"
	}
	return l
}

// feed writes b in uneven pieces and closes the sink with nil.
func feed(t testing.TB, s *Sink, b []byte) *Sink {
	t.Helper()
	for n := 1; len(b) > 0; n = n*3 + 1 {
		n = min(n, len(b))
		if _, err := s.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	if err := s.Close(nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, b []byte, e Encoding) ([]artifact.File, []provenance.Finding) {
	t.Helper()
	files, found, err := feed(t, NewSink(layerOf(b, e), nil), b).Files()
	if err != nil {
		t.Fatal(err)
	}
	return files, found
}

func paths(files []artifact.File) string {
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	return strings.Join(names, " ")
}

var plain = []item{{name: "a/", kind: tar.TypeDir}, {name: "./a/config.json", body: "{}"}, {name: "model.bin", body: strings.Repeat("w", 100_000)}, {name: "empty"}}

func TestSinkArchives(t *testing.T) {
	b := tarOf(t, plain...)
	z := gzipOf(t, b)
	tests := []struct {
		name     string
		bytes    []byte
		encoding Encoding
	}{
		{"tar", b, Tar},
		{"tar without padding", b[:len(b)-1024], Tar},
		{"tar with a full record", append(bytes.Clone(b), make([]byte, 10240)...), Tar},
		{"gzip", z, TarGzip},
		{"gzip in members", append(gzipOf(t, b[:1000]), gzipOf(t, b[1000:])...), TarGzip},
		{"zstd", zstdOf(t, b), TarZstd},
		{"zstd in frames", append(zstdOf(t, b[:1000]), zstdOf(t, b[1000:])...), TarZstd},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			watched := map[string]*bytes.Buffer{}
			s := NewSink(layerOf(tt.bytes, tt.encoding), func(path string, size int64) io.Writer {
				watched[path] = new(bytes.Buffer)
				return watched[path]
			})
			files, found, err := feed(t, s, tt.bytes).Files()
			if err != nil || len(found) != 0 {
				t.Fatal(err, found)
			}
			if got := paths(files); got != "a/config.json model.bin empty" {
				t.Fatalf("files %q", got)
			}
			for _, f := range files {
				body := watched[f.Path].Bytes()
				if f.Digest != artifact.SumSHA256(body) || f.Size != int64(len(body)) || f.Layer != artifact.SumSHA256(tt.bytes) {
					t.Errorf("%+v", f)
				}
			}
			if tt.name == "gzip" && s.expanded() != artifact.SumSHA256(b) {
				t.Error("diff ID differs")
			}
		})
	}
}

func TestSinkRaw(t *testing.T) {
	// Bytes that look like an archive stay what they are.
	for _, b := range [][]byte{tarOf(t, plain...), gzipOf(t, []byte("x")), []byte("text"), {}} {
		files, found := read(t, b, Raw)
		if len(found) != 0 || len(files) != 1 || files[0].Digest != artifact.SumSHA256(b) || files[0].Path != "file" || files[0].Size != int64(len(b)) {
			t.Errorf("%v %v", files, found)
		}
	}
	// A layer that is named by SHA-512 still gets a SHA-256.
	l := layerOf([]byte("x"), Raw)
	h := artifact.SHA512.New()
	h.Write([]byte("x"))
	l.Digest = artifact.DigestOf(artifact.SHA512, h.Sum(nil))
	files, _, err := feed(t, NewSink(l, nil), []byte("x")).Files()
	if err != nil || files[0].Digest != artifact.SumSHA256([]byte("x")) || files[0].Layer != l.Digest {
		t.Errorf("%v %v", files, err)
	}
}
