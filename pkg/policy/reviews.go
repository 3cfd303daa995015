package policy

import (
	"slices"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A SignedReview is a review whose signature was checked.
type SignedReview struct {
	// Candidate says by whom and when, and what became of checking it. Only
	// what is proven, an attestation, and of provenance.ReviewType counts.
	Candidate provenance.Candidate
	Statement artifact.Digest    // of the signed statement: the name of the review
	Review    *provenance.Review // nil where it cannot be read
	Problem   string             // why Review is nil
}

// A SignedIndex is a review index whose signature was checked.
type SignedIndex struct {
	Candidate provenance.Candidate
	Index     *provenance.ReviewIndex // nil where it cannot be read
}

// Use says what a model is wanted for. A review with a scope counts only where
// its scope covers what is asked; where nothing is asked, only a review without
// bounds does.
type Use struct {
	Environment string `json:"environment,omitempty"`
	Use         string `json:"use,omitempty"`
}

// A Sheet is the review sheet as this program renders it of the record at
// hand. Of a review that names the same renderer, the report must be this one.
type Sheet struct {
	Renderer string
	Digest   artifact.Digest
}

// Reviewing is what Evaluate needs to judge reviews.
type Reviewing struct {
	Reviews []SignedReview // about the artifact, and about baselines of delta reviews
	Indexes []SignedIndex
	For     Use
	Sheets  []Sheet
	// Records are earlier records of the artifact that were kept by somebody
	// whom the policy calls a verifier, by their substance digests. They explain
	// what changed since a review, and decide nothing.
	Records map[artifact.Digest]*provenance.Manifest
}

// A ReviewVerdict says what became of one review. The zero value does not
// count.
type ReviewVerdict struct {
	Statement  artifact.Digest        `json:"statement"`
	Person     string                 `json:"person,omitempty"` // the policy's name of the reviewer
	Role       string                 `json:"role,omitempty"`
	Kind       provenance.ReviewKind  `json:"kind"`
	Decision   provenance.Decision    `json:"decision"`
	Code       string                 `json:"code"` // CodeReviewCounted where it counts
	Message    string                 `json:"message"`
	SignedAt   time.Time              `json:"signedAt,omitzero"`
	ExpiresAt  time.Time              `json:"expiresAt,omitzero"`
	Scope      provenance.Scope       `json:"scope,omitzero"`
	Conditions []provenance.Condition `json:"conditions,omitempty"`
	Waivers    []provenance.Waiver    `json:"waivers,omitempty"`
	// Changes are what changed since the record that was reviewed, nil where
	// nothing did or that record is not at hand. Message says it in one line.
	Changes  *provenance.Difference   `json:"-"`
	review   *provenance.Review       // nil where it could not be read
	identity provenance.Identity      // proven
	met      map[string]bool          // criteria that it answers for
	refused  map[string]ReviewRefusal // criteria that it does not, and why
}

// A ReviewRefusal is a reason why a criterion of a review does not count.
type ReviewRefusal struct{ Code, Message string }

// Review is what was signed, nil where it could not be read. It must not be
// changed.
func (v ReviewVerdict) Review() *provenance.Review { return v.review }

// Counts says whether the review is in force.
func (v ReviewVerdict) Counts() bool { return v.Code == provenance.CodeReviewCounted }

// A QuorumState says who stands for a role, and how many are missing.
type QuorumState struct {
	Role     string   `json:"role"`
	Min      int      `json:"min"`
	Criteria []string `json:"criteria"`
	Persons  []string `json:"persons"` // distinct, sorted: who can stand for the role
	Counted  int      `json:"counted"` // of them, with each person standing for one role only
}

// Met says whether enough distinct persons stand for the role.
func (q QuorumState) Met() bool { return q.Min > 0 && q.Counted >= q.Min }

// ReviewState is the quorum matrix of an artifact.
type ReviewState struct {
	Required bool            `json:"required"` // the policy asks for reviews
	Reviews  []ReviewVerdict `json:"reviews"`
	Quorum   []QuorumState   `json:"quorum"`
	Reasons  []Reason        `json:"reasons"`
}

// The rules on reviews that a policy holds.
type reviewRules struct {
	persons  []person    // by name
	criteria []criterion // by id
	quorum   []quorum    // by role
	waivable []waivable
	excluded []string // names of signers whose persons never count
	maxAge   time.Duration
	claimed  bool // by the policy's explicit word, the reviewer's own clock counts where no trusted time is
	index    *indexRule
}

type person struct {
	name    string
	roles   []string
	signers []string
}

type criterion struct {
	id      string
	digest  artifact.Digest
	implies []string          // ids of others that are met where this one is
	accepts []artifact.Digest // texts of others' criteria that answer this one, sorted
}

type quorum struct {
	role     string
	min      int
	criteria []string
}

type waivable struct {
	rule  string
	roles []string
}

type indexRule struct {
	signers []string
}

// Criteria returns the texts, by digest, that the policy's criteria stand for.
func (p *Policy) Criteria() map[string]artifact.Digest {
	out := map[string]artifact.Digest{}
	for _, level := range p.levels() {
		if level.reviews == nil {
			continue
		}
		for _, c := range level.reviews.criteria {
			out[c.id] = c.digest
		}
	}
	return out
}

// AcceptsCriterion says whether the policy takes a text, by its digest, for the
// criterion with this id: its own, or that of somebody else.
func (p *Policy) AcceptsCriterion(id string, text artifact.Digest) bool {
	return slices.ContainsFunc(p.levels(), func(level *Policy) bool {
		return level.reviews != nil && slices.ContainsFunc(level.reviews.criteria, func(c criterion) bool {
			return c.id == id && (c.digest == text || slices.Contains(c.accepts, text))
		})
	})
}

// RequiresReviews says whether the policy asks for reviews.
func (p *Policy) RequiresReviews() bool {
	return slices.ContainsFunc(p.levels(), func(level *Policy) bool { return level.reviews != nil })
}

// ReviewSigners names the signers of the policy whose review, or list of
// reviews, a candidate is; none unless it is proven.
func (p *Policy) ReviewSigners(c provenance.Candidate) []string {
	var out []string
	for _, level := range p.levels() {
		out = append(out, level.reviewersOf(c)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *Policy) reviewersOf(c provenance.Candidate) []string {
	if p == nil || p.reviews == nil || c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified {
		return nil
	}
	var names []string
	switch c.PredicateType {
	case provenance.ReviewType:
		for _, who := range p.reviews.persons {
			names = append(names, who.signers...)
		}
	case provenance.ReviewIndexType:
		if p.reviews.index != nil {
			names = p.reviews.index.signers
		}
	}
	var out []string
	for _, s := range p.signers {
		if slices.Contains(names, s.name) && p.made(s, c) {
			out = append(out, s.name)
		}
	}
	return out
}

// Author says who made a review and when, by what was proven of it, as a
// verdict without a case: its code is CodeReviewCounted where the policy calls
// the author a reviewer in the role that the review names. Whether the review
// is in force is another question.
func (p *Policy) Author(s SignedReview) ReviewVerdict {
	var out ReviewVerdict
	for _, level := range append(p.levels(), &Policy{}) { // the last calls nobody a reviewer
		if v := level.author(s); out.Code == "" || v.Counts() && !out.Counts() {
			out = v
		}
	}
	return out
}

func (p *Policy) author(s SignedReview) ReviewVerdict {
	v := ReviewVerdict{Statement: s.Statement, identity: s.Candidate.Identity, review: s.Review, Code: provenance.CodeReviewUnknownReviewer, Message: "the policy calls nobody a reviewer"}
	if p == nil || p.reviews == nil {
		return v
	}
	j := reviewJudge{p: p, rules: p.reviews}
	if v.Code, v.Message = j.admits(s, &v); v.Code == "" {
		v.Code, v.Message = provenance.CodeReviewCounted, "by "+v.Person
	}
	return v
}
