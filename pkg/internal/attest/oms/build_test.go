package oms

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// RFC 7693 appendix A; the BLAKE3 reference implementation's empty input and
// "abc"; FIPS 180-4.
func TestAlgorithms(t *testing.T) {
	for _, c := range []struct {
		a       Algorithm
		content string
		want    string
	}{
		{BLAKE2b, "abc", "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"},
		{BLAKE3, "abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"},
		{BLAKE3, "", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
		{SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		sum, err := c.a.digest(c.want)
		if err != nil {
			t.Fatal(err)
		}
		h := newHasher(Files, c.a, 0)
		write(t, h, c.content)
		if got := h.finish(); !bytes.Equal(got.digest, sum) || got.plain != artifact.SumSHA256([]byte(c.content)) {
			t.Errorf("%v of %q: %x", c.a, c.content, got.digest)
		}
	}
	if NoAlgorithm.String() != "none" || NoMethod.String() != "none" || NoAlgorithm.size() != 0 || algorithmOf("none") != NoAlgorithm || methodOf("none") != NoMethod {
		t.Error("none is one")
	}
	defer func() {
		if recover() == nil {
			t.Error("no algorithm hashes")
		}
	}()
	NoAlgorithm.hash()
}

// model returns files that are hashed for o.
func model(t testing.TB, o Options, pairs ...string) []File {
	t.Helper()
	var files []File
	for i := 0; i < len(pairs); i += 2 {
		f := plain(pairs[i], pairs[i+1])
		if f.Hashed = o.Needs(f.Size); f.Hashed != nil {
			write(t, f.Hashed, pairs[i+1])
		}
		files = append(files, f)
	}
	return files
}

func reversed(files []File) []File {
	slices.Reverse(files)
	return files
}

// What is written is read, covers the model, and no neighbour of it.
func TestNewRoundTrip(t *testing.T) {
	pairs := []string{"w/b.bin", strings.Repeat("0123456789", 5), "w/a.bin", "01234567", "w-x", "y", "empty", "", ".gitattributes", "g", "skip/this", "s", "model.sig", "{}"}
	for _, o := range []Options{
		{}, {Hash: BLAKE2b}, {Hash: BLAKE3}, {Method: Shards}, {Method: Shards, ShardSize: 8},
		{Method: Shards, ShardSize: 1, Hash: BLAKE3}, {Method: Shards, ShardSize: 1 << 62, Hash: BLAKE2b},
	} {
		t.Run(o.Method.String()+"/"+o.Hash.String(), func(t *testing.T) {
			o.Name, o.Ignore, o.Signature = "model", []string{"skip/"}, "model.sig"
			payload, err := New(model(t, o, pairs...), o)
			if err != nil {
				t.Fatal(err)
			}
			again, err := New(reversed(model(t, o, pairs...)), o)
			if err != nil || !bytes.Equal(payload, again) {
				t.Errorf("not reproducible: %v", err)
			}
			s, err := Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{".git", ".gitattributes", ".github", ".gitignore", "model.sig", "skip"}; !slices.Equal(s.IgnorePaths(), want) {
				t.Errorf("ignores %q", s.IgnorePaths())
			}
			allow := []Reason{IgnoredByDefault, IgnoredBySigner}
			if s.Method() == Shards {
				allow = append(allow, EmptyFile)
			}
			var files []File
			for i := 0; i < len(pairs); i += 2 {
				files = append(files, file(t, s, pairs[i], pairs[i+1]))
			}
			m := Model{Files: files, Signature: "model.sig"}
			if r := s.Compare(m); !r.OK(allow...) || r.OK() || !r.Complete() {
				t.Errorf("%+v", r)
			}
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == ".gitattributes" || pairs[i] == "skip/this" || pairs[i] == "model.sig" {
					continue
				}
				changed := Model{Files: slices.Clone(files), Signature: "model.sig"}
				changed.Files[i/2] = file(t, s, pairs[i], pairs[i+1]+"x")
				if r := s.Compare(changed); r.OK(allow...) {
					t.Errorf("%s with a byte more: %+v", pairs[i], r)
				}
			}
		})
	}
}

// The statements of the reference implementation, written again.
func TestNewMeansTheSame(t *testing.T) {
	payload, files := fixture(t, "v1.1.0-certificate")
	want, err := Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	own, err := New(files, Options{Name: "v1.1.0-certificate", Ignore: []string{"ignore-me"}, Signature: "model.sig"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(own)
	if err != nil {
		t.Fatal(err)
	}
	if got.Root() != want.Root() || got.Name() != want.Name() || !slices.Equal(got.Paths(), want.Paths()) || !slices.Equal(got.IgnorePaths(), want.IgnorePaths()) {
		t.Errorf("%s\nfor\n%s", own, payload)
	}
}

func TestNewRefuses(t *testing.T) {
	good := []File{plain("a", "1")}
	stale := plain("a", "0123456789")
	stale.Hashed = Options{Method: Shards, ShardSize: 4}.Needs(10)
	write(t, stale.Hashed, "012345678X")
	linked := plain("a", "1")
	linked.Symlink = true
	foreign := plain("a", "0123456789")
	foreign.Hashed = inShards(4, of("a:0:4", "1", "a:4:8", "2", "a:8:10", "3")).parse(t).Needs("a", 10)
	write(t, foreign.Hashed, "0123456789")
	for name, c := range map[string]struct {
		files []File
		o     Options
		want  error
	}{
		"no name":                {good, Options{}, nil},
		"unknown method":         {good, Options{Name: "m", Method: 9}, nil},
		"unknown algorithm":      {good, Options{Name: "m", Hash: 9}, nil},
		"shard size for files":   {good, Options{Name: "m", ShardSize: 4}, nil},
		"negative shard size":    {good, Options{Name: "m", Method: Shards, ShardSize: -1}, nil},
		"no files":               {nil, Options{Name: "m"}, ErrNothingToSign},
		"all ignored":            {good, Options{Name: "m", Ignore: []string{"a"}}, ErrNothingToSign},
		"only the signature":     {good, Options{Name: "m", Signature: "a"}, ErrNothingToSign},
		"only git's":             {[]File{plain(".git/config", "1")}, Options{Name: "m"}, ErrNothingToSign},
		"only empty, in shards":  {[]File{plain("a", "")}, Options{Name: "m", Method: Shards}, ErrNothingToSign},
		"a symbolic link":        {[]File{linked}, Options{Name: "m"}, nil},
		"no digest":              {[]File{{Path: "a", Size: 1}}, Options{Name: "m"}, nil},
		"not hashed":             {good, Options{Name: "m", Hash: BLAKE3}, nil},
		"other bytes hashed":     {[]File{stale}, Options{Name: "m", Method: Shards, ShardSize: 4}, nil},
		"hashed for other size":  {[]File{stale}, Options{Name: "m", Method: Shards, ShardSize: 5}, nil},
		"hashed for verifying":   {[]File{foreign}, Options{Name: "m", Method: Shards, ShardSize: 4}, nil},
		"a name that climbs":     {[]File{plain("../a", "1")}, Options{Name: "m"}, ErrName},
		"a name with a newline":  {[]File{plain("a\nb", "1")}, Options{Name: "m"}, ErrName},
		"a name twice":           {append(slices.Clone(good), plain("a", "2")), Options{Name: "m"}, ErrDuplicate},
		"a name not UTF-8":       {[]File{plain("a\xff", "1")}, Options{Name: "m"}, nil},
		"an ignored pattern":     {good, Options{Name: "m", Ignore: []string{"*.bin"}}, ErrSerialization},
		"an ignored parent":      {good, Options{Name: "m", Ignore: []string{"../x"}}, ErrSerialization},
		"a signature elsewhere":  {good, Options{Name: "m", Signature: "/elsewhere/x.sig"}, ErrSerialization},
		"more than can be named": {manyFiles(), Options{Name: "m"}, ErrTooLarge},
	} {
		if payload, err := New(c.files, c.o); err == nil || c.want != nil && !errors.Is(err, c.want) || payload != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if p, err := New([]File{linked}, Options{Name: "m", AllowSymlinks: true}); err != nil || !bytes.Contains(p, []byte(`"allow_symlinks":true`)) {
		t.Errorf("%s, %v", p, err)
	}
	if (Options{Hash: 9}).Needs(1) != nil {
		t.Error("a Hasher of an unknown algorithm")
	}
}

func manyFiles() []File {
	files := make([]File, MaxResources+1)
	for i := range files {
		files[i] = File{Path: "a", SHA256: artifact.SumSHA256(nil)}
	}
	return files
}

func TestNeeds(t *testing.T) {
	s := inShards(4, of("d/big:0:4", "1", "d/big:4:6", "2", "small:0:4", "3")).parse(t)
	for path, want := range map[string]bool{
		"d/big": true, "models/tiny/d/big": true, "./d/big": true,
		"big": false, "xd/big": false, "d/big/x": false, "small": false, "a/small": false, "": false, "/": false,
	} {
		if got := s.Needs(path, 6) != nil; got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if s.Needs("d/big", 7) != nil || s.Needs("d/big", -1) == nil {
		t.Error("a size that cannot match is hashed, or an unknown one is not")
	}
	d := signed([]line{{"a", "blake3", strings.Repeat("0", 64)}})
	d.serialization()["hash_type"] = "blake3"
	if s := d.parse(t); s.Needs("a", 0) == nil || s.Needs("b", 1) != nil {
		t.Error("blake3 is not SHA-256")
	}
	var none *Hasher
	if n, err := io.WriteString(none, "abc"); n != 3 || err != nil {
		t.Error("a nil Hasher fails")
	}
}

// A Hasher's memory does not grow with the file, and its work ends where
// nothing can match any more.
func TestHasherIsBounded(t *testing.T) {
	s := inShards(1, func() []line {
		var list []line
		for i := range int64(50_000) {
			list = append(list, line{shardName("a", i, i+1), "sha256", sha("x")})
		}
		return list
	}()).parse(t)
	h := s.Needs("a", -1)
	content := []byte(strings.Repeat("x", 50_000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := h.Write(content); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 256<<10 {
		t.Errorf("%d bytes for 50,000 shards", grown)
	}
	f := File{Path: "a", Size: 50_000, SHA256: artifact.SumSHA256(content), Hashed: h}
	if r := s.Compare(Model{Files: []File{f}}); !r.OK() {
		t.Errorf("%+v", r)
	}
	over := s.Needs("a", -1)
	for range 100 {
		if _, err := over.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if over.shards > 50_000 || over.written != 5_000_000 {
		t.Errorf("%d shards of %d bytes", over.shards, over.written)
	}
}
