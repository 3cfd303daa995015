package packaging

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var (
	digestA = artifact.SumSHA256([]byte("a")).String()
	digestB = artifact.SumSHA256([]byte("b")).String()
	digestC = artifact.SumSHA256([]byte("c")).String()
)

// sound is a manifest that Parse takes; every denied case differs from it in
// one thing.
var sound = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + digestA + `","size":1},` +
	`"layers":[{"mediaType":"text/plain","digest":"` + digestB + `","size":1,"annotations":{"org.opencontainers.image.title":"LICENSE"}},` +
	`{"mediaType":"application/json","digest":"` + digestC + `","size":1,"annotations":{"org.opencontainers.image.title":"config.json"}}]}`

var soundIndex = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` +
	`"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digestA + `","size":9,"platform":{"os":"linux","architecture":"arm64","variant":"v8"}},` +
	`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digestB + `","size":9,"annotations":{"vnd.docker.reference.type":"attestation-manifest"},"platform":{"os":"unknown","architecture":"unknown"}}]}`

func descriptorOf(body, mediaType string) artifact.Descriptor {
	return artifact.Descriptor{MediaType: mediaType, Digest: artifact.SumSHA256([]byte(body)), Size: int64(len(body))}
}

func TestParseSound(t *testing.T) {
	for _, said := range []string{mediaManifest, ""} {
		doc, err := Parse([]byte(sound), descriptorOf(sound, said))
		if err != nil {
			t.Fatal(err)
		}
		m := doc.Image
		if doc.Index != nil || m.Packaging != ORAS || len(m.Layers) != 2 || m.Layers[1].Path != "config.json" || len(m.Findings) != 0 {
			t.Errorf("%+v", m)
		}
	}
	doc, err := Parse([]byte(soundIndex), descriptorOf(soundIndex, mediaIndex))
	if err != nil {
		t.Fatal(err)
	}
	x := doc.Index
	if doc.Image != nil || len(x.Members) != 2 || x.Members[0].Platform != "linux/arm64/v8" || x.Members[0].Attestation || !x.Members[1].Attestation {
		t.Errorf("%+v", x)
	}
	// Kit up to 1.7 writes no media type.
	bare := strings.Replace(sound, `"mediaType":"application/vnd.oci.image.manifest.v1+json",`, "", 1)
	for _, said := range []string{mediaManifest, mediaDockerManifest, ""} {
		if doc, err := Parse([]byte(bare), descriptorOf(bare, said)); err != nil || doc.Image == nil {
			t.Errorf("%q: %v", said, err)
		}
	}
}

