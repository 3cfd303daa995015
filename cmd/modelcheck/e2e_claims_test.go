//go:build e2e

package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A writtenManifest is the provenance manifest of a run, as far as tests look.
type writtenManifest struct {
	name   string
	digest string // of the manifest, as the report has it
	Claims []claim
}

// A claim is kept as text beside what tests look at, to search in and to show.
type claim struct {
	ID           string            `json:"id"`
	State        string            `json:"state"`
	Value        json.RawMessage   `json:"value"`
	Observations []json.RawMessage `json:"observations"`
	text         string
}

// A claimCheck names what a claim must be: its state, texts that its value and
// texts that its observations, or for an absent claim the whole of it, must hold.
type claimCheck struct {
	id, state    string
	value        []string
	observations int // at least so many
	mentions     []string
}

var deepseekV3Claims = []claimCheck{
	{id: "license.weights", state: "declared", value: []string{"deepseek-1.0"}, observations: 1, mentions: []string{"license-text/", "LICENSE-MODEL", "ccfee489"}},
	{id: "license.code", state: "declared", value: []string{"MIT"}, observations: 1, mentions: []string{"license-text/", "LICENSE-CODE"}},
	{id: "license.text", state: "verified", mentions: []string{"LICENSE-MODEL", "LICENSE-CODE"}},
	{id: "td.size.text", state: "declared", value: []string{`"count":14800000000000`}, observations: 1, mentions: []string{"README.md", "14.8T tokens", `"lines":[76,76]`}},
	{id: "td.sources.publicDatasets", state: "absent", mentions: []string{`"searched":[`, "README.md", "LICENSE-MODEL", "config.json", "sha256"}},
	{id: "runtime.remoteCode", state: "verified", observations: 1, mentions: []string{"config.json", "auto_map"}},
}

var deepseekR1Claims = []claimCheck{
	{id: "license.weights", state: "declared", value: []string{"MIT"}, observations: 2, mentions: []string{"license-text/", "license: mit"}},
	{id: "lineage.base", state: "declared", value: []string{"DeepSeek-V3-Base"}, observations: 1, mentions: []string{"README.md"}},
}

var janusProClaims = []claimCheck{
	{id: "license.weights", state: "conflicting", observations: 2, mentions: []string{"mit", "DeepSeek", "README.md", "LICENSE-MODEL"}},
}

var qwenClaims = []claimCheck{
	{id: "license.weights", state: "declared", value: []string{"qwen-research"}, observations: 1, mentions: []string{"README.md"}},
}

// verifyModel expects the model to be allowed and reads the manifest written.
func (u user) verifyModel(t *testing.T, name string, p published, trust ...string) writtenManifest {
	t.Helper()
	path := u.path(name + ".manifest.json")
	o := u.verify(t, append(trust, "--manifest", path, p.tag())...)
	o.expect(t, exitAllow, "allow", "")
	if o.Resolved.Digest != p.digest {
		t.Errorf("resolved to %s, want %s", o.Resolved.Digest, p.digest)
	}
	if t.Failed() {
		t.FailNow()
	}
	var statement struct {
		Predicate struct {
			Claims []json.RawMessage `json:"claims"`
		} `json:"predicate"`
	}
	parse(t, readFile(t, path), &statement)
	manifest := writtenManifest{name: name, digest: o.ManifestDigest}
	for _, raw := range statement.Predicate.Claims {
		c := claim{text: string(raw)}
		parse(t, raw, &c)
		manifest.Claims = append(manifest.Claims, c)
	}
	return manifest
}

// checkClaims holds the manifest against what is known of the model.
func checkClaims(t *testing.T, manifest writtenManifest, checks []claimCheck) {
	t.Helper()
	for _, check := range checks {
		if err := check.of(manifest); err != nil {
			t.Errorf("%s: %v", manifest.name, err)
		}
	}
}

func (check claimCheck) of(manifest writtenManifest) error {
	c, err := manifest.claim(check.id)
	if err != nil {
		return err
	}
	if c.State != check.state {
		return fmt.Errorf("state %q, want %q in %s", c.State, check.state, c.text)
	}
	if check.state == "conflicting" && len(c.Value) > 0 && string(c.Value) != "null" {
		return fmt.Errorf("a conflict has a value in %s", c.text)
	}
	if len(c.Observations) < check.observations {
		return fmt.Errorf("%d observations, want %d in %s", len(c.Observations), check.observations, c.text)
	}
	for _, part := range check.value {
		if !strings.Contains(string(c.Value), part) {
			return fmt.Errorf("value without %q in %s", part, c.text)
		}
	}
	for _, part := range check.mentions {
		if !strings.Contains(c.text, part) {
			return fmt.Errorf("no %q in %s", part, c.text)
		}
	}
	return nil
}

func (manifest writtenManifest) claim(id string) (claim, error) {
	var ids []string
	for _, c := range manifest.Claims {
		if c.ID == id {
			return c, nil
		}
		ids = append(ids, c.ID)
	}
	return claim{}, fmt.Errorf("no claim %q among %q", id, ids)
}
