package provenance_test

import (
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func digest(s string) artifact.Digest { return artifact.SumSHA256([]byte(s)) }

func value(s string) provenance.Value { return provenance.Value(s) }

// inReadme is an observation that the README of the sample makes.
func inReadme(grade provenance.Grade, v string, line int) provenance.Observation {
	return provenance.Observation{
		Grade: grade, Value: value(v), Method: "card-prose/1",
		Source: provenance.Source{
			Kind: provenance.SourceFile, Path: "README.md", Digest: digest("readme"),
			Lines: []int{line, line}, Quote: "as it stands there",
		},
	}
}

func observe(claim string, o provenance.Observation) provenance.ClaimObservation {
	return provenance.ClaimObservation{Claim: claim, Observation: o}
}

// catalog has one claim of every kind that the sample needs.
func catalog() []provenance.ClaimType {
	return []provenance.ClaimType{
		{ID: "license.weights", Title: "Licence of the weights", Ceiling: provenance.Attested, Kind: provenance.SPDX, Criteria: []string{"eu-mdf", "mof-1.0"}},
		{ID: "td.size.text", Title: "Size of the text data", Ceiling: provenance.Attested, Kind: provenance.Count, Criteria: []string{"eu-53-1-d"}},
		{ID: "td.sources.publicDatasets", Title: "Public data sets", Ceiling: provenance.Attested, Kind: provenance.List, Criteria: []string{"eu-53-1-d"}},
		{ID: "runtime.remoteCode", Title: "Code on load", Ceiling: provenance.Verified, Kind: provenance.Tristate, Criteria: []string{"eu-mdf"}},
		{ID: "origin.country", Title: "Country", Ceiling: provenance.Attested, Kind: provenance.Country},
	}
}

func searched() []provenance.Document {
	return []provenance.Document{
		{Path: "README.md", Digest: digest("readme")},
		{Path: "LICENSE", Digest: digest("license")},
	}
}

// sample is a small honest manifest with a claim in nearly every state.
func sample(t testing.TB) *provenance.Manifest {
	t.Helper()
	subject := digest("manifest")
	code := inReadme(provenance.Verified, `"yes"`, 3)
	code.Method, code.Source.Quote = "auto-map/1", ""
	license := inReadme(provenance.Declared, `"MIT"`, 2)
	other := inReadme(provenance.Declared, `"LicenseRef-modelcheck-deepseek-1.0"`, 9)
	claims, err := provenance.Settle(catalog(), []provenance.ClaimObservation{
		observe("runtime.remoteCode", code),
		observe("td.size.text", inReadme(provenance.Declared, `{"count":14800000000000,"text":"14.8T"}`, 50)),
		observe("license.weights", other),
		observe("license.weights", license),
	}, searched(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return &provenance.Manifest{
		Subject: subject,
		Generator: provenance.Generator{Name: "modelcheck", Version: "v0.1.0", Catalogs: []provenance.Catalog{
			{Name: "licenses", Digest: digest("licenses")}, {Name: "claims", Digest: digest("claims")},
		}},
		Artifact: provenance.Artifact{
			Kind: "manifest", MediaType: "application/vnd.oci.image.manifest.v1+json", TotalBytes: 42, ContentIdentity: digest("content"),
			Members: []provenance.Member{{Digest: subject, Packaging: "oras", ContentIdentity: digest("content")}},
		},
		Files: []provenance.File{
			{Path: "model.safetensors", Digest: digest("weights"), Size: 30, Role: artifact.RoleWeights, Format: "safetensors", Class: provenance.LoadInert, Layer: digest("weights")},
			{Path: "README.md", Digest: digest("readme"), Size: 7, Role: artifact.RoleCard, Class: provenance.LoadInert, Layer: digest("readme")},
			{Path: "LICENSE", Digest: digest("license"), Size: 5, Role: artifact.RoleLicense, Class: provenance.LoadTemplate, Layer: digest("license")},
		},
		Loading: &provenance.Loading{
			Class: provenance.LoadTemplate, Scope: "these files",
			Loaders: []provenance.Loader{{Name: "transformers", Rules: []string{"MC-B", "MC-A"}}, {Name: "peft", Rules: []string{"MC-A"}}},
			Templates: []provenance.Template{
				{Path: "README.md", Digest: digest("template"), Size: 9, Conditional: []provenance.PromptText{{Text: "b", Condition: "y", Line: 2}, {Text: "a", Condition: "x", Line: 1}}},
				{Path: "LICENSE", Digest: digest("template"), Size: 9},
			},
		},
		Weights: []provenance.Weights{{
			Folder: ".", First: "model.safetensors", Files: 1, Tensors: 2, Stored: 10, Scales: 1, Predicted: 2, Main: 7,
			ByDType: map[string]uint64{"BF16": 9, "F32": 1},
			Stated: []provenance.StatedCount{
				{Text: "10", Counts: "all stored elements", Measured: 10, Path: "README.md", Lines: []int{4, 4}},
				{Text: "7", Counts: "parameters of the main model", Measured: 7, Path: "README.md", Lines: []int{3, 3}},
			},
		}},
		Signatures: []provenance.Signature{{
			Signer: "ci", Scheme: "sigstore-key", PredicateType: "https://sigstore.dev/cosign/sign/v1",
			Identity: provenance.Identity{KeyFingerprint: digest("key").String()}, Relation: provenance.Repackager,
		}},
		Claims: claims,
		Findings: []provenance.Finding{
			{ID: provenance.CodeClaimConflict, Subject: "license.weights", Detail: "two statements disagree"},
			{ID: provenance.CodeCodeOnLoad, Subject: "config.json", Detail: "auto_map names code", Facts: map[string]string{"module": "modeling_tiny", "class": "Tiny"}},
		},
		Coverage: provenance.Cover(catalog(), claims),
	}
}

// attestations are two that a sample can carry.
func attestations() []provenance.Attestation {
	return []provenance.Attestation{
		{Signer: "ci", Scheme: "sigstore-key", PredicateType: "https://slsa.dev/provenance/v1", Identity: provenance.Identity{KeyFingerprint: digest("key").String()}},
		{Signer: "ci", Scheme: "sigstore-key", PredicateType: "https://cyclonedx.org/bom", Identity: provenance.Identity{KeyFingerprint: digest("key").String()}, Evidence: []string{"trusted-time", "transparency-log"}},
	}
}

// shuffle returns m with every list in the opposite order, twice over where a
// repetition must not matter.
func shuffle(m *provenance.Manifest) *provenance.Manifest {
	s := *provenance.Sort(m)
	slices.Reverse(s.Generator.Catalogs)
	slices.Reverse(s.Files)
	s.Files = append(s.Files, s.Files[0])
	loading := *s.Loading
	loading.Loaders, loading.Templates = slices.Clone(loading.Loaders), slices.Clone(loading.Templates)
	slices.Reverse(loading.Loaders)
	for i := range loading.Loaders {
		loading.Loaders[i].Rules = slices.Clone(loading.Loaders[i].Rules)
		slices.Reverse(loading.Loaders[i].Rules)
	}
	slices.Reverse(loading.Templates)
	loading.Templates = append(loading.Templates, loading.Templates...)
	for i := range loading.Templates {
		loading.Templates[i].Conditional = slices.Clone(loading.Templates[i].Conditional)
		slices.Reverse(loading.Templates[i].Conditional)
	}
	s.Loading = &loading
	s.Weights = append(slices.Clone(s.Weights), s.Weights...)
	slices.Reverse(s.Claims)
	for i := range s.Claims {
		slices.Reverse(s.Claims[i].Observations)
		slices.Reverse(s.Claims[i].Searched)
		s.Claims[i].Searched = append(s.Claims[i].Searched, s.Claims[i].Searched...)
	}
	slices.Reverse(s.Findings)
	s.Findings = append(s.Findings, s.Findings...)
	s.Signatures = append(s.Signatures, s.Signatures...)
	slices.Reverse(s.Attestations)
	s.Attestations = append(s.Attestations, s.Attestations...)
	for i := range s.Attestations {
		slices.Reverse(s.Attestations[i].Evidence)
	}
	slices.Reverse(s.Coverage)
	for i := range s.Coverage {
		slices.Reverse(s.Coverage[i].Claims)
	}
	return &s
}
