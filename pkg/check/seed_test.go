package check_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A seedClaim is what the record must say of one question: its state, its
// value ("" for none) and the places ("README.md:50") where somebody says so.
type seedClaim struct {
	ID    string   `yaml:"id"`
	State string   `yaml:"state"`
	Value string   `yaml:"value"`
	At    []string `yaml:"at"`
}

// seedTable reads testdata/seed-claims: read off the documents by hand.
func seedTable(t *testing.T, model string) []seedClaim {
	t.Helper()
	data, err := os.ReadFile("../../testdata/seed-claims/" + model + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Claims []seedClaim `yaml:"claims"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&table); err != nil {
		t.Fatal(err)
	}
	if len(table.Claims) < 25 {
		t.Fatalf("%s: %d claims, want 25 or more", model, len(table.Claims))
	}
	return table.Claims
}

// TestSeedModels packs the real documents of the seed models with tiny weights
// and holds the record against what those documents say.
func TestSeedModels(t *testing.T) {
	for _, model := range []struct {
		name  string
		extra []namedFile
	}{
		{"deepseek-v3", []namedFile{{"configuration_deepseek.py", []byte("class DeepseekV3Config: pass\n")}, {"modeling_deepseek.py", []byte("class DeepseekV3Model: pass\n")}}},
		{"deepseek-r1", nil},
		{"janus-pro", nil},
		{"qwen2.5", nil},
	} {
		t.Run(model.name, func(t *testing.T) {
			l := newLayoutWriter()
			l.sign(t, l.files(t, "v1", append(seedFiles(t, model.name), model.extra...)...))
			dir := t.TempDir()
			l.write(t, dir)
			r := examine(t, byDemoKey(t), dir)
			if r.Verdict.Outcome != policy.Allow {
				t.Fatalf("%v: %+v", r.Verdict, r.Error)
			}
			for _, want := range seedTable(t, model.name) {
				checkClaim(t, r.Manifest, want)
			}
			checkProfile(t, r.Manifest, model.name)
		})
	}
}

func checkClaim(t *testing.T, m *provenance.Manifest, want seedClaim) {
	t.Helper()
	i := slices.IndexFunc(m.Claims, func(c provenance.Claim) bool { return c.ID == want.ID })
	if i < 0 {
		t.Errorf("no claim %s", want.ID)
		return
	}
	got := m.Claims[i]
	if got.State.String() != want.State || string(got.Value) != want.Value {
		t.Errorf("%s is %v %s, want %v %s\n%+v", want.ID, got.State, got.Value, want.State, want.Value, got.Observations)
	}
	var places []string
	for _, o := range got.Observations {
		if len(o.Source.Lines) > 0 {
			places = append(places, fmt.Sprintf("%s:%d", o.Source.Path, o.Source.Lines[0]))
		}
	}
	for _, p := range want.At {
		if !slices.Contains(places, p) {
			t.Errorf("%s: no observation at %s, only at %v", want.ID, p, places)
		}
	}
	if len(places) != len(want.At) {
		t.Errorf("%s: said at %v, want %v", want.ID, places, want.At)
	}
	if got.State == provenance.StateAbsent && (got.Absence != provenance.Silent || len(got.Searched) < 1) {
		t.Errorf("%s is absent, and only %v was searched", want.ID, got.Searched)
	}
}

// checkProfile: where the repository's own README is in the artifact, what
// papers say stands beside the claims, with the warning that a README is no
// model.
func checkProfile(t *testing.T, m *provenance.Manifest, model string) {
	t.Helper()
	weak := slices.ContainsFunc(m.Findings, func(f provenance.Finding) bool { return f.ID == provenance.CodeProfileWeakMatch })
	named := slices.ContainsFunc(m.Generator.Catalogs, func(c provenance.Catalog) bool { return c.Name == "profile:"+model && !c.Digest.IsZero() })
	said := slices.ContainsFunc(m.Claims, func(c provenance.Claim) bool { return len(c.Elsewhere) > 0 })
	// A front matter ahead of the README makes other bytes of it.
	if want := model == "deepseek-v3"; weak != want || named != want || said != want {
		t.Errorf("warned %v, profile named %v, said elsewhere %v; want %v", weak, named, said, want)
	}
}

// seedFiles returns a seed model's documents as the hub has them: the card's
// metadata block stands ahead of the README.
func seedFiles(t testing.TB, name string) []namedFile {
	t.Helper()
	dir := fixtures.Dir(t, "models", name)
	files := []namedFile{weights(t)}
	for _, base := range []string{"README.md", "README_WEIGHTS.md", "LICENSE", "LICENSE-CODE", "LICENSE-MODEL", "config.json"} {
		data, err := os.ReadFile(filepath.Join(dir, base))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if front, err := os.ReadFile(filepath.Join(dir, "front-matter.yaml")); err == nil && base == "README.md" {
			data = slices.Concat([]byte("---\n"), bytes.TrimSpace(front), []byte("\n---\n"), data)
		}
		files = append(files, namedFile{base, data})
	}
	return files
}
