package check_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// pulled returns a folder with two files that was just pulled.
func pulled(t *testing.T) string {
	t.Helper()
	l := newLayoutWriter()
	subject := l.files(t, "v1", namedFile{"config.json", good.data}, namedFile{"deep/LICENSE", []byte("free")})
	s := servePulls(t, l)
	dir := filepath.Join(t.TempDir(), "out")
	if r, err := puller(t, unsigned(t), nil).Pull(t.Context(), s.reference(t, subject), check.Destination{Dir: dir}); err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
	return dir
}

func folder(t *testing.T, dir string) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference("dir:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestReceipt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dir string) error
		deny   bool // when every byte is hashed
		quick  bool // and when only sizes and times are looked at
	}{
		"as it was pulled": {func(string) error { return nil }, false, false},
		"other bytes under the old times": {func(dir string) error {
			name := filepath.Join(dir, "config.json")
			info, err := os.Stat(name)
			return errors.Join(err, os.WriteFile(name, bytes.ToUpper(good.data), 0o644), os.Chtimes(name, info.ModTime(), info.ModTime()))
		}, true, true},
		"the same bytes again": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "config.json"), good.data, 0o644) }, false, true},
		"a longer file": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "deep/LICENSE"), []byte("free "), 0o644)
		}, true, true},
		"a file more": {func(dir string) error { return os.WriteFile(filepath.Join(dir, ".x"), nil, 0o644) }, true, true},
		"a file more beside the receipt": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ".modelcheck/x.py"), nil, 0o644)
		}, true, true},
		"a file less": {func(dir string) error { return os.Remove(filepath.Join(dir, "deep/LICENSE")) }, true, true},
		"a file renamed": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "deep/LICENSE"), filepath.Join(dir, "deep/LICENCE"))
		}, true, true},
		"a link in its place": {func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "config.json"), filepath.Join(dir, "../c")), os.Symlink("../c", filepath.Join(dir, "config.json")))
		}, true, true},
		"another manifest": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ".modelcheck/manifest.json"), []byte("{}"), 0o644)
		}, true, true},
		"no manifest":      {func(dir string) error { return os.Remove(filepath.Join(dir, ".modelcheck/manifest.json")) }, true, true},
		"a broken receipt": {func(dir string) error { return os.Truncate(filepath.Join(dir, ".modelcheck/receipt.json"), 100) }, true, true},
		"a receipt of another file": {func(dir string) error {
			name := filepath.Join(dir, ".modelcheck/receipt.json")
			data, err := os.ReadFile(name)
			other := bytes.ToUpper(good.data)
			is, was := artifact.SumSHA256(other).String(), artifact.SumSHA256(good.data).String()
			return errors.Join(err, os.WriteFile(name, bytes.ReplaceAll(data, []byte(was), []byte(is)), 0o644), os.WriteFile(filepath.Join(dir, "config.json"), other, 0o644))
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := pulled(t)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			full, err := puller(t, unsigned(t), nil).Examine(t.Context(), folder(t, dir))
			if err != nil || full.Verdict.Allowed() == c.deny || c.deny && full.Verdict.Outcome != policy.Deny {
				t.Errorf("hashed: %v %v", full.Verdict, err)
			}
			if !c.deny && (full.Receipt == nil || !full.Receipt.Rehashed || full.Receipt.Files != 2) {
				t.Errorf("hashed: %+v", full.Receipt)
			}
			if runtime.GOOS != "linux" {
				return
			}
			quick, err := puller(t, unsigned(t), nil).SinceReceipt(t.Context(), folder(t, dir))
			want := policy.Undecided
			if c.quick {
				want = policy.Deny
			}
			if err != nil || quick.Verdict.Outcome != want || quick.Inspected == c.quick || quick.Manifest != nil || quick.Bytes.Hashed != 0 {
				t.Errorf("quickly: %v %v", quick.Verdict, err)
			}
			if quick.Receipt != nil && quick.Receipt.Rehashed {
				t.Error("quickly: said to have been hashed")
			}
		})
	}
}

// The content of a pulled folder is that of the artifact: the documents beside
// it are not part of the model. Without a receipt they are files like others.
func TestReceiptIsNoFile(t *testing.T) {
	dir := pulled(t)
	with, err := puller(t, unsigned(t), nil).Examine(t.Context(), folder(t, dir))
	if err != nil || len(with.Manifest.Files) != 2 {
		t.Fatalf("%v", err)
	}
	if err := os.Remove(filepath.Join(dir, ".modelcheck/receipt.json")); err != nil {
		t.Fatal(err)
	}
	without, err := puller(t, unsigned(t), nil).Examine(t.Context(), folder(t, dir))
	if err != nil || len(without.Manifest.Files) != 3 || without.Receipt != nil || without.ManifestDigest == with.ManifestDigest {
		t.Errorf("%v", err)
	}
	if r, err := puller(t, unsigned(t), nil).SinceReceipt(t.Context(), folder(t, dir)); err == nil || r.Error.Code != provenance.CodeNotFound {
		t.Errorf("without a receipt: %v", err)
	}
	// A receipt makes nobody a signer.
	signed, err := puller(t, byDemoKey(t), nil).Examine(t.Context(), folder(t, pulled(t)))
	if err != nil || signed.Verdict.Outcome != policy.Deny {
		t.Errorf("by key: %v %v", signed.Verdict, err)
	}
}
