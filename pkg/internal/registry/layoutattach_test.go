package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// openLayoutStore opens a layout with the real time.
func openLayoutStore(t *testing.T, path string) *Store {
	t.Helper()
	cfg := testConfig(nil)
	cfg.Sleep = nil
	return openStore(t, cfg, "oci-layout:"+path+":v1")
}

func TestLayoutAttach(t *testing.T) {
	f := newFolder(t)
	subject := f.add("v1", manifestOf(describe("", []byte("1"))))
	f.write("index.json", []byte(`{"schemaVersion":2,"future":{"n":1.0e400},"manifests":[`+
		`{"mediaType":"`+typeOCIManifest+`","digest":"`+subject.Digest.String()+`","size":`+fmt.Sprint(subject.Size)+`,"annotations":{"`+refName+`":"v1"},"x":null}]}`))
	must(t, os.Chmod(filepath.Join(f.path, "index.json"), 0o640))
	s := openLayoutStore(t, f.path)
	checkListed(t, s, subject.Digest)
	a := attachmentOf(subject, "1")
	got, err := s.Attach(t.Context(), a)
	if want := (Attached{Digest: artifact.SumSHA256(a.Manifest), Layout: layoutIndex}); err != nil || got != want {
		t.Fatalf("%+v, error %v, want %+v", got, err, want)
	}
	checkListed(t, s, subject.Digest, got.Digest) // also by who had read the list before
	checkListed(t, openLayoutStore(t, f.path), subject.Digest, got.Digest)
	if b, err := s.Bytes(t.Context(), a.Blobs[1].Descriptor, 100); err != nil || string(b) != "bundle 1" {
		t.Errorf("blob %q, error %v", b, err)
	}
	index, err := os.ReadFile(filepath.Join(f.path, "index.json"))
	must(t, err)
	for _, want := range []string{`"future":{"n":1.0e400}`, `"x":null`, `"artifactType":"application/x.sig"`, `"annotations":{"salt":"1"}`} {
		if !strings.Contains(string(index), want) {
			t.Errorf("index.json has no %s: %s", want, index)
		}
	}
	// The tag of the artifact did not move to what calls itself the same.
	if r, err := s.Resolve(t.Context()); err != nil || r.Descriptor.Digest != subject.Digest {
		t.Errorf("v1 is %v, error %v", r.Descriptor.Digest, err)
	}
	if info, err := os.Stat(filepath.Join(f.path, "index.json")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	before, err := os.Stat(filepath.Join(f.path, "index.json"))
	must(t, err)
	if got, err = s.Attach(t.Context(), a); err != nil || !got.Existed {
		t.Errorf("again: %+v, error %v", got, err)
	}
	if after, err := os.Stat(filepath.Join(f.path, "index.json")); err != nil || !os.SameFile(before, after) {
		t.Errorf("index.json was written again, error %v", err)
	}
	checkLeft(t, f.path)
}

// checkLeft sees that nothing is left behind but what a layout is made of.
func checkLeft(t *testing.T, path string) {
	t.Helper()
	must(t, filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), ".tmp-") || strings.HasSuffix(name, ".lock") {
			t.Errorf("%q is left", name)
		}
		return err
	}))
}

