package policy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// seedModels are the four seed models, and hostileModels changes one thing of
// DeepSeek-R1 each. The columns of the tables below are in this order.
var seedModels = []string{"deepseek-r1", "deepseek-v3", "janus-pro", "qwen2.5"}

var hostileModels = []struct {
	name   string
	change func(m *provenance.Manifest)
}{
	{"pickled weights", func(m *provenance.Manifest) { weightsOf(m).Format = "pickle" }},
	{"a pickle beside", found(provenance.CodeSerializedObjects)},
	{"code on load", found(provenance.CodeCodeOnLoad)},
	{"reaches the system", found(provenance.CodeReachesSystem)},
	{"fetched on load", found(provenance.CodeNetworkOnLoad)},
	{"loading unknown", func(m *provenance.Manifest) {
		weightsOf(m).Class, m.Loading.Class = provenance.LoadUnknown, provenance.LoadUnknown
		m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeLoadingUnknown, Subject: weightsOf(m).Path, Digest: weightsOf(m).Digest, Detail: "nobody knows"})
	}},
	{"copyleft", claim(stated("license.weights", `"GPL-3.0-only"`))},
	{"two licences", claim(clashing("license.weights", `"MIT"`, `"GPL-3.0-only"`))},
	{"another base", claim(stated("lineage.base", `["evil/base"]`))},
	{"larger", claim(stated("model.parameters.total", `{"count":2000000000000,"text":"2T"}`))},
	{"nobody signed", func(m *provenance.Manifest) { m.Signatures = nil }},
	{"a stranger signed", func(m *provenance.Manifest) {
		_, m.Signatures[0].Identity.KeyFingerprint = publicKey("mallory")
	}},
	{"nothing was read", func(m *provenance.Manifest) { m.Claims = nil }},
	// The neighbour that is not hostile: it states what DeepSeek-R1 does not.
	{"states more", func(m *provenance.Manifest) {
		claim(stated("td.summary.url", `"https://acme.example/summary"`))(m)
		claim(stated("origin.country", `"CN"`))(m)
	}},
}

// weightsOf is the first file of weights.
func weightsOf(m *provenance.Manifest) *provenance.File {
	i := slices.IndexFunc(m.Files, func(f provenance.File) bool { return f.Role == artifact.RoleWeights })
	return &m.Files[i]
}

// models are the records of all columns.
func models(t *testing.T) (names []string, records []*provenance.Manifest) {
	t.Helper()
	for _, name := range seedModels {
		names, records = append(names, name), append(records, recorded(t, name))
	}
	for _, h := range hostileModels {
		m := recorded(t, "deepseek-r1")
		h.change(m)
		honest(m)
		if err := provenance.Validate(m); err != nil {
			t.Fatalf("%s: %v", h.name, err)
		}
		names, records = append(names, h.name), append(records, m)
	}
	return names, records
}

// honest ties what a test states to the documents that the record has.
func honest(m *provenance.Manifest) {
	m.Coverage = nil
	card := slices.IndexFunc(m.Files, func(f provenance.File) bool { return f.Path == "README.md" })
	for _, c := range m.Claims {
		for i := range c.Observations {
			if o := &c.Observations[i]; o.Source.Path == "README.md" {
				o.Source.Digest = m.Files[card].Digest
			}
		}
	}
}

