package provenance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ErrReview is wrapped by every error about a review that may not stand.
var ErrReview = errors.New("invalid review")

// Bounds of a review. A field of one line has at most 400 bytes, as a quote; a
// person reads every one of them.
const (
	maxReviewText = 4000 // bytes of a sentence or note
	maxReviewLine = 400  // bytes of a name
	maxReviewList = 100  // entries of any list
	maxReviewSize = 1 << 20
)

// ValidateReview says whether r may stand: it names what was seen, its dates
// are bounded, and its decision follows from its results. A criterion that is
// not met and not waived cannot stand under an approval.
func ValidateReview(r *Review) error {
	if r == nil {
		return fmt.Errorf("%w: there is none", ErrReview)
	}
	for _, check := range []func(*Review) error{
		checkReviewHead, checkReviewTexts, checkReviewed, checkReviewDates, checkReviewWaivers, checkReviewResults, checkReviewKind,
	} {
		if err := check(r); err != nil {
			return fmt.Errorf("%w: %w", ErrReview, err)
		}
	}
	return nil
}

func checkReviewHead(r *Review) error {
	switch {
	case r.Subject.IsZero():
		return errors.New("no subject")
	case r.Reviewer.ID == "" || r.Reviewer.Role == "":
		return errors.New("no reviewer's id and role")
	case r.Tool == "":
		return errors.New("no tool")
	case r.ReviewedAt.IsZero():
		return errors.New("no time of the review")
	case r.Statement == "":
		return errors.New("no statement")
	case !strings.Contains(r.Statement, r.Reviewed.Report.String()):
		return errors.New("the statement does not name the report that was shown")
	}
	return nil
}

// checkReviewTexts bounds everything that a person typed.
func checkReviewTexts(r *Review) error {
	lines := []string{r.Reviewer.ID, r.Reviewer.Role, r.Reviewer.Organization, r.Tool, r.Reviewed.Renderer}
	texts := []string{r.Reviewer.Independence, r.Statement}
	lines = slices.Concat(lines, r.Scope.Environments, r.Scope.Uses, r.Scope.Excludes, r.Validity.InvalidatedBy)
	for _, e := range r.Reviewed.Evidence {
		lines = append(lines, e.Name, e.URI)
	}
	for _, c := range r.Criteria {
		lines, texts = append(lines, c.ID, c.Waiver), append(texts, c.Note)
	}
	for _, x := range r.Resolutions {
		lines, texts = append(lines, x.Claim, x.Concluded), append(texts, x.Statement)
		lines = append(lines, x.Basis...)
	}
	for _, w := range r.Waivers {
		lines, texts = append(lines, w.ID, w.Rule, w.Owner), append(texts, w.Statement)
		texts = append(texts, w.Controls...)
	}
	for _, c := range r.Conditions {
		lines, texts = append(lines, c.ID), append(texts, c.Text, c.Rule)
	}
	for _, n := range []int{
		len(r.Criteria), len(r.Resolutions), len(r.Waivers), len(r.Conditions), len(r.Supersedes), len(r.Reviewed.Evidence),
		len(r.Scope.Environments), len(r.Scope.Uses), len(r.Scope.Excludes), len(r.Validity.InvalidatedBy),
	} {
		if n > maxReviewList {
			return fmt.Errorf("a list of %d entries, over the limit of %d", n, maxReviewList)
		}
	}
	for _, s := range lines {
		if len(s) > maxReviewLine || strings.ContainsAny(s, "\n\r") {
			return fmt.Errorf("%.40q is no line of at most %d bytes", s, maxReviewLine)
		}
	}
	for _, s := range texts {
		if len(s) > maxReviewText {
			return fmt.Errorf("%.40q has %d bytes, over the limit of %d", s, len(s), maxReviewText)
		}
	}
	return nil
}

func checkReviewed(r *Review) error {
	for _, seen := range []struct {
		what   string
		digest artifact.Digest
	}{
		{"substance digest", r.Reviewed.Substance}, {"manifest digest", r.Reviewed.Manifest},
		{"report digest", r.Reviewed.Report}, {"policy digest", r.Reviewed.Policy},
	} {
		if seen.digest.IsZero() {
			return fmt.Errorf("no %s of what was seen", seen.what)
		}
	}
	if r.Reviewed.Renderer == "" {
		return errors.New("no renderer of the report")
	}
	for _, e := range r.Reviewed.Evidence {
		if e.Name == "" || e.Digest.IsZero() {
			return errors.New("evidence without name or digest")
		}
	}
	b := r.Reviewed.Baseline
	switch {
	case (r.Kind == Delta) != (b != nil):
		return errors.New("a delta review, and no other, has a baseline")
	case b != nil && (b.Subject.IsZero() || b.Substance.IsZero()):
		return errors.New("baseline without digests")
	case b != nil && b.Subject == r.Subject && b.Substance == r.Reviewed.Substance:
		return errors.New("the baseline is the reviewed artifact itself")
	}
	return nil
}

