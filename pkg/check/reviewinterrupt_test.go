package check_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// reviewPolicy wants Anna's review, and no signature.
func reviewPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	text := artifact.SumSHA256([]byte("acceptable"))
	p, err := policy.Parse([]byte(`apiVersion: modelcheck/v1
kind: Policy
allowUnsigned: true
signers: [{name: anna, key: {file: ../../testdata/review/anna.pub}}]
criteria: [{id: acceptable, digest: "` + text.String() + `"}]
reviewers: [{name: Anna, roles: [legal], signers: [anna]}]
require: {reviews: {claimedTime: true, quorum: [{role: legal, criteria: [acceptable]}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	return p
}

// annas is an approval by Anna of what stands at ref.
func annas(t *testing.T, p *policy.Policy, r *check.Report, id string) *provenance.Review {
	t.Helper()
	sheet := func(*provenance.Manifest, artifact.Digest) (string, []byte) { return "test/1", []byte("sheet") }
	draft := check.ReviewDraft{
		Review: provenance.Review{
			Kind: provenance.Approval, Decision: provenance.Approve, Reviewer: provenance.Reviewer{ID: id, Role: "legal"},
			Criteria: []provenance.CriterionResult{{ID: "acceptable", Digest: p.Criteria()["acceptable"], Result: provenance.CriterionMet}},
			Validity: provenance.Validity{NotBefore: time.Now().Add(-time.Minute), ExpiresAt: time.Now().AddDate(0, 0, 30)},
		},
		Report: artifact.SumSHA256([]byte("sheet")), Sheet: sheet, Version: "test",
	}
	review, err := draft.Complete(r.Manifest, p.Digest(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return review
}

// TestReviewInterrupted ends the signing of a review at each request that
// changes the registry. Nothing is half-attached: the review is not there, or
// is there as a whole, and signing again leaves one that counts.
func TestReviewInterrupted(t *testing.T) {
	p := reviewPolicy(t)
	checker, err := check.New(check.Config{Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("../../testdata/review/anna.key")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := check.NewSigner(t.Context(), check.SignConfig{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	judge := func(ref artifact.Reference) *check.Report {
		r, err := checker.Examine(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ended := 0
	for at := 1; ; at++ {
		var writes atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		ref := demoRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				return false
			}
			if writes.Add(1) == int64(at) {
				stop()
				panic(http.ErrAbortHandler) // the request is not answered
			}
			return false
		})
		before := judge(ref)
		if before.Verdict.Outcome != policy.Hold || len(before.Reviews.Reviews) != 0 {
			t.Fatalf("%+v", before.Verdict)
		}
		review := annas(t, p, before, signer.SignatoryID())
		_, err := signer.SignReview(ctx, ref, review)
		stop()
		if writes.Load() < int64(at) {
			if err != nil {
				t.Fatal(err)
			}
			break // it took fewer requests than that
		}
		ended++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended at request %d: %v", at, err)
		}
		r := judge(ref)
		absent := r.Verdict.Outcome == policy.Hold && len(r.Reviews.Reviews) == 0 && slices.Contains(codesOf(r.Verdict), provenance.CodeReviewMissing)
		whole := r.Verdict.Outcome == policy.Allow && len(r.Reviews.Reviews) == 1
		if !absent && !whole || at <= 3 && !absent {
			t.Errorf("ended at request %d: %+v", at, r.Verdict)
		}
		if _, err := signer.SignReview(t.Context(), ref, review); err != nil {
			t.Errorf("again, after request %d: %v", at, err)
		}
		if r := judge(ref); r.Verdict.Outcome != policy.Allow || len(r.Reviews.Reviews) != 1 {
			t.Errorf("again, after request %d: %+v", at, r.Verdict)
		}
	}
	if ended < 3 { // two blobs and a manifest
		t.Errorf("only %d interruptions", ended)
	}
}
