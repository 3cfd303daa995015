package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const root = "../../../../"

// demo is the record of the demo model.
func demo(t *testing.T) Config {
	t.Helper()
	data, err := os.ReadFile(root + "testdata/golden/report-allow.json")
	if err != nil {
		t.Fatal(err)
	}
	reports, err := check.DecodeReports(data)
	if err != nil {
		t.Fatal(err)
	}
	return config(reports[0])
}

func config(r *check.Report) Config {
	m := *r.Manifest
	m.Subject = r.Resolved.Digest
	return Config{Manifest: &m, Digest: r.ManifestDigest, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Version: "v1.2.3"}
}

// hostile is what documents may hold to act on whoever opens an export.
const hostile = "=HYPERLINK(\"http://evil.example\",\"x\") \x1b[2J \u202egpj.exe </script><img src=x> a | b `code` [click](http://evil.example) ![p](http://evil.example/x.png) <!-- --> ```\n\n# heading\r\n| x | @everyone \x00 \u2028"

// poisoned is demo with hostile text wherever an outsider's text can stand.
func poisoned(t *testing.T) Config {
	t.Helper()
	cfg := demo(t)
	quote, _ := json.Marshal(hostile)
	for i := range cfg.Manifest.Claims {
		c := &cfg.Manifest.Claims[i]
		for j := range c.Observations {
			o := &c.Observations[j]
			o.Value, o.Source.Quote, o.Source.Path, o.Source.Pointer, o.Method, o.Speaker.Name = quote, hostile, hostile, hostile, hostile, hostile
		}
		if len(c.Value) > 0 {
			c.Value = quote
		}
		for j := range c.Searched {
			c.Searched[j].Path = hostile
		}
	}
	for i := range cfg.Manifest.Files {
		cfg.Manifest.Files[i].Path = hostile
	}
	cfg.Manifest.Lineage = append(cfg.Manifest.Lineage, provenance.Lineage{Relation: "base", Name: hostile, Claim: "lineage.base", Grade: provenance.Declared})
	return cfg
}

func written(t *testing.T, format string, cfg Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, cfg); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

