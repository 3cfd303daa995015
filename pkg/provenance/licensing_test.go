package provenance_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// licensed is the sample with a licence text, a base model and a paper.
func licensed(t testing.TB) *provenance.Manifest {
	t.Helper()
	m := sample(t)
	line := func(n int) provenance.Source {
		return provenance.Source{Kind: provenance.SourceFile, Path: "LICENSE", Digest: digest("license"), Lines: []int{n, n}, Quote: "words"}
	}
	m.Licensing = []provenance.Licensing{
		{
			Asset: "weights", Claim: "license.weights", Basis: provenance.BasisText,
			Text: &provenance.LicenseText{Path: "LICENSE", Digest: digest("license"), Normalized: digest("normal"),
				Match: provenance.TextMatch{Method: "licensecheck/1", Coverage: 0.735, Uncovered: 333, Near: "MIT", Modified: true}},
			Terms:       []provenance.Term{{ID: "governing-law", Value: []string{"X"}, Source: line(9)}, {ID: "attribution", Source: line(2)}},
			Obligations: []provenance.Obligation{{ID: "keep-notice", From: "MIT", Check: provenance.Met, Detail: "the text is in the artifact", Source: line(3)}},
		},
		{
			Asset: "weights", Claim: "lineage.base", License: "LicenseRef-modelcheck-llama-3.1", Basis: provenance.BasisBase, Of: "Llama-3.1-8B",
			Obligations: []provenance.Obligation{{ID: "name-prefix", From: "LicenseRef-modelcheck-llama-3.1#1.b.i", Check: provenance.NotMet, Detail: `"Deep" does not begin with "Llama"`}},
		},
	}
	m.Lineage = []provenance.Lineage{
		{Relation: provenance.LineageTeacher, Name: "R1", Claim: "lineage.teachers", Grade: provenance.Declared, Source: inReadme(provenance.Declared, "", 4).Source},
		{Relation: provenance.LineageBase, Name: "Llama-3.1-8B", License: "LicenseRef-modelcheck-llama-3.1", LicenseMethod: "base-license/1",
			Claim: "lineage.base", Grade: provenance.Declared, Source: inReadme(provenance.Declared, "", 5).Source},
	}
	claimByID(m, "td.size.text").Elsewhere = []provenance.Observation{{
		Grade: provenance.Declared, Value: value(`{"count":14800000000000,"text":"14.8T"}`), Method: "profile/deepseek-v3@1",
		Source: provenance.Source{Kind: provenance.SourceExternal, URI: "https://example.org/paper.pdf", Digest: digest("paper"), Page: 22, Quote: "14.8T tokens"},
	}}
	return m
}

func TestLicensedManifest(t *testing.T) {
	m := licensed(t)
	one, err := provenance.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	back, err := provenance.Decode(one)
	if err != nil || len(back.Licensing) != 2 || back.Lineage[0].Name != "Llama-3.1-8B" || back.Licensing[1].Terms[0].ID != "attribution" {
		t.Fatalf("read again: %v, %+v", err, back)
	}
	if c := claimByID(back, "td.size.text"); c.State != provenance.StateDeclared || len(c.Observations) != 1 || len(c.Elsewhere) != 1 {
		t.Errorf("what is said elsewhere changed the claim: %+v", c)
	}
	mixed := licensed(t)
	slices.Reverse(mixed.Licensing)
	slices.Reverse(mixed.Lineage)
	slices.Reverse(mixed.Licensing[1].Terms)
	mixed.Lineage = append(mixed.Lineage, mixed.Lineage...)
	if two, err := provenance.Encode(mixed); err != nil || string(one) != string(two) {
		t.Errorf("the order decides (%v):\n%s\n%s", err, one, two)
	}
	plain := sample(t)
	d := provenance.Diff(plain, m)
	if d.IsZero() || len(d.LicensingAdded) != 2 || len(d.LineageAdded) != 2 || len(d.LicensingGone) != 0 || !slices.Contains(d.EvidenceReplaced, "td.size.text") {
		t.Errorf("added: %+v", d)
	}
	a, _ := provenance.SubstanceDigest(plain)
	if b, _ := provenance.SubstanceDigest(m); a == b {
		t.Error("one substance digest with and without licences")
	}
}

