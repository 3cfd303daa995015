package provenance

import (
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ReviewType names a review's predicate. A published type is never changed.
const ReviewType = "https://github.com/modelcheck/modelcheck/model-review/v1"

// A Review is what one person, in one role, says of one artifact after seeing
// exactly one record of it: the predicate of an in-toto Statement v1 whose only
// subject is the OCI manifest digest, signed by that person alone. Quorum,
// roles and expiry are computed by the policy; a review claims none of them
// for others.
//
// The subject is never a file: tokenizers and licences are shared between
// models, and in-toto matches by digest alone, so an approval would leak.
type Review struct {
	Subject     artifact.Digest   `json:"-"`
	Kind        ReviewKind        `json:"kind"`
	Reviewer    Reviewer          `json:"reviewer"`
	ReviewedAt  time.Time         `json:"reviewedAt"` // the reviewer's own clock; policies use the log's or a timestamp authority's
	Tool        string            `json:"tool"`       // name and version of what made the review
	Reviewed    Reviewed          `json:"reviewed"`
	Decision    Decision          `json:"decision"`
	Criteria    []CriterionResult `json:"criteria"`
	Scope       Scope             `json:"scope"`
	Resolutions []Resolution      `json:"resolutions,omitempty"`
	Waivers     []Waiver          `json:"waivers,omitempty"`
	Conditions  []Condition       `json:"conditions,omitempty"`
	Validity    Validity          `json:"validity"`
	// Supersedes names, by the digest of their statements, reviews that this
	// one replaces, or that a withdrawal takes back.
	Supersedes []artifact.Digest `json:"supersedes,omitempty"`
	Statement  string            `json:"statement"` // the certification sentence, which names the report
}

// A Reviewer is who reviews, by their own word. The identity of the signature
// is what counts: ID must equal it, and the role must be one that the policy
// gives that identity.
type Reviewer struct {
	ID           string `json:"id"` // certificate identity, or "sha256:" + hex of a public key's PKIX DER
	Role         string `json:"role"`
	Organization string `json:"organization,omitempty"`
	Independence string `json:"independence,omitempty"` // a sentence on ties to whoever made or imports the model
}

// Reviewed names what the reviewer saw, by digest.
type Reviewed struct {
	Substance artifact.Digest `json:"substance"` // SubstanceDigest of the provenance manifest: what the review binds to
	Manifest  artifact.Digest `json:"manifest"`  // Digest of the same, with its generator
	Report    artifact.Digest `json:"report"`    // of the rendered review sheet that was shown
	Renderer  string          `json:"renderer"`  // what rendered the sheet, with its version: "review-sheet/1"
	Policy    artifact.Digest `json:"policy"`    // of the effective policy
	// Evidence is what else was looked at: scan reports, papers, answers.
	Evidence []EvidenceRef `json:"evidence,omitempty"`
	// Baseline is the reviewed artifact that a delta review compares with.
	Baseline *Baseline `json:"baseline,omitempty"`
}

// An EvidenceRef names a document outside the artifact.
type EvidenceRef struct {
	Name   string          `json:"name"`
	Digest artifact.Digest `json:"digest"`
	URI    string          `json:"uri,omitempty"`
}

// A Baseline is an earlier artifact and the record of it.
type Baseline struct {
	Subject   artifact.Digest `json:"subject"`
	Substance artifact.Digest `json:"substance"`
}

// A CriterionResult says how the artifact meets a criterion, whose text has
// this digest.
type CriterionResult struct {
	ID     string          `json:"id"`
	Digest artifact.Digest `json:"digest"`
	Result Result          `json:"result"`
	Waiver string          `json:"waiver,omitempty"` // id of one of the review's waivers
	Note   string          `json:"note,omitempty"`
}

// A Scope says for what a review holds. An empty list means everything of that
// kind; Excludes wins.
type Scope struct {
	Environments []string `json:"environments,omitempty"`
	Uses         []string `json:"uses,omitempty"`
	Excludes     []string `json:"excludes,omitempty"` // environments or uses for which it never holds
}

// A Resolution says what the reviewer concludes where the record conflicts or
// is silent. It never overwrites an observation.
type Resolution struct {
	Claim         string   `json:"claim"`
	Concluded     string   `json:"concluded"`
	Justification string   `json:"justification"` // one of ResolutionWords
	Basis         []string `json:"basis,omitempty"`
	Statement     string   `json:"statement"`
}

// A Waiver accepts that a criterion, or a rule of the policy, is not met, for a
// time.
type Waiver struct {
	ID            string    `json:"id"`
	Rule          string    `json:"rule"`          // id of the criterion, or name of the policy's rule
	Justification string    `json:"justification"` // one of WaiverWords
	Owner         string    `json:"owner"`         // who accepts the risk
	Statement     string    `json:"statement"`
	Controls      []string  `json:"controls,omitempty"`
	ExpiresAt     time.Time `json:"expiresAt"` // not after the review's
}

// A Condition is what an approval asks of whoever uses the model.
type Condition struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Rule string `json:"rule,omitempty"` // an expression of the policy language that must hold of the record
}

