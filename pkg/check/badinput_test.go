package check_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A badCase makes a model that is signed by the demo key and has one thing
// wrong with it.
type badCase struct {
	name    string
	make    func(t *testing.T, l *layoutWriter) artifact.Descriptor
	after   func(t *testing.T, dir string, d artifact.Descriptor) // changes the layout on disk
	outcome policy.Outcome
	code    string // of a reason, or of the error where there is no verdict
}

var good = namedFile{"config.json", []byte(`{"model_type":"llama"}`)}

func weights(t testing.TB) namedFile {
	return namedFile{"model.safetensors", safetensors(t, map[string][]int{"a": {2, 2}})}
}

// one packs the given file beside sound ones.
func one(f namedFile) func(*testing.T, *layoutWriter) artifact.Descriptor {
	return func(t *testing.T, l *layoutWriter) artifact.Descriptor { return l.files(t, "v1", weights(t), f) }
}

// raw writes a manifest as it stands, with the layers' descriptors at hand.
func raw(write func(t *testing.T, l *layoutWriter, layer, config string) string) func(*testing.T, *layoutWriter) artifact.Descriptor {
	return func(t *testing.T, l *layoutWriter) artifact.Descriptor {
		layer := encode(t, l.blob("application/octet-stream", good.data, map[string]string{ocispec.AnnotationTitle: good.path}))
		config := encode(t, l.blob(ocispec.MediaTypeEmptyJSON, []byte("{}"), nil))
		return l.manifest([]byte(write(t, l, string(layer), string(config))), "v1", "")
	}
}

func badCases() []badCase {
	manifest := `"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `"`
	text := func(format string) func(*testing.T, *layoutWriter) artifact.Descriptor {
		return raw(func(_ *testing.T, _ *layoutWriter, layer, config string) string {
			return strings.NewReplacer("LAYER", layer, "CONFIG", config, "HEAD", manifest).Replace(format)
		})
	}
	return []badCase{
		{name: "sound", make: one(good), outcome: policy.Allow, code: provenance.CodeSignatureVerified},

		{name: "truncated blob", make: one(good), after: cut(good.data, 3), outcome: policy.Deny, code: provenance.CodeSizeMismatch},
		{name: "longer blob", make: one(good), after: grow(good.data), outcome: policy.Deny, code: provenance.CodeSizeMismatch},
		{name: "other bytes", make: one(good), after: replace(good.data, []byte(`{"model_type":"llamb"}`)), outcome: policy.Deny, code: provenance.CodeDigestMismatch},
		{name: "blob not there", make: one(good), after: remove(good.data), outcome: policy.Undecided, code: provenance.CodeNotFound},

		{name: "layer title leaves the folder", make: one(namedFile{"../config.json", good.data}), outcome: policy.Deny, code: provenance.CodeUnsafeName},
		{name: "absolute layer title", make: one(namedFile{"/etc/config.json", good.data}), outcome: policy.Deny, code: provenance.CodeUnsafeName},
		{name: "escape codes in a layer title", make: one(namedFile{"a\x1b[2J.json", good.data}), outcome: policy.Deny, code: provenance.CodeUnsafeName},
		{name: "twins by case", make: one(namedFile{"MODEL.safetensors", good.data}), outcome: policy.Deny, code: provenance.CodeDuplicateName},
		{name: "no layer title", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER,` + unnamed() + `]}`), outcome: policy.Deny, code: provenance.CodeUnnamedLayer},

		{name: "duplicate keys in the manifest", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER],"layers":[]}`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "keys that differ in case", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER],"Layers":[]}`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "layers and manifests", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER],"manifests":[]}`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "no layers", make: text(`{HEAD,"config":CONFIG,"layers":[]}`), outcome: policy.Deny, code: provenance.CodeEmptyArtifact},
		{name: "bytes after the manifest", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER]}{}`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "mislabelled manifest", make: text(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","config":CONFIG,"layers":[LAYER]}`), outcome: policy.Deny, code: provenance.CodeMediaTypeMismatch},
		{name: "not JSON", make: text(`<html>`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "path as digest", make: text(`{HEAD,"config":CONFIG,"layers":[{"mediaType":"a/b","digest":"sha256:../../etc/passwd","size":1}]}`), outcome: policy.Deny, code: provenance.CodeManifestMalformed},
		{name: "manifest over 4 MiB", make: text(`{HEAD,"config":CONFIG,"layers":[LAYER],"annotations":{"a":"` + strings.Repeat("a", 4<<20) + `"}}`), outcome: policy.Deny, code: provenance.CodeLimitExceeded},
		{name: "more than 10,000 layers", make: text(`{HEAD,"config":CONFIG,"layers":[` + strings.Repeat("LAYER,", 10_000) + `LAYER]}`), outcome: policy.Deny, code: provenance.CodeLimitExceeded},

		{name: "configuration that is no JSON", make: one(namedFile{"config.json", []byte("{model_type: llama}")}), outcome: policy.Deny, code: provenance.CodeConfigMalformed},
		{name: "configuration with a key twice", make: one(namedFile{"config.json", []byte(`{"auto_map":{},"auto_map":{"AutoModel":"x.Y"}}`)}), outcome: policy.Deny, code: provenance.CodeConfigMalformed},
		{name: "README of 50 MB", make: one(namedFile{"README.md", bytes.Repeat([]byte("words "), 50_000_000/6)}), outcome: policy.Hold, code: provenance.CodeDocumentTooLarge},
		{name: "broken weights", make: one(namedFile{"b.safetensors", []byte("\x08\x00\x00\x00\x00\x00\x00\x00{\"a\":1}!")}), outcome: policy.Deny, code: provenance.CodeFormatMalformed},
	}
}

