package trust

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"default": true, "corp-2": true, "0_a": true, strings.Repeat("a", maxName): true,
		"": false, ".": false, "..": false, "../x": false, "a/b": false, `a\b`: false, "a.b": false, "Corp": false,
		"-x": false, "_x": false, "x\x00": false, "ö": false, "x y": false, "C:": false, strings.Repeat("a", maxName+1): false,
		"/etc/passwd": false, "root.json": false, "~": false,
	} {
		if err := CheckName(name); (err == nil) != ok || (err != nil && !errors.Is(err, ErrName)) || IsName(name) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestNameIsNoPath: no operation reads or writes outside the store's folder.
func TestNameIsNoPath(t *testing.T) {
	s := newStore(t)
	outside := filepath.Join(filepath.Dir(s.dir), "outside.json")
	if err := os.WriteFile(outside, trustedRoot(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside", "..", "a/../../outside", "/outside"} {
		_, load := s.Load(name)
		_, imported := s.Import(Import{Name: name, JSON: trustedRoot(t)})
		_, updated := s.Update(t.Context(), Update{Name: name})
		_, signing := s.SigningConfig(name)
		for _, err := range []error{load, imported, updated, signing} {
			if !errors.Is(err, ErrName) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	if len(names(t, s)) > 0 {
		t.Errorf("it wrote %q", names(t, s))
	}
}

func TestImport(t *testing.T) {
	s := newStore(t)
	first, second := trustedRoot(t), trustedRoot(t)
	at := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
	got, err := s.Import(Import{JSON: first, FetchedAt: at})
	if err != nil || got.Name != DefaultName || !bytes.Equal(got.JSON, first) || !got.Changed() || !got.FetchedAt().Equal(at) {
		t.Fatalf("%v %+v", err, got)
	}
	next, err := s.Import(Import{JSON: second})
	if err != nil || next.Previous.Digest != got.Digest || !next.FetchedAt().IsZero() {
		t.Errorf("%v %+v", err, next)
	}
	for name, in := range map[string]Import{
		"nothing":        {},
		"no root":        {JSON: []byte("{}")},
		"half a root":    {JSON: first[:len(first)/2]},
		"two roots":      {JSON: append(bytes.Clone(first), second...)},
		"a name twice":   {JSON: append([]byte(`{"tlogs":[],`), first[1:]...)},
		"too large":      {JSON: bytes.Repeat([]byte(" "), maxFile+1)},
		"of tomorrow":    {JSON: first, FetchedAt: time.Now().Add(24 * time.Hour)},
		"an empty root":  {JSON: []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)},
		"another type":   {JSON: bytes.Replace(first, []byte("trustedroot+json;version=0.1"), []byte("trustedroot+json;version=9"), 1)},
		"a TUF metadata": {JSON: newRepository(t).anchor},
	} {
		if _, err := s.Import(in); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if r, err := s.Load(DefaultName); err != nil || r.Digest != next.Digest {
		t.Errorf("the installed root changed: %v", err)
	}
}

// TestConflicts: what came one way is not overwritten the other way by chance.
func TestConflicts(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	own := Update{Name: "corp", Mirror: r.url, Root: r.anchor}
	if _, err := s.Import(Import{Name: "corp", JSON: trustedRoot(t)}); err != nil {
		t.Fatal(err)
	}
	// Without the refusal this would put the public instance in corp's place.
	if _, err := s.Update(t.Context(), Update{Name: "corp"}); !errors.Is(err, ErrConflict) {
		t.Errorf("update over an import: %v", err)
	}
	if _, err := s.Update(t.Context(), own); !errors.Is(err, ErrConflict) {
		t.Errorf("update over an import: %v", err)
	}
	own.Replace = true
	if _, err := s.Update(t.Context(), own); err != nil {
		t.Error(err)
	}
	if _, err := s.Import(Import{Name: "corp", JSON: trustedRoot(t)}); !errors.Is(err, ErrConflict) {
		t.Errorf("import over an update: %v", err)
	}
	other := newRepository(t)
	other.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	if _, err := s.Update(t.Context(), Update{Name: "corp", Mirror: other.url, Root: other.anchor}); !errors.Is(err, ErrConflict) {
		t.Errorf("another anchor: %v", err)
	}
	if _, err := s.Import(Import{Name: "corp", JSON: trustedRoot(t), Replace: true}); err != nil {
		t.Error(err)
	}
	if got := names(t, s); len(got) != 2 {
		t.Errorf("an imported root with TUF state: %q", got)
	}
}

// TestDamagedState: without its state an update would forget what it saw.
func TestDamagedState(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	if _, err := s.Update(t.Context(), Update{Mirror: r.url, Root: r.anchor}); err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"", "{", "{}", "null"} {
		if err := os.WriteFile(s.path(DefaultName, stateSuffix), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), Update{}); !errors.Is(err, ErrState) {
			t.Errorf("%q: %v", damage, err)
		}
	}
	if _, err := s.Update(t.Context(), Update{Mirror: r.url, Root: r.anchor, Replace: true}); err != nil {
		t.Error(err)
	}
}

// TestSidecar: a root keeps its age when it is carried along with its sidecar,
// and has none without, or beside other bytes, or after a crash in between.
func TestSidecar(t *testing.T) {
	s := newStore(t)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	got, err := s.Import(Import{Name: "corp", JSON: trustedRoot(t), FetchedAt: at})
	if err != nil {
		t.Fatal(err)
	}
	side := read0(t, s.path("corp", sidecarSuffix))
	for name, c := range map[string]struct {
		root, side []byte
		known      bool
		note       string
	}{
		"both":             {got.JSON, side, true, ""},
		"alone":            {got.JSON, nil, false, ""},
		"other bytes":      {trustedRoot(t), side, false, "about other bytes"},
		"half a sidecar":   {got.JSON, side[:len(side)/2], false, "cannot be read"},
		"empty sidecar":    {got.JSON, []byte{}, false, "cannot be read"},
		"of a new version": {got.JSON, bytes.Replace(side, []byte(`"1"`), []byte(`"2"`), 1), false, "cannot be used"},
		"of no source":     {got.JSON, bytes.Replace(side, []byte(`"import"`), []byte(`"moon"`), 1), false, "cannot be used"},
		"claims TUF":       {got.JSON, bytes.Replace(side, []byte(`"import"`), []byte(`"tuf"`), 1), false, "cannot be used"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "carried.json")
		if err := os.WriteFile(path, c.root, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.side != nil {
			if err := os.WriteFile(filepath.Join(dir, "carried.meta.json"), c.side, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := ReadFile(path)
		if err != nil || r.Name != "" || (r.Sidecar != nil) != c.known || !strings.Contains(r.Note, c.note) || (c.note == "" && r.Note != "") {
			t.Errorf("%s: %v %+v", name, err, r.Note)
		}
		if c.known && !r.FetchedAt().Equal(at) {
			t.Errorf("%s: fetched at %v, want %v", name, r.FetchedAt(), at)
		}
	}
}

func TestListAndMissing(t *testing.T) {
	s := newStore(t)
	if all, err := s.List(); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	if _, err := s.Load("default"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"zulu", "alpha"} {
		if _, err := s.Import(Import{Name: name, JSON: trustedRoot(t)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "Not A Root.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := s.List()
	if err != nil || len(all) != 2 || all[0].Name != "alpha" || all[1].Name != "zulu" {
		t.Errorf("%v %v", all, err)
	}
	if _, err := ReadFile(filepath.Join(s.dir, "nothing.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := ReadFile(s.dir); err == nil {
		t.Error("a folder is a root")
	}
}

// TestDescribePublicGood reads the trusted root of the public instance.
func TestDescribePublicGood(t *testing.T) {
	c, err := Describe(read0(t, fixtures.Dir(t, "sigstore-conformance", "trusted_root.public-good.json")))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.CertificateAuthorities) != 2 || len(c.CertificateLogs) != 2 || len(c.TransparencyLogs) != 2 || len(c.TimestampAuthorities) != 1 {
		t.Fatalf("%+v", c)
	}
	ca, v1, v2 := c.CertificateAuthorities[1], c.TransparencyLogs[0], c.TransparencyLogs[1]
	if ca.URL != "https://fulcio.sigstore.dev" || ca.Subject != "CN=sigstore-intermediate,O=sigstore.dev" || ca.Root != "CN=sigstore,O=sigstore.dev" ||
		ca.NotAfter.Year() != 2031 || !ca.ValidFor.End.IsZero() || c.CertificateAuthorities[0].ValidFor.End.IsZero() {
		t.Errorf("%+v", ca)
	}
	if v1.Generation != "1" || v1.Key != "ECDSA-P256-SHA-256" || v1.KeyID != "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d" {
		t.Errorf("%+v", v1)
	}
	if v2.Generation != "2" || v2.Key != "ED25519" || !c.NewestKey().Equal(v2.ValidFor.Start) {
		t.Errorf("%+v, newest %v", v2, c.NewestKey())
	}
}
