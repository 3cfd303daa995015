package disclose

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// named gives a seed model's documents in an artifact that somebody called so.
func named(t *testing.T, model, name string) Input {
	t.Helper()
	in := seed(t, model)
	in.Annotations = []Annotations{{Digest: artifact.SumSHA256([]byte(name)), Values: map[string]string{"org.opencontainers.image.title": name}}}
	return in
}

func settled(t *testing.T, r told, id string) provenance.Claim {
	t.Helper()
	claims, err := provenance.Settle(Catalog(), r.Observations, r.Searched, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return claims[slices.IndexFunc(claims, func(c provenance.Claim) bool { return c.ID == id })]
}

func codes(r told) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.ID)
	}
	return out
}

// Conflict 1: Janus-Pro says mit, deepseek and "DeepSeek Model License" in one
// file.
func TestConflictJanusPro(t *testing.T) {
	r := extract(t, seed(t, "janus-pro"))
	c := settled(t, r, "license.weights")
	if c.State != provenance.StateConflicting || c.Value != nil || len(c.Observations) != 4 {
		t.Errorf("%v %s of %d", c.State, c.Value, len(c.Observations))
	}
	code := settled(t, r, "license.code")
	if code.State != provenance.StateDeclared || string(code.Value) != mit {
		t.Errorf("the code: %v %s", code.State, code.Value)
	}
}

// Conflict 2: DeepSeek-V3's card has no front matter. What stands there only
// is absent: not unknown, and not MIT.
func TestConflictNoFrontMatter(t *testing.T) {
	in := seed(t, "deepseek-v3")
	in.Documents = slices.DeleteFunc(in.Documents, func(d Document) bool { return d.Path != "README.md" })
	text := string(in.Documents[0].Text)
	if !strings.HasPrefix(text, "<!--") {
		t.Fatal("the fixture is another")
	}
	r := extract(t, in)
	for _, id := range []string{"model.library", "model.task", "td.sources.publicDatasets", "use.languages", "lineage.base"} {
		if c := settled(t, r, id); c.State != provenance.StateAbsent || c.Absence != provenance.Silent || len(c.Searched) != 1 {
			t.Errorf("%s is %v", id, c.State)
		}
	}
	if c := settled(t, r, "license.weights"); string(c.Value) == mit {
		t.Error("the weights are MIT")
	}
	// Without the section on licences there is nothing at all.
	in.Documents[0] = document("README.md", text[:strings.Index(text, "## 7. License")])
	if c := settled(t, extract(t, in), "license.weights"); c.State != provenance.StateAbsent {
		t.Errorf("weights: %v %s", c.State, c.Value)
	}
}

// Conflict 3: R1 is MIT and made from V3-Base, whose licence propagates. Both
// are DeepSeek's: that is named, and is no conflict. Under anybody else's
// notice, or none, it is the flow that is named.
func TestConflictRelicensed(t *testing.T) {
	in := seed(t, "deepseek-r1")
	r := extract(t, in)
	if c := settled(t, r, "license.weights"); c.State != provenance.StateDeclared || string(c.Value) != mit {
		t.Errorf("%v %s", c.State, c.Value)
	}
	if got := codes(r); !slices.Equal(got, []string{provenance.CodeLicenseRelicensed}) {
		t.Errorf("findings %q", got)
	}
	if len(r.Lineage) != 1 || r.Lineage[0].Name != "DeepSeek-V3-Base" || r.Lineage[0].Licensor != "DeepSeek" || r.Lineage[0].Source.Lines[0] != 82 {
		t.Errorf("lineage %+v", r.Lineage)
	}
	i := slices.IndexFunc(in.Documents, func(d Document) bool { return d.Path == "LICENSE" })
	for name, text := range map[string]string{
		"somebody else's": strings.Replace(string(in.Documents[i].Text), "DeepSeek", "A Finetuner", 1),
		"a part of it":    strings.Replace(string(in.Documents[i].Text), "DeepSeek", "DeepSeekers", 1),
		"nobody's":        strings.Replace(string(in.Documents[i].Text), "Copyright (c) 2023 DeepSeek", "", 1),
	} {
		other := in
		other.Documents = slices.Clone(in.Documents)
		other.Documents[i] = document("LICENSE", text)
		if got := codes(extract(t, other)); !slices.Equal(got, []string{provenance.CodeLicenseFlow}) {
			t.Errorf("%s: findings %q", name, got)
		}
	}
}