// Validity says when a review lapses by itself. ExpiresAt is at most
// MaxReviewValidity after NotBefore.
type Validity struct {
	NotBefore time.Time `json:"notBefore"`
	ExpiresAt time.Time `json:"expiresAt"`
	// InvalidatedBy names what else ends it: EventPolicy is the only event that
	// is not implied. Another substance digest always ends a review.
	InvalidatedBy []string `json:"invalidatedBy,omitempty"`
}

// EventPolicy ends a review when the effective policy has another digest.
const EventPolicy = "policy-digest"

// MaxReviewValidity bounds a review: nobody knows a model for longer.
const MaxReviewValidity = 366 * 24 * time.Hour

// maxPendingWaiver bounds a waiver that waits for a vendor's answer.
const maxPendingWaiver = 90 * 24 * time.Hour

// WaiverWords returns the justifications of waivers.
func WaiverWords() []string {
	return []string{"not-applicable-in-scope", "compensating-control", "risk-accepted-by-owner", "evidence-out-of-band", waitsForVendor}
}

const (
	waitsForVendor = "vendor-response-pending"
	outOfBand      = "evidence-out-of-band"
)

// ResolutionWords returns the justifications of resolutions.
func ResolutionWords() []string {
	return []string{"license-text-overrides-metadata", "producer-confirmed", "same-licensor-relicensed", "difference-of-definition", "rounding", "metadata-error-reported"}
}

// A ReviewKind says what a review does. The zero value does nothing.
type ReviewKind uint8

// The kinds of reviews.
const (
	NoReview   ReviewKind = iota
	Approval              // of the whole record
	Delta                 // of what changed since a baseline
	Renewal               // of an approval of the same record that ends
	Rejection             // a decision against; lifting it takes two persons
	Violation             // what is known now forbids use; wins over everything
	Withdrawal            // takes reviews back
)

var reviewKinds = [...]string{"none", "approval", "delta", "renewal", "rejection", "violation", "withdrawal"}

// String returns the word used in reviews.
func (k ReviewKind) String() string { return word(reviewKinds[:], int(k)) }

// MarshalText writes the word of String.
func (k ReviewKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (k *ReviewKind) UnmarshalText(b []byte) error {
	i, err := index("kind of review", reviewKinds[:], b)
	*k = ReviewKind(i)
	return err
}

// A Decision is what the reviewer decides. The zero value approves nothing.
type Decision uint8

// The decisions.
const (
	NoDecision Decision = iota
	Approve
	ApproveWithConditions
	Reject
	Abstain
)

var decisions = [...]string{"none", "approve", "approve-with-conditions", "reject", "abstain"}

// String returns the word used in reviews.
func (d Decision) String() string { return word(decisions[:], int(d)) }

// MarshalText writes the word of String.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (d *Decision) UnmarshalText(b []byte) error {
	i, err := index("decision", decisions[:], b)
	*d = Decision(i)
	return err
}

// Approves says whether the decision is for the artifact.
func (d Decision) Approves() bool { return d == Approve || d == ApproveWithConditions }

// A Result is how a criterion was found to be met. The zero value is not.
type Result uint8

// The results.
const (
	CriterionNotAssessed Result = iota
	CriterionMet
	CriterionNotMet
)

var results = [...]string{"not-assessed", "met", "not-met"}

// String returns the word used in reviews.
func (r Result) String() string { return word(results[:], int(r)) }

// MarshalText writes the word of String.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (r *Result) UnmarshalText(b []byte) error {
	i, err := index("result", results[:], b)
	*r = Result(i)
	return err
}
