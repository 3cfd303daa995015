package provenance_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var update = flag.Bool("update", false, "rewrite testdata")

func encode(t testing.TB, m *provenance.Manifest) []byte {
	t.Helper()
	b, err := provenance.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodeGolden(t *testing.T) {
	got := encode(t, sample(t))
	path := filepath.Join("testdata", "manifest.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\n(go test -update, then read the diff)", got, want)
	}
}

func TestEncodeDoesNotDependOnOrder(t *testing.T) {
	m := sample(t)
	if got, want := encode(t, shuffle(m)), encode(t, m); !bytes.Equal(got, want) {
		t.Errorf("another order gives other bytes:\n%s\n%s", got, want)
	}
}

func TestEncodeLeavesItsArgumentAlone(t *testing.T) {
	m := shuffle(sample(t))
	before := *m
	before.Files = append([]provenance.File(nil), m.Files...)
	encode(t, m)
	if !reflect.DeepEqual(before.Files, m.Files) {
		t.Error("Encode sorted the caller's list")
	}
}

func TestDecodeIsTheInverse(t *testing.T) {
	m := sample(t)
	got, err := provenance.Decode(encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if want := provenance.Sort(m); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestDigests(t *testing.T) {
	m := sample(t)
	d, err := provenance.Digest(m)
	if err != nil || d != artifact.SumSHA256(encode(t, m)) {
		t.Errorf("Digest = %v, %v", d, err)
	}
	s, err := provenance.SubstanceDigest(m)
	if err != nil || s == d {
		t.Errorf("SubstanceDigest = %v, %v", s, err)
	}
	m.Generator.Version = "v9"
	m.Generator.Catalogs = nil
	d2, _ := provenance.Digest(m)
	s2, _ := provenance.SubstanceDigest(m)
	if d2 == d || s2 != s {
		t.Errorf("another generator: digest %v -> %v (must change), substance %v -> %v (must not)", d, d2, s, s2)
	}
	m.Files[0].Size++
	if s3, _ := provenance.SubstanceDigest(m); s3 == s {
		t.Error("another size, same substance")
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(t, sample(t)))
	replace := func(from, to string) string {
		if strings.Count(good, from) < 1 {
			t.Fatalf("%q is not in the sample", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, tc := range map[string]struct{ doc, want string }{
		"nothing":                  {"", "EOF"},
		"trailing":                 {good + "{}", "more after the value"},
		"line feed at the end":     {good + "\n", "canonical"},
		"white space":              {replace(`,"subject"`, `, "subject"`), "canonical"},
		"another order":            {replace(`["td.size.text","td.sources.publicDatasets"]`, `["td.sources.publicDatasets","td.size.text"]`), "canonical"},
		"byte order mark":          {"\xef\xbb\xbf" + good, "byte order mark"},
		"two statements":           {"[" + good + "]", "in-toto statement"},
		"statement type":           {replace(provenance.StatementType, "https://in-toto.io/Statement/v0.1"), "statement type"},
		"predicate type":           {replace(provenance.PredicateType, "https://slsa.dev/provenance/v1"), "predicate type"},
		"unknown member":           {replace(`{"_type"`, `{"Extra":1,"_type"`), "unknown"},
		"unknown predicate member": {replace(`"coverage":`, `"Coverage":[],"coverage":`), "unknown"},
		"case variant":             {replace(`"_type"`, `"_Type"`), "unknown"},
		"duplicate":                {replace(`{"_type"`, `{"_type":"x","_type"`), "duplicate"},
		"two subjects":             {replace(`"subject":[`, `"subject":[{"digest":{"sha256":"`+strings.Repeat("0", 64)+`"}},`), "exactly one subject"},
		"subject with name":        {replace(`"subject":[{`, `"subject":[{"name":"x",`), "unknown"},
		"no subject":               {good[:strings.Index(good, `"subject":[`)] + `"subject":[]}`, "exactly one subject"},
		"no digest":                {replace(`"sha256":"`, `"md5":"`), "unsupported algorithm"},
		"upper-case digest":        {replace(digest("weights").String(), "sha256:"+strings.ToUpper(digest("weights").Hex())), "upper-case"},
		"unknown state":            {replace(`"state":"absent"`, `"state":"fine"`), `unknown state "fine"`},
		"grade as a number":        {replace(`"grade":"declared"`, `"grade":2`), "grade"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.Decode([]byte(tc.doc))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
	if _, err := provenance.Decode([]byte(good + "\n")); !errors.Is(err, provenance.ErrNotCanonical) {
		t.Errorf("got %v, want ErrNotCanonical", err)
	}
}

// What nobody could read back as it was is not written: numbers that JSON
// cannot hold, depths that readers refuse.
func TestEncodeRefusesWhatCannotBeRead(t *testing.T) {
	observe := func(v string) func(*provenance.Manifest) {
		return func(m *provenance.Manifest) {
			c := claimByID(m, "td.size.text")
			c.Observations[0].Value = value(v)
			c.Value = c.Observations[0].Value
		}
	}
	for name, c := range map[string]struct {
		change func(*provenance.Manifest)
		says   string
	}{
		"size":  {func(m *provenance.Manifest) { m.Files[0].Size = 1 << 53 }, "2^53-1"},
		"total": {func(m *provenance.Manifest) { m.Artifact.TotalBytes = 1<<53 + 1 }, "2^53-1"},
		"value": {observe(`{"count":9007199254740993,"text":"9007199254740993"}`), "2^53-1"},
		"depth": {observe(strings.Repeat("[", 64) + strings.Repeat("]", 64)), "nested deeper than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t)
			c.change(m)
			if b, err := provenance.Encode(m); b != nil || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Encode: got %v", err)
			}
			if r, err := provenance.Write(m); r != nil || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Write: got %v", err)
			}
		})
	}
	m := sample(t)
	m.Files[0].Size = 1<<53 - 1
	if !bytes.Contains(encode(t, m), []byte("9007199254740991")) {
		t.Error("2^53-1 was not kept")
	}
}

func TestZeroManifestCannotBeEncoded(t *testing.T) {
	for _, m := range []*provenance.Manifest{nil, {}} {
		if b, err := provenance.Encode(m); b != nil || !errors.Is(err, provenance.ErrDishonest) {
			t.Errorf("Encode = %s, %v", b, err)
		}
		if d, err := provenance.SubstanceDigest(m); !d.IsZero() || err == nil {
			t.Errorf("SubstanceDigest = %v, %v", d, err)
		}
		if r, err := provenance.Write(m); r != nil || !errors.Is(err, provenance.ErrDishonest) {
			t.Errorf("Write = %v, %v", r, err)
		}
	}
}

// Whatever Decode accepts, Encode writes back byte by byte.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample(f)))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"","predicate":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := provenance.Decode(data)
		if err != nil {
			return
		}
		again, err := provenance.Encode(m)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("accepted, and written back as %s (%v)", again, err)
		}
		if d, err := provenance.Digest(m); err != nil || d != artifact.SumSHA256(data) {
			t.Fatalf("digest %v, %v", d, err)
		}
	})
}

func claimByID(m *provenance.Manifest, id string) *provenance.Claim {
	for i := range m.Claims {
		if m.Claims[i].ID == id {
			return &m.Claims[i]
		}
	}
	return nil
}
