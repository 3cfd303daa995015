package license

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

var update = flag.Bool("update", false, "compute the texts of data/licenses-1.json anew from testdata/sources.tsv")

// A knownText is a line of testdata/sources.tsv.
type knownText struct {
	path, id string
	form     Form
	source   string
}

func knownTexts(t *testing.T) []knownText {
	t.Helper()
	table, err := os.ReadFile("testdata/sources.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var known []knownText
	for line := range strings.Lines(string(table)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 {
			t.Fatalf("sources.tsv: %d fields in %q", len(f), line)
		}
		known = append(known, knownText{f[0], f[1], Form(f[2]), f[3]})
	}
	return known
}

// read finds the file in testdata or in the fixtures beside the checkout.
func (k knownText) read(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join("testdata", k.path)
	if rest, ok := strings.CutPrefix(k.path, "fixtures/"); ok {
		path = fixtures.Dir(t, rest)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTexts: every digest of the catalogue was computed from a file that can
// be read again, and every such file is identified.
func TestTexts(t *testing.T) {
	if *update {
		rewrite(t)
		t.Skip("rewritten; run again")
	}
	left := map[artifact.Digest]string{}
	for _, l := range catalog().licenses {
		for _, text := range l.Texts {
			left[text.Digest] = text.Source
		}
	}
	for _, k := range knownTexts(t) {
		// Without the fixtures the subtest is skipped; what it stands for is
		// then known by its source only.
		maps.DeleteFunc(left, func(_ artifact.Digest, source string) bool {
			return source == k.source && strings.HasPrefix(k.path, "fixtures/")
		})
		t.Run(k.path, func(t *testing.T) {
			text := k.read(t)
			m := Identify(text)
			if m.ID != k.id || !m.Exact {
				t.Errorf("identified as %q by %s, want %q", m.ID, m.Method, k.id)
			}
			delete(left, k.compute(text).Digest)
		})
	}
	for d := range left {
		t.Errorf("%v stands in the catalogue, and no file has it", d)
	}
}

func (k knownText) compute(text []byte) Text {
	norm := Normalize(text)
	if k.form == Reduced {
		norm = reduce(text, catalog().titles).norm
	}
	return Text{Form: k.form, Digest: artifact.SumSHA256(norm), Words: len(bytes.Fields(norm)), Source: k.source}
}

func rewrite(t *testing.T) {
	byID := map[string][]Text{}
	seen := map[artifact.Digest]bool{}
	for _, k := range knownTexts(t) {
		text := k.compute(k.read(t))
		if !seen[text.Digest] {
			byID[k.id] = append(byID[k.id], text)
		}
		seen[text.Digest] = true
	}
	licenses := catalog().licenses
	for i := range licenses {
		licenses[i].Texts = append([]Text{}, byID[licenses[i].ID]...)
		delete(byID, licenses[i].ID)
	}
	if len(byID) > 0 {
		t.Fatalf("texts without an entry: %v", byID)
	}
	out, err := json.MarshalIndent(map[string]any{"schema": "licenses-1", "licenses": licenses}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("data/licenses-1.json", append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