func checkReviewDates(r *Review) error {
	v := r.Validity
	switch {
	case v.NotBefore.IsZero() || v.ExpiresAt.IsZero():
		return errors.New("no bounded validity")
	case !v.ExpiresAt.After(v.NotBefore):
		return errors.New("it expires before it begins")
	case v.ExpiresAt.Sub(v.NotBefore) > MaxReviewValidity:
		return fmt.Errorf("valid for longer than %d days", MaxReviewValidity/(24*time.Hour))
	}
	for _, event := range v.InvalidatedBy {
		if event != EventPolicy {
			return fmt.Errorf("unknown event %q (known: %s)", event, EventPolicy)
		}
	}
	return nil
}

func checkReviewWaivers(r *Review) error {
	seen := map[string]bool{}
	for _, w := range r.Waivers {
		switch {
		case w.ID == "" || w.Rule == "" || w.Owner == "" || w.Statement == "":
			return fmt.Errorf("waiver %q without id, rule, owner or statement", w.ID)
		case seen[w.ID]:
			return fmt.Errorf("waiver %q stands twice", w.ID)
		case !slices.Contains(WaiverWords(), w.Justification):
			return fmt.Errorf("waiver %q: unknown justification %q", w.ID, w.Justification)
		case w.ExpiresAt.IsZero() || w.ExpiresAt.After(r.Validity.ExpiresAt):
			return fmt.Errorf("waiver %q does not expire with the review or before it", w.ID)
		case w.Justification == waitsForVendor && w.ExpiresAt.Sub(r.Validity.NotBefore) > maxPendingWaiver:
			return fmt.Errorf("waiver %q waits for a vendor for longer than %d days", w.ID, maxPendingWaiver/(24*time.Hour))
		case w.Justification == outOfBand && len(r.Reviewed.Evidence) == 0:
			return fmt.Errorf("waiver %q rests on evidence, and the review names none", w.ID)
		}
		seen[w.ID] = true
	}
	seen = map[string]bool{}
	for _, x := range r.Resolutions {
		switch {
		case x.Claim == "" || x.Concluded == "" || x.Statement == "":
			return errors.New("resolution without claim, conclusion or statement")
		case !slices.Contains(ResolutionWords(), x.Justification):
			return fmt.Errorf("resolution of %q: unknown justification %q", x.Claim, x.Justification)
		case seen[x.Claim]:
			return fmt.Errorf("claim %q is resolved twice", x.Claim)
		}
		seen[x.Claim] = true
	}
	seen = map[string]bool{}
	for _, c := range r.Conditions {
		if c.ID == "" || c.Text == "" || seen[c.ID] {
			return fmt.Errorf("condition %q without text, or twice", c.ID)
		}
		seen[c.ID] = true
	}
	return nil
}

// checkReviewResults ties every unmet criterion to a waiver of it.
func checkReviewResults(r *Review) error {
	seen := map[string]bool{}
	for _, c := range r.Criteria {
		if c.ID == "" || c.Digest.IsZero() || seen[c.ID] {
			return fmt.Errorf("criterion %q without digest of its text, or twice", c.ID)
		}
		seen[c.ID] = true
		waived := slices.ContainsFunc(r.Waivers, func(w Waiver) bool { return w.ID == c.Waiver && w.Rule == c.ID })
		switch {
		case c.Waiver != "" && c.Result != CriterionNotMet:
			return fmt.Errorf("criterion %q is waived and not said to be unmet", c.ID)
		case c.Waiver != "" && !waived:
			return fmt.Errorf("criterion %q names waiver %q, which is not one of it", c.ID, c.Waiver)
		case r.Decision.Approves() && c.Result == CriterionNotMet && !waived:
			return fmt.Errorf("criterion %q is not met and not waived: the decision cannot be %v", c.ID, r.Decision)
		}
	}
	return nil
}

// checkReviewKind ties the decision to the kind.
func checkReviewKind(r *Review) error {
	switch r.Kind {
	case Approval, Delta, Renewal:
		if r.Decision != Approve && r.Decision != ApproveWithConditions && r.Decision != Abstain {
			return fmt.Errorf("kind %v with decision %v", r.Kind, r.Decision)
		}
		if r.Decision.Approves() && !slices.ContainsFunc(r.Criteria, func(c CriterionResult) bool { return c.Result != CriterionNotAssessed }) {
			return errors.New("an approval that assessed no criterion")
		}
		if r.Kind == Renewal && len(r.Supersedes) == 0 {
			return errors.New("a renewal that names no review")
		}
	case Rejection, Violation:
		if r.Decision != Reject {
			return fmt.Errorf("kind %v with decision %v", r.Kind, r.Decision)
		}
	case Withdrawal:
		if r.Decision != Abstain || len(r.Supersedes) == 0 {
			return errors.New("a withdrawal names what it takes back, and decides nothing (abstain)")
		}
	default:
		return errors.New("no kind")
	}
	if (r.Decision == ApproveWithConditions) != (r.Decision.Approves() && len(r.Conditions) > 0) {
		return fmt.Errorf("decision %v with %d conditions", r.Decision, len(r.Conditions))
	}
	for _, d := range r.Supersedes {
		if d.IsZero() {
			return errors.New("it supersedes a review without digest")
		}
	}
	return nil
}
