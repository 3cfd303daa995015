package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What can be in the way of signing a review, for errors.Is.
var (
	ErrReviewCode     = errors.New("the report that was confirmed is not the report of what is there now")
	ErrReviewIdentity = errors.New("the review names another reviewer than who signs it")
	ErrNoRecord       = errors.New("there is no record to review")
)

// A ReviewDraft is a review on its way: everything that the reviewer decides.
// What was seen, and who signs, is filled in.
type ReviewDraft struct {
	Review provenance.Review
	// Report is the digest of the sheet that the reviewer confirmed. It must be
	// that of the one which Sheet renders now.
	Report  artifact.Digest
	Sheet   SheetFunc
	Version string // of the tool
}

// A ReviewReceipt says what was signed.
type ReviewReceipt struct {
	Subject   artifact.Digest      `json:"subject"`
	Statement artifact.Digest      `json:"statement"` // by which other reviews and lists name it
	Review    *provenance.Review   `json:"review"`
	Signature provenance.Candidate `json:"signature"`
	Attached  *Attached            `json:"attached,omitempty"` // nil where it was not attached
	Bundle    []byte               `json:"-"`
}

// Complete fills a draft with what was seen of a record under a policy, and
// refuses one that confirms another sheet. The certification sentence is the
// reviewer's own followed by what they confirmed.
func (d ReviewDraft) Complete(m *provenance.Manifest, policy artifact.Digest, at time.Time) (*provenance.Review, error) {
	if m == nil || d.Sheet == nil || policy.IsZero() {
		return nil, ErrNoRecord
	}
	renderer, sheet := d.Sheet(m, policy)
	report := artifact.SumSHA256(sheet)
	if len(sheet) == 0 || report != d.Report {
		return nil, fmt.Errorf("%w: confirmed %v, rendered %v", ErrReviewCode, d.Report, report)
	}
	review := d.Review
	var err error
	if review.Reviewed.Substance, err = provenance.SubstanceDigest(m); err != nil {
		return nil, err
	}
	if review.Reviewed.Manifest, err = provenance.Digest(m); err != nil {
		return nil, err
	}
	review.Subject, review.ReviewedAt, review.Tool = m.Subject, at.UTC(), toolName+" "+d.Version
	review.Reviewed.Report, review.Reviewed.Renderer, review.Reviewed.Policy = report, renderer, policy
	if review.Validity.NotBefore.IsZero() {
		review.Validity.NotBefore = at.UTC()
	}
	review.Statement = certify(review, report)
	return &review, provenance.ValidateReview(&review)
}

// certify is the sentence that is signed, after what the reviewer says.
func certify(r provenance.Review, report artifact.Digest) string {
	said := ""
	if r.Statement != "" {
		said = r.Statement + " "
	}
	switch r.Kind {
	case provenance.Withdrawal:
		return said + fmt.Sprintf("I take back the reviews that this names. The report now is %v.", report)
	case provenance.Violation, provenance.Rejection:
		return said + fmt.Sprintf("As %s I decide against this artifact. The report now is %v.", r.Reviewer.Role, report)
	default:
		return said + fmt.Sprintf("I have read report %v of this artifact and give, as %s, the results and the decision in this review.", report, r.Reviewer.Role)
	}
}

// SignReview signs a review and attaches it to the artifact at ref. What was
// signed is verified, by whom as well, before anything is attached, and again
// as it is handed out. For a plain folder, and where s does not attach, the
// receipt's bundle is all that there is.
func (s *Signer) SignReview(ctx context.Context, ref artifact.Reference, review *provenance.Review) (*ReviewReceipt, error) {
	statement, err := provenance.EncodeReview(review)
	if err != nil {
		return nil, err
	}
	mine := func(got provenance.Candidate) error {
		if id := reviewerID(got.Identity); id != review.Reviewer.ID {
			return fmt.Errorf("%w: it says %q, and %q signed", ErrReviewIdentity, review.Reviewer.ID, id)
		}
		return nil
	}
	done, err := s.placeStatement(ctx, ref, review.Subject, statement, mine)
	if err != nil {
		return nil, err
	}
	return &ReviewReceipt{
		Subject: review.Subject, Statement: artifact.SumSHA256(statement), Review: review,
		Signature: *done.Signature, Attached: done.Attached, Bundle: done.BundleBytes(),
	}, nil
}

// SignReviewIndex signs the list of all reviews that a report shows, valid for
// as long as a list may be, and attaches it.
func (s *Signer) SignReviewIndex(ctx context.Context, ref artifact.Reference, index *provenance.ReviewIndex) (*SignReport, error) {
	statement, err := provenance.EncodeReviewIndex(index)
	if err != nil {
		return nil, err
	}
	return s.placeStatement(ctx, ref, index.Subject, statement, anybody)
}

