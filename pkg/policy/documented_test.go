package policy_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The policy in docs/policy.md does what its comments say.
func TestDocumentedPolicy(t *testing.T) {
	data, err := os.ReadFile("../../testdata/policies/documented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Resolve(func(name string) ([]byte, error) {
		switch filepath.Base(name) {
		case "demo.pub":
			return readFiles("team")
		case "other.pub":
			return readFiles("team-2025")
		case "acme-ca.pem":
			return readFiles("chain-acme")
		default:
			return readFiles("root.json")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	release := with(byPerson("https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1.2", issuer), func(c *provenance.Candidate) {
		c.Identity.TrustedRoot = "public-good"
		c.Identity.Extensions = map[string]string{"sourceRepositoryURI": "https://github.com/acme/models", "sourceRepositoryRef": "refs/tags/v1.2", "runnerEnvironment": "github-hosted"}
	})
	build := attesting(with(byPerson("builder@ci.acme.example", "https://ci.acme.example"), func(c *provenance.Candidate) { c.Identity.TrustedRoot = "acme-sigstore" }), slsa)
	older := with(at(byKey("team-2025"), "2025-06-01T00:00:00Z"), func(c *provenance.Candidate) { c.Checked = []string{"transparency-log"} })
	officer := byCA("eve@security.acme.example", "acme-ca")

	for name, c := range map[string]candidates{
		"team": {release, byKey("team"), build}, "older key": {older, release, build}, "officer": {officer, build, release},
	} {
		if v := judge(p, c); !v.Allowed() {
			t.Errorf("%s: %+v", name, v)
		}
	}
	branch := with(release, func(c *provenance.Candidate) {
		c.Identity.Extensions = map[string]string{"sourceRepositoryURI": "https://github.com/acme/models", "sourceRepositoryRef": "refs/heads/main", "runnerEnvironment": "github-hosted"}
	})
	for name, c := range map[string]candidates{
		"nothing":                {},
		"release alone":          {release, build},
		"team alone":             {byKey("team"), build},
		"not built":              {release, byKey("team")},
		"built under other root": {release, byKey("team"), with(build, func(c *provenance.Candidate) { c.Identity.TrustedRoot = "public-good" })},
		"built, unsigned":        {build, attesting(release, slsa), byKey("team")},
		"of a branch":            {branch, byKey("team"), build},
		"older key, today":       {release, build, with(older, signedAt("rfc3161", "2026-06-01T00:00:00Z"))},
		"older key, unlogged":    {release, build, with(older, func(c *provenance.Candidate) { c.Checked = nil })},
		"officer of elsewhere":   {release, build, byCA("eve@acme.example", "acme-ca")},
		"officer, no time":       {release, build, with(officer, signedAt("current-time", "2026-06-01T00:00:00Z"))},
		"team as oms-key":        {release, build, with(byKey("team"), func(c *provenance.Candidate) { c.Scheme = "oms-key" })},
	} {
		if v := judge(p, c); v.Outcome != policy.Deny {
			t.Errorf("%s: %+v", name, v)
		}
	}
	relaxed := provenance.Finding{ID: provenance.CodeLicenseUnidentified, Detail: "d"}
	if v := judge(p, candidates{release, byKey("team"), build}, relaxed); v.Outcome != policy.Hold {
		t.Errorf("a finding that holds: %+v", v)
	}
	if got := p.Roots(); !slices.ContainsFunc(got, func(r policy.Root) bool { return r.Name == "public-good" && r.MaxAge > r.WarnAge && r.WarnAge > 0 }) {
		t.Errorf("roots %+v", got)
	}
}