func unnamed() string {
	d := artifact.SumSHA256(good.data)
	return fmt.Sprintf(`{"mediaType":"application/octet-stream","digest":%q,"size":%d}`, d, len(good.data))
}

func TestBadInput(t *testing.T) {
	for _, c := range badCases() {
		t.Run(c.name, func(t *testing.T) {
			l := newLayoutWriter()
			subject := c.make(t, l)
			l.sign(t, subject)
			dir := t.TempDir()
			l.write(t, dir)
			if c.after != nil {
				c.after(t, dir, subject)
			}
			r := examine(t, byDemoKey(t), dir)
			if r.Verdict.Outcome != c.outcome {
				t.Errorf("outcome %v, want %v", r.Verdict.Outcome, c.outcome)
			}
			var codes []string
			for _, reason := range r.Verdict.Reasons {
				codes = append(codes, reason.Code)
			}
			if r.Error != nil {
				codes = append(codes, r.Error.Code)
			}
			if !strings.Contains(" "+strings.Join(codes, " ")+" ", " "+c.code+" ") {
				t.Errorf("codes %v, want %s (%v, %+v)", codes, c.code, r.Verdict.Reasons, r.Error)
			}
			if (r.ManifestBytes() != nil) != (r.Error == nil && r.Manifest != nil) {
				t.Error("manifest bytes without a manifest, or the other way round")
			}
		})
	}
}

func blobFile(dir string, data []byte) string {
	return filepath.Join(dir, "blobs/sha256", artifact.SumSHA256(data).Hex())
}

func cut(data []byte, n int) func(*testing.T, string, artifact.Descriptor) {
	return replace(data, data[:len(data)-n])
}

func grow(data []byte) func(*testing.T, string, artifact.Descriptor) {
	return replace(data, append(bytes.Clone(data), ' '))
}

// TestHardLink: a card that is another name of a file in the same archive is
// either read or said not to have been, never passed over.
func TestHardLink(t *testing.T) {
	for _, c := range []struct {
		name  string
		first string
		state provenance.State
	}{
		{"to a document that is read", "README", provenance.StateDeclared},
		{"to a file that nobody reads", "notes.bin", provenance.NotExamined},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLayoutWriter()
			body := encode(t, map[string]any{
				"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest,
				"config": l.blob(ocispec.MediaTypeImageConfig, []byte(`{"rootfs":{"type":"layers"}}`), nil),
				"layers": []any{l.blob(ocispec.MediaTypeImageLayer, linked(t, "models/"+c.first), nil)},
			})
			l.sign(t, l.manifest(body, "v1", ""))
			dir := t.TempDir()
			l.write(t, dir)
			r := examine(t, byDemoKey(t), dir)
			if r.Manifest == nil {
				t.Fatalf("no record: %v %+v", r.Verdict, r.Error)
			}
			for _, claim := range r.Manifest.Claims {
				if claim.ID == "license.weights" && claim.State != c.state {
					t.Errorf("%v %v, want %v", claim.State, claim.Observations, c.state)
				}
			}
		})
	}
}

// linked is an archive in which README.md is a hard link to first.
func linked(t testing.TB, first string) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	put := func(h tar.Header, data []byte) {
		h.Mode, h.Size = 0o644, int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	put(tar.Header{Name: "models/model.safetensors", Typeflag: tar.TypeReg}, weights(t).data)
	put(tar.Header{Name: first, Typeflag: tar.TypeReg}, []byte("---\nlicense: mit\n---\n"))
	put(tar.Header{Name: "models/README.md", Typeflag: tar.TypeLink, Linkname: first}, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
