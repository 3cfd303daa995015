package packaging

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestClaims: what annotations and configurations say of a layer, true and
// false. The layer is a tar+gzip with the one file models/a.bin unless raw.
func TestClaims(t *testing.T) {
	body := "weights"
	inner := tarOf(t, item{name: "models/a.bin", body: body})
	zipped := gzipOf(t, inner)
	right, wrong := artifact.SumSHA256([]byte(body)), artifact.SumSHA256([]byte("other"))
	layer, diff := artifact.SumSHA256(zipped), artifact.SumSHA256(inner)
	a := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	kit := func(digest, diffID artifact.Digest) string {
		return fmt.Sprintf(`{"model":{"parts":[{"digest":%q,"diffId":%q}],"parameters":{"digest":"x","diffId":"y"}}}`, digest, diffID)
	}
	tests := []struct {
		name        string
		kind        Packaging
		annotations map[string]string
		config      string
		differs     bool
	}{
		{"olot", Container, a(annotationOlotDigest, right.String(), annotationOlotPath, "/models/a.bin"), "", false},
		{"olot lies", Container, a(annotationOlotDigest, wrong.String(), annotationOlotPath, "/models/a.bin"), "", true},
		{"olot of another file", Container, a(annotationOlotDigest, right.String(), annotationOlotPath, "/models/b.bin"), "", true},
		{"olot without a path", Container, a(annotationOlotDigest, right.String()), "", false},
		{"olot without a path lies", Container, a(annotationOlotDigest, wrong.String()), "", true},
		{"olot writes nonsense", Container, a(annotationOlotDigest, "sha256:0"), "", true},
		{"olot directory", Container, a(annotationOlotDigest, wrong.String(), annotationOlotType, "directory"), "", false},
		{"oras digest", Container, a(annotationTarDigest, diff.String()), "", false},
		{"oras digest lies", Container, a(annotationTarDigest, wrong.String()), "", true},
		{"metadata", ModelPack, a(annotationMetadata, `{"name":"a.bin","size":7}`), "", false},
		{"metadata size lies", ModelPack, a(annotationMetadata, `{"name":"a.bin","size":8}`), "", true},
		{"metadata of a whole archive", ModelPack, a(annotationMetadata, `{"name":"weights","size":9}`), "", false},
		{"metadata twice", ModelPack, a(annotationMetadata, `{"size":7,"size":8}`), "", true},
		{"old metadata lies", ModelPack, a(annotationMetadataOld, `{"name":"a.bin","size":8}`), "", true},
		{"two names", ModelPack, a(annotationTitle, "a.bin", annotationFilepath, "models/a.bin"), "", false},
		{"two names differ", ModelPack, a(annotationTitle, "a.bin", annotationFilepath, "models/b.bin"), "", true},
		{"model diff ID", ModelPack, nil, `{"modelfs":{"diffIds":["` + diff.String() + `"]}}`, false},
		{"model diff ID without algorithm", ModelPack, nil, `{"modelfs":{"diffIds":["` + diff.Hex() + `"]}}`, false},
		{"model diff ID lies", ModelPack, nil, `{"modelfs":{"diffIds":["` + layer.String() + `"]}}`, true},
		{"image diff ID", Container, nil, `{"rootfs":{"diff_ids":["` + diff.String() + `"]}}`, false},
		{"image diff ID lies", Container, nil, `{"rootfs":{"diff_ids":["` + wrong.String() + `"]}}`, true},
		{"too many diff IDs", Container, nil, `{"rootfs":{"diff_ids":["` + diff.String() + `","` + diff.String() + `"]}}`, true},
		{"no diff IDs", Container, nil, `{"rootfs":{"diff_ids":[]}}`, false},
		{"diff ID by SHA-512", Container, nil, `{"rootfs":{"diff_ids":["sha512:` + strings.Repeat("0", 128) + `"]}}`, false},
		{"Kitfile", ModelKit, nil, kit(layer, diff), false},
		{"Kitfile lies", ModelKit, nil, kit(layer, wrong), true},
		{"Kitfile lists what is not there", ModelKit, nil, kit(wrong, diff), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := layerOf(zipped, TarGzip)
			l.Annotations = tt.annotations
			m := &Image{Packaging: tt.kind, Layers: []Layer{l}}
			c, err := Merge(m, []byte(tt.config), []*Sink{feed(t, NewSink(l, nil), zipped)})
			if err != nil {
				t.Fatal(err)
			}
			if has(c.Findings, provenance.CodeAnnotationDiffers) != tt.differs || len(c.Findings) > 1 {
				t.Errorf("differs should be %v: %v", tt.differs, c.Findings)
			}
			if len(c.Files) != 1 || c.Files[0].Digest != right {
				t.Errorf("an annotation was believed: %v", c.Files)
			}
		})
	}
}

