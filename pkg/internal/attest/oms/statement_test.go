package oms

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The statements that the reference implementation signed, releases 1.0.0 and
// 1.1.0, by each of its methods.
func TestRealStatements(t *testing.T) {
	ignored := []string{".git", ".gitattributes", ".github", ".gitignore", "ignore-me", "model.sig"}
	for _, c := range []struct {
		name, root string
		ignored    []string
	}{
		{"v1.0.0-sigstore", "61d4849d9d90076d6215f4d525f13d6574af8e3f67aef3e6f36fc40a14fdd226", nil},
		{"v1.1.0-sigstore", "61d4849d9d90076d6215f4d525f13d6574af8e3f67aef3e6f36fc40a14fdd226", ignored},
		{"v1.1.0-certificate", "61d4849d9d90076d6215f4d525f13d6574af8e3f67aef3e6f36fc40a14fdd226", ignored},
		{"v1.1.0-elliptic-key", "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4", ignored},
	} {
		t.Run(c.name, func(t *testing.T) {
			payload, _ := fixture(t, c.name)
			s, err := Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			if s.Name() != c.name || s.Root().String() != "sha256:"+c.root || s.Method() != Files || s.Hash() != SHA256 || s.ShardSize() != 0 || s.AllowSymlinks() {
				t.Errorf("%+v", s)
			}
			if !slices.Equal(s.Paths(), []string{"signme-1", "signme-2"}) || !slices.Equal(s.IgnorePaths(), c.ignored) || len(s.Unknown()) != 0 {
				t.Errorf("%q, ignoring %q, with %q", s.Paths(), s.IgnorePaths(), s.Unknown())
			}
			denied := map[string]struct {
				old, new string
				want     error
			}{
				"another root":        {c.root, strings.Repeat("0", 64), ErrRootDigest},
				"a digest changed":    {`"digest": "32dcb1f8`, `"digest": "32dcb1f9`, ErrRootDigest},
				"old predicate type":  {PredicateType, OldPredicateType, ErrOldFormat},
				"other predicate":     {PredicateType, PredicateType + ".1", ErrOtherPredicate},
				"other type":          {"in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1", ErrMalformed},
				"a name changed":      {`"signme-1"`, `"signme-3"`, ErrOrder},
				"a name that climbs":  {`"signme-1"`, `"../signme-1"`, ErrName},
				"one name for two":    {`"signme-1"`, `"signme-2"`, ErrDuplicate},
				"another algorithm":   {`"hash_type": "sha256"`, `"hash_type": "blake3"`, ErrAlgorithm},
				"shards without size": {`"files"`, `"shards"`, ErrSerialization},
				"half":                {`}`, ``, ErrMalformed},
			}
			for name, d := range denied {
				edited := bytes.Replace(payload, []byte(d.old), []byte(d.new), 1)
				if bytes.Equal(edited, payload) {
					t.Fatalf("%s: nothing was edited", name)
				}
				if _, err := Parse(edited); !errors.Is(err, d.want) {
					t.Errorf("%s: %v, want %v", name, err, d.want)
				}
			}
		})
	}
}

func TestParse(t *testing.T) {
	two := of("a", "1", "b", "2")
	for name, d := range map[string]doc{
		"two files":                signed(two),
		"folders, by code points":  signed(of("a-b", "1", "a/b", "2", "aB", "3")),
		"folders, by segments":     signed(of("a/b", "2", "a-b", "1", "aB", "3")),
		"a colon in a name":        signed(of("w.bin:0:5", "1")),
		"case twins are two files": signed(of("Model.bin", "1", "model.bin", "2")),
		"shards":                   inShards(4, of("a:0:4", "1", "a:4:7", "2")),
		"shards, by code points":   inShards(8, of("a:0:8", "1", "a:16:23", "3", "a:8:16", "2")),
		"shards, by offset":        inShards(8, of("a:0:8", "1", "a:8:16", "2", "a:16:23", "3")),
		"shard size as a float":    inShards(8.5-0.5, of("a:0:8", "1")),
		"shards, colons in a name": inShards(4, of("w.bin:0:4:0:4", "1", "w.bin:0:4:4:5", "2")),
		"ignored, as written": func() doc {
			d := signed(two)
			d.serialization()["ignore_paths"] = []string{"./x/", ".git/", "x"}
			return d
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if s := d.parse(t); len(s.Paths()) == 0 {
				t.Errorf("%+v", s)
			}
		})
	}
	// protobuf's JSON writes numbers as floats.
	raw := bytes.Replace(inShards(8, of("a:0:8", "1")).bytes(t), []byte(`"shard_size":8`), []byte(`"shard_size":8.0`), 1)
	if s, err := Parse(raw); err != nil || s.ShardSize() != 8 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestParseTellsUnknownMembers(t *testing.T) {
	d := signed(of("a", "1"))
	d["later"] = 1
	d.subject()["uri"] = "x"
	d.predicate()["card"] = map[string]any{}
	d.serialization()["chunks"] = 1
	d.predicate()["resources"] = []any{map[string]any{"name": "a", "algorithm": "sha256", "digest": sha("1"), "annotations": 1}}
	want := []string{"later", "predicate.card", "predicate.resources[].annotations", "predicate.serialization.chunks", "subject[].uri"}
	if got := d.parse(t).Unknown(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A refusal is a statement, and what is wrong with it.
type refusal struct {
	d    doc
	want error
}

// edited is a good statement after f.
func edited(f func(doc)) doc {
	d := signed(of("a", "1", "b", "2"))
	f(d)
	return d
}

func refuses(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		s, err := Parse(c.d.bytes(t))
		if !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			continue
		}
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code() == "" {
			t.Errorf("%s: %v has no code", name, err)
		}
	}
}

