package policy_test

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A review lapses when something new is seen, and by nothing else: not by
// another run, another build of the tool, or one more signature of a signer who
// had signed.
func TestReviewsLapse(t *testing.T) {
	p := parse(t, regulated()+"  attestations: [{name: built, predicateType: "+slsa+", signedBy: {anyOf: [cem]}}]\n")
	built := attesting(byKey("cem"), slsa)
	see := func(signed candidates, change ...func(*provenance.Manifest)) *provenance.Manifest {
		m := record(p, append(signed, built))
		m.Files = append(m.Files, provenance.File{Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md")), Size: 9, Role: artifact.RoleCard, Class: provenance.LoadInert})
		m.Claims = []provenance.Claim{stated("license.weights", `"MIT"`)}
		for _, f := range change {
			f(m)
		}
		return m
	}
	once := candidates{byKey("publisher")}
	before := see(once)
	legal, risk := reviewBy("anna", "legal", before, p), reviewBy("ben", "model-risk", before, p)
	again := byKey("publisher")
	again.Digest, again.Layout = artifact.SumSHA256([]byte("again")), "fallback-tag"
	for name, tc := range map[string]struct {
		now  *provenance.Manifest
		want policy.Outcome
	}{
		"the same":      {see(once), policy.Allow},
		"another build": {see(once, func(m *provenance.Manifest) { m.Generator.Version = "v99.0.0" }), policy.Allow},
		"newer catalogues": {see(once, func(m *provenance.Manifest) {
			m.Generator.Catalogs = []provenance.Catalog{{Name: "licenses", Digest: licence}}
		}), policy.Allow},
		"signed again":       {see(candidates{byKey("publisher"), again}), policy.Allow},
		"a stranger signed":  {see(candidates{byKey("publisher"), byKey("mallory")}), policy.Allow},
		"a changed claim":    {see(once, claim(stated("license.weights", `"Apache-2.0"`))), policy.Hold},
		"a new claim":        {see(once, func(m *provenance.Manifest) { m.Claims = append(m.Claims, stated("identity.name", `"m"`)) }), policy.Hold},
		"a claim gone":       {see(once, without("license.weights")), policy.Hold},
		"a new finding":      {see(once, found(provenance.CodeLicenseUnidentified)), policy.Hold},
		"a new named signer": {see(candidates{byKey("publisher"), byKey("cem")}), policy.Hold},
		"another file":       {see(once, func(m *provenance.Manifest) { m.Files[1].Digest = licence; m.Claims = nil }), policy.Hold},
		"loading, another class": {see(once, func(m *provenance.Manifest) {
			m.Files[0].Class, m.Loading.Class = provenance.LoadTemplate, provenance.LoadTemplate
		}), policy.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			v := p.Evaluate(reviewed(p, tc.now, legal, risk))
			if v.Outcome != tc.want || hasCode(v, provenance.CodeReviewOutdated) != (tc.want == policy.Hold) {
				t.Errorf("%v, want %v: %+v", v.Outcome, tc.want, v.Reasons)
			}
		})
	}
}
