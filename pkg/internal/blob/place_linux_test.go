package blob

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// member puts a file into the quarantine.
func member(t *testing.T, q *Quarantine, path string, data []byte) Placement {
	t.Helper()
	m, err := q.Member(int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 0 {
		if _, err := m.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	stored, whole := m.Stored()
	if !whole {
		t.Fatal("not whole")
	}
	return Placement{Path: path, Digest: artifact.SumSHA256(data), Stored: stored}
}

func place(t *testing.T, q *Quarantine, force bool, files ...Placement) (map[string]Stamp, error) {
	t.Helper()
	target, err := q.Target(force)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	return target.Place(t.Context(), files)
}

func TestPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	q := quarantine(t, dir)
	big := random(smallFile + 4097)
	file := member(t, q, "a/b/weights.bin", big)
	again := file
	again.Path = "copy.bin"
	stamps, err := place(t, q, false, file, again, member(t, q, "empty", nil), member(t, q, "a/config.json", []byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{"a/b/weights.bin": big, "copy.bin": big, "empty": nil, "a/config.json": []byte("{}")} {
		name := filepath.Join(dir, path)
		got, err := os.ReadFile(name)
		info, serr := os.Lstat(name)
		if err != nil || serr != nil || !bytes.Equal(got, want) || info.Mode() != 0o644 {
			t.Errorf("%s: %d bytes, %v: %v", path, len(got), info.Mode(), err)
		}
		if s, err := StampOf(dir, path); err != nil || s != stamps[path] || s.Size != int64(len(want)) {
			t.Errorf("%s: %+v, placed as %+v: %v", path, s, stamps[path], err)
		}
	}
	one, _ := os.Stat(filepath.Join(dir, "copy.bin"))
	other, _ := os.Stat(filepath.Join(dir, "a/b/weights.bin"))
	if os.SameFile(one, other) {
		t.Error("two names of the model are one file")
	}
	if err := errors.Join(q.Remove(), q.Close()); err != nil {
		t.Error(err)
	}
}

// Whatever is in the way of one file keeps all away.
func TestPlaceRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make  func(dir string) error
		path  string
		force bool // refused with it too
		want  error
	}{
		"a link":          {func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "f")) }, "f", true, ErrInTheWay},
		"a dangling link": {func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, "f")) }, "f", true, ErrInTheWay},
		"a linked folder": {func(dir string) error { return os.Symlink(filepath.Dir(outside), filepath.Join(dir, "d")) }, "d/outside", true, ErrInTheWay},
		"a link inside": {func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "e"), 0o755), os.Symlink("e", filepath.Join(dir, "d")))
		}, "d/f", true, ErrInTheWay},
		"a folder":         {func(dir string) error { return os.Mkdir(filepath.Join(dir, "f"), 0o755) }, "f", true, ErrInTheWay},
		"a pipe":           {func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "f"), 0o644) }, "f", true, ErrInTheWay},
		"a file as folder": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "d"), nil, 0o644) }, "d/f", true, ErrInTheWay},
		"another file":     {func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), []byte("other"), 0o644) }, "f", false, ErrDiffers},
		"the same size":    {func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), []byte("nEw"), 0o644) }, "f", false, ErrDiffers},
		"our own folder":   {func(string) error { return nil }, ".ModelCheck/receipt.json", true, ErrStore},
		"a name outside":   {func(string) error { return nil }, "../f", true, ErrStore},
		"an absolute name": {func(string) error { return nil }, "/f", true, ErrStore},
		"no name":          {func(string) error { return nil }, ".", true, ErrStore},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			if err := errors.Join(os.Mkdir(dir, 0o755), c.make(dir)); err != nil {
				t.Fatal(err)
			}
			q := quarantine(t, dir)
			defer q.Close()
			for _, force := range []bool{false, true} {
				_, err := place(t, q, force, member(t, q, "A", []byte("A")), member(t, q, c.path, []byte("new")))
				if refused := !force || c.force; refused != (err != nil) || refused && (!errors.Is(err, c.want) || !errors.Is(err, ErrStore)) {
					t.Errorf("force %v: %v", force, err)
				}
				if _, serr := os.Lstat(filepath.Join(dir, "A")); err != nil && !errors.Is(serr, fs.ErrNotExist) {
					t.Error("another file was placed")
				}
			}
			if data, err := os.ReadFile(outside); err != nil || string(data) != "mine" {
				t.Errorf("outside: %q %v", data, err)
			}
		})
	}
}

// The folder itself may not be a link, and nothing is left of one made in vain.
func TestPlaceFolder(t *testing.T) {
	home := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(home, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenQuarantine(QuarantineConfig{Dir: filepath.Join(home, "link"), Subject: someArtifact}); !errors.Is(err, ErrStore) {
		t.Errorf("through a link: %v", err)
	}
	if _, err := OpenQuarantine(QuarantineConfig{Dir: filepath.Join(home, "no", "where"), Subject: someArtifact}); !errors.Is(err, ErrStore) {
		t.Errorf("below nothing: %v", err)
	}
	dir := filepath.Join(home, "model")
	q := quarantine(t, dir)
	if _, err := place(t, q, false, member(t, q, "../f", nil)); err == nil {
		t.Error("placed")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(home); len(entries) != 1 {
		t.Errorf("left %v", entries)
	}
}

// TestPlaceRace: a neighbour swaps a folder for a link all the while. Nothing
// gets out (docker cp, CVE-2026-42306).
func TestPlaceRace(t *testing.T) {
	home, outside := t.TempDir(), t.TempDir()
	dir := filepath.Join(home, "model")
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "l")); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for !done.Load() {
			_ = exchange(dir, "d", "l")
		}
	})
	q := quarantine(t, dir)
	defer q.Close()
	placed := 0
	for range 1000 {
		f := member(t, q, "d/f", []byte("f"))
		if _, err := place(t, q, true, f); err == nil {
			placed++
		}
	}
	done.Store(true)
	swapper.Wait()
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("outside: %v", entries)
	}
	t.Logf("placed %d of 1000", placed)
}

// TestNoSpace fills a file system of 16 MiB.
func TestNoSpace(t *testing.T) {
	small := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", small).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no file system can be mounted here, so that a full disk was not tried: %v %s", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, 0) })
	dir := filepath.Join(small, "model")
	q := quarantine(t, dir)
	data := random(20 << 20)
	if err := q.Room([]artifact.Descriptor{describe2(data)}); !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, ErrStore) {
		t.Errorf("room: %v", err)
	}
	huge := artifact.Descriptor{Digest: someArtifact, Size: 1<<63 - 1}
	if err := q.Room([]artifact.Descriptor{huge, huge, huge}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("room for more than there are numbers: %v", err)
	}
	if _, err := q.Part(describe2(data)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("allocating: %v", err)
	}
	if _, err := q.Member(int64(len(data))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("member: %v", err)
	}
	var err error
	for i := 0; err == nil && i < 10; i++ {
		_, _, err = fetch(t, q, random(3<<20+i), -1)
	}
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, ErrStore) {
		t.Errorf("writing: %v", err)
	}
	if err := errors.Join(q.Remove(), q.Close()); err != nil {
		t.Error(err)
	}
	q = quarantine(t, dir)
	defer q.Close()
	if _, err := place(t, q, false, member(t, q, "f", random(1<<20))); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