// What is signed again after it was edited must be refused for the edit.
func TestParseRefuses(t *testing.T) {
	refuses(t, map[string]refusal{
		"wrong predicate type":     {edited(func(d doc) { d["predicateType"] = "https://slsa.dev/provenance/v1" }), ErrOtherPredicate},
		"no predicate type":        {edited(func(d doc) { delete(d, "predicateType") }), ErrOtherPredicate},
		"predicate type in case":   {edited(func(d doc) { d["predicateType"] = strings.ToUpper(PredicateType) }), ErrOtherPredicate},
		"old predicate type":       {edited(func(d doc) { d["predicateType"] = OldPredicateType }), ErrOldFormat},
		"wrong _type":              {edited(func(d doc) { d["_type"] = "https://in-toto.io/Statement/v0.1" }), ErrMalformed},
		"no _type":                 {edited(func(d doc) { delete(d, "_type") }), ErrMalformed},
		"no predicate":             {edited(func(d doc) { delete(d, "predicate") }), ErrMalformed},
		"predicate null":           {edited(func(d doc) { d["predicate"] = nil }), ErrSerialization},
		"member twice in case":     {edited(func(d doc) { d["PredicateType"] = PredicateType }), ErrMalformed},
		"root digest mismatch":     {edited(func(d doc) { d.subject()["digest"] = map[string]any{"sha256": sha("x")} }), ErrRootDigest},
		"no subject":               {edited(func(d doc) { d["subject"] = []any{} }), ErrSubject},
		"two subjects":             {edited(func(d doc) { d["subject"] = append(d["subject"].([]any), d.subject()) }), ErrSubject},
		"subject with sha512 too":  {edited(func(d doc) { d.subject()["digest"].(map[string]any)["sha512"] = strings.Repeat("0", 128) }), ErrSubject},
		"subject with sha512":      {edited(func(d doc) { d.subject()["digest"] = map[string]any{"sha512": strings.Repeat("0", 128)} }), ErrSubject},
		"subject without digest":   {edited(func(d doc) { delete(d.subject(), "digest") }), ErrSubject},
		"subject without name":     {edited(func(d doc) { d.subject()["name"] = "" }), ErrSubject},
		"subject digest too short": {edited(func(d doc) { d.subject()["digest"] = map[string]any{"sha256": "00"} }), ErrSubject},
		"no serialization":         {edited(func(d doc) { delete(d.predicate(), "serialization") }), ErrSerialization},
		"unknown method":           {edited(func(d doc) { d.serialization()["method"] = "tensors" }), ErrSerialization},
		"no method":                {edited(func(d doc) { delete(d.serialization(), "method") }), ErrSerialization},
		"symlinks not said":        {edited(func(d doc) { delete(d.serialization(), "allow_symlinks") }), ErrSerialization},
		"symlinks as a word":       {edited(func(d doc) { d.serialization()["allow_symlinks"] = "false" }), ErrMalformed},
		"shard size with files":    {edited(func(d doc) { d.serialization()["shard_size"] = 4 }), ErrSerialization},
		"hash_type unknown":        {edited(func(d doc) { d.serialization()["hash_type"] = "md5" }), ErrAlgorithm},
		"hash_type of older kind":  {edited(func(d doc) { d.serialization()["hash_type"] = "sha256-sharded-8" }), ErrAlgorithm},
		"hash_type of others":      {edited(func(d doc) { d.serialization()["hash_type"] = "blake3" }), ErrAlgorithm},
		"no hash_type":             {edited(func(d doc) { delete(d.serialization(), "hash_type") }), ErrAlgorithm},
		"ignored pattern":          {edited(func(d doc) { d.serialization()["ignore_paths"] = []string{"*.bin"} }), ErrSerialization},
		"ignored model":            {edited(func(d doc) { d.serialization()["ignore_paths"] = []string{"."} }), ErrSerialization},
		"ignored nothing":          {edited(func(d doc) { d.serialization()["ignore_paths"] = []string{""} }), ErrSerialization},
		"ignored parent":           {edited(func(d doc) { d.serialization()["ignore_paths"] = []string{"../x"} }), ErrSerialization},
		"ignored absolute":         {edited(func(d doc) { d.serialization()["ignore_paths"] = []string{"/x"} }), ErrSerialization},
	})
}

