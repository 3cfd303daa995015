package oms

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func TestCompareReal(t *testing.T) {
	for name, has := range map[string]bool{"v1.0.0-sigstore": false, "v1.1.0-sigstore": true, "v1.1.0-certificate": true, "v1.1.0-elliptic-key": true} {
		t.Run(name, func(t *testing.T) {
			payload, files := fixture(t, name)
			s, err := Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if h := s.Needs(f.Path, f.Size); h != nil {
					t.Errorf("%s is wanted, and its SHA-256 is known", f.Path)
				}
			}
			r := s.Compare(Model{Files: files, Signature: "model.sig"})
			if !r.OK(IgnoredBySigner) || !r.Complete() || r.OK() == has || r.Matched != 2 {
				t.Errorf("%+v", r)
			}
			if has && !slices.Equal(r.With(IgnoredBySigner), []string{"ignore-me"}) {
				t.Errorf("%+v", r)
			}
			all := []Reason{Unlisted, IgnoredBySigner, IgnoredByDefault, EmptyFile}
			none := []Reason{IgnoredBySigner}
			for what, c := range map[string]struct {
				m     Model
				allow []Reason
				want  Difference
			}{
				"extra file":        {Model{append(slices.Clone(files), plain("evil.py", "x")), "model.sig", artifact.Digest{}}, none, Difference{"evil.py", Unlisted}},
				"hidden file":       {Model{append(slices.Clone(files), plain(".evil", "x")), "model.sig", artifact.Digest{}}, none, Difference{".evil", Unlisted}},
				"in a folder":       {Model{append(slices.Clone(files), plain("a/ignore-me", "x")), "model.sig", artifact.Digest{}}, none, Difference{"a/ignore-me", Unlisted}},
				"empty file":        {Model{append(slices.Clone(files), plain("__init__.py", "")), "model.sig", artifact.Digest{}}, none, Difference{"__init__.py", Unlisted}},
				"missing file":      {Model{drop(files, "signme-2"), "model.sig", artifact.Digest{}}, all, Difference{"signme-2", Missing}},
				"renamed file":      {Model{rename(files, "signme-2", "signme-3"), "model.sig", artifact.Digest{}}, all, Difference{"signme-2", Missing}},
				"renamed in case":   {Model{rename(files, "signme-2", "Signme-2"), "model.sig", artifact.Digest{}}, all, Difference{"signme-2", Missing}},
				"moved down":        {Model{rename(files, "signme-2", "a/signme-2"), "model.sig", artifact.Digest{}}, all, Difference{"signme-2", Missing}},
				"changed file":      {Model{append(drop(files, "signme-2"), plain("signme-2", "x")), "model.sig", artifact.Digest{}}, all, Difference{"signme-2", Changed}},
				"case twin":         {Model{append(slices.Clone(files), plain("SIGNME-1", "x")), "model.sig", artifact.Digest{}}, none, Difference{"SIGNME-1", Unlisted}},
				"name twice":        {Model{append(slices.Clone(files), plain("signme-1", "x")), "model.sig", artifact.Digest{}}, all, Difference{"signme-1", Duplicate}},
				"no digest":         {Model{append(drop(files, "signme-1"), File{Path: "signme-1", Size: 8}), "model.sig", artifact.Digest{}}, all, Difference{"signme-1", Uncompared}},
				"nothing":           {Model{}, all, Difference{"signme-1", Missing}},
				"symbolic link":     {Model{append(drop(files, "signme-1"), link(files, "signme-1")), "model.sig", artifact.Digest{}}, all, Difference{"signme-1", Symlink}},
				"another model.sig": {Model{append(slices.Clone(files), plain("a/model.sig", "x")), "model.sig", artifact.Digest{}}, none, Difference{"a/model.sig", Unlisted}},
			} {
				if r := s.Compare(c.m); r.OK(c.allow...) || !slices.Contains(r.Differences, c.want) {
					t.Errorf("%s: want %v in %+v", what, c.want, r)
				}
			}
		})
	}
}

