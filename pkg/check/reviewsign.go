package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
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
	// that of the sheet which is rendered now.
	Report artifact.Digest
	Signer *Signer
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

// ReviewStatement completes a draft with what an examination saw, and refuses
// one that confirms another report. The certification sentence is the
// reviewer's own followed by what they confirmed.
func (c *Checker) ReviewStatement(r *Report, d ReviewDraft, at time.Time) (*provenance.Review, error) {
	if r == nil || r.Manifest == nil || r.ManifestDigest.IsZero() || r.Inspected {
		return nil, ErrNoRecord
	}
	if c.cfg.Sheet == nil {
		return nil, fmt.Errorf("%w: nothing renders it", ErrNoRecord)
	}
	renderer, sheet := c.cfg.Sheet(r.Manifest, c.cfg.Policy.Digest())
	report := artifact.SumSHA256(sheet)
	if len(sheet) == 0 || report != d.Report {
		return nil, fmt.Errorf("%w: confirmed %v, rendered %v", ErrReviewCode, d.Report, report)
	}
	review := d.Review
	review.Subject, review.ReviewedAt, review.Tool = r.Manifest.Subject, at.UTC(), r.Tool.Name+" "+r.Tool.Version
	review.Reviewed.Substance, review.Reviewed.Manifest = r.SubstanceDigest, r.ManifestDigest
	review.Reviewed.Report, review.Reviewed.Renderer, review.Reviewed.Policy = report, renderer, c.cfg.Policy.Digest()
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
// as it is handed out. For a plain folder, and where the signer does not attach,
// the receipt's bundle is all that there is.
func (c *Checker) SignReview(ctx context.Context, ref artifact.Reference, review *provenance.Review, signer *Signer) (*ReviewReceipt, error) {
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
	done, err := signer.placeStatement(ctx, ref, review.Subject, statement, mine)
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
func (c *Checker) SignReviewIndex(ctx context.Context, ref artifact.Reference, index *provenance.ReviewIndex, signer *Signer) (*SignReport, error) {
	statement, err := provenance.EncodeReviewIndex(index)
	if err != nil {
		return nil, err
	}
	return signer.placeStatement(ctx, ref, index.Subject, statement, anybody)
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