// TestParseDenies: catalogue MD-01 to MD-10, MD-14.
func TestParseDenies(t *testing.T) {
	many := func(n int) string {
		one := `{"mediaType":"text/plain","digest":"` + digestB + `","size":1}`
		return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
	}
	layers := sound[strings.Index(sound, `"layers"`) : len(sound)-1]
	tests := []struct {
		name, base, old, new string
		want                 error
	}{
		{"layers and manifests", sound, `"layers":`, `"manifests":[],"layers":`, ErrMalformed},
		{"index with layers", soundIndex, `"manifests":`, `"layers":[],"manifests":`, ErrMalformed},
		{"index with a config", soundIndex, `"manifests":`, `"config":{},"manifests":`, ErrMalformed},
		{"schema 1", sound, `"layers":`, `"fsLayers":[],"layers":`, ErrMalformed},
		{"OCI artifact manifest", sound, `"layers":`, `"blobs":[],"layers":`, ErrMalformed},
		{"image says index", sound, mediaManifest, mediaIndex, ErrMediaType},
		{"index says image", soundIndex, mediaIndex, mediaManifest, ErrMediaType},
		{"Docker in an OCI descriptor", sound, mediaManifest, mediaDockerManifest, ErrMediaType},
		{"duplicate key", sound, `"layers":`, `"schemaVersion":2,"layers":`, strictjson.ErrDuplicate},
		{"duplicate key in a descriptor", sound, `"size":1`, `"size":1,"size":2`, strictjson.ErrDuplicate},
		{"key in other case", sound, `"layers":`, `"Layers":[],"layers":`, ErrMalformed},
		{"key in other case in a descriptor", sound, `"size":1`, `"size":1,"Digest":"x"`, ErrMalformed},
		{"byte order mark", sound, `{"schema`, "\ufeff" + `{"schema`, ErrMalformed},
		{"more after it", sound, `config.json"}}]}`, `config.json"}}]}{}`, ErrMalformed},
		{"not UTF-8", sound, "LICENSE", "LICENSE\xff", ErrMalformed},
		{"truncated", sound, `config.json"}}]}`, ``, ErrMalformed},
		{"no version", sound, `"schemaVersion":2,`, ``, ErrMalformed},
		{"version 1", sound, `"schemaVersion":2`, `"schemaVersion":1`, ErrMalformed},
		{"version as text", sound, `"schemaVersion":2`, `"schemaVersion":"2"`, ErrMalformed},
		{"no layers", sound, "," + layers, "", ErrEmpty},
		{"null layers", sound, layers, `"layers":null`, ErrEmpty},
		{"zero layers", sound, layers, `"layers":[]`, ErrEmpty},
		{"only the empty layer", sound, layers, `"layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + digestA + `","size":1}]`, ErrEmpty},
		{"no manifests", soundIndex, soundIndex[strings.Index(soundIndex, `,"manifests"`) : len(soundIndex)-1], ``, ErrEmpty},
		{"no config", sound, `"config"`, `"konfig"`, ErrMalformed},
		{"too many layers", sound, layers, `"layers":[` + many(MaxLayers+1) + `]`, ErrLimit},
		{"too many members", soundIndex, `"manifests":[`, `"manifests":[` + many(MaxMembers) + `,`, ErrLimit},
		{"too long", sound, `{"schema`, strings.Repeat(" ", MaxManifest) + `{"schema`, ErrLimit},
		{"too deep", sound, `"layers":`, `"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"layers":`, ErrMalformed},
		{"no size", sound, `,"size":1`, ``, ErrMalformed},
		{"negative size", sound, `"size":1`, `"size":-1`, ErrMalformed},
		{"fractional size", sound, `"size":1`, `"size":1.5`, ErrMalformed},
		{"huge size", sound, `"size":1`, `"size":9223372036854775807`, ErrLimit},
		{"size over int64", sound, `"size":1`, `"size":9223372036854775808`, ErrMalformed},
		{"two sizes for one digest", sound, digestC + `","size":1`, digestB + `","size":2`, ErrMalformed},
		{"digest is a path", sound, digestB, "sha256:../../../etc/passwd", artifact.ErrBadDigest},
		{"upper-case digest", sound, digestB, strings.ToUpper(digestB[:20]) + digestB[20:], artifact.ErrBadDigest},
		{"short digest", sound, digestB, digestB[:70], artifact.ErrBadDigest},
		{"md5", sound, digestB, "md5:d41d8cd98f00b204e9800998ecf8427e", artifact.ErrBadDigest},
		{"no digest", sound, digestB, "", artifact.ErrBadDigest},
		{"no media type", sound, `"text/plain"`, `""`, ErrMalformed},
		{"inline data differs", sound, `"size":1`, `"size":1,"data":"eA=="`, artifact.ErrDigestMismatch},
		{"inline data is longer", sound, `"size":1`, `"size":1,"data":"YWE="`, artifact.ErrSizeMismatch},
		{"bad subject", sound, `"layers":`, `"subject":{"mediaType":"x","digest":"sha256:0","size":1},"layers":`, artifact.ErrBadDigest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.Replace(tt.base, tt.old, tt.new, 1)
			if body == tt.base {
				t.Fatal("the case changes nothing")
			}
			said := mediaManifest
			if tt.base == soundIndex {
				said = mediaIndex
			}
			if tt.want == ErrMediaType && tt.new != mediaDockerManifest {
				said = ""
			}
			doc, err := Parse([]byte(body), descriptorOf(body, said))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if doc.Image != nil || doc.Index != nil {
				t.Error("an error, and a document")
			}
		})
	}
}

func TestParseNotAnObject(t *testing.T) {
	for _, body := range []string{"", " ", "null", "[]", "1", `"x"`, "{}"} {
		if _, err := Parse([]byte(body), descriptorOf(body, mediaManifest)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", body, err)
		}
	}
	body := strings.Replace(sound, mediaManifest, "application/vnd.docker.distribution.manifest.v1+prettyjws", 1)
	if _, err := Parse([]byte(body), descriptorOf(body, "")); !errors.Is(err, ErrMediaType) {
		t.Errorf("schema 1: %v", err)
	}
}