// What was begun, or damaged since, is made whole.
func TestLayoutAttachFinishes(t *testing.T) {
	a := attachmentOf(theSubject, "1")
	manifest := blobPath(artifact.SumSHA256(a.Manifest))
	for name, damage := range map[string]func(f *folder){
		"no blobs yet":  func(f *folder) {},
		"config only":   func(f *folder) { f.blob(a.Blobs[0].Content) },
		"not listed":    func(f *folder) { f.write(manifest, a.Manifest) },
		"cut":           func(f *folder) { f.write(manifest, a.Manifest[:10]) },
		"too long":      func(f *folder) { f.write(manifest, append(slices.Clone(a.Manifest), 'x')) },
		"temp file":     func(f *folder) { f.write("blobs/sha256/.tmp-X", []byte("x")) },
		"other's lock":  func(f *folder) { f.write(lockFile, nil) }, // not used where folders can be locked
		"listed, empty": func(f *folder) { f.add("", a.Manifest); f.write(manifest, nil) },
	} {
		f := newFolder(t)
		damage(f)
		got, err := openLayoutStore(t, f.path).Attach(t.Context(), a)
		if err != nil {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		checkListed(t, openLayoutStore(t, f.path), theSubject.Digest, got.Digest)
	}
}

func TestLayoutAttachRefuses(t *testing.T) {
	a := attachmentOf(theSubject, "1")
	link := func(f *folder, name, target string) {
		os.RemoveAll(filepath.Join(f.path, name))
		must(f.t, os.MkdirAll(filepath.Dir(filepath.Join(f.path, name)), 0o755))
		must(f.t, os.Symlink(target, filepath.Join(f.path, name)))
	}
	full := make([]artifact.Descriptor, maxReferrers)
	for i := range full {
		full[i] = describe(typeOCIManifest, fmt.Append(nil, i))
	}
	for _, tc := range []struct {
		name  string
		setup func(f *folder)
		want  error
		left  int // steps
	}{
		{"blobs is a link", func(f *folder) { link(f, "blobs", t.TempDir()) }, ErrResponse, 3},
		{"sha256 is a link", func(f *folder) { f.write("x/y", nil); link(f, "blobs/sha256", "../x") }, ErrResponse, 3},
		{"blobs is a file", func(f *folder) { f.write("blobs", nil) }, ErrResponse, 3},
		{"blob is a link", func(f *folder) {
			f.write("x", []byte("mine"))
			link(f, blobPath(a.Blobs[1].Descriptor.Digest), "../../x")
		}, ErrResponse, 3},
		{"index.json is a link", func(f *folder) { f.write("x", indexOf()); link(f, "index.json", "x") }, ErrResponse, 1},
		{"index.json missing", func(f *folder) { os.Remove(filepath.Join(f.path, "index.json")) }, ErrNotFound, 1},
		{"index.json malformed", func(f *folder) { f.write("index.json", []byte(`{"schemaVersion":2,"manifests":[],"x":1,"x":2}`)) }, ErrResponse, 1},
		{"index.json of another type", func(f *folder) {
			f.write("index.json", []byte(`{"schemaVersion":2,"mediaType":"`+typeDockerList+`","manifests":[]}`))
		}, ErrResponse, 1},
		{"index.json full", func(f *folder) { f.write("index.json", indexOf(full...)) }, ErrLimit, 1},
	} {
		f := newFolder(t)
		tc.setup(f)
		before, _ := os.ReadFile(filepath.Join(f.path, "index.json"))
		_, err := openLayoutStore(t, f.path).Attach(t.Context(), a)
		var pending *PendingError
		if !errors.Is(err, tc.want) || !errors.As(err, &pending) || len(pending.Pending) != tc.left {
			t.Errorf("%s: error %v, want %v with %d steps left", tc.name, err, tc.want, tc.left)
		}
		if after, _ := os.ReadFile(filepath.Join(f.path, "index.json")); string(after) != string(before) {
			t.Errorf("%s: index.json was changed", tc.name)
		}
		if mine, err := os.ReadFile(filepath.Join(f.path, "x")); err == nil && tc.name == "blob is a link" && string(mine) != "mine" {
			t.Errorf("%s: written through: %q", tc.name, mine)
		}
		checkLeft(t, f.path)
	}
}

// Not being allowed to write is the disk's error and nobody else's.
func TestLayoutAttachReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	f := newFolder(t)
	must(t, os.Chmod(f.path, 0o555))
	defer os.Chmod(f.path, 0o755)
	_, err := openLayoutStore(t, f.path).Attach(t.Context(), attachmentOf(theSubject, "1"))
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v, want fs.ErrPermission", err)
	}
}

