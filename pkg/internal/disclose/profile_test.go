package disclose

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func profile(t *testing.T, id string) *Profile {
	t.Helper()
	all := Profiles()
	i := slices.IndexFunc(all, func(p *Profile) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("no profile %q", id)
	}
	return all[i]
}

// TestProfilesAreSound: the program does not check what it brings along.
func TestProfilesAreSound(t *testing.T) {
	all := Profiles()
	if len(all) == 0 {
		t.Fatal("no profiles")
	}
	for _, p := range all {
		if err := p.check(); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
	}
}

func seedFiles(in Input) []provenance.File {
	var out []provenance.File
	for _, d := range in.Documents {
		out = append(out, provenance.File{Path: d.Path, Digest: d.Digest, Role: artifact.RoleCard})
	}
	return append(out, provenance.File{Path: "model.safetensors", Digest: artifact.SumSHA256([]byte("w")), Role: artifact.RoleWeights})
}

// TestProfileChangesNoClaim: what a paper says stands beside the claim.
func TestProfileChangesNoClaim(t *testing.T) {
	in := seed(t, "deepseek-v3")
	r := extract(t, in)
	settle := func() []provenance.Claim {
		claims, err := provenance.Settle(Catalog(), r.Observations, r.Searched, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		return claims
	}
	before, claims := settle(), settle()
	p := profile(t, "deepseek-v3")
	how, ok := p.About(seedFiles(in), nil)
	if !ok || how != ByDocuments {
		t.Fatalf("matched by %q", how)
	}
	findings, err := p.Attach(claims, how)
	if err != nil || len(findings) != 1 || findings[0].ID != provenance.CodeProfileWeakMatch {
		t.Errorf("%v, %v", findings, err)
	}
	said := 0
	for i, c := range claims {
		if c.State != before[i].State || string(c.Value) != string(before[i].Value) || len(c.Observations) != len(before[i].Observations) {
			t.Errorf("%s was %v %s and is %v %s", c.ID, before[i].State, before[i].Value, c.State, c.Value)
		}
		said += len(c.Elsewhere)
		for _, o := range c.Elsewhere {
			if o.Grade != provenance.Declared || o.Source.Kind != provenance.SourceExternal || o.Speaker.Signer != "" {
				t.Errorf("%s: %+v", c.ID, o)
			}
		}
	}
	if said != len(p.Facts) {
		t.Errorf("%d of %d facts", said, len(p.Facts))
	}
	if c := claims[slices.IndexFunc(claims, func(c provenance.Claim) bool { return c.ID == "td.crawl.used" })]; c.State != provenance.StateAbsent || len(c.Elsewhere) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestProfileMatch(t *testing.T) {
	weights := artifact.SumSHA256([]byte("w"))
	files := []provenance.File{{Path: "m", Digest: weights, Role: artifact.RoleWeights}, {Path: "README.md", Digest: artifact.SumSHA256([]byte("r")), Role: artifact.RoleCard}}
	for name, tc := range map[string]struct {
		match ProfileMatch
		names []string
		want  Attachment
	}{
		"weights":             {ProfileMatch{Weights: []artifact.Digest{weights}, Names: []string{"X-1"}}, []string{"x-1"}, ByWeights},
		"a document":          {ProfileMatch{Documents: []artifact.Digest{artifact.SumSHA256([]byte("r"))}}, nil, ByDocuments},
		"a name":              {ProfileMatch{Names: []string{"org/X-1"}}, []string{"mirror/x1"}, ByName},
		"another name":        {ProfileMatch{Names: []string{"X-1"}}, []string{"X-1.5"}, ""},
		"no name":             {ProfileMatch{Names: []string{"X-1"}}, []string{""}, ""},
		"a card's as weights": {ProfileMatch{Weights: []artifact.Digest{artifact.SumSHA256([]byte("r"))}}, nil, ""},
		"weights' as a card":  {ProfileMatch{Documents: []artifact.Digest{weights}}, nil, ""},
		"nothing":             {ProfileMatch{}, []string{"X"}, ""},
	} {
		p := &Profile{ID: "x", Model: "X", Match: tc.match}
		if how, ok := p.About(files, tc.names); how != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %q", name, how)
		}
	}
	if how, ok := profile(t, "qwen2.5-max").About(files, []string{"Qwen2.5-Max"}); ok {
		t.Errorf("a model without weights is in an artifact, by %q", how)
	}
}

// TestProfileDiffers: a contradiction is named, and nobody wins.
func TestProfileDiffers(t *testing.T) {
	claims, err := provenance.Settle(Catalog(), []provenance.ClaimObservation{{Claim: "td.size.text", Observation: provenance.Observation{
		Grade: provenance.Declared, Value: provenance.Value(`{"count":9000000000000,"text":"9T"}`), Method: "card-prose/1",
		Source: provenance.Source{Kind: provenance.SourceFile, Path: "README.md", Digest: artifact.SumSHA256(nil)},
	}}}, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	findings, err := profile(t, "deepseek-v3").Attach(claims, ByName)
	i := slices.IndexFunc(findings, func(f provenance.Finding) bool { return f.ID == provenance.CodeProfileDiffers })
	if err != nil || i < 0 || findings[i].Subject != "td.size.text" {
		t.Errorf("%v, %v", findings, err)
	}
}

const smallProfile = `{"schema":"modelcheck/profile/v1","id":"x","version":1,"model":"X","match":{"names":["X"]},
"documents":[{"id":"d","title":"D","uri":"https://example.org/r1/d","revision":"r1","retrieved":"2026-01-02"}],
"facts":[{"claim":"td.size.text","value":{"count":1000,"text":"1K"},"document":"d","quote":"1K tokens"}]}`

func TestProfileRefused(t *testing.T) {
	if _, err := ParseProfile([]byte(smallProfile)); err != nil {
		t.Fatal(err)
	}
	const document = `{"id":"d","title":"D","uri":"https://example.org/r1/d","revision":"r1","retrieved":"2026-01-02"}`
	documents := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, strings.Replace(document, `"id":"d"`, `"id":"d`+strconv.Itoa(i)+`"`, 1))
		}
		return strings.Join(append(all, document), ",")
	}
	if _, err := ParseProfile([]byte(strings.Replace(smallProfile, document, documents(999), 1))); err != nil {
		t.Errorf("1,000 documents: %v", err)
	}
	for name, change := range map[string][2]string{
		"1,001 documents":      {document, documents(1000)},
		"two of one id":        {document, document + "," + document},
		"another schema":       {"profile/v1", "profile/v2"},
		"id":                   {`"id":"x"`, `"id":"X Y"`},
		"version":              {`"version":1`, `"version":0`},
		"no model":             {`"model":"X"`, `"model":""`},
		"unknown member":       {`"version":1`, `"version":1,"grade":"verified"`},
		"twice":                {`"version":1`, `"version":1,"version":2`},
		"unknown claim":        {"td.size.text", "td.size.tokens"},
		"value of a kind":      {`{"count":1000,"text":"1K"}`, `"1K"`},
		"no value":             {`{"count":1000,"text":"1K"}`, `null`},
		"no quotation":         {`"quote":"1K tokens"`, `"quote":" "`},
		"a page for a quote":   {"1K tokens", strings.Repeat("x", 500)},
		"unknown document":     {`"document":"d"`, `"document":"e"`},
		"address":              {"https://example.org/r1/d", "file:///r1/d"},
		"no revision":          {`"revision":"r1",`, ``},
		"another revision":     {`"revision":"r1"`, `"revision":"r2"`},
		"mutable and pinned":   {`"revision":"r1"`, `"revision":"r1","mutable":true`},
		"no date":              {"2026-01-02", "yesterday"},
		"weights without any":  {`"match":{`, `"apiOnly":true,"match":{"weights":["sha256:` + strings.Repeat("0", 64) + `"],`},
		"something behind it":  {`tokens"}]}`, `tokens"}]} {}`},
		"not what it says, []": {`{"schema"`, `[{"schema"`},
	} {
		if p, err := ParseProfile([]byte(strings.Replace(smallProfile, change[0], change[1], 1))); !errors.Is(err, ErrProfile) || p != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProfileByName(t *testing.T) {
	all := Profiles()
	for name, want := range map[string]string{
		"Qwen2.5-Max": "qwen2.5-max", "qwen/qwen2.5-max": "qwen2.5-max", "qwen25max": "qwen2.5-max", "DeepSeek-V3": "deepseek-v3",
		"Qwen2.5-Maximum": "", "": "", "max": "",
	} {
		p, ok := ProfileByName(all, name)
		if ok != (want != "") || ok && p.ID != want {
			t.Errorf("%q: %+v", name, p)
		}
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(smallProfile))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile(data)
		if (p == nil) == (err == nil) {
			t.Fatal("neither or both")
		}
		if err == nil {
			if _, err := p.Attach(nil, ByName); err != nil {
				t.Fatalf("accepted, and cannot be attached: %v", err)
			}
		}
	})
}
