package disclose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// seed gives the documents of a seed model as its repository on the Hub has
// them: the README below the card's front matter, where there is one.
func seed(t *testing.T, name string) Input {
	t.Helper()
	dir := fixtures.Dir(t, "models", name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var in Input
	front := ""
	if b, err := os.ReadFile(filepath.Join(dir, "front-matter.yaml")); err == nil {
		front = "---\n" + string(b) + "---\n"
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch e.Name() {
		case "front-matter.yaml":
			continue
		case "README.md":
			text = append([]byte(front), text...)
		}
		in.Documents = append(in.Documents, document(e.Name(), string(text)))
	}
	return in
}

func document(path, text string) Document {
	return Document{Path: path, Digest: artifact.SumSHA256([]byte(text)), Text: []byte(text)}
}

const (
	deepseek = `"LicenseRef-modelcheck-deepseek-1.0"`
	mit      = `"MIT"`

	deepseekUses     = `["automated-decisions","defamation","discrimination","false-information","inappropriate-content","military","minors","personal-information","social-scoring","unlawful-use","vulnerable-groups"]`
	deepseekEntities = `"Beijing DeepSeek Artificial Intelligence Fundamental Technology Research Co., Ltd.; Hangzhou DeepSeek Artificial Intelligence Fundamental Technology Research Co., Ltd."`
)

// seedStatements is everything that is said about the four seed models.
func seedStatements() map[string][]seen {
	return map[string][]seen{
		"deepseek-v3": {
			{"license.weights", deepseek, "LICENSE-MODEL", 1},
			{"license.weights", deepseek, "README.md", 345},
			{"license.code", mit, "LICENSE-CODE", 1},
			{"license.code", mit, "README.md", 345},
			{"td.size.text", `{"count":14800000000000,"text":"14.8 trillion"}`, "README.md", 50},
			{"td.size.text", `{"count":14800000000000,"text":"14.8T"}`, "README.md", 76},
			{"model.parameters.total", `{"count":671000000000,"text":"671B"}`, "README.md", 47},
			{"model.parameters.total", `{"count":671000000000,"text":"671B"}`, "README.md", 94},
			{"model.parameters.total", `{"count":671000000000,"text":"671B"}`, "README_WEIGHTS.md", 20},
			{"model.parameters.active", `{"count":37000000000,"text":"37B"}`, "README.md", 47},
			{"model.parameters.active", `{"count":37000000000,"text":"37B"}`, "README.md", 94},
			{"model.parameters.active", `{"count":36700000000,"text":"36.7B"}`, "README_WEIGHTS.md", 21},
			{"lineage.teachers", `["DeepSeek-R1"]`, "README.md", 80},
			{"compute.time", `{"count":2788000,"text":"2.788M","unit":"H800 GPU hours"}`, "README.md", 52},
			{"compute.hardware", `"H800 GPU"`, "README.md", 52},
			{"model.architecture", `"deepseek_v3"`, "config.json", 20},
			{"model.context", `{"count":163840,"text":"163840"}`, "config.json", 19},
			{"model.quantization", `"fp8"`, "config.json", 38},
			{"model.precision.configured", `"bfloat16"`, "config.json", 48},
			{"model.vocabulary", `{"count":129280,"text":"129280"}`, "config.json", 51},
			{"model.context.stated", `{"count":128000,"text":"128K"}`, "README.md", 94},
			{"license.commercialUse", `"yes"`, "README.md", 345},
			{"origin.contact", `"service@deepseek.com"`, "README.md", 361},
			{"origin.papers", `["arXiv:2412.19437"]`, "README.md", 353},
			{"compute.flops", `{"count":3.3e+24,"text":"3.3e+24"}`, "", 0},
			{"license.governingLaw", `"CN"`, "LICENSE-MODEL", 71},
			{"license.venue", `"Hangzhou"`, "LICENSE-MODEL", 71},
			{"license.useRestrictions", deepseekUses, "LICENSE-MODEL", 81},
			{"origin.country", `"CN"`, "LICENSE-MODEL", 71},
			{"origin.legalEntity", deepseekEntities, "LICENSE-MODEL", 29},
		},
		// The front matter takes four lines: line 257 of the repository's
		// README is line 261 of the card.
		"deepseek-r1": {
			{"license.weights", mit, "LICENSE", 1},
			{"license.weights", mit, "README.md", 2},
			{"license.weights", mit, "README.md", 4 + 257},
			{"license.code", mit, "README.md", 4 + 257},
			{"lineage.base", `["DeepSeek-V3-Base"]`, "README.md", 4 + 78},
			{"model.parameters.total", `{"count":671000000000,"text":"671B"}`, "README.md", 4 + 74},
			{"model.parameters.active", `{"count":37000000000,"text":"37B"}`, "README.md", 4 + 74},
			{"model.library", `"transformers"`, "README.md", 3},
			{"model.context.stated", `{"count":128000,"text":"128K"}`, "README.md", 4 + 74},
			{"license.commercialUse", `"yes"`, "README.md", 4 + 258},
			{"origin.contact", `"service@deepseek.com"`, "README.md", 4 + 277},
			{"origin.papers", `["arXiv:2501.12948"]`, "README.md", 4 + 269},
		},
		"janus-pro": {
			{"license.weights", mit, "README.md", 2},
			{"license.weights", deepseek, "README.md", 3},
			{"license.weights", deepseek, "README.md", 11 + 715},
			{"license.weights", deepseek, "LICENSE-MODEL", 1},
			{"license.code", mit, "README.md", 11 + 715},
			{"license.code", mit, "LICENSE-CODE", 1},
			{"model.task", `"any-to-any"`, "README.md", 5},
			{"use.tags", `["multimodal","text-to-image","unified-model"]`, "README.md", 7},
			{"license.commercialUse", `"yes"`, "README.md", 11 + 106},
			{"origin.contact", `"service@deepseek.com"`, "README.md", 11 + 744},
			{"license.governingLaw", `"CN"`, "LICENSE-MODEL", 71},
			{"license.venue", `"Hangzhou"`, "LICENSE-MODEL", 71},
			{"license.useRestrictions", deepseekUses, "LICENSE-MODEL", 81},
			{"origin.country", `"CN"`, "LICENSE-MODEL", 71},
			{"origin.legalEntity", deepseekEntities, "LICENSE-MODEL", 29},
			{"model.library", `"transformers"`, "README.md", 6},
		},
		// "All our open-source models, except for the 3B and 72B variants, are
		// licensed under Apache 2.0" says nothing about the one at hand.
		"qwen2.5": {
			{"license.weights", `"LicenseRef-modelcheck-qwen-research"`, "README.md", 3},
			{"use.languages", `["en"]`, "README.md", 5},
			{"model.task", `"text-generation"`, "README.md", 7},
			{"model.library", `"transformers"`, "README.md", 8},
			{"td.size.text", `{"count":18000000000000,"text":"18T","bound":"at-most"}`, "README.md", 9 + 32},
			{"model.context.stated", `{"count":128000,"text":"128K","bound":"at-most"}`, "README.md", 9 + 35},
			{"use.languages", `["ar","de","en","es","fr","it","ja","ko","pt","ru","th","vi","zh"]`, "README.md", 9 + 36},
			{"model.releaseDate", `"2024-09-19"`, "README.md", 9 + 40},
		},
	}
}

// TestSeeds: all of it is read, and nothing else.
func TestSeeds(t *testing.T) {
	for name, want := range seedStatements() {
		t.Run(name, func(t *testing.T) {
			r := extract(t, seed(t, name))
			expect(t, seenIn(r), want)
			// DeepSeek-R1 is MIT over a base whose licence propagates; both are DeepSeek's.
			if name == "deepseek-r1" {
				if len(r.Findings) != 1 || r.Findings[0].ID != provenance.CodeLicenseRelicensed || r.Findings[0].Facts["notice"] != "Copyright (c) 2023 DeepSeek" {
					t.Errorf("findings %v", r.Findings)
				}
			} else if len(r.Findings) > 0 {
				t.Errorf("findings %v", r.Findings)
			}
		})
	}
}

// TestSeedStates settles the claims as the record will.
func TestSeedStates(t *testing.T) {
	type state struct {
		model, claim string
		state        provenance.State
		value        string
	}
	for _, want := range []state{
		{"deepseek-v3", "license.weights", provenance.StateDeclared, deepseek},
		{"deepseek-v3", "license.code", provenance.StateDeclared, mit},
		{"deepseek-v3", "license.text", provenance.StateVerified, ""},
		{"deepseek-v3", "td.size.text", provenance.StateDeclared, ""},
		{"deepseek-v3", "td.sources.publicDatasets", provenance.StateAbsent, ""},
		{"deepseek-v3", "model.parameters.total", provenance.StateDeclared, ""},
		{"deepseek-v3", "model.parameters.active", provenance.StateDeclared, ""},
		{"deepseek-v3", "lineage.base", provenance.StateAbsent, ""},
		{"deepseek-r1", "license.weights", provenance.StateDeclared, mit},
		{"deepseek-r1", "lineage.base", provenance.StateDeclared, `["DeepSeek-V3-Base"]`},
		{"deepseek-r1", "td.size.text", provenance.StateAbsent, ""},
		{"janus-pro", "license.weights", provenance.StateConflicting, ""},
		{"janus-pro", "license.code", provenance.StateDeclared, mit},
		{"qwen2.5", "license.weights", provenance.StateDeclared, `"LicenseRef-modelcheck-qwen-research"`},
		{"qwen2.5", "license.code", provenance.StateAbsent, ""},
	} {
		r := Extract(seed(t, want.model))
		claims, err := provenance.Settle(Catalog(), r.Observations, r.Searched, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(claims, func(c provenance.Claim) bool { return c.ID == want.claim })
		if i < 0 {
			t.Errorf("%s: no claim %s", want.model, want.claim)
			continue
		}
		if c := claims[i]; c.State != want.state || want.value != "" && string(c.Value) != want.value {
			t.Errorf("%s: %s is %v, %s; want %v, %s", want.model, want.claim, c.State, c.Value, want.state, want.value)
		}
	}
}

// TestSeedsInAnImage: below a directory, as in a model car, the same is said
// of the same files under longer names.
func TestSeedsInAnImage(t *testing.T) {
	in := seed(t, "deepseek-v3")
	flat := seenIn(extract(t, in))
	in.Root = "models/deep/"
	for i := range in.Documents {
		in.Documents[i].Path = in.Root + in.Documents[i].Path
	}
	for i := range flat {
		if flat[i].path != "" {
			flat[i].path = in.Root + flat[i].path
		}
	}
	slices.Reverse(in.Documents)
	expect(t, seenIn(extract(t, in)), flat)
}

// TestLicenseText: what texts are there is the one thing that is verified.
func TestLicenseText(t *testing.T) {
	r := extract(t, seed(t, "deepseek-v3"))
	var paths []string
	for _, o := range r.Observations {
		if o.Claim != "license.text" {
			continue
		}
		paths = append(paths, o.Source.Path)
		if o.Grade != provenance.Verified || !strings.Contains(string(o.Value), `"id":"LicenseRef-modelcheck-deepseek-1.0"`) ||
			!strings.Contains(string(o.Value), "sha256:3cf55d634f58c09698be79d61607f640f73ff77ce62c30b8da18fd5312b11324") {
			t.Errorf("%v %s", o.Grade, o.Value)
		}
	}
	if !slices.Equal(paths, []string{"LICENSE-CODE", "LICENSE-MODEL"}) {
		t.Errorf("texts in %q", paths)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
