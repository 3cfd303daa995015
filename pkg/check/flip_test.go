package check_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// TestFlip changes one byte of every blob of the demo model in turn, its
// signature included, at the start, the middle and the end: each time the
// model is denied.
func TestFlip(t *testing.T) {
	blobs, err := filepath.Glob(demoLayout + "/blobs/sha256/*")
	if err != nil || len(blobs) < 9 {
		t.Fatalf("the demo layout has %d blobs: %v", len(blobs), err)
	}
	untouched := copyLayout(t)
	if r := examine(t, byDemoKey(t), untouched); r.Verdict.Outcome != policy.Allow {
		t.Fatalf("untouched: %v: %v", r.Verdict.Outcome, r.Verdict.Reasons)
	}
	for _, blob := range blobs {
		name := filepath.Base(blob)
		size := len(read(t, blob))
		for _, at := range []int{0, size / 2, size - 1} {
			dir := copyLayout(t)
			flip(t, filepath.Join(dir, "blobs/sha256", name), at)
			r := examine(t, byDemoKey(t), dir)
			if r.Verdict.Outcome != policy.Deny {
				t.Errorf("%s at byte %d: %v %v, error %+v; want deny", name[:12], at, r.Verdict.Outcome, r.Verdict.Reasons, r.Error)
			}
			if r.Verdict.Allowed() {
				t.Errorf("%s at byte %d is allowed", name[:12], at)
			}
		}
	}
}

func examine(t testing.TB, p *policy.Policy, layout string) *check.Report {
	t.Helper()
	return examineTag(t, p, layout, "v1")
}

func examineTag(t testing.TB, p *policy.Policy, layout, tag string) *check.Report {
	t.Helper()
	ref, err := artifact.ParseReference("oci-layout:" + layout + ":" + tag)
	if err != nil {
		t.Fatal(err)
	}
	c, err := check.New(check.Config{Policy: p, Version: "test", Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Examine(t.Context(), ref)
	return r
}

func byDemoKey(t testing.TB) *policy.Policy {
	t.Helper()
	return resolved(t, policy.Settings{KeyFiles: []string{"../../testdata/keys/demo.pub"}})
}

func resolved(t testing.TB, s policy.Settings) *policy.Policy {
	t.Helper()
	p, err := policy.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	return p
}

func copyLayout(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(demoLayout)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func flip(t testing.TB, name string, at int) {
	t.Helper()
	data := read(t, name)
	data[at] ^= 0x01
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