func drop(files []File, path string) []File {
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Path == path })
}

func rename(files []File, from, to string) []File {
	out := slices.Clone(files)
	for i := range out {
		if out[i].Path == from {
			out[i].Path = to
		}
	}
	return out
}

func link(files []File, path string) File {
	f := files[slices.IndexFunc(files, func(f File) bool { return f.Path == path })]
	f.Symlink = true
	return f
}

// The zero values, and a statement that nobody parsed, allow nothing.
func TestZeroValuesDeny(t *testing.T) {
	all := []Reason{NoReason, Unlisted, IgnoredBySigner, IgnoredByDefault, EmptyFile, Missing, Changed, Uncompared, Symlink, Clash, Duplicate}
	if (Result{}).OK(all...) || (Result{}).Complete() {
		t.Error("the zero result is good")
	}
	var s Statement
	if r := s.Compare(Model{}); r.OK(all...) || r.Complete() {
		t.Errorf("%+v", r)
	}
	if s.Needs("a", 1) != nil {
		t.Error("the zero statement needs something")
	}
	for _, reason := range all {
		if r := (Result{Listed: 1, Matched: 1, Differences: []Difference{{"x", reason}}}); r.OK() || r.OK(all...) != reason.may() {
			t.Errorf("%v", reason)
		}
	}
	if Reason(200).may() || Reason(200).String() != "none" || Missing.String() != "missing" || len(reasonNames) != int(Duplicate)+1 {
		t.Error("words")
	}
}

func TestCompareIgnored(t *testing.T) {
	d := signed(of("a", "1", "cache/kept", "2"))
	d.serialization()["ignore_paths"] = []string{"cache", "x/y", ".gitattributes", "other.sig"}
	s := d.parse(t)
	base := []File{plain("a", "1"), plain("cache/kept", "2")}
	if r := s.Compare(Model{Files: base}); !r.OK() {
		t.Errorf("what is listed counts, ignored or not: %+v", r)
	}
	for path, want := range map[string]Reason{
		"cache/z":        IgnoredBySigner,
		"cache":          IgnoredBySigner,
		"x/y":            IgnoredBySigner,
		"x/y/z/evil.so":  IgnoredBySigner,
		"other.sig":      IgnoredBySigner,
		".gitattributes": IgnoredByDefault,
		".git/hooks/x":   IgnoredByDefault,
		".gitignore":     IgnoredByDefault,
		".github/x":      IgnoredByDefault,
		"x":              Unlisted,
		"x/yz":           Unlisted,
		"x/Y":            Unlisted,
		"cachez":         Unlisted,
		"sub/cache":      Unlisted,
		"sub/.git/x":     Unlisted,
		".gitmodules":    Unlisted,
		".git2":          Unlisted,
	} {
		r := s.Compare(Model{Files: append(slices.Clone(base), plain(path, "x"))})
		if !slices.Equal(r.Differences, []Difference{{path, want}}) || r.OK() || !r.OK(want) {
			t.Errorf("%s: %+v, want %v", path, r, want)
		}
	}
	if r := s.Compare(Model{Files: []File{plain("a", "1")}}); r.OK(IgnoredBySigner) {
		t.Errorf("listed, ignored and missing: %+v", r)
	}
	if r := s.Compare(Model{Files: []File{plain("a", "1"), plain("cache/kept", "3")}}); r.OK(IgnoredBySigner) {
		t.Errorf("listed, ignored and changed: %+v", r)
	}
}

