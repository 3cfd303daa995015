package packaging

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

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
