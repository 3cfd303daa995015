package artifact_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func model() []artifact.File {
	file := func(path string) artifact.File {
		return artifact.File{Path: path, Digest: artifact.SumSHA256([]byte(path)), Size: int64(len(path)), Role: artifact.RoleWeights}
	}
	return []artifact.File{file("config.json"), file("sub/a.bin"), file("b.bin")}
}

func identity(t *testing.T, files []artifact.File) artifact.Digest {
	t.Helper()
	d, err := artifact.ContentIdentity(files)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestContentIdentityIsOfTheContent(t *testing.T) {
	want := identity(t, model())
	for name, change := range map[string]func([]artifact.File) []artifact.File{
		"another order": func(f []artifact.File) []artifact.File { slices.Reverse(f); return f },
		"in a folder": func(f []artifact.File) []artifact.File {
			for i := range f {
				f[i].Path = "models/tiny/" + f[i].Path
			}
			return f
		},
		"other roles, formats and layers": func(f []artifact.File) []artifact.File {
			f[0].Role, f[0].Format, f[0].Layer = artifact.RoleConfig, "json", artifact.SumSHA256(nil)
			return f
		},
		"with an operating system": func(f []artifact.File) []artifact.File {
			return append(f, artifact.File{Path: "/etc/passwd", Role: artifact.RoleSystem})
		},
	} {
		if got := identity(t, change(model())); got != want {
			t.Errorf("%s: another identity", name)
		}
	}
	for name, change := range map[string]func([]artifact.File) []artifact.File{
		"a byte":       func(f []artifact.File) []artifact.File { f[0].Digest = artifact.SumSHA256(nil); return f },
		"a size":       func(f []artifact.File) []artifact.File { f[0].Size++; return f },
		"a name":       func(f []artifact.File) []artifact.File { f[0].Path = "Config.json"; return f },
		"a folder":     func(f []artifact.File) []artifact.File { f[0].Path = "sub/config.json"; return f },
		"a file fewer": func(f []artifact.File) []artifact.File { return f[1:] },
		"a file more": func(f []artifact.File) []artifact.File {
			return append(f, artifact.File{Path: "x", Digest: artifact.SumSHA256(nil)})
		},
		"names swapped":  func(f []artifact.File) []artifact.File { f[0].Path, f[2].Path = f[2].Path, f[0].Path; return f },
		"a forged line":  func(f []artifact.File) []artifact.File { f[0].Path = "config.json\n" + f[0].Digest.Hex(); return f },
		"a quoted name":  func(f []artifact.File) []artifact.File { f[0].Path = `"config.json"`; return f },
		"all in capital": func(f []artifact.File) []artifact.File { f[2].Path = strings.ToUpper(f[2].Path); return f },
	} {
		if got := identity(t, change(model())); got == want {
			t.Errorf("%s: the same identity", name)
		}
	}
}

func TestContentIdentityGolden(t *testing.T) {
	got := identity(t, []artifact.File{{Path: "x/README.md", Digest: artifact.SumSHA256(nil), Size: 0}})
	want := artifact.SumSHA256([]byte("modelcheck content identity v1\n" + hex256 + " 0 \"README.md\"\n"))
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestContentIdentityRefuses(t *testing.T) {
	twice := append(model(), model()[0])
	none := model()
	none[1].Digest = artifact.Digest{}
	long := model()
	long[1].Digest, _ = artifact.ParseDigest("sha512:" + hex512)
	system := []artifact.File{{Path: "etc/passwd", Digest: artifact.SumSHA256(nil), Role: artifact.RoleSystem}}
	for name, files := range map[string][]artifact.File{"nothing": nil, "only a system": system, "a path twice": twice, "no digest": none, "sha512": long} {
		if d, err := artifact.ContentIdentity(files); err == nil || !d.IsZero() {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

// Names that no packaging should let through must not hang either.
func TestModelRoot(t *testing.T) {
	for _, tc := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, ""},
		{[]string{"m/a"}, "m/"},
		{[]string{"m/a", "m/b/c"}, "m/"},
		{[]string{"m/a", "mm/a"}, ""},
		{[]string{"m/x/a", "m/x/b", "m/y"}, "m/"},
		{[]string{"/a", "/b"}, ""},
		{[]string{"/m/a", "b"}, ""},
		{[]string{"a", "/b"}, ""},
		{[]string{"../a", "b"}, ""},
		{[]string{"", ""}, ""},
	} {
		var files []artifact.File
		for _, p := range tc.paths {
			files = append(files, artifact.File{Path: p})
		}
		if got := artifact.ModelRoot(files); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.paths, got, tc.want)
		}
	}
}

func TestRolesAreWords(t *testing.T) {
	for r := artifact.RoleUnknown; r <= artifact.RoleSystem; r++ {
		b, err := r.MarshalText()
		var again artifact.Role
		if err != nil || again.UnmarshalText(b) != nil || again != r {
			t.Errorf("%v: %q, %v", r, b, err)
		}
	}
	if artifact.Role(99).String() != "unknown" || new(artifact.Role).UnmarshalText([]byte("Weights")) == nil {
		t.Error("a role that is none")
	}
}

func TestMismatchError(t *testing.T) {
	want, got := artifact.SumSHA256(nil), artifact.SumSHA256([]byte("x"))
	digest := &artifact.MismatchError{What: "blob", Files: []string{"a", "b\n", "c", "d"}, Want: want, Got: got, WantSize: 1, GotSize: 1}
	if !errors.Is(digest, artifact.ErrDigestMismatch) || errors.Is(digest, artifact.ErrSizeMismatch) {
		t.Error(digest)
	}
	for _, part := range []string{`"a" "b\n" "c" and 1 more`, want.String(), got.String()} {
		if !strings.Contains(digest.Error(), part) {
			t.Errorf("%q is not in %q", part, digest)
		}
	}
	size := &artifact.MismatchError{What: "manifest", Want: want, WantSize: 5, GotSize: 6}
	if !errors.Is(size, artifact.ErrSizeMismatch) || !strings.Contains(size.Error(), "at least 6 bytes, want 5") {
		t.Error(size)
	}
	size.GotSize = 3
	if !strings.Contains(size.Error(), ": 3 bytes, want 5") {
		t.Error(size)
	}
}