func TestParseRefusesResources(t *testing.T) {
	two := of("a", "1", "b", "2")
	long := of("a", "1")
	long[0].Algorithm, long[0].Digest = "blake2b", strings.Repeat("0", 64)
	upper := of("a", "1")
	upper[0].Digest = strings.ToUpper(upper[0].Digest)
	refuses(t, map[string]refusal{
		"no resources":            {signed(nil), ErrMalformed},
		"unknown algorithm":       {signed([]line{{"a", "sha1", sha("1")}}), ErrAlgorithm},
		"no algorithm":            {signed([]line{{"a", "", sha("1")}}), ErrAlgorithm},
		"algorithm of another":    {signed(long), ErrAlgorithm},
		"digest too short":        {signed([]line{{"a", "sha256", sha("1")[:62]}}), ErrAlgorithm},
		"digest too long":         {signed([]line{{"a", "sha256", sha("1") + "00"}}), ErrAlgorithm},
		"digest in upper case":    {signed(upper), ErrAlgorithm},
		"digest not hexadecimal":  {signed([]line{{"a", "sha256", strings.Repeat("g", 64)}}), ErrAlgorithm},
		"duplicate resources":     {signed(of("a", "1", "a", "1")), ErrDuplicate},
		"duplicate, other bytes":  {signed(of("a", "1", "a", "2")), ErrDuplicate},
		"duplicate, apart":        {signed(of("a", "1", "b", "2", "a", "3")), ErrDuplicate},
		"unsorted resources":      {signed(of("b", "2", "a", "1")), ErrOrder},
		"unsorted in case":        {signed(of("a", "1", "B", "2")), ErrOrder},
		"unsorted either way":     {signed(of("a/b", "1", "a-b", "2", "a/c", "3")), ErrOrder},
		"a wrong root, and last":  {edited(func(d doc) { d.predicate()["resources"] = append(slices.Clone(two), of("c", "3")...) }), ErrRootDigest},
		"algorithm of older kind": {inShards(8, []line{{"a:0:8", "sha256-sharded-8", sha("1")}}), ErrAlgorithm},
	})
}