// reviewerID is how a review names whoever has this identity.
func reviewerID(i provenance.Identity) string {
	if i.KeyFingerprint != "" {
		return i.KeyFingerprint
	}
	return i.Subject
}

// placeStatement signs a statement about subject and attaches it where
// something can be attached.
func (s *Signer) placeStatement(ctx context.Context, ref artifact.Reference, subject artifact.Digest, statement []byte, mine func(provenance.Candidate) error) (*SignReport, error) {
	if ref.Place() != artifact.Directory && !s.cfg.NoAttach {
		return s.attachStatement(ctx, ref.WithDigest(subject), statement, mine)
	}
	g := &signature{Signer: s, report: &SignReport{Statement: statement}}
	g.subject.Digest = subject
	if _, err := g.seal(ctx); err != nil {
		return nil, err
	}
	return g.report, mine(*g.report.Signature)
}

// SignatoryID is how a review names this signer, as far as it is known before
// signing; "" where it is not.
func (s *Signer) SignatoryID() string {
	if s.signatory.KeyFingerprint != "" {
		return s.signatory.KeyFingerprint
	}
	return s.signatory.Subject
}

// AttachReview attaches a review, or a list of reviews, that was signed
// elsewhere, to the artifact at ref. It must be about that artifact, hold, and
// be by somebody whom the policy calls a reviewer; a list by whom it names for
// that. What it says is judged later, and not here.
func (c *Checker) AttachReview(ctx context.Context, ref artifact.Reference, bundle []byte) (a *Attached, who provenance.Candidate, err error) {
	g := &signature{Signer: &Signer{client: c.client, verifier: c.verifier}, report: &SignReport{}}
	g.cfg.Access = c.cfg
	if g.store, err = c.client.Open(ref); err != nil {
		return nil, who, err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	if err := g.resolve(ctx); err != nil {
		return nil, who, err
	}
	if err := g.accept(g.verifier.VerifyBundle(g.subject.Digest, layoutFresh, bundle)); err != nil {
		return nil, who, err
	}
	who = *g.report.Signature
	if err := c.reviewer(who); err != nil {
		return nil, who, err
	}
	if err := g.attach(ctx, bundle); err != nil {
		return nil, who, err
	}
	return g.report.Attached, who, nil
}

// reviewer wants that the policy calls whoever signed a reviewer.
func (c *Checker) reviewer(who provenance.Candidate) error {
	if len(c.cfg.Policy.ReviewSigners(who)) == 0 {
		return fmt.Errorf("%w: the policy calls %q no reviewer", ErrReviewIdentity, reviewerID(who.Identity))
	}
	return nil
}

// OpenReview reads a review of the artifact with this digest. It must hold, and
// be by somebody whom the policy calls a reviewer. Review is nil of a list of
// reviews.
func (c *Checker) OpenReview(subject artifact.Digest, bundle []byte) (policy.SignedReview, error) {
	result := c.verifier.VerifyBundle(subject, layoutFresh, bundle)
	g := &signature{report: &SignReport{}}
	if err := g.accept(result); err != nil {
		return policy.SignedReview{}, err
	}
	out := policy.SignedReview{Candidate: *g.report.Signature}
	if err := c.reviewer(out.Candidate); err != nil {
		return out, err
	}
	for _, a := range result.Attestations {
		if out.Statement = a.Statement; a.PredicateType != provenance.ReviewType {
			continue
		}
		review, err := provenance.DecodeReviewPredicate(subject, a.Predicate)
		if err != nil {
			return out, err
		}
		out.Review = review
	}
	return out, nil
}

// ReviewsAt returns the bundles of the reviews, and lists of reviews, of the
// artifact with this digest that are attached to it at ref: where a mirror or
// another organisation keeps it. What OpenReview refuses stays there.
func (c *Checker) ReviewsAt(ctx context.Context, ref artifact.Reference, subject artifact.Digest) (bundles [][]byte, err error) {
	g := &signature{Signer: &Signer{client: c.client, verifier: c.verifier}}
	if g.store, err = c.client.Open(ref.WithDigest(subject)); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	found, err := g.store.Referrers(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReferrers, err)
	}
	referrers := make([]attest.Referrer, len(found))
	for i, r := range found {
		referrers[i] = attest.Referrer(r)
	}
	keep := func(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
		b, err := g.fetch(ctx, d, limit)
		if _, refused := c.OpenReview(subject, b); err == nil && refused == nil {
			bundles = append(bundles, b)
		}
		return b, err
	}
	if _, err := c.verifier.VerifyAll(ctx, subject, referrers, keep); err != nil {
		return nil, fmt.Errorf("%w: %w", errReferrers, err)
	}
	return bundles, nil
}
