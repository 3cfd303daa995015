package check_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// partialLayouts hold one shard whose name promises two.
var partialLayouts = map[string]string{"image-config-artifact": provenance.CodeWeightsIncomplete, "oras-unknown-type": provenance.CodeWeightsIncomplete}

// TestRealLayouts examines what real tools packed. All of it is unsigned; the
// layouts of the same twelve files have one content identity.
func TestRealLayouts(t *testing.T) {
	dir := fixtures.Dir(t, "oci", "layouts")
	layouts, err := filepath.Glob(dir + "/*")
	if err != nil || len(layouts) != 16 {
		t.Fatalf("%d layouts: %v", len(layouts), err)
	}
	identities := map[string]artifact.Digest{}
	for _, layout := range layouts {
		name := filepath.Base(layout)
		t.Run(name, func(t *testing.T) {
			if r := examine(t, byDemoKey(t), layout); r.Verdict.Outcome != policy.Deny || r.Verdict.Reasons[0].Code != provenance.CodeSignatureMissing {
				t.Errorf("by key: %v", r.Verdict)
			}
			r := examine(t, resolved(t, policy.Settings{AllowUnsigned: true}), layout)
			if r.Manifest == nil {
				t.Fatalf("no record: %+v %v", r.Error, r.Verdict)
			}
			if code, partial := partialLayouts[name]; partial {
				if r.Verdict.Outcome != policy.Hold || r.Verdict.Reasons[0].Code != code {
					t.Errorf("a part of a model: %v", r.Verdict)
				}
			} else if !r.Verdict.Allowed() {
				t.Errorf("unsigned allowed: %v", r.Verdict)
			}
			identities[name] = r.Manifest.Artifact.ContentIdentity
		})
	}
	want := identities["modelpack-modctl-raw"]
	for _, name := range []string{"dockerai-dir-as-modelpack", "dockerai-v0.2-dir-safetensors", "modelpack-modctl-tar", "modelcar-olot"} {
		if identities[name] != want || want.IsZero() {
			t.Errorf("%s has content identity %v, want %v", name, identities[name], want)
		}
	}
	if identities["oras-plain"] == want {
		t.Error("another set of files has the same content identity")
	}
}

// TestPlatform: every member of an index is verified unless one is chosen.
func TestPlatform(t *testing.T) {
	layout := fixtures.Dir(t, "oci", "layouts", "modelcar-olot")
	for _, c := range []struct {
		platform string
		members  int
		outcome  policy.Outcome
	}{
		{"", 3, policy.Allow},
		{"linux/arm64", 1, policy.Allow},
		{"linux/s390x", 0, policy.Deny},
	} {
		ref, err := artifact.ParseReference("oci-layout:" + layout + ":v1")
		if err != nil {
			t.Fatal(err)
		}
		checker, err := check.New(check.Config{Policy: resolved(t, policy.Settings{AllowUnsigned: true}), Platform: c.platform, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		r, err := checker.Examine(t.Context(), ref)
		if err != nil || r.Verdict.Outcome != c.outcome {
			t.Errorf("%q: %v %v", c.platform, r.Verdict, err)
		}
		if c.members > 0 && len(r.Manifest.Artifact.Members) != c.members {
			t.Errorf("%q: %d members, want %d", c.platform, len(r.Manifest.Artifact.Members), c.members)
		}
	}
}
