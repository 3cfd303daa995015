package check

import (
	"context"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A SheetFunc renders the sheet that reviewers see of a record. It names its
// form, and gives the same bytes for the same substance and policy.
type SheetFunc func(m *provenance.Manifest, policy artifact.Digest) (renderer string, sheet []byte)

// layoutFolder is the layout of a review that lies in a folder of reviews.
const layoutFolder = "review-folder"

// maxBaselines bounds how many earlier artifacts are asked for reviews, for the
// sake of delta reviews.
const maxBaselines = 20

// reviewing reads the reviews of the artifact, and of the baselines that delta
// reviews lead to. Only a policy that asks for reviews makes it ask.
func (e *examination) reviewing(ctx context.Context, subject artifact.Digest) error {
	if !e.cfg.Policy.RequiresReviews() || e.report.Inspected {
		return nil
	}
	for _, a := range e.attested {
		e.takeReview(subject, e.report.Signatures[a.Index], a)
	}
	if err := e.folderReviews(subject, true); err != nil {
		return err
	}
	asked := map[artifact.Digest]bool{subject: true}
	for i := 0; i < len(e.reviews.Reviews) && len(asked) <= maxBaselines; i++ {
		r := e.reviews.Reviews[i].Review
		if r == nil || r.Reviewed.Baseline == nil || asked[r.Reviewed.Baseline.Subject] {
			continue
		}
		base := r.Reviewed.Baseline.Subject
		asked[base] = true
		if err := e.baselineReviews(ctx, base); err != nil {
			return err
		}
	}
	return nil
}

// showReviews lays the reviews before the judge, beside the sheet of the record
// that they should be of, and what becomes of each into the report.
func (e *examination) showReviews(c *policy.Case) {
	if !e.cfg.Policy.RequiresReviews() {
		return
	}
	c.Reviewing = e.reviews
	c.Reviewing.For = e.cfg.For
	if e.cfg.Sheet != nil && c.Manifest != nil {
		renderer, sheet := e.cfg.Sheet(c.Manifest, e.cfg.Policy.Digest())
		c.Reviewing.Sheets = []policy.Sheet{{Renderer: renderer, Digest: artifact.SumSHA256(sheet)}}
	}
	state := e.cfg.Policy.Reviews(*c)
	e.report.Reviews = &state
}

// takeReview keeps an attestation that is a review, or a list of reviews.
func (e *examination) takeReview(subject artifact.Digest, c provenance.Candidate, a *attest.Attestation) {
	switch a.PredicateType {
	case provenance.PredicateType:
		e.keepRecord(subject, c, a)
	case provenance.ReviewType:
		s := policy.SignedReview{Candidate: c, Statement: a.Statement, Problem: a.Omitted}
		if a.Omitted == "" {
			r, err := provenance.DecodeReviewPredicate(subject, a.Predicate)
			if err != nil {
				s.Problem = err.Error()
			}
			s.Review = r
		}
		e.reviews.Reviews = append(e.reviews.Reviews, s)
	case provenance.ReviewIndexType:
		s := policy.SignedIndex{Candidate: c}
		if a.Omitted == "" {
			s.Index, _ = provenance.DecodeReviewIndexPredicate(subject, a.Predicate) // nil counts as no index
		}
		e.reviews.Indexes = append(e.reviews.Indexes, s)
	}
}

// keepRecord keeps an earlier record of the artifact, by whom the policy accepts
// as a verifier, so that a review of it can be told what changed since. One that
// cannot be read explains nothing, and that is all.
func (e *examination) keepRecord(subject artifact.Digest, c provenance.Candidate, a *attest.Attestation) {
	var m RecalledManifest
	if len(e.cfg.Policy.Verifiers(c)) == 0 || m.read(subject, a.Predicate, a.Omitted) != nil {
		return
	}
	if e.reviews.Records == nil {
		e.reviews.Records = map[artifact.Digest]*provenance.Manifest{}
	}
	e.reviews.Records[m.SubstanceDigest] = m.Manifest
}

// folderReviews judges the bundles of a folder of reviews.
func (e *examination) folderReviews(subject artifact.Digest, show bool) error {
	if e.cfg.Reviews == nil {
		return nil
	}
	bundles, err := e.cfg.Reviews(subject)
	if err != nil {
		return fmt.Errorf("reading reviews: %w", err)
	}
	for _, b := range bundles {
		r := e.verifier.VerifyBundle(subject, layoutFolder, b)
		for _, a := range r.Attestations {
			e.takeReview(subject, r.Candidates[a.Index], a)
		}
		if show {
			r.Attestations, r.Pending = nil, nil
			e.take(r)
		}
	}
	return nil
}

// baselineReviews reads the reviews of another artifact in the same place. One
// that is gone has none.
func (e *examination) baselineReviews(ctx context.Context, subject artifact.Digest) error {
	if err := e.folderReviews(subject, false); err != nil || e.store == nil {
		return err
	}
	found, err := e.store.Referrers(ctx, subject)
	if err != nil {
		return fmt.Errorf("%w: %w", errReferrers, err)
	}
	referrers := make([]attest.Referrer, len(found))
	for i, r := range found {
		referrers[i] = attest.Referrer(r)
	}
	result, err := e.verifier.VerifyAll(ctx, subject, referrers, e.fetch)
	if err != nil {
		return fmt.Errorf("%w: %w", errReferrers, err)
	}
	for _, a := range result.Attestations {
		e.takeReview(subject, result.Candidates[a.Index], a)
	}
	return nil
}