func TestParseRefusesNames(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "../a", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "/a", "/", `a\b`, "c:", "C:/a", "c:a",
		"a\x00b", "a\nb", "a\x1bb", "a\x7fb", "a\u202eb", "a\u2066b", "a\u200bb", "\ufeffa", "a\u2028b", strings.Repeat("a", 4097),
	} {
		if _, err := Parse(signed(of(name, "1")).bytes(t)); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := Parse(inShards(4, of(name+":0:4", "1")).bytes(t)); !errors.Is(err, ErrName) {
			t.Errorf("%q in shards: %v", name, err)
		}
	}
	for _, name := range []string{"a", ".hidden", "...", "..a", "ab:", "ab:0:1", "模型.bin", "a b", "a'b", strings.Repeat("a", 4096)} {
		if _, err := Parse(signed(of(name, "1")).bytes(t)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParseRefusesShards(t *testing.T) {
	for name, c := range map[string]struct {
		size any
		list []line
		want error
	}{
		"gap":                     {4, of("a:0:4", "1", "a:5:9", "2"), ErrShards},
		"gap at the start":        {4, of("a:4:8", "1"), ErrShards},
		"overlap":                 {4, of("a:0:4", "1", "a:3:7", "2"), ErrShards},
		"one start, two ends":     {4, of("a:0:3", "1", "a:0:4", "2"), ErrShards},
		"out of order":            {4, of("a:4:8", "2", "a:0:4", "1"), ErrOrder},
		"out of order, and after": {4, of("a:0:4", "1", "a:8:12", "3", "a:4:8", "2"), ErrOrder},
		"longer than a shard":     {4, of("a:0:5", "1"), ErrShards},
		"shorter than a shard":    {4, of("a:0:3", "1", "a:3:7", "2"), ErrShards},
		"zero bytes":              {4, of("a:0:0", "1"), ErrShards},
		"zero bytes at the end":   {4, of("a:0:4", "1", "a:4:4", "2"), ErrShards},
		"backwards":               {4, of("a:4:0", "1"), ErrShards},
		"no range":                {4, of("a", "1"), ErrShards},
		"half a range":            {4, of("a:4", "1"), ErrShards},
		"no path":                 {4, of(":0:4", "1"), ErrName},
		"leading zero":            {4, of("a:0:04", "1"), ErrShards},
		"plus sign":               {4, of("a:0:+4", "1"), ErrShards},
		"minus sign":              {4, of("a:-4:0", "1"), ErrShards},
		"minus zero":              {4, of("a:-0:4", "1"), ErrShards},
		"space":                   {4, of("a:0: 4", "1"), ErrShards},
		"hexadecimal":             {16, of("a:0:0x4", "1"), ErrShards},
		"beyond 64 bits":          {4, of("a:0:9223372036854775808", "1"), ErrShards},
		"size zero":               {0, of("a:0:4", "1"), ErrSerialization},
		"size negative":           {-4, of("a:0:4", "1"), ErrSerialization},
		"size with a fraction":    {4.5, of("a:0:4", "1"), ErrSerialization},
		"size as a word":          {"4", of("a:0:4", "1"), ErrSerialization},
		"size null":               {nil, of("a:0:4", "1"), ErrSerialization},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(inShards(c.size, c.list).bytes(t)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	d := inShards(4, of("a:0:4", "1"))
	delete(d.serialization(), "shard_size")
	if _, err := Parse(d.bytes(t)); !errors.Is(err, ErrSerialization) {
		t.Errorf("no size: %v", err)
	}
}

func TestParseLimits(t *testing.T) {
	if _, err := Parse(make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	many := signed(of("a", "1"))
	many.serialization()["ignore_paths"] = slices.Repeat([]string{"x"}, MaxIgnored+1)
	if _, err := Parse(many.bytes(t)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// 100,001 resources and far more, made short so that they fit the payload.
	raw := func(n int) []byte {
		return []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"` + sha("") + `"}}],"predicateType":"` + PredicateType +
			`","predicate":{"serialization":{},"resources":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}}`)
	}
	for _, n := range []int{MaxResources + 1, 5_000_000} {
		if _, err := Parse(raw(n)); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
	}
	if _, err := Parse(raw(MaxResources)); errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestCodes(t *testing.T) {
	for reason, want := range map[error]string{
		ErrOldFormat:      provenance.CodeNotASignature,
		ErrOtherPredicate: provenance.CodeNotASignature,
		ErrTooLarge:       provenance.CodeLimitExceeded,
		ErrMalformed:      provenance.CodeSignatureMalformed,
		ErrRootDigest:     provenance.CodeSignatureMalformed,
	} {
		if got := refuse(reason, "x").Code(); got != want {
			t.Errorf("%v: %s, want %s", reason, got, want)
		}
	}
	if err := error(refuse(ErrOrder, "%s", quoted(strings.Repeat("\u202e", 100)))); len(err.Error()) > 1000 || strings.Contains(err.Error(), "\u202e") {
		t.Error(err)
	}
}

// FuzzParse: whatever is signed, reading it ends without a panic; what is
// accepted has the root digest that its list makes, sorted names that are
// canonical, and neither other bytes nor none compare equal.
func FuzzParse(f *testing.F) {
	f.Add(signed(of("a", "1", "b/c", "2")).bytes(f))
	f.Add(inShards(4, of("a:0:4", "1", "a:4:7", "2")).bytes(f))
	for _, name := range []string{"v1.0.0-sigstore", "v1.1.0-certificate"} {
		payload, _ := fixture(f, name)
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := Parse(payload)
		if err != nil {
			var refused *RefusedError
			if !errors.As(err, &refused) || s != nil {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		var d struct { // as the JSON reader that most tools have sees it
			Subject   []struct{ Digest map[string]string }
			Predicate struct{ Resources []line }
		}
		if err := json.Unmarshal(payload, &d); err != nil {
			t.Fatal(err)
		}
		if got := rootOf(d.Predicate.Resources); got != s.Root().Hex() || len(d.Subject) != 1 || d.Subject[0].Digest["sha256"] != got {
			t.Fatalf("root %s, want %v", got, s.Root())
		}
		if len(s.Paths()) == 0 || len(s.Paths()) > len(d.Predicate.Resources) {
			t.Fatalf("%q", s.Paths())
		}
		var files []File
		for _, p := range s.Paths() {
			if why := checkName(p); why != "" {
				t.Fatalf("%q: %s", p, why)
			}
			files = append(files, plain(p, "not what was signed, one would hope"))
		}
		if r := s.Compare(Model{Files: files}); r.OK(Unlisted, IgnoredBySigner, IgnoredByDefault, EmptyFile) {
			t.Fatalf("other bytes are as good: %+v", r)
		}
		if r := s.Compare(Model{}); r.OK(Unlisted) || len(r.With(Missing)) != r.Listed {
			t.Fatalf("no bytes are as good: %+v", r)
		}
	})
}
