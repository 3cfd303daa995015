package disclose

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// modelData says which licence published models have that others are made
// from, each with where that stands. A published file is never edited.
//
//go:embed data/models-1.json
var modelData []byte

// methodBaseLicense infers a base model's licence from its name by that table.
const methodBaseLicense = "base-license/1"

// A knownModel is an entry of the table: names in the form of modelKey.
type knownModel struct {
	Prefix   string   `json:"prefix"`
	Names    []string `json:"names"`
	License  string   `json:"license"`
	Licensor string   `json:"licensor"`
	Source   string   `json:"source"`
}

var knownModels = sync.OnceValue(func() []knownModel {
	var file struct {
		Schema string       `json:"schema"`
		Models []knownModel `json:"models"`
	}
	if err := strictjson.Decode(modelData, &file); err != nil {
		panic("disclose: embedded table of models: " + err.Error())
	}
	return file.Models
})

// ModelsDigest returns the digest of the table of base models.
func ModelsDigest() artifact.Digest { return artifact.SumSHA256(modelData) }

// modelKey is a model's name without its namespace, in lower case letters and
// digits only: documents write Llama-3.1-8B, Llama3.1-8B and llama 3.1 8B.
func modelKey(name string) string {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	key := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	if rest, ok := strings.CutPrefix(key, "meta"); ok && strings.HasPrefix(rest, "llama") {
		return rest
	}
	return key
}

// sameModel also takes "X-Base" for X, which documents do.
func sameModel(a, b string) bool {
	return strings.TrimSuffix(modelKey(a), "base") == strings.TrimSuffix(modelKey(b), "base")
}

func knownBase(name string) (knownModel, bool) {
	key := modelKey(name)
	for _, m := range knownModels() {
		if m.Prefix != "" && strings.HasPrefix(key, m.Prefix) || slices.Contains(m.Names, key) {
			return m, true
		}
	}
	return knownModel{}, false
}

// A statedBase is a document's statement of a base model's licence.
type statedBase struct {
	name, license string
	source        provenance.Source
}

// relationOf is the relation of a base, by base_model_relation of the same or
// any document.
func relationOf(claim string, relations []string) string {
	switch claim {
	case "lineage.teachers":
		return provenance.LineageTeacher
	case "lineage.components":
		return provenance.LineageComponent
	}
	if len(relations) == 1 {
		switch r := strings.ToLower(relations[0]); r {
		case provenance.LineageFinetune, provenance.LineageAdapter, provenance.LineageMerge, provenance.LineageQuantized:
			return r
		}
	}
	return provenance.LineageBase
}

// lineage makes the record's block out of what was observed, one entry for
// each model and place.
func (c *collector) lineage(all []provenance.ClaimObservation) {
	relations := textsOf(all, "lineage.relation")
	for _, o := range all {
		if !strings.HasPrefix(o.Claim, "lineage.") || o.Claim == "lineage.relation" || o.Grade > provenance.Verified {
			continue
		}
		for _, name := range namesIn(o.Value) {
			l := provenance.Lineage{Relation: relationOf(o.Claim, relations), Name: name, Claim: o.Claim, Grade: o.Grade, Source: o.Source}
			c.licenseOf(&l)
			c.lineages = append(c.lineages, l)
		}
	}
	for _, s := range c.stated {
		same := func(l provenance.Lineage) bool { return sameModel(l.Name, s.name) }
		if bases := c.bases(); len(bases) > 0 && !slices.ContainsFunc(bases, same) {
			c.find(provenance.Finding{
				ID: provenance.CodeLineageDiffers, Subject: "lineage.base", Digest: s.source.Digest,
				Detail: fmt.Sprintf("the base model is %q at one place and %q at another", bases[0].Name, s.name),
				Facts:  map[string]string{"license": s.license, "line": fmt.Sprint(s.source.Lines[0])},
			})
		}
	}
}

func (c *collector) bases() []provenance.Lineage {
	return slices.DeleteFunc(slices.Clone(c.lineages), func(l provenance.Lineage) bool { return l.Claim != "lineage.base" })
}

// licenseOf adds the licence of the model, as a document states it or by the
// table.
func (c *collector) licenseOf(l *provenance.Lineage) {
	m, known := knownBase(l.Name)
	if known {
		l.License, l.Licensor, l.LicenseMethod = m.License, m.Licensor, methodBaseLicense
	}
	for _, s := range c.stated {
		if sameModel(s.name, l.Name) {
			l.License, l.LicenseMethod, l.LicenseSource = s.license, methodProse, s.source
			return
		}
	}
}

// flow compares the licence of each base with what is stated for this model.
// It says what was compared, and what the outcome means to nobody.
func (c *collector) flow(all []provenance.ClaimObservation) {
	own := textsOf(all, weightsClaim)
	seen := map[string]bool{}
	for _, base := range c.bases() {
		term, propagates := license.Propagates(base.License)
		if !propagates || len(own) == 0 || slices.Contains(own, base.License) || seen[modelKey(base.Name)] {
			continue
		}
		seen[modelKey(base.Name)] = true
		f := provenance.Finding{
			ID: provenance.CodeLicenseFlow, Subject: base.Name, Digest: base.Source.Digest,
			Detail: fmt.Sprintf("%s, the licence of the base model %q, asks for %s in what is made from it; this model states %s",
				base.License, base.Name, term.ID, strings.Join(own, ", ")),
			Facts: map[string]string{"base": base.Name, "baseLicense": base.License, "license": strings.Join(own, ", "), "clause": term.Clause, "how": base.LicenseMethod},
		}
		if notice := c.noticeOf(base.Licensor); notice != "" {
			f.ID = provenance.CodeLicenseRelicensed
			f.Detail = fmt.Sprintf("this model states %s, its base model %q is under %s; both are by %s",
				strings.Join(own, ", "), base.Name, base.License, base.Licensor)
			f.Facts["licensor"], f.Facts["notice"] = base.Licensor, notice
		}
		c.find(f)
	}
}

// noticeOf returns the copyright notice, in a text that speaks on the weights,
// that names the licensor.
func (c *collector) noticeOf(licensor string) string {
	for _, t := range c.licenses {
		for _, notice := range t.match.Notices {
			if licensor != "" && c.speaks[t.Path] == weightsClaim && strings.Contains(" "+normal(notice)+" ", " "+normal(licensor)+" ") {
				return cut(valid(notice), 200)
			}
		}
	}
	return ""
}

// textsOf lists the distinct text values of a claim's observations.
func textsOf(all []provenance.ClaimObservation, claim string) []string {
	var out []string
	for _, o := range all {
		var s string
		if o.Claim == claim && json.Unmarshal(o.Value, &s) == nil && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

func namesIn(v provenance.Value) []string {
	var list []string
	if json.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
}