// Conflict 4: the distilled models carry R1's card. What it says of R1 is not
// said of them.
func TestConflictDistilled(t *testing.T) {
	llama := extract(t, named(t, "deepseek-r1", "DeepSeek-R1-Distill-Llama-8B"))
	base := settled(t, llama, "lineage.base")
	if base.State != provenance.StateDeclared || string(base.Value) != `["Llama-3.1-8B"]` || len(base.Observations) != 2 {
		t.Errorf("base %v %s\n%+v", base.State, base.Value, base.Observations)
	}
	if c := settled(t, llama, "lineage.teachers"); string(c.Value) != `["DeepSeek-R1"]` {
		t.Errorf("teachers %v %s", c.State, c.Value)
	}
	if c := settled(t, llama, "model.parameters.total"); c.State != provenance.StateAbsent {
		t.Errorf("R1's size is stated of the distilled model: %s", c.Value)
	}
	if c := settled(t, llama, "license.weights"); string(c.Value) != mit {
		t.Errorf("%v %s", c.State, c.Value)
	}
	got := codes(llama)
	for _, want := range []string{provenance.CodeLicenseFlow, provenance.CodeObligationNotMet} {
		if !slices.Contains(got, want) {
			t.Errorf("findings %q, want %s", got, want)
		}
	}
	if slices.Contains(got, provenance.CodeLicenseRelicensed) || slices.Contains(got, provenance.CodeLineageDiffers) {
		t.Errorf("findings %q", got)
	}
	obligation := func(r told) provenance.Obligation {
		for _, l := range r.Licensing {
			for _, o := range l.Obligations {
				if o.ID == "name-prefix" {
					return o
				}
			}
		}
		return provenance.Obligation{}
	}
	if o := obligation(llama); o.Check != provenance.NotMet || o.From != "LicenseRef-modelcheck-llama-3.1#1.b.i" || !strings.Contains(o.Detail, "DeepSeek-R1-Distill-Llama-8B") {
		t.Errorf("%+v", o)
	}
	in := named(t, "deepseek-r1", "DeepSeek-R1-Distill-Llama-70B")
	if c := settled(t, extract(t, in), "lineage.base"); string(c.Value) != `["Llama-3.3-70B-Instruct"]` {
		t.Errorf("70B: %s", c.Value)
	}

	qwen := extract(t, named(t, "deepseek-r1", "DeepSeek-R1-Distill-Qwen-1.5B"))
	if c := settled(t, qwen, "lineage.base"); c.State != provenance.StateDeclared || string(c.Value) != `["Qwen2.5-Math-1.5B"]` {
		t.Errorf("qwen: %v %s", c.State, c.Value)
	}
	if got := codes(qwen); !slices.Equal(got, []string{provenance.CodeLineageDiffers}) {
		t.Errorf("qwen: findings %q", got)
	}
}

// A model whose name begins as its base's licence asks.
func TestNamePrefix(t *testing.T) {
	for name, want := range map[string]provenance.ObligationCheck{
		"Llama-Tiny": provenance.Met, "llama-tiny": provenance.Met, "org/Llama-Tiny": provenance.Met,
		"Tiny-Llama": provenance.NotMet, "NotLlama": provenance.NotMet, "Alpaca": provenance.NotMet, "": provenance.NotCheckable,
	} {
		in := cardOf("---\nlicense: llama3.1\nbase_model: meta-llama/Llama-3.1-8B\n---\n")
		if name != "" {
			in.Annotations = []Annotations{{Digest: artifact.SumSHA256(nil), Values: map[string]string{"org.opencontainers.image.title": name}}}
		}
		for _, l := range extract(t, in).Licensing {
			for _, o := range l.Obligations {
				if o.ID == "name-prefix" && o.Check != want {
					t.Errorf("%q: %v: %s", name, o.Check, o.Detail)
				}
			}
		}
	}
}

// Conflict 5: the same repository's README means other models at another time;
// the observation is pinned to the bytes that were read, and a sentence with
// exceptions speaks on no model at all.
func TestConflictQwen(t *testing.T) {
	in := seed(t, "qwen2.5")
	r := extract(t, in)
	c := settled(t, r, "license.weights")
	if c.State != provenance.StateDeclared || string(c.Value) != `"LicenseRef-modelcheck-qwen-research"` || len(c.Observations) != 1 || c.Observations[0].Source.Digest != in.Documents[0].Digest {
		t.Errorf("%v %s %+v", c.State, c.Value, c.Observations)
	}
	plain, err := readSeedReadme(t)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"October 2024": plain,
		"August 2025": strings.Replace(plain, "All our open-source models, except for the 3B and 72B variants, are licensed under Apache 2.0.",
			"All our open-weight models are licensed under Apache 2.0.", 1),
	} {
		if c := settled(t, extract(t, cardOf(text)), "license.weights"); c.State != provenance.StateAbsent {
			t.Errorf("%s: %v %s", name, c.State, c.Value)
		}
	}
}

func readSeedReadme(t *testing.T) (string, error) {
	t.Helper()
	for _, d := range seed(t, "qwen2.5").Documents {
		if d.Path == "README.md" {
			_, text, _ := strings.Cut(string(d.Text)[4:], "---\n")
			return text, nil
		}
	}
	return "", errNoMapping
}

// Near-conflict 6: rounding, and the extra module's own count, are none.
func TestNearConflictNumbers(t *testing.T) {
	r := extract(t, seed(t, "deepseek-v3"))
	for id, value := range map[string]string{
		"model.parameters.total":  `{"count":671000000000,"text":"671B"}`,
		"model.parameters.active": `{"count":36700000000,"text":"36.7B"}`,
	} {
		if c := settled(t, r, id); c.State != provenance.StateDeclared || string(c.Value) != value || len(c.Observations) != 3 {
			t.Errorf("%s: %v %s of %d", id, c.State, c.Value, len(c.Observations))
		}
	}
}

// A rider makes MIT another licence, wherever the card says MIT.
func TestModifiedLicence(t *testing.T) {
	text := readFile(t, fixtures.Dir(t, "licenses", "modified-mit-with-rider"))
	in := cardOf("---\nlicense: mit\n---\n")
	in.Documents = append(in.Documents, document("LICENSE", text))
	r := extract(t, in)
	if c := settled(t, r, "license.weights"); c.State != provenance.StateConflicting {
		t.Errorf("%v %s", c.State, c.Value)
	}
	if got := codes(r); !slices.Contains(got, provenance.CodeLicenseModified) || slices.Contains(got, provenance.CodeLicenseUnidentified) {
		t.Errorf("findings %q", got)
	}
	for _, l := range r.Licensing {
		if l.Text == nil {
			continue
		}
		if l.License != "" || l.Text.Match.Near != "MIT" || !l.Text.Match.Modified || len(l.Terms) != 1 || l.Terms[0].ID != "added-words" || l.Terms[0].Source.Lines[0] != 23 {
			t.Errorf("%+v", l)
		}
	}
}
