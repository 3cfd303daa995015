package check_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A pull that is allowed leaves the files, the record and a receipt; one whose
// connections break goes on where they broke.
func TestPull(t *testing.T) {
	files := []namedFile{bigWeights("model/a.safetensors", 40), bigWeights("model/b.safetensors", 9), {"model/config.json", good.data}, {"model/deep/copy.json", good.data}}
	l := newLayoutWriter()
	subject := l.files(t, "v1", files...)
	s := servePulls(t, l)
	s.cuts, s.cutAfter = 3, 5<<20
	dir := filepath.Join(t.TempDir(), "out")
	r, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir})
	if err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v %+v", r.Verdict, err, r.Error)
	}
	for i := range files { // below the model's root
		files[i].path = files[i].path[len("model/"):]
	}
	holds(t, dir, files...)
	alone(t, dir, true)
	if r.Placed.Files != 4 || r.Placed.Kept != 0 || r.Placed.Apart {
		t.Errorf("%+v", r.Placed)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, ".modelcheck/manifest.json"))
	if err != nil || !bytes.Equal(manifest, r.ManifestBytes()) {
		t.Errorf("another manifest: %v", err)
	}
	if most := int64(51<<20) + 3*(5<<20); s.bytesSent() > most {
		t.Errorf("%d bytes sent, want at most %d", s.bytesSent(), most)
	}
	// Again over itself: the same files are no hindrance.
	if _, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir}); err != nil {
		t.Error(err)
	}
	holds(t, dir, files...)
	alone(t, dir, true)
}

// What was fetched before an interruption is not fetched again, unless it is
// damaged, which is no fault of the artifact.
func TestPullResumes(t *testing.T) {
	files := []namedFile{bigWeights("a.safetensors", 70), {"config.json", good.data}}
	l := newLayoutWriter()
	subject := l.files(t, "v1", files...)
	for name, damage := range map[string]bool{"sound": false, "damaged": true} {
		t.Run(name, func(t *testing.T) {
			s := servePulls(t, l)
			to := check.Destination{Dir: filepath.Join(t.TempDir(), "out")}
			interrupted(t, s.reference(t, subject), to, 60<<20)
			if _, err := os.Lstat(to.Dir); err == nil {
				t.Error("the folder is there")
			}
			parts, _ := filepath.Glob(filepath.Join(filepath.Dir(to.Dir), ".out.modelcheck-*", "*.part"))
			if len(parts) != 1 {
				t.Fatalf("parts: %q", parts)
			}
			if damage {
				spoil(t, parts[0])
			}
			before := s.bytesSent()
			r, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), to)
			if err != nil || !r.Verdict.Allowed() {
				t.Fatalf("%v: %v %+v", r.Verdict, err, r.Error)
			}
			holds(t, to.Dir, files...)
			alone(t, to.Dir, true)
			again := s.bytesSent() - before
			if kept := r.Placed.Kept; damage != (kept < 16<<20) {
				t.Errorf("%d bytes kept, %d fetched again", kept, again)
			}
			if size := int64(len(files[0].data)); !damage && again > size-r.Placed.Kept+(1<<20) {
				t.Errorf("%d bytes fetched beside %d kept of %d", again, r.Placed.Kept, size)
			}
		})
	}
}

func spoil(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("not what was hashed"), 3<<20); err != nil {
		t.Fatal(err)
	}
}

// Nothing of a model that is not allowed is left, unless it is asked for, and
// then not where anybody would load it.
func TestPullDenied(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(testing.TB) *policy.Policy
		bad    bool
		want   policy.Outcome
	}{
		"nobody signed":   {byDemoKey, false, policy.Deny},
		"nobody is named": {func(t testing.TB) *policy.Policy { return resolved(t, policy.Settings{}) }, false, policy.Hold},
		"other bytes":     {unsigned, true, policy.Deny},
	} {
		for _, apart := range []bool{false, true} {
			t.Run(name+" apart "+strconv.FormatBool(apart), func(t *testing.T) {
				l := newLayoutWriter()
				weights, config := bigWeights("a.safetensors", 9), namedFile{"config.json", good.data}
				subject := l.files(t, "v1", weights, config)
				if c.bad {
					other := bytes.Clone(weights.data)
					other[len(other)-1] ^= 1
					l.blobs[artifact.SumSHA256(weights.data)] = other
				}
				s := servePulls(t, l)
				to := check.Destination{Dir: filepath.Join(t.TempDir(), "out")}
				if apart {
					to.Apart = filepath.Join(t.TempDir(), "apart")
				}
				checker, err := check.New(check.Config{Policy: c.policy(t), Version: "test", RecordDenied: apart})
				if err != nil {
					t.Fatal(err)
				}
				r, err := checker.Pull(t.Context(), s.reference(t, subject), to)
				if err != nil || r.Verdict.Outcome != c.want {
					t.Fatalf("%v: %v %+v", r.Verdict, err, r.Error)
				}
				alone(t, to.Dir, false)
				if !apart {
					return
				}
				tree := readTree(t, to.Apart)
				if _, ok := tree[".modelcheck/receipt.json"]; ok || !r.Placed.Apart {
					t.Errorf("a receipt for what was not allowed: %+v", r.Placed)
				}
				want := map[string]bool{"a.safetensors": !c.bad, "sha256-" + artifact.SumSHA256(weights.data).Hex() + ".part": c.bad}
				for path, is := range want {
					if _, there := tree[path]; there != is {
						t.Errorf("apart: %s there %v, want %v", path, there, is)
					}
				}
			})
		}
	}
}

