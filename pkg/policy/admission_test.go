package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const unsigned = "apiVersion: modelcheck/v1\nkind: Policy\nallowUnsigned: true\n"

func admission(t *testing.T, section string) policy.Admission {
	t.Helper()
	p, err := policy.Parse([]byte(unsigned + section))
	if err != nil {
		t.Fatal(err)
	}
	return p.Admission()
}

func TestAdmissionSection(t *testing.T) {
	digest := artifact.SumSHA256([]byte("x"))
	a := admission(t, `
admission:
  mode: audit
  namespaces: [{name: prod, mode: enforce, environment: live}, {name: lab}]
  for: {environment: test, use: chat}
  trustedLabel: acme.example/env
  unverifiable: warn
  unpinned: warn
  unknownKinds: warn
  references: [{kind: example.com/Widget, path: "spec.engines[].*.image"}, {kind: Secret, none: true}]
  annotations: [acme.example/model]
  exemptions: [{namespace: prod, digest: `+digest.String()+`, expires: 2027-01-01, reason: ticket 7}]
  cachedFor: 36h
`)
	if a.ModeOf("prod") != policy.Enforce || a.ModeOf("lab") != policy.Audit || a.ModeOf("x") != policy.Audit || a.CachedFor != 36*time.Hour ||
		!a.AllowUnverifiable || !a.AllowUnpinned || !a.AllowUnknownKinds || len(a.References) != 2 || len(a.Annotations) != 1 {
		t.Errorf("%+v", a)
	}
	before := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		namespace string
		digest    artifact.Digest
		at        time.Time
		want      bool
	}{
		{"prod", digest, before, true},
		{"lab", digest, before, false},
		{"prod", artifact.SumSHA256(nil), before, false},
		{"prod", artifact.Digest{}, before, false},
		{"prod", digest, before.AddDate(0, 0, 1), false},
		{"prod", digest, time.Time{}, false},
	} {
		if _, got := a.Exempts(tt.namespace, tt.digest, tt.at); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	zero := admission(t, "")
	if zero.ModeOf("any") != policy.Enforce || zero.AllowUnpinned || zero.AllowUnverifiable || zero.AllowUnknownKinds || zero.CachedFor != 0 {
		t.Errorf("%+v", zero)
	}
	if zero.Digest() == a.Digest() || zero.Digest().IsZero() {
		t.Error("the digest does not tell sections apart")
	}
	if policy.Mode(9).String() != "enforce" {
		t.Error("a mode without a name does not enforce")
	}
}

// The section is about objects, and voids no summary or review of a model.
func TestAdmissionIsNoPartOfThePolicyDigest(t *testing.T) {
	var digests []artifact.Digest
	for _, section := range []string{"", "admission: {mode: warn}", "admission: {cachedFor: 1h}"} {
		p, err := policy.Parse([]byte(unsigned + section))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, p.Digest())
	}
	if digests[0] != digests[1] || digests[1] != digests[2] || digests[0].IsZero() {
		t.Error(digests)
	}
}

func TestAdmissionSectionRefuses(t *testing.T) {
	for section, want := range map[string]string{
		"admission: []":                                                                          "line 4, column 12: admission: want a mapping",
		"admission: {modus: warn}":                                                               `line 4, column 13: admission: unknown key "modus"`,
		"admission: {mode: off}":                                                                 `line 4, column 19: mode is "off", want enforce, warn or audit`,
		"admission: {mode: Enforce}":                                                             `mode is "Enforce"`,
		"admission: {unpinned: allow}":                                                           `line 4, column 23: unpinned is "allow", want deny or warn`,
		"admission: {unverifiable: true}":                                                        "unverifiable: want a string",
		"admission: {namespaces: []}":                                                            "the list is empty",
		"admission: {namespaces: [{mode: warn}]}":                                                "want the name of a namespace",
		"admission: {namespaces: [{name: 'dev-*'}]}":                                             "patterns are not read here",
		"admission: {namespaces: [{name: a}, {name: a}]}":                                        `namespace "a" stands twice`,
		"admission: {namespaces: [{name: a, labels: b}]}":                                        `unknown key "labels"`,
		"admission: {for: {env: a}}":                                                             `unknown key "env"`,
		"admission: {trustedLabel: 'a b'}":                                                       "no name of a label",
		"admission: {references: [{kind: a.b/C}]}":                                               "want kind, and path or none: true",
		"admission: {references: [{path: a}]}":                                                   "want kind, and path or none: true",
		"admission: {references: [{kind: a.b/v1/C, path: a}]}":                                   "without a version",
		"admission: {references: [{kind: a.b/C, path: a, none: true}]}":                          "want kind, and path or none: true",
		"admission: {references: [{kind: a.b/C, none: false}]}":                                  "none: want true",
		"admission: {references: [{kind: a.b/C, path: '/spec/a'}]}":                              `path is "/spec/a"`,
		"admission: {references: [{kind: a.b/C, path: 'spec..a'}]}":                              `path is "spec..a"`,
		"admission: {references: [{kind: a.b/C, path: a}, {kind: a.b/C, none: true}]}":           "stands twice",
		"admission: {annotations: ['a b']}":                                                      "no name of an annotation",
		"admission: {exemptions: [{namespace: a, digest: x, expires: 2027-01-01, reason: y}]}":   "exemption: ",
		"admission: {exemptions: [{namespace: a, expires: 2027-01-01, reason: y}]}":              "want namespace, digest, expires and reason",
		"admission: {exemptions: [{namespace: '*', digest: x, expires: 2027-01-01, reason: y}]}": "patterns are not read here",
		"admission: {exemptions: [{namespace: a, digest: x, expires: never, reason: y}]}":        "exemption: ",
		"admission: {cachedFor: 5}":                                                              "cachedFor: want a string",
		"admission: {cachedFor: 90m}":                                                            "want a number of days or hours",
	} {
		_, err := policy.Parse([]byte(unsigned + section))
		if !errors.Is(err, policy.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", section, err)
		}
	}
}