// official compiles a schema of testdata, which are the published ones.
func official(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(compilePattern)
	for _, file := range []string{"bom-1.6", "bom-1.7", "spdx", "jsf-0.82", "cryptography-defs", "spdx-3.0.1"} {
		data, err := os.ReadFile("testdata/" + file + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+file+".schema.json", doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A pattern is a regular expression that may begin with SPDX's "no blank node",
// a look-ahead, which Go's package has not.
type pattern struct {
	*regexp.Regexp
	text, not string
}

func compilePattern(text string) (jsonschema.Regexp, error) {
	rest, ok := strings.CutPrefix(text, "^(?!_:)")
	p := pattern{text: text}
	if ok {
		p.not, rest = "_:", "^"+rest
	}
	var err error
	p.Regexp, err = regexp.Compile(rest)
	return p, err
}

func (p pattern) String() string { return p.text }

func (p pattern) MatchString(s string) bool {
	return (p.not == "" || !strings.HasPrefix(s, p.not)) && p.Regexp.MatchString(s)
}

var schemaOf = map[string]string{"cyclonedx-1.6": "bom-1.6", "cyclonedx-1.7": "bom-1.7", "spdx-3.0.1": "spdx-3.0.1"}

// TestOfficialSchemas: every export of a machine's format validates against
// what its makers publish, whatever the record holds, and an edited one not.
func TestOfficialSchemas(t *testing.T) {
	empty := demo(t)
	for i := range empty.Manifest.Claims {
		c := &empty.Manifest.Claims[i]
		c.State, c.Value, c.Observations = provenance.NotExamined, nil, nil
	}
	empty.Manifest.Files, empty.Manifest.Licensing, empty.Manifest.Lineage = nil, nil, nil
	for format, name := range schemaOf {
		schema := official(t, name)
		for what, cfg := range map[string]Config{"demo": demo(t), "tree": tree(t), "hostile": poisoned(t), "empty": empty} {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, format, cfg)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s of %s: %v", format, what, err)
			}
		}
		for _, edit := range [][2]string{{`"sha256"`, `"sha257"`}, {`"SHA-256"`, `"SHA-257"`}, {`"created": "2026`, `"created": "x2026`}, {`"timestamp": "2026-01-02T03:04:05Z"`, `"timestamp": 7`}} {
			text := written(t, format, demo(t))
			if bad := strings.Replace(text, edit[0], edit[1], 1); bad != text {
				doc, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
				if err != nil {
					t.Fatal(err)
				}
				if schema.Validate(doc) == nil {
					t.Errorf("%s with %s is valid: the schema holds nothing", format, edit[1])
				}
			}
		}
	}
}

// tree is the record of the demo model's folder, examined now.
func tree(t *testing.T) Config {
	t.Helper()
	p, err := policy.Build(policy.Settings{AllowUnsigned: true})
	if err != nil {
		t.Fatal(err)
	}
	checker, err := check.New(check.Config{Policy: p, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference("dir:" + root + "testdata/demo/model")
	if err != nil {
		t.Fatal(err)
	}
	r, err := checker.Examine(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return config(r)
}

// TestNothingInvented: what nobody states is in no export, and a dataset that
// nobody discloses has neither name, date nor origin.
func TestNothingInvented(t *testing.T) {
	cfg := demo(t)
	cfg.Manifest.Claims = slices.Clone(cfg.Manifest.Claims)
	for i := range cfg.Manifest.Claims {
		c := &cfg.Manifest.Claims[i]
		switch c.ID {
		case "identity.name", "license.weights", "origin.organization", "td.sources.publicDatasets":
			c.State, c.Value, c.Observations = provenance.StateAbsent, nil, nil
		}
	}
	bom := written(t, "cyclonedx-1.7", cfg)
	for _, bad := range []string{`"manufacturer"`, `"supplier"`, `"serialNumber"`, `"expression"`, `"governance"`} {
		if strings.Contains(bom, bad) {
			t.Errorf("CycloneDX has %s", bad)
		}
	}
	for _, want := range []string{`"name": "` + cfg.Manifest.Subject.String() + `"`, `"aggregate": "unknown"`} {
		if !strings.Contains(bom, want) {
			t.Errorf("CycloneDX has no %s", want)
		}
	}
	text := written(t, "spdx-3.0.1", cfg)
	for _, bad := range []string{"DatasetPackage", "AIPackage", "releaseTime", "builtTime", "suppliedBy", "downloadLocation", "hasDeclaredLicense", "originatedBy"} {
		if strings.Contains(text, bad) {
			t.Errorf("SPDX has %s", bad)
		}
	}
	if !strings.Contains(text, noAssertion) || !strings.Contains(text, `"completeness": "noAssertion"`) {
		t.Error("SPDX asserts what it was trained on")
	}
}

// TestConflicts: of two statements that disagree none becomes a field; each is
// a claim, and the other one its counter-evidence.
func TestConflicts(t *testing.T) {
	cfg := demo(t)
	for i := range cfg.Manifest.Claims {
		if c := &cfg.Manifest.Claims[i]; c.ID == "license.weights" {
			o := c.Observations[0]
			o.Value = provenance.Value(`"GPL-3.0-only"`)
			c.State, c.Value, c.Observations = provenance.StateConflicting, nil, append(slices.Clone(c.Observations), o)
		}
	}
	bom := written(t, "cyclonedx-1.7", cfg)
	if strings.Contains(bom, `"expression"`) {
		t.Error("one of two licences won")
	}
	if strings.Count(bom, `"counterEvidence"`) != 2 {
		t.Errorf("%d counter-evidences", strings.Count(bom, `"counterEvidence"`))
	}
	if strings.Contains(written(t, "spdx-3.0.1", cfg), "hasDeclaredLicense") {
		t.Error("one of two licences won in SPDX")
	}
}

// TestCitations: version 1.7 says of each declaration which file says so, 1.6
// has no such thing.
func TestCitations(t *testing.T) {
	var bom struct {
		Components []struct {
			Ref string `json:"bom-ref"`
		}
		Declarations struct{ Claims []struct{ Predicate string } }
		Citations    []struct {
			Pointers     []string
			AttributedTo string
		}
	}
	if err := json.Unmarshal([]byte(written(t, "cyclonedx-1.7", demo(t))), &bom); err != nil {
		t.Fatal(err)
	}
	if len(bom.Citations) == 0 || len(bom.Declarations.Claims) < len(bom.Citations) {
		t.Fatalf("%d citations of %d claims", len(bom.Citations), len(bom.Declarations.Claims))
	}
	for _, c := range bom.Citations {
		if !slices.ContainsFunc(bom.Components, func(x struct {
			Ref string `json:"bom-ref"`
		}) bool {
			return x.Ref == c.AttributedTo
		}) {
			t.Errorf("%v is attributed to %q, which is nowhere", c.Pointers, c.AttributedTo)
		}
	}
	if strings.Contains(written(t, "cyclonedx-1.6", demo(t)), `"citations"`) {
		t.Error("1.6 has citations")
	}
}

// TestSheets: the banner stands first, and only the provider fills the form.
func TestSheets(t *testing.T) {
	for _, format := range []string{"eu-template", "ca-ab2013"} {
		if text := written(t, format, demo(t)); !strings.HasPrefix(text, "# Pre-fill by a downstream party, not the provider's summary\n") {
			t.Errorf("%s begins with %.80q", format, text)
		}
		rows, err := csv.NewReader(strings.NewReader(written(t, format+"-csv", demo(t)))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if rows[0][0] != banner {
			t.Errorf("%s-csv begins with %q", format, rows[0][0])
		}
		for _, r := range rows[5:] {
			if r[3] != notDisclosed {
				t.Errorf("%s: %q is the provider's word, and no policy says who the provider is", format, r[3])
			}
		}
	}
	cfg := demo(t)
	for i := range cfg.Manifest.Claims {
		for j := range cfg.Manifest.Claims[i].Observations {
			cfg.Manifest.Claims[i].Observations[j].Speaker.Relation = provenance.Producer
		}
	}
	if text := written(t, "eu-template-csv", cfg); !strings.Contains(text, "1.2M") || strings.Count(text, ","+notDisclosed+",") == strings.Count(written(t, "eu-template-csv", demo(t)), ","+notDisclosed+",") {
		t.Error("what the producer says fills nothing")
	}
}

// TestInjection: whatever a document says, it stays text in every format.
func TestInjection(t *testing.T) {
	everywhere := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
	own := map[string]*regexp.Regexp{
		"eu-template": regexp.MustCompile("(?i)<script|<img|<!--|\\]\\(|`|://|[^>]@|\\| =|\\n# heading"),
		"ca-ab2013":   regexp.MustCompile("(?i)<script|<img|<!--|\\]\\(|`|://|[^>]@|\\| =|\\n# heading"),
	}
	cfg := poisoned(t)
	for _, format := range Formats() {
		text := written(t, format, cfg)
		if !strings.Contains(text, "evil") {
			t.Errorf("%s: the text is not there at all", format)
		}
		if at := everywhere.FindStringIndex(text); at != nil {
			t.Errorf("%s: %q", format, text[at[0]:at[1]])
		}
		if p := own[format]; p != nil {
			if at := p.FindStringIndex(text); at != nil {
				t.Errorf("%s: %q in %q", format, text[at[0]:at[1]], text[max(0, at[0]-60):min(len(text), at[1]+60)])
			}
		}
		if !strings.HasSuffix(format, "-csv") {
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for _, c := range r {
				if c != "" && strings.ContainsRune("=@+-\t\r", rune(c[0])) {
					t.Errorf("%s: a cell begins with %.20q", format, c)
				}
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	var b bytes.Buffer
	cfg := demo(t)
	if Write(&b, "cyclonedx-2.0", cfg) == nil {
		t.Error("an unknown format is written")
	}
	cfg.Created = time.Time{}
	if Write(&b, "spdx-3.0.1", cfg) == nil {
		t.Error("a time is invented")
	}
	if Write(&b, "spdx-3.0.1", Config{Created: time.Now()}) == nil {
		t.Error("nothing is exported")
	}
	if b.Len() > 0 {
		t.Errorf("%d bytes were written", b.Len())
	}
}