// Files in archives are kept as they are listed, without what else an image
// holds; a hard link becomes a file of its own.
func TestPullArchive(t *testing.T) {
	weights := bigWeights("w.safetensors", 9)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []struct {
		tar.Header
		data []byte
	}{
		{tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o755}, []byte("root")},
		{tar.Header{Name: "models/w.safetensors", Typeflag: tar.TypeReg, Mode: 0o755}, weights.data},
		{tar.Header{Name: "models/config.json", Typeflag: tar.TypeReg, Mode: 0o4755}, good.data},
		{tar.Header{Name: "models/deep/same.json", Typeflag: tar.TypeLink, Linkname: "models/config.json"}, nil},
		{tar.Header{Name: "models/empty", Typeflag: tar.TypeReg}, nil},
		{tar.Header{Name: "models/link", Typeflag: tar.TypeSymlink, Linkname: "config.json"}, nil},
	} {
		h.Size = int64(len(h.data))
		if err := w.WriteHeader(&h.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(h.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l := newLayoutWriter()
	subject := l.manifest(encode(t, map[string]any{
		"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest,
		"config": l.blob(ocispec.MediaTypeImageConfig, []byte(`{"rootfs":{"type":"layers"}}`), nil),
		"layers": []any{l.blob(ocispec.MediaTypeImageLayer, archive.Bytes(), nil)},
	}), "v1", "")
	s := servePulls(t, l)
	dir := filepath.Join(t.TempDir(), "out")
	r, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir})
	if err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v %+v", r.Verdict, err, r.Error)
	}
	weights.path = "w.safetensors"
	holds(t, dir, weights, namedFile{"config.json", good.data}, namedFile{"deep/same.json", good.data}, namedFile{path: "empty"})
	for _, name := range []string{"w.safetensors", "config.json"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if !slices.ContainsFunc(r.Manifest.Findings, func(f provenance.Finding) bool { return f.ID == provenance.CodeLinkEntry }) {
		t.Error("the link is not told of")
	}
	alone(t, dir, true)
}

// Pulls at once into one folder all end well.
func TestPullTogether(t *testing.T) {
	files := []namedFile{bigWeights("a.safetensors", 20), {"config.json", good.data}}
	l := newLayoutWriter()
	subject := l.files(t, "v1", files...)
	s := servePulls(t, l)
	dir := filepath.Join(t.TempDir(), "out")
	ref := s.reference(t, subject)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if r, err := puller(t, unsigned(t), nil).Pull(t.Context(), ref, check.Destination{Dir: dir}); err != nil || !r.Verdict.Allowed() {
				t.Errorf("%v: %v", r.Verdict, err)
			}
		})
	}
	group.Wait()
	holds(t, dir, files...)
	alone(t, dir, true)
}

// What is in the way leaves no verdict, and what was fetched for the next try.
func TestPullInTheWay(t *testing.T) {
	file := bigWeights("a.safetensors", 9)
	l := newLayoutWriter()
	subject := l.files(t, "v1", file)
	s := servePulls(t, l)
	dir := filepath.Join(t.TempDir(), "out")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, file.path), []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	ref := s.reference(t, subject)
	r, err := puller(t, unsigned(t), nil).Pull(t.Context(), ref, check.Destination{Dir: dir})
	if !errors.Is(err, check.ErrDiffers) || r.Verdict.Outcome != policy.Undecided || r.Error.Code != provenance.CodeInputOutput || r.Placed != nil {
		t.Fatalf("%v: %v %+v", r.Verdict, err, r.Error)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, file.path)); string(data) != "mine" {
		t.Error("replaced")
	}
	before := s.bytesSent()
	_, err = puller(t, unsigned(t), nil).Pull(t.Context(), ref, check.Destination{Dir: dir, Force: true})
	if err != nil || s.bytesSent()-before > 1<<20 {
		t.Fatalf("%d bytes fetched again: %v", s.bytesSent()-before, err)
	}
	holds(t, dir, file)
	alone(t, dir, true)
}