// An overlay can only tighten what is below, and what it leaves out stays.
func TestAdmissionOverlay(t *testing.T) {
	over := func(below, above string) (policy.Admission, error) {
		p, err := policy.Parse([]byte(unsigned + below))
		if err != nil {
			t.Fatal(err)
		}
		top, err := policy.Parse([]byte("apiVersion: modelcheck/v1\nkind: Policy\nextends: base.yaml\n" + above))
		if err != nil {
			t.Fatal(err)
		}
		err = top.Extend(p)
		return top.Admission(), err
	}
	const loose = "admission: {mode: audit, namespaces: [{name: lab, mode: warn, environment: dev}], for: {environment: prod}, unverifiable: warn, unpinned: warn, unknownKinds: warn, cachedFor: 5h, " +
		"references: [{kind: a.b/C, none: true}], annotations: [b.c/d], exemptions: [{namespace: lab, digest: \"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\", expires: 2027-01-01, reason: x}]}"
	for above, good := range map[string]func(a policy.Admission) bool{
		"": func(a policy.Admission) bool {
			return a.ModeOf("x") == policy.Audit && a.AllowUnpinned && a.CachedFor == 5*time.Hour && len(a.Exemptions) == 1 && a.UseIn("lab", nil).Environment == "dev"
		},
		"admission: {mode: enforce}": func(a policy.Admission) bool {
			return a.ModeOf("x") == policy.Enforce && a.ModeOf("lab") == policy.Enforce && a.AllowUnpinned && a.UseIn("lab", nil).Environment == "dev"
		},
		"admission: {namespaces: [{name: x, mode: enforce}]}": func(a policy.Admission) bool {
			return a.ModeOf("x") == policy.Enforce && a.ModeOf("lab") == policy.WarnOnly && a.ModeOf("y") == policy.Audit
		},
		"admission: {unpinned: deny}":     func(a policy.Admission) bool { return !a.AllowUnpinned && a.AllowUnverifiable && a.AllowUnknownKinds },
		"admission: {unverifiable: deny}": func(a policy.Admission) bool { return a.AllowUnpinned && !a.AllowUnverifiable },
		"admission: {unknownKinds: warn}": func(a policy.Admission) bool { return a.AllowUnknownKinds },
		"admission: {cachedFor: 1h}":      func(a policy.Admission) bool { return a.CachedFor == time.Hour },
		"admission: {annotations: [a.b/c], references: [{kind: a.b/C, path: spec.x}]}": func(a policy.Admission) bool {
			return len(a.Annotations) == 2 && len(a.References) == 2 && a.References[1].Further
		},
	} {
		if a, err := over(loose, above); err != nil || !good(a) {
			t.Errorf("%s: %v %+v", above, err, a)
		}
	}
	for _, above := range []string{
		"mode: warn", "mode: audit", "unverifiable: warn", "unpinned: warn", "unknownKinds: warn", "cachedFor: 1h", "namespaces: [{name: lab, mode: warn}]",
		"for: {environment: dev}", "trustedLabel: env", "references: [{kind: a.b/C, none: true}]", "namespaces: [{name: lab, environment: dev}]",
		"exemptions: [{namespace: lab, digest: \"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\", expires: 2027-01-01, reason: x}]",
	} {
		if _, err := over("", "admission: {"+above+"}"); !errors.Is(err, policy.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "only tighten") {
			t.Errorf("%s: %v", above, err)
		}
	}
	if _, err := over(loose, "admission: {namespaces: [{name: lab, mode: audit}]}"); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("a looser namespace: %v", err)
	}
}

func TestLintAdmission(t *testing.T) {
	const summaries = "signers: [{name: ci, relation: verifier, key: {file: ci.pub}}]\nsummaries: {signedBy: {anyOf: [ci]}, maxAge: 1d}\n"
	for section, want := range map[string]int{
		"admission: {unpinned: warn}":                                                    1,
		"admission: {mode: warn}":                                                        2,
		summaries + "admission: {unpinned: warn}":                                        0,
		summaries + "admission: {mode: enforce}":                                         0,
		summaries + "admission: {mode: warn}":                                            1,
		summaries + "admission: {mode: warn, namespaces: [{name: prod, mode: enforce}]}": 0,
		summaries + "admission: {trustedLabel: env}":                                     1,
	} {
		remarks, err := policy.Lint([]byte("apiVersion: modelcheck/v1\nkind: Policy\nallowUnsigned: true\n"+section), nil)
		n := 0
		for _, r := range remarks {
			if !strings.Contains(r.Problem, "nobody has to sign") {
				n++
			}
		}
		if err != nil || n != want {
			t.Errorf("%s: %v %+v", section, err, remarks)
		}
	}
}
