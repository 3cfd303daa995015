package disclose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	slsaV1  = "https://slsa.dev/provenance/v1"
	slsaV02 = "https://slsa.dev/provenance/v0.2"

	slsaPredicate = `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1",
	  "externalParameters":{"workflow":{"repository":"https://github.com/acme/models","ref":"refs/tags/v1","path":"r.yml"}},
	  "resolvedDependencies":[{"uri":"git+https://github.com/acme/models@refs/tags/v1","digest":{"gitCommit":"abc"}},{"name":"base","digest":{"sha256":"00"}}]},
	  "runDetails":{"builder":{"id":"https://github.com/actions/runner"},"metadata":{"invocationId":"7"}}}`
	slsaOlder = `{"builder":{"id":"https://b.example/1"},"buildType":"t","invocation":{"configSource":{"uri":"git+https://a.example/m@main"}},
	  "materials":[{"uri":"pkg:x"}]}`
	bomPredicate = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"machine-learning-model","group":"acme","name":"tiny-r1","version":"1.0",
	  "manufacturer":{"name":"Acme AI"},"licenses":[{"license":{"id":"MIT"}},{"expression":"apache-2.0 or MIT"}],
	  "pedigree":{"ancestors":[{"type":"machine-learning-model","group":"deepseek-ai","name":"DeepSeek-V3"}]},
	  "modelCard":{"modelParameters":{"datasets":[{"type":"dataset","name":"inline"},{"ref":"ds-1"}]}}}},
	  "components":[{"type":"data","bom-ref":"ds-1","name":"The Pile"},{"type":"library","name":"torch"}]}`
	spdxPredicate = `{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-x","name":"other"},{"SPDXID":"SPDXRef-m","name":"tiny-r1","versionInfo":"2",
	  "licenseDeclared":"MIT","licenseConcluded":"GPL-3.0-only","originator":"Organization: Acme AI","downloadLocation":"https://acme.example/m"}],
	  "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-m"}]}`
	spdx3Predicate = `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[
	  {"type":"CreationInfo","@id":"_:c","created":"2026-01-01T00:00:00Z"},
	  {"type":"ai_AIPackage","spdxId":"u:m","name":"tiny-r1","software_packageVersion":"3","originatedBy":["u:o"],"software_downloadLocation":"https://acme.example/m"},
	  {"type":"Organization","spdxId":"u:o","name":"Acme AI"},{"type":"dataset_DatasetPackage","spdxId":"u:d","name":"The Pile"},
	  {"type":"ai_AIModel","spdxId":"u:b","name":"DeepSeek-V3"},{"type":"simplelicensing_LicenseExpression","spdxId":"u:l","simplelicensing_licenseExpression":"MIT"},
	  {"type":"Relationship","spdxId":"u:1","relationshipType":"hasDeclaredLicense","from":"u:m","to":["u:l"]},
	  {"type":"Relationship","spdxId":"u:2","relationshipType":"trainedOn","from":"u:m","to":["u:d"]},
	  {"type":"Relationship","spdxId":"u:3","relationshipType":"descendantOf","from":"u:m","to":["u:b"]},
	  {"type":"Relationship","spdxId":"u:4","relationshipType":"trainedOn","from":"u:b","to":["u:o"]}]}`
)

// stated is a verified attestation by the signer "maker".
func stated(kind, predicate string, relation provenance.Relation) Attestation {
	return Attestation{
		Signer: "maker", Relation: relation, PredicateType: kind, Predicate: []byte(predicate),
		Digest: artifact.SumSHA256([]byte(kind + predicate)),
	}
}

// words writes what was said as "claim value pointer".
func words(r Result) []string {
	var out []string
	for _, o := range r.Observations {
		out = append(out, fmt.Sprintf("%s %s %s", o.Claim, o.Value, strings.TrimPrefix(o.Source.Pointer, "/predicate")))
	}
	slices.Sort(out)
	return out
}

func TestAttested(t *testing.T) {
	for name, tc := range map[string]struct {
		a    Attestation
		want []string
	}{
		"SLSA v1": {stated(slsaV1, slsaPredicate, provenance.Repackager), []string{
			`build.builder "https://github.com/actions/runner" /runDetails/builder/id`,
			`build.materials ["base sha256:00","git+https://github.com/acme/models@refs/tags/v1 gitCommit:abc"] /buildDefinition/resolvedDependencies`,
			`build.source "https://github.com/acme/models@refs/tags/v1" /buildDefinition/externalParameters/workflow`,
		}},
		"SLSA v0.2": {stated(slsaV02, slsaOlder, provenance.Repackager), []string{
			`build.builder "https://b.example/1" /builder/id`,
			`build.materials ["pkg:x"] /materials`,
			`build.source "git+https://a.example/m@main" /invocation/configSource/uri`,
		}},
		"CycloneDX": {stated(bomType, bomPredicate, provenance.Producer), []string{
			`identity.name "tiny-r1" /metadata/component/name`,
			`identity.version "1.0" /metadata/component/version`,
			`license.weights "Apache-2.0 OR MIT" /metadata/component/licenses/1/expression`,
			`license.weights "MIT" /metadata/component/licenses/0/license/id`,
			`lineage.base ["deepseek-ai/DeepSeek-V3"] /metadata/component/pedigree/ancestors`,
			`origin.organization "Acme AI" /metadata/component/manufacturer/name`,
			`td.sources.publicDatasets ["The Pile","inline"] /metadata/component/modelCard/modelParameters/datasets`,
		}},
		"CycloneDX, versioned type, model among the components": {
			stated(bomType+"/v1.5", `{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"x"},{"type":"machine-learning-model","name":"m"}]}`, provenance.Producer),
			[]string{`identity.name "m" /components/1/name`},
		},
		"SPDX 2.3": {stated(spdxType, spdxPredicate, provenance.ThirdParty), []string{
			`identity.name "tiny-r1" /packages/1/name`,
			`identity.version "2" /packages/1/versionInfo`,
			`license.weights "MIT" /packages/1/licenseDeclared`,
			`origin.organization "Acme AI" /packages/1/originator`,
			`origin.sourceURL "https://acme.example/m" /packages/1/downloadLocation`,
		}},
		"SPDX 3": {stated(spdxType+"/v3.0.1", spdx3Predicate, provenance.UnknownRelation), []string{
			`identity.name "tiny-r1" /@graph/1/name`,
			`identity.version "3" /@graph/1/software_packageVersion`,
			`license.weights "MIT" /@graph/6/to`,
			`lineage.base ["DeepSeek-V3"] /@graph/8/to`,
			`origin.organization "Acme AI" /@graph/1/originatedBy`,
			`origin.sourceURL "https://acme.example/m" /@graph/1/software_downloadLocation`,
			`td.sources.publicDatasets ["The Pile"] /@graph/7/to`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Extract(Input{Attestations: []Attestation{tc.a, tc.a}})
			if got := words(r); !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if len(r.Searched) != 1 || r.Searched[0].Digest != tc.a.Digest || len(r.Findings) != 0 {
				t.Errorf("searched %v, findings %v", r.Searched, r.Findings)
			}
			for _, o := range r.Observations {
				attested := o.Grade == provenance.Attested && o.Speaker.Signer == "maker"
				declared := o.Grade == provenance.Declared && o.Speaker.Signer == ""
				if (tc.a.Relation == provenance.Producer) != attested || attested == declared || o.Speaker.Name != "maker" || o.Speaker.Relation != tc.a.Relation {
					t.Errorf("%s: grade %v by %+v", o.Claim, o.Grade, o.Speaker)
				}
				if o.Source.Kind != provenance.SourceAttestation || o.Source.Digest != tc.a.Digest || o.Source.Quote == "" {
					t.Errorf("%s: source %+v", o.Claim, o.Source)
				}
			}
			if _, err := provenance.Settle(Catalog(), r.Observations, r.Searched, nil, ""); err != nil {
				t.Errorf("the record refuses it: %v", err)
			}
		})
	}
}

// A predicate of a known type that is not what its type promises is believed
// in nothing, and somebody has to look.
func TestAttestedRefused(t *testing.T) {
	many := func(one string, n int) string { return "[" + strings.Repeat(one+",", n) + one + "]" }
	for name, tc := range map[string]struct {
		kind, predicate, words string
	}{
		"no predicate":               {slsaV1, ``, "no predicate"},
		"null":                       {slsaV1, `null`, "no SLSA provenance"},
		"a list":                     {slsaV1, `[]`, "malformed JSON"},
		"a text":                     {spdxType, `"SPDXVersion: SPDX-2.3"`, "malformed JSON"},
		"builder is a number":        {slsaV1, strings.Replace(slsaPredicate, `"https://github.com/actions/runner"`, `7`, 1), "malformed JSON"},
		"builder is missing":         {slsaV1, strings.Replace(slsaPredicate, `"builder"`, `"bildr"`, 1), "no SLSA provenance"},
		"older under the new type":   {slsaV1, slsaOlder, "no SLSA provenance"},
		"newer under the old type":   {slsaV02, slsaPredicate, "no SLSA provenance"},
		"a name twice":               {slsaV02, `{"builder":{"id":"a"},"buildType":"t","builder":{"id":"b"}}`, "duplicate"},
		"a name in another case":     {slsaV02, `{"builder":{"id":"a"},"buildType":"t","Builder":{"id":"b"}}`, "duplicate"},
		"only in another case":       {bomType, strings.Replace(bomPredicate, `"name":"tiny-r1"`, `"Name":"tiny-r1"`, 1), "case"},
		"too deep":                   {bomType, strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), "nested"},
		"more after it":              {bomType, bomPredicate + "{}", "more after"},
		"material of nothing":        {slsaV02, strings.Replace(slsaOlder, `{"uri":"pkg:x"}`, `{}`, 1), "neither"},
		"materials without end":      {slsaV02, strings.Replace(slsaOlder, `[{"uri":"pkg:x"}]`, many(`{"uri":"x"}`, maxMaterials), 1), "over the limit"},
		"components without end":     {bomType, strings.Replace(bomPredicate, `{"type":"library","name":"torch"}`, strings.Trim(many(`{"type":"x"}`, maxComponents), "[]"), 1), "over the limit"},
		"ancestors without end":      {bomType, strings.Replace(bomPredicate, `[{"type":"machine-learning-model","group":"deepseek-ai","name":"DeepSeek-V3"}]`, many(`{"name":"x"}`, maxList), 1), "over the limit"},
		"data sets without end":      {bomType, strings.Replace(bomPredicate, `[{"type":"dataset","name":"inline"},{"ref":"ds-1"}]`, many(`{"name":"x"}`, maxList), 1), "over the limit"},
		"another format":             {bomType, strings.Replace(bomPredicate, "CycloneDX", "SPDX", 1), "no CycloneDX"},
		"an unknown version":         {bomType, strings.Replace(bomPredicate, `"1.6"`, `"2.0"`, 1), "no CycloneDX"},
		"a model without a name":     {bomType, strings.Replace(bomPredicate, `"tiny-r1"`, `""`, 1), "no name"},
		"licences are one text":      {bomType, strings.Replace(bomPredicate, `[{"license":{"id":"MIT"}},{"expression":"apache-2.0 or MIT"}]`, `"MIT"`, 1), "malformed JSON"},
		"an unknown SPDX":            {spdxType, strings.Replace(spdxPredicate, "SPDX-2.3", "SPDX-9.9", 1), "no SPDX document"},
		"SPDX of the next decade":    {spdxType, strings.Replace(spdx3Predicate, "rdf/3.0.1", "rdf/4.0.0", 1), "no SPDX document"},
		"both SPDX at once":          {spdxType, strings.Replace(spdx3Predicate, `{"@context"`, `{"spdxVersion":"SPDX-3","@context"`, 1), "no SPDX document"},
		"describes what is not":      {spdxType, strings.Replace(spdxPredicate, `"SPDXID":"SPDXRef-m"`, `"SPDXID":"SPDXRef-n"`, 1), "does not name"},
		"two elements with one id":   {spdxType, strings.Replace(spdx3Predicate, `"spdxId":"u:d"`, `"spdxId":"u:o"`, 1), "two of its elements"},
		"a relationship to one text": {spdxType, strings.Replace(spdx3Predicate, `["u:l"]`, `"u:l"`, 1), "malformed JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			a := stated(tc.kind, tc.predicate, provenance.Producer)
			r := Extract(Input{Attestations: []Attestation{a}})
			if len(r.Observations) != 0 || len(r.Searched) != 0 {
				t.Errorf("believed: %v, searched %v", words(r), r.Searched)
			}
			if len(r.Findings) != 1 || r.Findings[0].ID != provenance.CodeDocumentMalformed || !strings.Contains(r.Findings[0].Detail, tc.words) || r.Findings[0].Digest != a.Digest {
				t.Errorf("findings %+v, want %q", r.Findings, tc.words)
			}
		})
	}
	omitted := stated(slsaV1, "", provenance.Producer)
	omitted.Omitted = "it is larger than the limit for predicates"
	r := Extract(Input{Attestations: []Attestation{omitted}})
	if len(r.Observations)+len(r.Searched) != 0 || len(r.Findings) != 1 || r.Findings[0].ID != provenance.CodeDocumentTooLarge {
		t.Errorf("what was not handed on: %+v", r)
	}
}

// What no rule knows is left unsaid, and what is ambiguous as well.
func TestAttestedSilent(t *testing.T) {
	for name, tc := range map[string]struct {
		kind, predicate string
		searched        int
	}{
		"an unknown type":            {"https://example.com/scan/v1", bomPredicate, 0},
		"a type with a slash":        {slsaV1 + "/", slsaPredicate, 0},
		"a type in capitals":         {strings.ToUpper(slsaV1), slsaPredicate, 0},
		"a type that begins alike":   {bomType + "x", bomPredicate, 0},
		"a BOM of an application":    {bomType, strings.Replace(bomPredicate, `"component":{"type":"machine-learning-model"`, `"component":{"type":"application"`, 1), 1},
		"a BOM of two models":        {bomType, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"machine-learning-model","name":"a"},{"type":"machine-learning-model","name":"b"}]}`, 1},
		"SPDX that describes two":    {spdxType, strings.Replace(spdxPredicate, `"relationships"`, `"documentDescribes":["SPDXRef-x"],"relationships"`, 1), 1},
		"SPDX that describes nobody": {spdxType, strings.Replace(spdxPredicate, "DESCRIBES", "CONTAINS", 1), 1},
		"SPDX 3 of two models":       {spdxType, strings.Replace(spdx3Predicate, "ai_AIModel", "ai_AIPackage", 1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := Extract(Input{Attestations: []Attestation{stated(tc.kind, tc.predicate, provenance.Producer)}})
			if len(r.Observations) != 0 || len(r.Findings) != 0 || len(r.Searched) != tc.searched {
				t.Errorf("%v, searched %v, findings %v", words(r), r.Searched, r.Findings)
			}
		})
	}
}

// Two signers of the same statement both speak, in whatever order they were
// found, and no signature on the artifact lifts what somebody else states.
func TestAttestedOfTwoSigners(t *testing.T) {
	a := stated(bomType, bomPredicate, provenance.Producer)
	b := a
	b.Signer, b.Relation = "packer", provenance.Repackager
	one, two := Extract(Input{Attestations: []Attestation{a, b}}), Extract(Input{Attestations: []Attestation{b, a, b}})
	if fmt.Sprint(one.Observations, one.Searched) != fmt.Sprint(two.Observations, two.Searched) {
		t.Errorf("the order decides:\n%v\n%v", one, two)
	}
	claims, err := provenance.Settle(Catalog(), one.Observations, one.Searched, nil, "somebody")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		switch c.ID {
		case "identity.name":
			if c.State != provenance.StateAttested || len(c.Observations) != 2 {
				t.Errorf("%+v", c)
			}
			for _, o := range c.Observations {
				if (o.Speaker.Name == "packer") == (o.Grade == provenance.Attested) || o.Speaker.Signer == "somebody" {
					t.Errorf("%v by %+v", o.Grade, o.Speaker)
				}
			}
		case "license.weights": // a ceiling of declared is nobody's to pass
			if c.State == provenance.StateAttested {
				t.Errorf("%+v", c)
			}
		}
	}
}

// FuzzAttested: whatever a signer writes, what is said fits the catalogue,
// comes from this statement, and is never verified.
func FuzzAttested(f *testing.F) {
	for i, p := range []string{slsaPredicate, slsaOlder, bomPredicate, spdxPredicate, spdx3Predicate, "{}", "null"} {
		f.Add(uint8(i), []byte(p))
	}
	kinds := []string{slsaV1, slsaV02, bomType, spdxType, spdxType}
	f.Fuzz(func(t *testing.T, kind uint8, predicate []byte) {
		a := stated(kinds[int(kind)%len(kinds)], string(predicate), provenance.Producer)
		r := Extract(Input{Attestations: []Attestation{a}})
		if len(r.Observations) > 0 && len(r.Findings) > 0 {
			t.Error("believed and refused")
		}
		for _, o := range r.Observations {
			if o.Grade != provenance.Attested || o.Source.Digest != a.Digest || len(o.Source.Quote) > provenance.MaxQuote {
				t.Errorf("%+v", o)
			}
		}
		if _, err := provenance.Settle(Catalog(), r.Observations, r.Searched, nil, ""); err != nil {
			t.Error(err)
		}
	})
}