// TestRawMetadata: a raw layer is the file that its metadata is about.
func TestRawMetadata(t *testing.T) {
	for said, differs := range map[string]bool{
		`{"name":"a.bin","size":7}`: false, `{"name":"models/a.bin"}`: false, `{}`: false,
		`{"name":"b.bin","size":7}`: true, `{"name":"a.bin","size":8}`: true, `{"name":`: true,
	} {
		l := layerOf([]byte("weights"), Raw)
		l.Path, l.Annotations = "models/a.bin", map[string]string{annotationMetadata: said}
		c, err := Merge(&Image{Packaging: ModelPack, Layers: []Layer{l}}, nil, []*Sink{feed(t, NewSink(l, nil), []byte("weights"))})
		if err != nil || has(c.Findings, provenance.CodeAnnotationDiffers) != differs {
			t.Errorf("%s: %v %v", said, c.Findings, err)
		}
	}
}

// TestOlotTwoFiles: without a path the annotation can be about one file only.
func TestOlotTwoFiles(t *testing.T) {
	for n := 1; n <= 2; n++ {
		b := tarOf(t, file("a", "a2")[2-n:]...)
		l := layerOf(b, Tar)
		l.Annotations = map[string]string{annotationOlotDigest: artifact.SumSHA256([]byte("a2")).String()}
		c, err := Merge(&Image{Packaging: Container, Layers: []Layer{l}}, nil, []*Sink{feed(t, NewSink(l, nil), b)})
		if err != nil || has(c.Findings, provenance.CodeAnnotationDiffers) != (n == 2) {
			t.Errorf("%d files: %v %v", n, c.Findings, err)
		}
	}
}

// TestPart: of an image whose large layers were left out nothing is said that
// only the whole could show.
func TestPart(t *testing.T) {
	b := tarOf(t, file("a")...)
	for _, tt := range []struct {
		kind   Packaging
		config string
	}{
		{ModelPack, fmt.Sprintf(`{"modelfs":{"diffIds":[%q,%q]}}`, digestA, digestB)},
		{ModelKit, fmt.Sprintf(`{"code":[{"digest":%q,"diffId":%q}]}`, digestA, digestA)},
	} {
		for _, parsed := range []int{0, 2} {
			m := &Image{Packaging: tt.kind, Layers: []Layer{layerOf(b, Tar)}, parsed: parsed}
			c, err := Merge(m, []byte(tt.config), []*Sink{feed(t, NewSink(m.Layers[0], nil), b)})
			if err != nil || (len(c.Findings) > 0) != (parsed == 0) {
				t.Errorf("%s, %d: %v %v", tt.kind, parsed, c.Findings, err)
			}
		}
	}
	if c, err := Merge(&Image{parsed: 1}, nil, nil); err != nil || len(c.Findings) > 0 {
		t.Errorf("nothing read: %v %v", c, err)
	}
}

// TestOrasDirectory: a directory's entries lie in the directory of its title.
func TestOrasDirectory(t *testing.T) {
	for name, bad := range map[string]bool{"inference/a.py": false, "other/a.py": true, "inference2/a.py": true, "a.py": true} {
		b := gzipOf(t, tarOf(t, item{name: name, body: "x"}))
		l := layerOf(b, TarGzip)
		l.Path = "inference"
		files, found, err := feed(t, NewSink(l, nil), b).Files()
		if err != nil || len(files) != 1 || has(found, provenance.CodeUnsafeEntry) != bad {
			t.Errorf("%s: %v %v %v", name, files, found, err)
		}
	}
}
