package check_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

func openCache(t *testing.T, dir string) *check.Cache {
	t.Helper()
	c, err := check.OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func caching(t *testing.T, c *check.Cache) *check.Checker {
	t.Helper()
	checker, err := check.New(check.Config{Policy: unsigned(t), Version: "test", Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

// A pull fetches only what an earlier one, or an earlier verification, did not
// put into the cache.
func TestCache(t *testing.T) {
	shared, small := bigWeights("a.safetensors", 20), namedFile{"config.json", good.data}
	l := newLayoutWriter()
	first := l.files(t, "v1", shared, small)
	added := bigWeights("b.safetensors", 9)
	second := l.files(t, "v2", shared, small, added)
	s := servePulls(t, l)
	c := openCache(t, filepath.Join(t.TempDir(), "cache"))
	if r, err := caching(t, c).Examine(t.Context(), s.reference(t, first)); err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
	pull := func(subject artifact.Descriptor, files ...namedFile) int64 {
		t.Helper()
		before := s.bytesSent()
		dir := filepath.Join(t.TempDir(), "out")
		r, err := caching(t, c).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir})
		if err != nil || !r.Verdict.Allowed() {
			t.Fatalf("%v: %v", r.Verdict, err)
		}
		holds(t, dir, files...)
		alone(t, dir, true)
		return s.bytesSent() - before
	}
	if n := pull(first, shared, small); n != 0 {
		t.Errorf("%d bytes fetched that are in the cache", n)
	}
	if n := pull(second, shared, small, added); n < int64(len(added.data)) || n > int64(len(added.data))+512 { // the server looks at 512 bytes twice
		t.Errorf("%d bytes fetched, want those of one file, %d", n, len(added.data))
	}
	if n := pull(second, shared, small, added); n != 0 {
		t.Errorf("%d bytes fetched that are in the cache", n)
	}
	removed, err := c.Prune(int64(len(added.data)) + 1000)
	if err != nil || len(removed) == 0 {
		t.Errorf("%v: %v", removed, err)
	}
	list, err := c.Blobs()
	var size int64
	for _, b := range list {
		size += b.Size
	}
	if err != nil || size > int64(len(added.data))+1000 {
		t.Errorf("%d bytes left: %v", size, err)
	}
	if n := pull(second, shared, small, added); n == 0 {
		t.Error("nothing fetched of what was removed")
	}
}

// What is damaged in the cache is fetched again, is no fault of the artifact,
// and is whole afterwards.
func TestCacheHeals(t *testing.T) {
	big, small := bigWeights("a.safetensors", 20), namedFile{"config.json", good.data}
	l := newLayoutWriter()
	subject := l.files(t, "v1", big, small)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, big.data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(path string) error{
		"sound":     func(string) error { return nil },
		"one byte":  func(path string) error { return os.WriteFile(path, flipped(big.data), 0o600) },
		"truncated": func(path string) error { return os.Truncate(path, 1<<20) },
		"longer":    func(path string) error { return os.WriteFile(path, append(bytes.Clone(big.data), 0), 0o600) },
		"gone":      os.Remove,
		"a link":    func(path string) error { return replaceBy(path, func() error { return os.Symlink(elsewhere, path) }) },
		"a folder":  func(path string) error { return replaceBy(path, func() error { return os.Mkdir(path, 0o700) }) },
	} {
		for _, verb := range []string{"verify", "pull"} {
			t.Run(name+" "+verb, func(t *testing.T) {
				s := servePulls(t, l)
				home := filepath.Join(t.TempDir(), "cache")
				c := openCache(t, home)
				ref := s.reference(t, subject)
				if r, err := caching(t, c).Examine(t.Context(), ref); err != nil || !r.Verdict.Allowed() {
					t.Fatalf("%v: %v", r.Verdict, err)
				}
				path := filepath.Join(home, "blobs/sha256", artifact.SumSHA256(big.data).Hex())
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
				before := s.bytesSent()
				dir := filepath.Join(t.TempDir(), "out")
				var r *check.Report
				var err error
				if verb == "pull" {
					r, err = caching(t, c).Pull(t.Context(), ref, check.Destination{Dir: dir})
				} else {
					r, err = caching(t, c).Examine(t.Context(), ref)
				}
				if err != nil || !r.Verdict.Allowed() {
					t.Fatalf("%v: %v", r.Verdict, err)
				}
				if verb == "pull" {
					holds(t, dir, big, small)
				}
				if fetched := s.bytesSent() - before; (fetched == 0) != (name == "sound") {
					t.Errorf("%d bytes fetched", fetched)
				}
				if name == "a folder" {
					return // nothing here removes folders; it is fetched each time
				}
				if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
					t.Errorf("not whole again: %v", err)
				}
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, big.data) {
					t.Errorf("not whole again: %v", err)
				}
				if left, _ := os.ReadDir(filepath.Join(home, "ingest")); len(left) != 0 {
					t.Errorf("left on the way in: %v", left)
				}
			})
		}
	}
}

func flipped(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/2] ^= 1
	return data
}

func replaceBy(path string, by func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return by()
}

// Bytes that do not match never get into the cache, and the artifact is denied
// with a cache as without.
func TestCacheTakesNothingWrong(t *testing.T) {
	big := bigWeights("a.safetensors", 20)
	l := newLayoutWriter()
	subject := l.files(t, "v1", big)
	s := servePulls(t, l)
	name := artifact.SumSHA256(big.data).String()
	s.blobs[name] = flipped(big.data)
	home := filepath.Join(t.TempDir(), "cache")
	c := openCache(t, home)
	for range 2 {
		r, err := caching(t, c).Examine(t.Context(), s.reference(t, subject))
		if err != nil || r.Verdict.Outcome != policy.Deny || r.Verdict.Reasons[0].Code != "digest-mismatch" {
			t.Errorf("%+v: %v", r.Verdict, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(home, "blobs/sha256", artifact.SumSHA256(big.data).Hex())); err == nil {
		t.Error("what did not match is in the cache")
	}
	if left, _ := os.ReadDir(filepath.Join(home, "ingest")); len(left) != 0 {
		t.Errorf("left on the way in: %v", left)
	}
}

// Several at once, with caches of their own over one folder as processes have
// them, do not disturb each other.
func TestCacheShared(t *testing.T) {
	files := []namedFile{bigWeights("a.safetensors", 20), bigWeights("b.safetensors", 9), {"config.json", good.data}}
	l := newLayoutWriter()
	subject := l.files(t, "v1", files...)
	s := servePulls(t, l)
	home := filepath.Join(t.TempDir(), "cache")
	var group sync.WaitGroup
	for range 4 {
		c := openCache(t, home)
		group.Go(func() {
			if r, err := caching(t, c).Examine(t.Context(), s.reference(t, subject)); err != nil || !r.Verdict.Allowed() {
				t.Errorf("%v: %v", r.Verdict, err)
			}
			if _, err := c.Prune(1 << 40); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	c := openCache(t, home)
	well, removed, err := check.VerifyCache(t.Context(), c)
	if err != nil || len(removed) != 0 || well < len(files) {
		t.Errorf("%d well, removed %v: %v", well, removed, err)
	}
}

// A folder that is something else is not taken for a cache.
func TestCacheRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	linked := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(linked, "blobs")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(linked, "oci-layout"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"other things": full, "a link in it": linked, "a file": filepath.Join(full, "thesis.txt")} {
		if _, err := check.OpenCache(dir); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
