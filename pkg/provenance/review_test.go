package provenance_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func soundReview() *provenance.Review {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	return &provenance.Review{
		Subject: digest("model"), Kind: provenance.Approval, Decision: provenance.ApproveWithConditions, Tool: "modelcheck 1", ReviewedAt: at,
		Reviewer: provenance.Reviewer{ID: "anna@example.com", Role: "legal"},
		Reviewed: provenance.Reviewed{Substance: digest("s"), Manifest: digest("m"), Report: digest("r"), Renderer: "review-sheet/1", Policy: digest("p")},
		Criteria: []provenance.CriterionResult{
			{ID: "license-acceptable", Digest: digest("l"), Result: provenance.CriterionMet},
			{ID: "training-data-disclosed", Digest: digest("t"), Result: provenance.CriterionNotMet, Waiver: "w"},
		},
		Waivers:    []provenance.Waiver{{ID: "w", Rule: "training-data-disclosed", Justification: "compensating-control", Owner: "cto", Statement: "filtered", ExpiresAt: at.AddDate(0, 1, 0)}},
		Conditions: []provenance.Condition{{ID: "c", Text: "no customer data"}},
		Validity:   provenance.Validity{NotBefore: at, ExpiresAt: at.AddDate(0, 6, 0)},
		Statement:  "I have read " + digest("r").String(),
	}
}

func TestReviewRoundTrip(t *testing.T) {
	r := soundReview()
	b, err := provenance.EncodeReview(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := provenance.DecodeReview(b)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%v\n%+v\n%+v", err, again, r)
	}
}

// TestReviewBounds: nobody has to read, or can hide something in, ten megabytes.
func TestReviewBounds(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	for name, edit := range map[string]func(*provenance.Review){
		"statement": func(r *provenance.Review) { r.Statement += long },
		"note":      func(r *provenance.Review) { r.Criteria[0].Note = long },
		"condition": func(r *provenance.Review) { r.Conditions[0].Text = long },
		"waiver":    func(r *provenance.Review) { r.Waivers[0].Statement = long },
		"owner":     func(r *provenance.Review) { r.Waivers[0].Owner = strings.Repeat("x", 401) },
		"two lines": func(r *provenance.Review) { r.Reviewer.Role = "legal\nmodel-risk" },
		"scopes":    func(r *provenance.Review) { r.Scope.Uses = make([]string, 101) },
		"criteria":  func(r *provenance.Review) { r.Criteria = make([]provenance.CriterionResult, 101) },
	} {
		r := soundReview()
		edit(r)
		if _, err := provenance.EncodeReview(r); !errors.Is(err, provenance.ErrReview) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := provenance.DecodeReview([]byte(long)); !errors.Is(err, provenance.ErrReview) {
		t.Error(err)
	}
}

// FuzzReview: what is read as a review can be written again, and is then read
// as the same.
func FuzzReview(f *testing.F) {
	b, err := provenance.EncodeReview(soundReview())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(strings.Replace(string(b), `"approval"`, `"withdrawal"`, 1)))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := provenance.DecodeReview(data)
		if err != nil {
			if !errors.Is(err, provenance.ErrReview) {
				t.Fatal(err)
			}
			return
		}
		b, err := provenance.EncodeReview(r)
		if err != nil {
			t.Fatalf("read and not written: %v\n%s", err, data)
		}
		again, err := provenance.DecodeReview(b)
		if err != nil {
			t.Fatalf("written and not read: %v", err)
		}
		c, err := provenance.EncodeReview(again)
		if err != nil || string(c) != string(b) {
			t.Fatalf("%v\n%s\n%s", err, b, c)
		}
	})
}

func TestReviewIndex(t *testing.T) {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	sound := func() *provenance.ReviewIndex {
		return &provenance.ReviewIndex{Subject: digest("model"), GeneratedAt: at, ValidUntil: at.Add(provenance.MaxIndexValidity)}
	}
	if _, err := provenance.EncodeReviewIndex(sound()); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*provenance.ReviewIndex){
		"valid for longer than a week": func(x *provenance.ReviewIndex) { x.ValidUntil = x.ValidUntil.Add(time.Second) },
		"never valid":                  func(x *provenance.ReviewIndex) { x.ValidUntil = at },
		"about nothing":                func(x *provenance.ReviewIndex) { x.Subject = artifact.Digest{} },
		"twice the same":               func(x *provenance.ReviewIndex) { x.Reviews = append(x.Reviews, digest("a"), digest("a")) },
	} {
		x := sound()
		edit(x)
		if _, err := provenance.EncodeReviewIndex(x); !errors.Is(err, provenance.ErrReview) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
