package check_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const rootFile = "../../testdata/trust/trusted_root.json"

var rootTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// keyless is a policy with one trusted root.
func keyless(t *testing.T) (*policy.Policy, artifact.Digest) {
	t.Helper()
	p, err := policy.Build(policy.Settings{Issuer: "https://i.example", Subject: "x@acme.example", RootFile: rootFile})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	return p, artifact.SumSHA256(p.Roots()[0].JSON)
}

// TestRootAge: with a bound, a root that is too old, of unknown age or from the
// future leaves no verdict, and the report says how old it is.
func TestRootAge(t *testing.T) {
	const day = 24 * time.Hour
	p, digest := keyless(t)
	ref, err := artifact.ParseReference("oci-layout:../../testdata/demo/layout:v1")
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		age   time.Duration // 0: unknown
		max   time.Duration
		stale bool
		want  *int64
	}{
		"unknown, no bound":        {0, 0, false, nil},
		"old, no bound":            {1000 * day, 0, false, seconds(1000 * 86400)},
		"from the future":          {-day, 0, false, nil},
		"young":                    {day, 2 * day, false, seconds(86400)},
		"as old as is allowed":     {2 * day, 2 * day, false, seconds(2 * 86400)},
		"clocks differ":            {-time.Minute, 2 * day, false, seconds(0)},
		"a second too old":         {2*day + time.Second, 2 * day, true, seconds(2*86400 + 1)},
		"unknown":                  {0, 10000 * day, true, nil},
		"from the future, bounded": {-day, 10000 * day, true, nil},
	} {
		cfg := check.Config{Policy: p, MaxRootAge: c.max, Now: func() time.Time { return rootTime }}
		origin := check.RootOrigin{Source: check.RootFromConfig, Installed: "default"}
		if c.age != 0 {
			origin.FetchedAt = rootTime.Add(-c.age)
		}
		cfg.RootOrigins = map[artifact.Digest]check.RootOrigin{digest: origin}
		checker, err := check.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := checker.Examine(t.Context(), ref)
		if stale := err != nil; stale != c.stale || (stale && (r.Error.Code != provenance.CodeTrustMaterial || r.Verdict.Allowed() || r.Resolved != nil)) {
			t.Errorf("%s: %v %+v", name, err, r.Error)
		}
		got := r.TrustedRoots[0]
		if got.Source != check.RootFromConfig || got.Installed != "default" || got.Digest != digest ||
			(got.AgeSeconds == nil) != (c.want == nil) || (c.want != nil && *got.AgeSeconds != *c.want) {
			t.Errorf("%s: %+v", name, got)
		}
		var typed *check.StaleRootError
		if errors.As(cfg.CheckRootAges(rootTime), &typed) != c.stale {
			t.Errorf("%s: %v", name, typed)
		}
	}
}

// TestRootWithoutOrigin: of a policy's root nothing is known but its bytes.
func TestRootWithoutOrigin(t *testing.T) {
	p, digest := keyless(t)
	checker, err := check.New(check.Config{Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference("dir:../../testdata/demo/model")
	if err != nil {
		t.Fatal(err)
	}
	r, err := checker.Describe(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.TrustedRoots[0]; got.Source != check.RootFromPolicy || got.Installed != "" || got.AgeSeconds != nil || got.Digest != digest {
		t.Errorf("%+v", got)
	}
}