// TestParseFinds: what lets an examination go on, but not unseen.
func TestParseFinds(t *testing.T) {
	inline := strings.Replace(sound, `"size":1`, `"size":1,"data":"YQ=="`, 1)
	if doc, err := Parse([]byte(inline), descriptorOf(inline, "")); err != nil || len(doc.Image.Findings) != 0 {
		t.Errorf("right inline data: %v", err)
	}
	tests := []struct{ name, base, old, new, code string }{
		{"urls", sound, `"size":1,"ann`, `"size":1,"urls":["http://169.254.169.254/"],"ann`, provenance.CodeExternalContent},
		{"urls of the config", sound, `"size":1}`, `"size":1,"urls":["http://169.254.169.254/"]}`, provenance.CodeExternalContent},
		{"urls of a member", soundIndex, `"size":9`, `"size":9,"urls":["http://169.254.169.254/"]`, provenance.CodeExternalContent},
		{"non-distributable", sound, "text/plain", "application/vnd.oci.image.layer.nondistributable.v1.tar", provenance.CodeExternalContent},
		{"foreign", sound, "text/plain", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", provenance.CodeExternalContent},
		{"unnamed", sound, `"LICENSE"`, `""`, provenance.CodeUnnamedLayer},
		{"no annotations", sound, `,"annotations":{"org.opencontainers.image.title":"LICENSE"}`, ``, provenance.CodeUnnamedLayer},
		{"escaping", sound, `"LICENSE"`, `"../LICENSE"`, provenance.CodeUnsafeName},
		{"absolute", sound, `"LICENSE"`, `"/LICENSE"`, provenance.CodeUnsafeName},
		{"unknown", strings.Replace(sound, `"org.opencontainers.image.title":"config.json"`, ``, 1), `"org.opencontainers.image.title":"LICENSE"`, ``, provenance.CodeUnknownPackaging},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.Replace(tt.base, tt.old, tt.new, 1)
			if body == tt.base {
				t.Fatal("the case changes nothing")
			}
			doc, err := Parse([]byte(body), descriptorOf(body, ""))
			if err != nil {
				t.Fatal(err)
			}
			var found []provenance.Finding
			if doc.Index != nil {
				found = doc.Index.Findings
			} else {
				found = doc.Image.Findings
				for _, l := range doc.Image.Layers {
					if l.Path == "" {
						t.Error("a layer is not listed")
					}
				}
			}
			if !has(found, tt.code) {
				t.Errorf("got %v, want %s", found, tt.code)
			}
		})
	}
}

func has(found []provenance.Finding, code string) bool {
	return slices.ContainsFunc(found, func(f provenance.Finding) bool { return f.ID == code })
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sound), mediaManifest)
	f.Add([]byte(soundIndex), mediaIndex)
	f.Add([]byte(strings.Replace(sound, `"size":1`, `"size":1,"data":"YQ==","urls":["x"]`, 1)), "")
	f.Fuzz(func(t *testing.T, body []byte, mediaType string) {
		doc, err := Parse(body, artifact.Descriptor{MediaType: mediaType})
		if err != nil {
			if doc.Image != nil || doc.Index != nil {
				t.Fatal("an error, and a document")
			}
			return
		}
		if (doc.Image == nil) == (doc.Index == nil) {
			t.Fatal("not exactly one of image and index")
		}
		var all []artifact.Descriptor
		if m := doc.Image; m != nil {
			all = append(all, m.Config)
			for _, l := range m.Layers {
				all = append(all, l.Descriptor)
				if l.Encoding == Raw && l.Path == "" {
					t.Fatal("a raw layer that is not listed")
				}
				if l.Path != "" {
					checkName(t, l.Path)
				}
			}
		} else {
			for _, member := range doc.Index.Members {
				all = append(all, member.Descriptor)
			}
		}
		for _, d := range all {
			if d.Digest.IsZero() || d.Size < 0 || d.Size > maxBlob || d.MediaType == "" {
				t.Fatalf("descriptor %+v", d)
			}
		}
	})
}