func TestLayoutLocked(t *testing.T) {
	f := newFolder(t)
	s := openLayoutStore(t, f.path)
	unlock, err := s.src.(*layout).lock(t.Context())
	must(t, err)
	var w waits
	other := openStore(t, testConfig(&w), "oci-layout:"+f.path+":v1")
	a := attachmentOf(theSubject, "1")
	if _, err := other.Attach(t.Context(), a); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	total := time.Duration(0)
	for _, d := range w.list {
		total += d
	}
	if total < lockWait || total > lockWait+time.Second {
		t.Errorf("waited %v, want about %v", total, lockWait)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.Attach(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	must(t, unlock())
	if _, err := other.Attach(t.Context(), a); err != nil {
		t.Error(err)
	}
}

// The lock of systems that cannot lock folders.
func TestLayoutLockFile(t *testing.T) {
	f := newFolder(t)
	l := openStore(t, testConfig(nil), "oci-layout:"+f.path+":v1").src.(*layout)
	unlock, err := l.lockByFile(t.Context())
	must(t, err)
	if _, err := l.lockByFile(t.Context()); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), lockFile) {
		t.Errorf("error %v, want ErrBusy with the name of the file", err)
	}
	must(t, unlock())
	unlock, err = l.lockByFile(t.Context())
	must(t, err)
	must(t, unlock())
	checkLeft(t, f.path)
}

func TestLayoutEightSigners(t *testing.T) {
	f := newFolder(t)
	f.add("v1", manifestOf(describe("", []byte("1"))))
	digests := signers(t.Context(), t, 8, theSubject, func() *Store { return openLayoutStore(t, f.path) })
	checkListed(t, openLayoutStore(t, f.path), theSubject.Digest, digests...)
	checkLeft(t, f.path)
}

// Processes that attach to one layout at once lose nothing. Each is this test
// again, with the layout in its environment.
func TestLayoutTwoProcesses(t *testing.T) {
	const each = 10
	path, who := os.Getenv("TEST_ATTACH_LAYOUT"), os.Getenv("TEST_ATTACH_WHO")
	if path != "" {
		for i := range each {
			if _, err := openLayoutStore(t, path).Attach(t.Context(), attachmentOf(theSubject, fmt.Sprint(who, i))); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	self, err := os.Executable()
	must(t, err)
	f := newFolder(t)
	var (
		cmds []*exec.Cmd
		want []artifact.Digest
	)
	for _, who := range []string{"a", "b"} {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestLayoutTwoProcesses$")
		cmd.Env = append(os.Environ(), "TEST_ATTACH_LAYOUT="+f.path, "TEST_ATTACH_WHO="+who)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		must(t, cmd.Start())
		cmds = append(cmds, cmd)
		for i := range each {
			want = append(want, artifact.SumSHA256(attachmentOf(theSubject, fmt.Sprint(who, i)).Manifest))
		}
	}
	for _, cmd := range cmds {
		must(t, cmd.Wait())
	}
	checkListed(t, openLayoutStore(t, f.path), theSubject.Digest, want...)
	checkLeft(t, f.path)
}

// A file that others replace while it is read is read whole, as one of them
// left it. A link that takes turns with it is never followed.
func TestLayoutReadsWhatIsReplaced(t *testing.T) {
	l := openLayoutStore(t, newFolder(t).path).src.(*layout)
	must(t, l.root.WriteFile("elsewhere", []byte("elsewhere"), 0o644))
	file := func(content string) func() error {
		return func() error { return l.root.WriteFile("temp", []byte(content), 0o644) }
	}
	link := func() error { return l.root.Symlink("elsewhere", "temp") }
	for name, tc := range map[string]struct {
		turns   []func() error
		refused bool
	}{
		"files":           {[]func() error{file("one"), file("another")}, false},
		"file and link":   {[]func() error{file("one"), link}, true},
		"links":           {[]func() error{link, link}, true},
		"link and folder": {[]func() error{link, func() error { return l.root.Mkdir("temp", 0o755) }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			turn := func(i int) error {
				if name == "link and folder" {
					_ = l.root.Remove("name") // a folder is not replaced by renaming
				}
				return errors.Join(tc.turns[i%2](), l.root.Rename("temp", "name"))
			}
			must(t, turn(0))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				var err error
				for i := 1; err == nil && ctx.Err() == nil; i++ {
					err = turn(i)
				}
				ended <- err
			}()
			for range 3000 {
				got, err := l.read("name", 100)
				switch {
				case err == nil && (string(got) == "one" || string(got) == "another"):
				case err != nil && tc.refused && (errors.Is(err, ErrResponse) || errors.Is(err, ErrChanged) || errors.Is(err, ErrNotFound)):
				default:
					t.Fatalf("%q, error %v", got, err)
				}
			}
			cancel()
			must(t, <-ended)
			must(t, l.root.Remove("name"))
		})
	}
}
