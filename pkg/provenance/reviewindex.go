package provenance

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// ReviewIndexType names the predicate of a review index.
const ReviewIndexType = "https://github.com/modelcheck/modelcheck/review-index/v1"

// MaxIndexValidity bounds an index, as the timestamp role of TUF is bounded: a
// withdrawal can be withheld for that long and no longer.
const MaxIndexValidity = 7 * 24 * time.Hour

// A ReviewIndex lists every review that there is of one artifact, so that
// whoever serves reviews cannot leave one out unnoticed.
type ReviewIndex struct {
	Subject     artifact.Digest   `json:"-"`
	Reviews     []artifact.Digest `json:"reviews"` // digests of their statements, sorted
	GeneratedAt time.Time         `json:"generatedAt"`
	ValidUntil  time.Time         `json:"validUntil"` // at most MaxIndexValidity later
}

// EncodeReviewIndex writes x as an in-toto Statement v1 in canonical JSON.
func EncodeReviewIndex(x *ReviewIndex) ([]byte, error) {
	if err := checkIndex(x); err != nil {
		return nil, fmt.Errorf("encoding review index: %w", err)
	}
	s := statementOf(x.Subject, *x)
	s.PredicateType = ReviewIndexType
	return canonical(s)
}

// DecodeReviewIndexPredicate reads the predicate of a statement that was
// verified to be about subject.
func DecodeReviewIndexPredicate(about artifact.Digest, predicate []byte) (*ReviewIndex, error) {
	if err := strictjson.Check(predicate); err != nil {
		return nil, fmt.Errorf("decoding review index: %w: %w", ErrReview, err)
	}
	x := new(ReviewIndex)
	if err := json.Unmarshal(predicate, x, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decoding review index: %w: %w", ErrReview, err)
	}
	x.Subject = about
	if err := checkIndex(x); err != nil {
		return nil, fmt.Errorf("decoding review index: %w", err)
	}
	return x, nil
}

func checkIndex(x *ReviewIndex) error {
	var err error
	switch {
	case x == nil || x.Subject.IsZero():
		err = errors.New("an index about nothing")
	case x.GeneratedAt.IsZero() || !x.ValidUntil.After(x.GeneratedAt) || x.ValidUntil.Sub(x.GeneratedAt) > MaxIndexValidity:
		err = fmt.Errorf("it is not valid for more than nothing and at most %d days", MaxIndexValidity/(24*time.Hour))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReview, err)
	}
	for i, d := range x.Reviews {
		if d.IsZero() || i > 0 && d.String() <= x.Reviews[i-1].String() {
			return fmt.Errorf("%w: its reviews are not sorted, or one stands twice", ErrReview)
		}
	}
	return nil
}
