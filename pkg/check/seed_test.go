package check_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A seedClaim is what the record must say of one question: its state, its
// value ("" for none) and a place ("README.md:50") among its observations.
type seedClaim struct {
	id     string
	state  provenance.State
	value  string
	places []string
}

// TestSeedModels packs the real documents of the seed models with tiny weights
// and holds the record against what those documents say.
func TestSeedModels(t *testing.T) {
	for _, model := range []struct {
		name   string
		extra  []namedFile
		claims []seedClaim
	}{
		{"deepseek-v3", []namedFile{{"configuration_deepseek.py", []byte("class DeepseekV3Config: pass\n")}, {"modeling_deepseek.py", []byte("class DeepseekV3Model: pass\n")}}, []seedClaim{
			{"license.weights", provenance.StateDeclared, `"LicenseRef-modelcheck-deepseek-1.0"`, []string{"LICENSE-MODEL:1"}},
			{"license.code", provenance.StateDeclared, `"MIT"`, []string{"LICENSE-CODE:1", "README.md:345"}},
			{"td.size.text", provenance.StateDeclared, "14.8", []string{"README.md:50", "README.md:76"}},
			{"td.sources.publicDatasets", provenance.StateAbsent, "", nil},
			{"td.crawl.used", provenance.StateAbsent, "", nil},
			{"runtime.remoteCode", provenance.StateVerified, "auto_map", []string{"config.json:5"}},
		}},
		{"deepseek-r1", nil, []seedClaim{
			{"license.weights", provenance.StateDeclared, `"MIT"`, []string{"LICENSE:1", "README.md:2"}},
			{"lineage.base", provenance.StateDeclared, "DeepSeek-V3-Base", nil},
		}},
		{"janus-pro", nil, []seedClaim{
			{"license.weights", provenance.StateConflicting, "", []string{"README.md:2", "README.md:3"}},
		}},
		{"qwen2.5", nil, []seedClaim{
			{"license.weights", provenance.StateDeclared, "qwen-research", []string{"README.md:3"}},
		}},
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
			for _, want := range model.claims {
				checkClaim(t, r.Manifest, want)
			}
		})
	}
}

func checkClaim(t *testing.T, m *provenance.Manifest, want seedClaim) {
	t.Helper()
	i := slices.IndexFunc(m.Claims, func(c provenance.Claim) bool { return c.ID == want.id })
	if i < 0 {
		t.Errorf("no claim %s", want.id)
		return
	}
	got := m.Claims[i]
	if got.State != want.state || !strings.Contains(string(got.Value), want.value) || (want.value == "") != (len(got.Value) == 0) {
		t.Errorf("%s is %v %s, want %v %s\n%+v", want.id, got.State, got.Value, want.state, want.value, got.Observations)
	}
	var places []string
	for _, o := range got.Observations {
		if len(o.Source.Lines) > 0 {
			places = append(places, fmt.Sprintf("%s:%d", o.Source.Path, o.Source.Lines[0]))
		}
	}
	for _, p := range want.places {
		if !slices.Contains(places, p) {
			t.Errorf("%s: no observation at %s, only at %v", want.id, p, places)
		}
	}
	if want.state == provenance.StateAbsent && len(got.Searched) < 3 {
		t.Errorf("%s is absent, and only %v was searched", want.id, got.Searched)
	}
}

// seedFiles returns a seed model's documents as the hub has them: the card's
// metadata block stands ahead of the README.
func seedFiles(t *testing.T, name string) []namedFile {
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
