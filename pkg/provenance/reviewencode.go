package provenance

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// EncodeReview writes r as an in-toto Statement v1 in canonical JSON (RFC
// 8785). It refuses, by ErrReview, a review that may not stand. Times are cut
// to seconds in UTC.
func EncodeReview(r *Review) ([]byte, error) {
	if r != nil {
		r = inSeconds(r)
	}
	if err := ValidateReview(r); err != nil {
		return nil, fmt.Errorf("encoding review: %w", err)
	}
	s := statementOf(r.Subject, *r)
	s.PredicateType = ReviewType
	b, err := canonical(s)
	if err != nil {
		return nil, fmt.Errorf("encoding review: %w", err)
	}
	if len(b) > maxReviewSize {
		return nil, fmt.Errorf("encoding review: %w: %d bytes, over the limit of %d", ErrReview, len(b), maxReviewSize)
	}
	return b, nil
}

// DecodeReview reads the statement of a review: about one subject, no unknown
// member, nothing that ValidateReview refuses. Other tools may have formatted
// it, so its form need not be canonical.
func DecodeReview(data []byte) (*Review, error) {
	if len(data) > maxReviewSize {
		return nil, fmt.Errorf("decoding review: %w: %d bytes, over the limit of %d", ErrReview, len(data), maxReviewSize)
	}
	if err := strictjson.Check(data); err != nil {
		return nil, fmt.Errorf("decoding review: %w: %w", ErrReview, err)
	}
	var s statement[jsontext.Value]
	if err := json.Unmarshal(data, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decoding review: %w: not an in-toto statement about one artifact: %w", ErrReview, err)
	}
	if s.Type != StatementType || s.PredicateType != ReviewType {
		return nil, fmt.Errorf("decoding review: %w: statement type %q, predicate type %q", ErrReview, s.Type, s.PredicateType)
	}
	about, err := subjectOf(s.Subject)
	if err != nil {
		return nil, fmt.Errorf("decoding review: %w: %w", ErrReview, err)
	}
	return DecodeReviewPredicate(about, s.Predicate)
}

// DecodeReviewPredicate reads the predicate alone, of a statement that was
// verified to be about subject.
func DecodeReviewPredicate(about artifact.Digest, predicate []byte) (*Review, error) {
	if len(predicate) > maxReviewSize {
		return nil, fmt.Errorf("decoding review: %w: %d bytes, over the limit of %d", ErrReview, len(predicate), maxReviewSize)
	}
	if err := strictjson.Check(predicate); err != nil {
		return nil, fmt.Errorf("decoding review: %w: %w", ErrReview, err)
	}
	r := new(Review)
	if err := json.Unmarshal(predicate, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decoding review: %w: %w", ErrReview, err)
	}
	r.Subject = about
	if err := ValidateReview(r); err != nil {
		return nil, fmt.Errorf("decoding review: %w", err)
	}
	return r, nil
}

// inSeconds returns a copy whose times have no fractions.
func inSeconds(r *Review) *Review {
	out := *r
	cut := func(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
	out.ReviewedAt, out.Validity.NotBefore, out.Validity.ExpiresAt = cut(r.ReviewedAt), cut(r.Validity.NotBefore), cut(r.Validity.ExpiresAt)
	out.Waivers = nil
	for _, w := range r.Waivers {
		w.ExpiresAt = cut(w.ExpiresAt)
		out.Waivers = append(out.Waivers, w)
	}
	return &out
}
