package admission_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var (
	good = artifact.SumSHA256([]byte("good"))
	bad  = artifact.SumSHA256([]byte("bad"))
	now  = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
)

// judge allows what is resolved to good, and denies the rest.
type judge func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error)

func (j judge) Accept(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
	return j(ctx, ref, use)
}

func byDigest(_ context.Context, ref artifact.Reference, _ policy.Use) (*check.Report, error) {
	d := ref.Digest()
	if d.IsZero() {
		d = bad
		if ref.Tag() == "good" {
			d = good
		}
	}
	r := &check.Report{Reference: ref.String(), Resolved: &check.Resolved{Digest: d}}
	r.Verdict = policy.Verdict{Outcome: policy.Deny, Reasons: []policy.Reason{{Code: provenance.CodeSummaryMissing, Effect: policy.Deny, Message: "nobody verified it"}}}
	if d == good {
		r.Verdict = policy.Verdict{Outcome: policy.Allow, Reasons: []policy.Reason{{Code: provenance.CodeSummaryAccepted, Effect: policy.Allow, Message: "verified"}}}
	}
	return r, nil
}

const head = "apiVersion: modelcheck/v1\nkind: Policy\nallowUnsigned: true\n"

func gate(t *testing.T, section string, j admission.Judge) *admission.Gate {
	t.Helper()
	p, err := policy.Parse([]byte(head + section))
	if err != nil {
		t.Fatal(err)
	}
	g, err := admission.NewGate(admission.Config{Policy: p, Judge: j, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// volumes is a Pod that mounts images.
func volumes(refs ...string) []byte {
	var list []string
	for _, r := range refs {
		list = append(list, fmt.Sprintf(`{"name":"m","image":{"reference":%q}}`, r))
	}
	return []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"image":"r.io/server:1"}],"volumes":[` + strings.Join(list, ",") + `]}}`)
}

func create(object []byte) admission.Request {
	return admission.Request{Operation: admission.Create, APIVersion: "v1", Kind: "Pod", Namespace: "ml", Name: "x", Object: object}
}

func TestAdmit(t *testing.T) {
	pin := func(d artifact.Digest) string { return "r.io/m@" + d.String() }
	tests := []struct {
		name, section string
		judge         judge
		request       admission.Request
		allowed       bool
		codes         []string
	}{
		{name: "a model that was judged", request: create(volumes(pin(good))), allowed: true},
		{name: "no model", request: create(volumes()), allowed: true},
		{name: "another digest", request: create(volumes(pin(bad))), codes: []string{provenance.CodeSummaryMissing}},
		{name: "one of two", request: create(volumes(pin(good), pin(bad))), codes: []string{provenance.CodeSummaryMissing}},
		{name: "a tag", request: create(volumes("r.io/m:good")), codes: []string{provenance.CodeUnpinned}},
		{name: "a moved tag", request: create(volumes("r.io/m:moved")), codes: []string{provenance.CodeSummaryMissing, provenance.CodeUnpinned}},
		{name: "a tag, which the policy lets in", section: "admission: {unpinned: warn}", request: create(volumes("r.io/m:good")), allowed: true},
		{name: "a moved tag, all the same", section: "admission: {unpinned: warn}", request: create(volumes("r.io/m:moved")), codes: []string{provenance.CodeSummaryMissing}},
		{name: "no reference", request: create(volumes("tiny-r1")), codes: []string{provenance.CodeReferenceMalformed}},
		{name: "a folder of the webhook", request: create(volumes("dir:/etc")), codes: []string{provenance.CodeReferenceMalformed}},
		{name: "no object", request: create(nil), codes: []string{provenance.CodeObjectMalformed}},
		{name: "an object of another kind", request: admission.Request{Operation: admission.Create, Kind: "ConfigMap", Object: volumes()}, codes: []string{provenance.CodeObjectMalformed}},
		{name: "an unknown kind", request: admission.Request{Operation: admission.Create, Object: []byte(`{"apiVersion":"x.io/v1","kind":"X"}`)}, codes: []string{provenance.CodeKindUnknown}},
		{name: "no operation", request: admission.Request{Object: volumes()}, codes: []string{provenance.CodeObjectMalformed}},
		{name: "an operation in lower case", request: admission.Request{Operation: "create", Object: volumes()}, codes: []string{provenance.CodeObjectMalformed}},
		{name: "a judge that fails", request: create(volumes(pin(good))), judge: func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
			return nil, errors.New("no")
		}, codes: []string{provenance.CodeInternal}},
		{name: "a judge that says nothing", request: create(volumes(pin(good))), judge: func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
			return nil, nil
		}},
		{name: "a judge that panics", request: create(volumes(pin(good))), judge: func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
			panic("boom")
		}, codes: []string{provenance.CodeInternal}},
		{name: "a verdict beside an error", request: create(volumes(pin(good))), judge: func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			r, _ := byDigest(ctx, ref, use)
			return r, errors.New("no")
		}, codes: []string{provenance.CodeInternal}},
		{name: "a verdict beside a failure", request: create(volumes(pin(good))), judge: func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			r, err := byDigest(ctx, ref, use)
			r.Error = &check.Failure{Code: provenance.CodeUnreachable, Message: "no answer"}
			return r, err
		}, codes: []string{provenance.CodeUnreachable}},
		{name: "a verdict about another reference", request: create(volumes(pin(good))), judge: func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			r, err := byDigest(ctx, ref, use)
			r.Reference = "r.io/other@" + good.String()
			return r, err
		}, codes: []string{provenance.CodeInternal}},
		{name: "a verdict about another digest", request: create(volumes(pin(bad))), judge: func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			r, err := byDigest(ctx, ref.WithDigest(good), use)
			r.Reference = ref.String()
			return r, err
		}, codes: []string{provenance.CodeInternal}},
		{name: "a verdict about nothing", request: create(volumes(pin(good))), judge: func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			r, err := byDigest(ctx, ref, use)
			r.Resolved = nil
			return r, err
		}, codes: []string{provenance.CodeInternal}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.judge == nil {
				tt.judge = byDigest
			}
			d := gate(t, tt.section, tt.judge).Admit(t.Context(), tt.request)
			if d.Response.Allowed != tt.allowed || !slices.Equal(d.Codes(), tt.codes) {
				t.Errorf("%v %v: %s", d.Response.Allowed, d.Codes(), d.Response.Message)
			}
			if d.Response.Allowed != (d.Outcome == policy.Allow) {
				t.Errorf("outcome %v", d.Outcome)
			}
		})
	}
}

// A judge that looks at no context does not make the answer late.
func TestAdmitEndsInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := make(chan struct{})
	defer close(stuck)
	d := gate(t, "", judge(func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
		cancel()
		<-stuck
		return nil, nil
	})).Admit(ctx, create(volumes("r.io/m@"+good.String())))
	if d.Response.Allowed || d.Response.Code != 504 || !slices.Equal(d.Codes(), []string{provenance.CodeDeadline}) {
		t.Errorf("%+v", d.Response)
	}
}
