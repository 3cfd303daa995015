package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
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

// TestSinkFinds: catalogue FP-06, FP-07. Each case adds one thing to plain,
// which TestSinkArchives finds sound.
func TestSinkFinds(t *testing.T) {
	b := tarOf(t, plain...)
	with := func(it item) []byte { return tarOf(t, append(slices.Clone(plain), it)...) }
	flip := func(b []byte, i int) []byte { b = bytes.Clone(b); b[i] ^= 1; return b }
	tests := []struct {
		name     string
		bytes    []byte
		encoding Encoding
		code     string
		files    int
	}{
		{"dot-dot", with(item{name: "../x"}), Tar, provenance.CodeUnsafeName, 4},
		{"absolute", with(item{name: "/etc/passwd"}), Tar, provenance.CodeUnsafeName, 4},
		{"backslash", with(item{name: `..\x`}), Tar, provenance.CodeUnsafeName, 4},
		{"bidi", with(item{name: "a\u202eb"}), Tar, provenance.CodeUnsafeName, 4},
		{"directory outside", with(item{name: "../x/", kind: tar.TypeDir}), Tar, provenance.CodeUnsafeName, 3},
		{"link with a bad name", with(item{name: "../x", kind: tar.TypeSymlink, link: "a"}), Tar, provenance.CodeUnsafeName, 3},
		{"character device", with(item{name: "null", kind: tar.TypeChar}), Tar, provenance.CodeUnsafeEntry, 3},
		{"block device", with(item{name: "sda", kind: tar.TypeBlock}), Tar, provenance.CodeUnsafeEntry, 3},
		{"pipe", with(item{name: "pipe", kind: tar.TypeFifo}), Tar, provenance.CodeUnsafeEntry, 3},
		{"hard link to nothing", with(item{name: "h", kind: tar.TypeLink, link: "nothing"}), Tar, provenance.CodeUnsafeEntry, 3},
		{"hard link out", with(item{name: "h", kind: tar.TypeLink, link: "../../etc/passwd"}), Tar, provenance.CodeUnsafeEntry, 3},
		{"global header", with(item{name: "g", kind: tar.TypeXGlobalHeader, pax: map[string]string{"path": "x"}}), Tar, provenance.CodeUnsafeEntry, 3},
		{"no tar", []byte(strings.Repeat("no tar at all ", 100)), Tar, provenance.CodeArchiveMalformed, 0},
		{"empty", nil, Tar, provenance.CodeArchiveMalformed, 0},
		{"gzip said to be tar", gzipOf(t, b), Tar, provenance.CodeArchiveMalformed, 0},
		{"zstd said to be tar", zstdOf(t, b), Tar, provenance.CodeArchiveMalformed, 0},
		{"tar said to be gzip", b, TarGzip, provenance.CodeArchiveMalformed, 0},
		{"tar said to be zstd", b, TarZstd, provenance.CodeArchiveMalformed, 0},
		{"gzip said to be zstd", gzipOf(t, b), TarZstd, provenance.CodeArchiveMalformed, 0},
		{"no tar in gzip", gzipOf(t, []byte(strings.Repeat("no tar at all ", 100))), TarGzip, provenance.CodeArchiveMalformed, 0},
		{"cut in a file", b[:len(b)/2], Tar, provenance.CodeArchiveMalformed, 1},
		{"cut in a header", b[:700], Tar, provenance.CodeArchiveMalformed, 0},
		{"wrong checksum", flip(b, 512+3), Tar, provenance.CodeArchiveMalformed, 0},
		{"data after the end", append(bytes.Clone(b), "more"...), Tar, provenance.CodeArchiveMalformed, 3},
		{"second archive after the end", append(bytes.Clone(b), b...), Tar, provenance.CodeArchiveMalformed, 3},
		{"data after the end, in gzip", gzipOf(t, append(bytes.Clone(b), "more"...)), TarGzip, provenance.CodeArchiveMalformed, 3},
		{"data after gzip", append(gzipOf(t, b), "more"...), TarGzip, provenance.CodeArchiveMalformed, 3},
		{"zeros after gzip", append(gzipOf(t, b), 0, 0, 0, 0), TarGzip, provenance.CodeArchiveMalformed, 3},
		{"data after zstd", append(zstdOf(t, b), "more"...), TarZstd, provenance.CodeArchiveMalformed, 3},
		{"gzip cut", gzipOf(t, b)[:150], TarGzip, provenance.CodeArchiveMalformed, 0},
		{"gzip without its checksum", gzipOf(t, b)[:len(gzipOf(t, b))-8], TarGzip, provenance.CodeArchiveMalformed, 3},
		{"gzip with another checksum", flip(gzipOf(t, b), len(gzipOf(t, b))-8), TarGzip, provenance.CodeArchiveMalformed, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, found := read(t, tt.bytes, tt.encoding)
			if len(found) != 1 || found[0].ID != tt.code || found[0].Digest != artifact.SumSHA256(tt.bytes) {
				t.Errorf("found %v, want %s", found, tt.code)
			}
			if len(files) > 4 || tt.files > 0 && len(files) != tt.files {
				t.Errorf("files %q, want %d", paths(files), tt.files)
			}
			for _, f := range files {
				checkName(t, f.Path)
			}
		})
	}
	for _, it := range []item{
		{name: "x"}, {name: "pax_global_header", kind: tar.TypeXGlobalHeader, pax: map[string]string{"comment": "0123"}},
		{name: "h", kind: tar.TypeLink, link: "model.bin"}, {name: "h", kind: tar.TypeLink, link: "./a/config.json"}, {name: "b/", kind: tar.TypeDir}, {name: "./", kind: tar.TypeDir},
	} {
		if _, found := read(t, with(it), Tar); len(found) != 0 {
			t.Errorf("twin %q: %v", it.name, found)
		}
	}
}

