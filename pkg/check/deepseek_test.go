package check_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// deepSeek lays out DeepSeek-V3: its real documents, and 163 shards with
// headers of the published shapes before holes of 689 GB.
func deepSeek(t *testing.T) (dir string, size int64) {
	t.Helper()
	dir = t.TempDir()
	put := func(name string, body []byte, n int64) {
		size += n
		err := os.WriteFile(filepath.Join(dir, name), body, 0o644)
		if err == nil {
			err = os.Truncate(filepath.Join(dir, name), n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, body := range fixtures.DeepSeekV3Documents(t) {
		if name != "README_WEIGHTS.md" { // which states other counts
			put(name, body, int64(len(body)))
		}
	}
	files, sizes, index := fixtures.DeepSeekV3().Shards(163)
	for name, header := range files {
		put(name, header, sizes[name])
	}
	put("model.safetensors.index.json", []byte(index), int64(len(index)))
	return dir, size
}

// asLayout links the files of dir into an OCI layout, the shards under digests
// that are made up: nobody may find out without reading all of them.
func asLayout(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir() // on the same file system as dir
	blobs := filepath.Join(to, "blobs", "sha256")
	put := func(name string, body []byte) {
		if err := os.WriteFile(name, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	describe := func(mediaType, digest string, size int64) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + digest, "size": size}
	}
	blob := func(mediaType string, body []byte) map[string]any {
		d := artifact.SumSHA256(body)
		put(filepath.Join(blobs, d.Hex()), body)
		return describe(mediaType, d.Hex(), int64(len(body)))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var layers []any
	for i, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, entry.Name())
		d := fmt.Sprintf("%064x", i)
		if info.Size() < 1<<20 {
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			d = artifact.SumSHA256(body).Hex()
		}
		if err := os.Link(name, filepath.Join(blobs, d)); err != nil && !errors.Is(err, fs.ErrExist) { // two files may hold the same
			t.Fatal(err)
		}
		layer := describe("application/vnd.cncf.model.weight.v1.raw", d, info.Size())
		layer["annotations"] = map[string]string{"org.cncf.model.filepath": entry.Name()}
		layers = append(layers, layer)
	}
	body := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m := blob("application/vnd.oci.image.manifest.v1+json", body(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/vnd.cncf.model.manifest.v1+json",
		"config": blob("application/vnd.cncf.model.config.v1+json", []byte("{}")), "layers": layers,
	}))
	m["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "v3"}
	put(filepath.Join(to, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	put(filepath.Join(to, "index.json"), body(map[string]any{"schemaVersion": 2, "manifests": []any{m}}))
	return to
}

// TestInspectDeepSeekV3: of 689 GB, inspect reads less than a thousandth and
// shows what the headers count, how 671B and 685B differ, and that loading
// runs code; all of the weights as unverified, and without a verdict.
func TestInspectDeepSeekV3(t *testing.T) {
	command := filepath.Join(t.TempDir(), "modelcheck")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "../../cmd/modelcheck").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inspect := func(t *testing.T, ref, format string) []byte {
		out, err := exec.CommandContext(t.Context(), command, "inspect", ref, "--output", format).Output()
		if err != nil {
			t.Fatalf("%v\n%.2000s", err, out)
		}
		return out
	}
	folder, size := deepSeek(t)
	for kind, ref := range map[string]string{"folder": "dir:" + folder, "layout": "oci-layout:" + asLayout(t, folder) + ":v3"} {
		t.Run(kind, func(t *testing.T) {
			var r check.Report
			if err := json.Unmarshal(inspect(t, ref, "json"), &r); err != nil {
				t.Fatal(err)
			}
			seenOfDeepSeek(t, &r, size)
			if kind != "folder" {
				return
			}
			text := string(inspect(t, ref, "text"))
			_, unread, _ := strings.Cut(text, "Not read (164)")
			for _, want := range []string{
				"684,531,386,000 elements of 91991 tensors in 163 files: F8_E4M3 680,571,043,840, BF16 3,918,786,560, F32 41,555,600", "671,026,419,200 are the main model",
				"stated: “671B”", "parameters of the main model", "stated: “685B”", "all stored elements, with scales", "these differ in definition",
			} {
				i := strings.Index(unread, want)
				if i < 0 || !strings.HasPrefix(unread[strings.LastIndex(unread[:i], "\n")+1:], "  unverified  ") {
					t.Errorf("no unverified line with %q in\n%s", want, unread)
				}
			}
			for _, word := range []string{"ALLOW", "684,531,386,000"} {
				if before, _, _ := strings.Cut(text, "Not read ("); strings.Contains(before, word) {
					t.Errorf("%q stands among what was verified:\n%s", word, before)
				}
			}
		})
	}
}

func seenOfDeepSeek(t *testing.T, r *check.Report, size int64) {
	t.Helper()
	if read := r.Bytes.Hashed + r.Bytes.Peeked; read*1000 > size || read < 10<<20 {
		t.Errorf("%d bytes were read of %d", read, size)
	}
	if r.Verdict.Outcome != policy.Undecided || !r.ManifestDigest.IsZero() || !r.SubstanceDigest.IsZero() {
		t.Errorf("a verdict on what nobody verified: %+v", r.Verdict)
	}
	if len(r.UnverifiedWeights) != 1 || len(r.Manifest.Weights) != 0 || len(r.Unread) != 164 {
		t.Fatalf("%+v, and in the record %+v", r.UnverifiedWeights, r.Manifest.Weights)
	}
	w := r.UnverifiedWeights[0]
	if w.Files != 163 || w.Tensors != 91_991 || w.Stored != 684_531_386_000 || w.Main != 671_026_419_200 || w.Family != "deepseek_v3" || w.Unchecked != 0 ||
		w.ByDType["F8_E4M3"] != 680_571_043_840 || w.ByDType["BF16"] != 3_918_786_560 || w.ByDType["F32"] != 41_555_600 {
		t.Errorf("%+v", w)
	}
	if got := strings.Join(w.Definitions(), "; "); got != "all stored elements, with scales; parameters of the main model" {
		t.Errorf("definitions: %s", got)
	}
	if l := r.Manifest.Loading; l == nil || l.Class.String() != "code-on-load" {
		t.Errorf("%+v", l)
	}
	rules := ""
	for _, l := range r.Manifest.Loading.Loaders {
		rules += strings.Join(l.Rules, " ") + " "
	}
	if !strings.Contains(rules, "MC-CONFIG-AUTO-MAP") {
		t.Errorf("loaders by %s", rules)
	}
}