func withDemoKey(t *testing.T, text []byte) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(text)
	if err == nil {
		err = p.Resolve(func(name string) ([]byte, error) {
			switch name {
			case "demo.pub", "cosign.pub":
				return os.ReadFile("../../testdata/keys/demo.pub")
			case "producer.pub":
				return os.ReadFile("../../testdata/keys/other.pub")
			default:
				return []byte("{}"), nil
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// seedRules say for each ready rule what it makes of each model: "." is met, "x"
// not met, "!" could not be evaluated, which counts against the model too.
var seedRules = map[string]struct{ with, models, hostile string }{
	"license-allowed":          {"{licenses: [MIT, Apache-2.0]}", ".xxx", "......xx....x."},
	"no-pickles":               {"", "....", "xx............"},
	"no-code-on-load":          {"", ".x..", ".xxx.x......!."},
	"no-egress":                {"", "....", "....xx......!."},
	"training-summary-present": {"", "xxxx", "xxxxxxxxxxxx!."},
	"disclosed":                {"{claims: [license.weights, lineage.base]}", ".xxx", ".......x....!."},
	"base-model-approved":      {"{models: [DeepSeek-V3-Base]}", ".!!!", "........x...!."},
	"origin-country-allowed":   {"{countries: [CN], grade: declared}", "xxxx", "xxxxxxxxxxxx!."},
	"parameters-in-range":      {"{max: 700_000_000_000}", "..xx", ".........x..!."},
	"signer-is-producer":       {"", "....", "..........xx.."},
	"reviewed-within":          {"", "xxxx", "xxxxxxxxxxxxxx"},
	"no-conflicts":             {"{claims: [license.weights]}", "..x.", ".......x....!."},
}

// Every ready rule by itself, over the seed models and the hostile variants.
func TestReadyRulesOnSeedModels(t *testing.T) {
	ready, err := policy.ReadyRules()
	if err != nil {
		t.Fatal(err)
	}
	names, records := models(t)
	for _, r := range ready {
		t.Run(r.Name, func(t *testing.T) {
			want, ok := seedRules[r.Name]
			if !ok {
				t.Fatal("not tested")
			}
			more := ""
			if want.with != "" {
				more += ", with: " + want.with
			}
			if r.LegalBasis {
				more += ", legalBasis: a contract"
			}
			p := withDemoKey(t, []byte(head+"allowUnsigned: true\nsigners: [{name: maker, relation: producer, key: {file: demo.pub}}]\n"+
				"reviewers: [{name: Maker, roles: [r], signers: [maker]}]\ncriteria: [{id: c, digest: '"+licence.String()+"'}]\nrequire: {reviews: {quorum: [{role: r, criteria: [c]}]}}\n"+
				"use: [{rule: "+r.Name+more+"}]\n"))
			got := ""
			for i, m := range records {
				v := p.Evaluate(policy.Case{Manifest: m, At: noon})
				said := verdictOf(v, r.Name)
				got += said
				if said != "." && v.Outcome != policy.Deny {
					t.Errorf("%s: %v", names[i], v.Outcome)
				}
			}
			if want := want.models + want.hostile; got != want {
				t.Errorf("got  %s\nwant %s\nof %s", got, want, strings.Join(names, ", "))
			}
		})
	}
}

// seedStarters say what each starter makes of each model by itself, without a
// review: a, h or d. Why, testdata/policies/starters says for more of them.
var seedStarters = map[string]string{
	"permissive": "aaaaaaahhhaaaaaaha",
	"platform":   "adddddddddddaaddda",
	"regulated":  "hdddddhhddddhhdddh",
}

func TestStartersOnSeedModels(t *testing.T) {
	starters, err := policy.Starters()
	if err != nil {
		t.Fatal(err)
	}
	names, records := models(t)
	for _, s := range starters {
		p, got := withDemoKey(t, s.YAML), ""
		for _, m := range records {
			got += p.Evaluate(policy.Case{Manifest: m, At: noon}).Outcome.String()[:1]
		}
		if want, ok := seedStarters[s.Name]; !ok || got != want {
			t.Errorf("%s:\ngot  %s\nwant %s\nof %s", s.Name, got, want, strings.Join(names, ", "))
		}
	}
}

// verdictOf is what a rule says, in one character.
func verdictOf(v policy.Verdict, rule string) string {
	out := "."
	for _, r := range v.Reasons {
		switch {
		case r.Subject != rule:
		case r.Code == provenance.CodeRuleNotMet && out == ".":
			out = "x"
		case r.Code == provenance.CodeRuleFailed && out == ".":
			out = "!"
		default:
			out = fmt.Sprintf("(%s)", r.Code)
		}
	}
	return out
}