func TestCompareSignatureFile(t *testing.T) {
	s := signed(of("a", "1")).parse(t)
	files := []File{plain("a", "1"), plain("model.sig", "{}")}
	if r := s.Compare(Model{Files: files, Signature: "model.sig"}); !r.OK() {
		t.Errorf("%+v", r)
	}
	for name, m := range map[string]Model{
		"it came otherwise":           {Files: files},
		"another file":                {Files: files, Signature: "other.sig"},
		"a second one":                {Files: append(slices.Clone(files), plain("z.sig", "{}")), Signature: "model.sig"},
		"a listed file is no excuse":  {Files: []File{plain("a", "2")}, Signature: "a"},
		"a listed file that is away":  {Signature: "a"},
		"what lies below is its own":  {Files: append(slices.Clone(files), plain("model.sig/x", "{}")), Signature: "model.sig"},
		"twice the file that is left": {Files: append(slices.Clone(files), plain("model.sig", "x")), Signature: "model.sig"},
	} {
		if r := s.Compare(m); r.OK(IgnoredBySigner, IgnoredByDefault) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestCompareSymlinks(t *testing.T) {
	d := signed(of("a", "1", "b", "1"))
	linked := File{Path: "b", Size: 1, SHA256: artifact.SumSHA256([]byte("1")), Symlink: true}
	d.serialization()["allow_symlinks"] = true
	s := d.parse(t)
	if r := s.Compare(Model{Files: []File{plain("a", "1"), linked}}); !s.AllowSymlinks() || !r.OK() {
		t.Errorf("%+v", r)
	}
	blind, elsewhere, extra := linked, linked, linked
	blind.SHA256, blind.Size = artifact.Digest{}, 0
	elsewhere.SHA256 = artifact.SumSHA256([]byte("2"))
	extra.Path = "c"
	for name, files := range map[string][]File{
		"not followed":    {plain("a", "1"), blind},
		"leads elsewhere": {plain("a", "1"), elsewhere},
		"one more":        {plain("a", "1"), linked, extra},
	} {
		if r := s.Compare(Model{Files: files}); r.OK() {
			t.Errorf("%s: %+v", name, r)
		}
	}
	d.serialization()["allow_symlinks"] = false
	if r := d.parse(t).Compare(Model{Files: []File{plain("a", "1"), linked, extra}}); r.OK(Unlisted) || len(r.With(Symlink)) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestCompareConfigBlob(t *testing.T) {
	config := artifact.SumSHA256([]byte("{}"))
	weights := plain("w.gguf", "w")
	s := signed(of("config.json", "{}", "w.gguf", "w")).parse(t)
	if r := s.Compare(Model{Files: []File{weights}, Config: config}); !r.OK() || !r.ConfigBlob {
		t.Errorf("no file of the name: %+v", r)
	}
	if r := s.Compare(Model{Files: []File{weights, plain("config.json", "{}")}, Config: config}); !r.OK() || r.ConfigBlob {
		t.Errorf("a file with these bytes: %+v", r)
	}
	for name, c := range map[string]struct {
		m    Model
		want Reason
	}{
		"a real file of the name": {Model{Files: []File{weights, plain("config.json", "real")}, Config: config}, Clash},
		"another configuration":   {Model{Files: []File{weights}, Config: artifact.SumSHA256(nil)}, Missing},
		"no configuration":        {Model{Files: []File{weights}}, Missing},
		"a real file, no config":  {Model{Files: []File{weights, plain("config.json", "real")}}, Changed},
	} {
		r := s.Compare(c.m)
		if r.OK(Unlisted, IgnoredBySigner) || !slices.Equal(r.Differences, []Difference{{"config.json", c.want}}) {
			t.Errorf("%s: %+v, want %v", name, r, c.want)
		}
	}
	other := signed(of("sub/config.json", "{}", "w.gguf", "w")).parse(t)
	if r := other.Compare(Model{Files: []File{weights}, Config: config}); r.OK() {
		t.Errorf("another name: %+v", r)
	}
}

func TestCompareDescriptors(t *testing.T) {
	layer := func(path, content string) Layer {
		return Layer{Path: path, Descriptor: artifact.Descriptor{Digest: artifact.SumSHA256([]byte(content)), Size: int64(len(content))}}
	}
	s := signed(of("a", "1", "b/c", "2")).parse(t)
	good := []Layer{layer("a", "1"), layer("b/c", "2")}
	if r := s.CompareDescriptors(good, Model{}); !r.OK() || !r.Complete() {
		t.Errorf("%+v", r)
	}
	sig := append(slices.Clone(good), layer("model.sig", "{}"))
	if r := s.CompareDescriptors(sig, Model{Signature: "model.sig"}); !r.OK() {
		t.Errorf("%+v", r)
	}
	sha512 := layer("b/c", "2")
	sha512.Descriptor.Digest = artifact.DigestOf(artifact.SHA512, make([]byte, 64))
	for name, c := range map[string]struct {
		layers   []Layer
		complete bool
	}{
		"an archive":       {[]Layer{layer("a", "1"), layer("", "2")}, false},
		"one more archive": {append(slices.Clone(good), layer("", "3")), false},
		"named by SHA-512": {[]Layer{layer("a", "1"), sha512}, false},
		"other bytes":      {[]Layer{layer("a", "1"), layer("b/c", "3")}, true},
		"one less":         {good[:1], true},
		"one more":         {sig, true},
		"swapped":          {[]Layer{layer("a", "2"), layer("b/c", "1")}, true},
		"one name for two": {append(slices.Clone(good), layer("a", "1")), true},
		"none":             {nil, true},
	} {
		if r := s.CompareDescriptors(c.layers, Model{}); r.OK() || r.Complete() != c.complete {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestCompareShards(t *testing.T) {
	long := strings.Repeat("0123456789", 3)
	s := inShards(8, of("big:0:8", long[:8], "big:16:24", long[16:24], "big:24:30", long[24:], "big:8:16", long[8:16], "small:0:3", "abc")).parse(t)
	big, small := file(t, s, "big", long), file(t, s, "small", "abc")
	if small.Hashed != nil || big.Hashed == nil {
		t.Error("a file of one shard has the shard's digest, and others have not")
	}
	if r := s.Compare(Model{Files: []File{big, small}}); !r.OK() || r.Listed != 2 {
		t.Errorf("%+v", r)
	}
	if r := s.Compare(Model{Files: []File{big, small}}); !r.OK() {
		t.Errorf("once more: %+v", r)
	}
	if _, err := big.Hashed.Write([]byte("x")); err == nil {
		t.Error("takes bytes after it was read")
	}
	swapped := long[8:16] + long[:8] + long[16:]
	other := plain("big", long)
	other.Hashed = s.Needs("big", 30)
	write(t, other.Hashed, swapped)
	half := plain("big", long)
	half.Hashed = s.Needs("big", 30)
	write(t, half.Hashed, long[:24])
	for name, c := range map[string]struct {
		f    File
		want Reason
	}{
		"shards swapped":        {file(t, s, "big", swapped), Changed},
		"a byte changed":        {file(t, s, "big", long[:29]+"x"), Changed},
		"a byte less":           {file(t, s, "big", long[:29]), Changed},
		"a byte more":           {file(t, s, "big", long+"x"), Changed},
		"a shard more":          {file(t, s, "big", long+"01234567"), Changed},
		"nothing of it":         {plain("big", ""), Changed},
		"not hashed":            {plain("big", long), Uncompared},
		"another file's Hasher": {other, Uncompared},
		"half of it hashed":     {half, Uncompared},
		"small, one changed":    {file(t, s, "small", "abd"), Changed},
	} {
		files := []File{c.f, small}
		if c.f.Path == "small" {
			files[1] = big
		}
		r := s.Compare(Model{Files: files})
		if !slices.Equal(r.Differences, []Difference{{c.f.Path, c.want}}) || r.OK(Unlisted, EmptyFile) || r.Complete() != (c.want != Uncompared) {
			t.Errorf("%s: %+v, want %v", name, r, c.want)
		}
	}
	r := s.Compare(Model{Files: []File{big, small, plain("__init__.py", "")}})
	if r.OK() || r.OK(Unlisted) || !r.OK(EmptyFile) {
		t.Errorf("an empty file cannot be listed: %+v", r)
	}
	liar := File{Path: "x", SHA256: artifact.SumSHA256([]byte("x"))}
	if r := s.Compare(Model{Files: []File{big, small, liar}}); r.OK(EmptyFile) {
		t.Errorf("a claimed size of zero: %+v", r)
	}
}