// header is one block of an archive that archive/tar does not write.
func header(name string, kind byte, size int) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], fmt.Sprintf("0000644\x000000000\x000000000\x00%011o\x0000000000000\x00        %c", size, kind))
	copy(h[257:], "ustar\x0000")
	return h
}

func checksummed(h []byte) []byte {
	sum := 0
	for _, c := range h[:512] {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// TestSparse: no entry may claim more bytes than there are, in the old way of
// GNU or in the newer ones.
func TestSparse(t *testing.T) {
	gnu := header("huge", tar.TypeGNUSparse, 0)
	copy(gnu[257:], "ustar  \x00")
	copy(gnu[386:], "00000000000\x0000000000000\x00")       // one sparse piece of nothing at 0
	copy(gnu[483:], "\x80\x00\x00\x00\x00\x00\x00\x40\x00") // real size, base 256
	pax := func(pairs ...string) []byte {
		records := ""
		for _, pair := range pairs {
			records += fmt.Sprintf("%d %s\n", len(pair)+4, pair) // two digits, all of them
		}
		body := make([]byte, 512)
		copy(body, records)
		b := append(checksummed(header("pax", tar.TypeXHeader, len(records))), body...)
		return append(b, checksummed(header("huge", tar.TypeReg, 0))...)
	}
	tests := map[string]struct {
		bytes []byte
		code  string
	}{
		"GNU":         {checksummed(gnu), provenance.CodeUnsafeEntry},
		"PAX":         {pax("GNU.sparse.size=1000000", "GNU.sparse.numblocks=1", "GNU.sparse.map=0,0"), provenance.CodeUnsafeEntry},
		"PAX, honest": {pax("comment=nothing"), ""},
	}
	for name, tt := range tests {
		files, found := read(t, append(tt.bytes, make([]byte, 1024)...), Tar)
		if tt.code == "" && (len(files) != 1 || len(found) != 0) || tt.code != "" && (len(files) != 0 || len(found) != 1 || found[0].ID != tt.code) {
			t.Errorf("%s: %v %v", name, files, found)
		}
	}
}

// TestBomb: catalogue FP-07. What expands beyond its bound is not read on.
func TestBomb(t *testing.T) {
	honest := gzipOf(t, tarOf(t, item{name: "zeros", body: strings.Repeat("\x00", 8<<20)}))
	if files, found := read(t, honest, TarGzip); len(found) != 0 || len(files) != 1 {
		t.Errorf("twin: %v", found)
	}
	big := tarOf(t, item{name: "zeros", body: strings.Repeat("\x00", freeExpansion+36<<20)})
	for name, b := range map[string][]byte{"gzip": gzipOf(t, big), "zstd": zstdOf(t, big)} {
		e := TarGzip
		if name == "zstd" {
			e = TarZstd
		}
		files, found := read(t, b, e)
		if len(files) != 0 || len(found) != 1 || found[0].ID != provenance.CodeLimitExceeded {
			t.Errorf("%s of %d bytes: %v %v", name, len(b), files, found)
		}
	}
	window := zstdOf(t, tarOf(t, item{name: "x", body: strings.Repeat("x", 20<<20)}), zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false))
	if _, found := read(t, window, TarZstd); len(found) != 1 || found[0].ID != provenance.CodeLimitExceeded {
		t.Errorf("window: %v", found)
	}
}

// TestBudget: entries are counted over all layers of a plan.
func TestBudget(t *testing.T) {
	b := tarOf(t, plain...)
	shared := new(budget)
	shared.entries.Store(maxEntries - int64(len(plain)))
	m := &Image{Packaging: ModelKit, Layers: []Layer{layerOf(b, Tar)}}
	s := feed(t, newSink(m.Layers[0], nil, shared), b)
	if _, err := Merge(m, nil, []*Sink{s}); err != nil {
		t.Errorf("twin: %v", err)
	}
	shared.entries.Store(maxEntries - int64(len(plain)) + 1)
	s = feed(t, newSink(m.Layers[0], nil, shared), b)
	if _, found, err := s.Files(); err != nil || !has(found, provenance.CodeLimitExceeded) {
		t.Errorf("%v %v", found, err)
	}
	if _, err := Merge(m, nil, []*Sink{s}); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestSinkSilence: nothing is told before Close(nil), or after a failure.
func TestSinkSilence(t *testing.T) {
	b := tarOf(t, plain...)
	for _, e := range []Encoding{Raw, Tar} {
		l := layerOf(b, e)
		m := &Image{Packaging: ModelPack, Layers: []Layer{l}}
		open := NewSink(l, nil)
		_, _ = open.Write(b)
		refused := NewSink(l, nil)
		_, _ = refused.Write(b)
		if err := refused.Close(artifact.ErrDigestMismatch); err != nil {
			t.Error(err)
		}
		unread := NewSink(l, nil)
		_ = unread.Close(io.ErrUnexpectedEOF)
		for name, s := range map[string]*Sink{"open": open, "refused": refused, "unread": unread, "never closed": NewSink(l, nil)} {
			files, found, err := s.Files()
			if !errors.Is(err, ErrUnverified) || files != nil || found != nil {
				t.Errorf("%v, %s: %v %v %v", e, name, files, found, err)
			}
			if _, err := Merge(m, nil, []*Sink{s}); !errors.Is(err, ErrUnverified) {
				t.Errorf("%v, %s: merged, %v", e, name, err)
			}
		}
		_ = open.Close(io.ErrUnexpectedEOF)
		done := feed(t, NewSink(l, nil), b)
		if err := done.Close(nil); !errors.Is(err, errClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := done.Write(b); !errors.Is(err, errClosed) {
			t.Errorf("written after: %v", err)
		}
		if _, _, err := done.Files(); err != nil {
			t.Error(err)
		}
		if _, err := Merge(m, nil, nil); !errors.Is(err, ErrUnverified) {
			t.Errorf("no sinks: %v", err)
		}
		if _, err := Merge(m, nil, []*Sink{nil}); !errors.Is(err, ErrUnverified) {
			t.Errorf("nil sink: %v", err)
		}
	}
}

type badWatcher struct{ panics bool }

var errWatcher = errors.New("watcher")

func (w badWatcher) Write([]byte) (int, error) {
	if w.panics {
		panic("watcher")
	}
	return 0, errWatcher
}

// TestWatcherFails: an inspector that fails or panics ends in "not verified".
func TestWatcherFails(t *testing.T) {
	b := tarOf(t, plain...)
	for _, e := range []Encoding{Raw, Tar} {
		for _, panics := range []bool{false, true} {
			s := NewSink(layerOf(b, e), func(string, int64) io.Writer { return badWatcher{panics} })
			_, werr := s.Write(b)
			cerr := s.Close(werr)
			if err := errors.Join(werr, cerr); !errors.Is(err, errWatcher) && !errors.Is(err, ErrPanic) {
				t.Errorf("%v: %v", e, err)
			}
			if _, _, err := s.Files(); !errors.Is(err, ErrUnverified) {
				t.Errorf("%v: %v", e, err)
			}
		}
	}
}

// FuzzLayerSink: no bytes make a sink panic, hang or tell more than the limits
// allow; every name it lists is safe.
func FuzzLayerSink(f *testing.F) {
	b := tarOf(f, append(slices.Clone(plain), item{name: "l", kind: tar.TypeSymlink, link: "a"}, item{name: "h", kind: tar.TypeLink, link: "empty"}, item{name: "../x"})...)
	f.Add(b, uint8(Tar))
	f.Add(gzipOf(f, b), uint8(TarGzip))
	f.Add(zstdOf(f, b), uint8(TarZstd))
	f.Add([]byte("raw"), uint8(Raw))
	f.Fuzz(func(t *testing.T, b []byte, e uint8) {
		l := layerOf(b, Encoding(e%4))
		watched := map[string]int64{}
		s := NewSink(l, func(path string, size int64) io.Writer {
			watched[path] = size
			return nil
		})
		if _, err := s.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(nil); err == nil {
			t.Fatal("closed twice")
		}
		files, found, err := s.Files()
		if err != nil || len(found) > maxFindings+20 {
			t.Fatal(err, len(found))
		}
		var total int64
		for _, file := range files {
			checkName(t, file.Path)
			if file.Digest.Algorithm() != artifact.SHA256 || file.Size < 0 {
				t.Fatalf("%+v", file)
			}
			if size, ok := watched[file.Path]; ok && l.Encoding == Raw && size != file.Size {
				t.Fatalf("%+v: watched %d", file, size)
			}
			total = max(total, file.Size)
		}
		if total > freeExpansion+maxRatio*int64(len(b)) {
			t.Fatalf("%d bytes in files of a layer of %d", total, len(b))
		}
		m := &Image{Packaging: Container, Layers: []Layer{l}}
		contents, err := Merge(m, nil, []*Sink{s})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.ContentIdentity(contents.Files); err != nil && len(contents.Files) > 0 && !has(contents.Findings, provenance.CodeEmptyArtifact) {
			t.Fatal(err)
		}
	})
}