// Each of these makes the blocks claim more than they show.
func TestDishonestLicensingIsRefused(t *testing.T) {
	type m = *provenance.Manifest
	text := func(m m) *provenance.LicenseText { return m.Licensing[0].Text }
	for name, tc := range map[string]struct {
		change func(m)
		want   string
	}{
		"no text":                  {func(m m) { m.Licensing[0].Text = nil }, "not there"},
		"no basis":                 {func(m m) { m.Licensing[0].Basis = "" }, "unknown basis"},
		"no asset":                 {func(m m) { m.Licensing[0].Asset = "" }, "no such asset"},
		"modified, called MIT":     {func(m m) { m.Licensing[0].License, text(m).Match.ID = "MIT", "MIT" }, "left over"},
		"called MIT by the entry":  {func(m m) { m.Licensing[0].License = "MIT" }, "another licence"},
		"modified nothing":         {func(m m) { text(m).Match.Near = "" }, "modification of nothing"},
		"coverage above 1":         {func(m m) { text(m).Match.Coverage = 1.1 }, "outside"},
		"text of another artifact": {func(m m) { text(m).Digest = digest("x"); m.Licensing[0].Terms = nil }, "does not hold"},
		"no method":                {func(m m) { text(m).Match.Method = "" }, "method"},
		"term without lines":       {func(m m) { m.Licensing[0].Terms[0].Source.Lines = nil }, "without its lines"},
		"term of another text":     {func(m m) { m.Licensing[0].Terms[0].Source.Digest = digest("readme") }, "without its lines"},
		"met, compared nothing":    {func(m m) { m.Licensing[0].Obligations[0].Detail = "" }, "what was compared"},
		"no clause":                {func(m m) { m.Licensing[1].Obligations[0].From = "" }, "clause"},
		"named, with terms":        {func(m m) { m.Licensing[1].Terms = m.Licensing[0].Terms }, "no terms"},
		"base of nothing":          {func(m m) { m.Licensing[1].Of = "" }, "whose"},
		"lineage without claim":    {func(m m) { m.Lineage[0].Claim = "" }, "without relation"},
		"unknown relation":         {func(m m) { m.Lineage[0].Relation = "cousin" }, "without relation"},
		"lineage without grade":    {func(m m) { m.Lineage[0].Grade = provenance.NoGrade }, "without relation"},
		"lineage from elsewhere":   {func(m m) { m.Lineage[0].Source.Digest = digest("x") }, "does not hold"},
		"licence from nowhere":     {func(m m) { m.Lineage[1].LicenseMethod = "" }, "where its licence is from"},
		"elsewhere, attested": {func(m m) {
			claimByID(m, "td.size.text").Elsewhere[0].Grade = provenance.Verified
		}, "want a declaration"},
		"elsewhere, in a file": {func(m m) {
			claimByID(m, "td.size.text").Elsewhere[0].Source.Kind = provenance.SourceFile
		}, "want a declaration"},
		"elsewhere, nowhere":  {func(m m) { claimByID(m, "td.size.text").Elsewhere[0].Source.URI = "" }, "without address"},
		"elsewhere, no words": {func(m m) { claimByID(m, "td.size.text").Elsewhere[0].Source.Quote = "" }, "without address"},
		"elsewhere as here": {func(m m) {
			c := claimByID(m, "td.size.text")
			c.Observations, c.Elsewhere = append(c.Observations, c.Elsewhere...), nil
		}, "outside the artifact"},
	} {
		t.Run(name, func(t *testing.T) {
			m := licensed(t)
			tc.change(m)
			if b, err := provenance.Encode(m); b != nil || !errors.Is(err, provenance.ErrDishonest) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}
