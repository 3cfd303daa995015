package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Recollection is what verifiers whom the policy names (its section
// summaries) recorded about an artifact, each statement verified: signature,
// subject and form. What strangers attached is not in it, but for Candidates,
// which lists everything with its own verdict. Nothing of it is a verdict:
// whether a summary is fresh, about the right policy and passed, and whether a
// record would be allowed, is for the policy to say.
type Recollection struct {
	Resolved   Resolved               // the digest that all of it is about
	Candidates []provenance.Candidate // everything attached
	Manifests  []RecalledManifest     // by digest
	Summaries  []RecalledSummary      // in the order in which they were found
	// Reviews are the reviews that are attached, where the policy asks for
	// reviews, whoever made them.
	Reviews []policy.SignedReview
	// Unread are statements by accepted verifiers that could not be read. What
	// they say could be anything.
	Unread []RecalledSummary
}

// A RecalledManifest is a provenance manifest that a verifier recorded.
type RecalledManifest struct {
	Candidate       provenance.Candidate
	Verifiers       []string // the policy's names of who signed it, never empty
	Digest          artifact.Digest
	SubstanceDigest artifact.Digest
	Manifest        *provenance.Manifest
	Bytes           []byte // as provenance.Encode wrote it
}

// A RecalledSummary is a verification summary that a verifier recorded.
type RecalledSummary struct {
	Candidate provenance.Candidate
	Verifiers []string // the policy's names of who signed it, never empty
	Summary   provenance.Summary
	Problem   string // why it could not be read, "" if it could
}

// Manifest finds the recorded manifest with a digest, nil where no accepted
// verifier recorded it.
func (r *Recollection) Manifest(d artifact.Digest) *RecalledManifest {
	i := slices.IndexFunc(r.Manifests, func(m RecalledManifest) bool { return m.Digest == d })
	if i < 0 || d.IsZero() {
		return nil
	}
	return &r.Manifests[i]
}

// Recall resolves ref and reads what accepted verifiers recorded about that
// digest. No blob of the model is read. An error means that not everything
// could be read: no conclusion may be drawn from what is missing then.
func (c *Checker) Recall(ctx context.Context, ref artifact.Reference) (*Recollection, error) {
	e := c.begin(ref)
	e.accept = true
	if err := e.run(ctx); err != nil {
		return nil, fmt.Errorf("recalling what was recorded: %w", err)
	}
	e.recalled.Reviews = e.reviews.Reviews
	return e.recalled, nil
}

// ReviewsOf reads the reviews of an artifact that lie in the folder of reviews
// (Config.Reviews), and asks no registry.
func (c *Checker) ReviewsOf(subject artifact.Digest) ([]policy.SignedReview, error) {
	e := &examination{Checker: c, report: &Report{}}
	err := e.folderReviews(subject, false)
	return e.reviews.Reviews, err
}

// errNoReferrers marks a place where nothing can be attached to a model.
var errNoReferrers = errors.New("nothing can be attached to a plain folder, so that nothing is recorded about it")

// Accept judges the artifact by verification summaries, as the policy's section
// summaries says, and hashes nothing: the report has no manifest digest, and
// says whose word stands for it. Signatures are verified as ever.
//
// The report is never nil, and errors mean what they mean for Examine.
func (c *Checker) Accept(ctx context.Context, ref artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	e.accept = true
	report, err := e.finish(e.run(ctx))
	if err == nil && c.cfg.Horizon > 0 && report.Verdict.Allowed() {
		report.HoldsUntil = e.holdsUntil(report.StartedAt.Add(c.cfg.Horizon))
	}
	return report, err
}

// holdsUntil is the time until which the verdict that allows stays, were it
// reached again with nothing else changed, and at most last: summaries and
// reviews grow old. It is found within a second.
func (e *examination) holdsUntil(last time.Time) time.Time {
	allows := func(at time.Time) bool {
		return e.judgeSummaries(at).Allowed() && e.cfg.CheckRootAges(at) == nil
	}
	saved := *e.report // judging writes into it
	defer func() { *e.report = saved }()
	if allows(last) {
		return last
	}
	low := saved.StartedAt
	for last.Sub(low) > time.Second {
		if middle := low.Add(last.Sub(low) / 2); allows(middle) {
			low = middle
		} else {
			last = middle
		}
	}
	return low
}

// recall sorts the attestations that hold into what verifiers recorded.
func (e *examination) recall() {
	r := &Recollection{Resolved: *e.report.Resolved, Candidates: e.report.Signatures}
	about := e.subject.Descriptor.Digest
	for _, a := range e.attested {
		c := e.report.Signatures[a.Index]
		by := e.cfg.Policy.Verifiers(c)
		if len(by) == 0 {
			continue
		}
		switch a.PredicateType {
		case provenance.PredicateType:
			m := RecalledManifest{Candidate: c, Verifiers: by}
			if err := m.read(about, a.Predicate, a.Omitted); err != nil {
				r.Unread = append(r.Unread, RecalledSummary{Candidate: c, Verifiers: by, Problem: err.Error()})
				continue
			}
			r.Manifests = append(r.Manifests, m)
		case provenance.SummaryType:
			s := RecalledSummary{Candidate: c, Verifiers: by, Problem: a.Omitted}
			if s.Problem == "" {
				var err error
				if s.Summary, err = provenance.DecodeSummary(about, a.Predicate); err != nil {
					s.Problem = err.Error()
				}
			}
			if s.Problem != "" {
				r.Unread = append(r.Unread, s)
				continue
			}
			r.Summaries = append(r.Summaries, s)
		}
	}
	slices.SortStableFunc(r.Manifests, func(a, b RecalledManifest) int { return a.Digest.Compare(b.Digest) })
	e.recalled = r
}

func (m *RecalledManifest) read(about artifact.Digest, predicate []byte, omitted string) (err error) {
	if omitted != "" {
		return fmt.Errorf("recalling a provenance manifest: %s", omitted)
	}
	if m.Manifest, m.Bytes, err = provenance.RecallManifest(about, predicate); err != nil {
		return err
	}
	m.Digest = artifact.SumSHA256(m.Bytes)
	m.SubstanceDigest, err = provenance.SubstanceDigest(m.Manifest)
	return err
}

// A SummaryReport says what stood for hashing the bytes.
type SummaryReport struct {
	Accepted bool `json:"accepted"` // the verdict rests on it
	// Verifiers are the policy's names of those whose summaries count.
	Verifiers  []string  `json:"verifiers"`
	VerifierID string    `json:"verifierId,omitempty"` // what the latest of them calls itself
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`  // by its own word
	// The record that it names.
	ManifestDigest  artifact.Digest `json:"manifestDigest,omitzero"`
	SubstanceDigest artifact.Digest `json:"substanceDigest,omitzero"`
	Recalled        bool            `json:"recalled"` // that record was read, and judged again
}

// judgeSummaries is the verdict of Accept at a time.
func (e *examination) judgeSummaries(at time.Time) policy.Verdict {
	r := e.recalled
	if r == nil { // a plain folder, or something that is no artifact
		r = &Recollection{}
	}
	report := &SummaryReport{Verifiers: []string{}}
	e.report.Summary = report
	var found []policy.SummaryCandidate
	for _, s := range slices.Concat(r.Summaries, r.Unread) {
		if s.Candidate.PredicateType != provenance.SummaryType {
			continue // a record that cannot be read is not recalled, and that is all
		}
		c := policy.SummaryCandidate{Candidate: s.Candidate, Summary: s.Summary, Problem: s.Problem}
		found = append(found, c)
		if e.cfg.Policy.AcceptsSummary(r.Resolved.Digest, c, at) {
			report.take(s)
		}
	}
	for _, c := range r.Candidates { // strangers' are named, lest "missing" be all that is said
		if c.PredicateType == provenance.SummaryType && len(e.cfg.Policy.Verifiers(c)) == 0 {
			found = append(found, policy.SummaryCandidate{Candidate: c})
		}
	}
	c := policy.Case{Reference: e.report.Reference, Candidates: e.report.Signatures, Faults: e.faults, At: at}
	if record := r.Manifest(report.ManifestDigest); record != nil && record.SubstanceDigest == report.SubstanceDigest {
		c.Manifest, report.Recalled = record.Manifest, true
	}
	e.showReviews(&c)
	v := e.cfg.Policy.EvaluateSummaries(r.Resolved.Digest, found, c)
	report.Accepted = v.Allowed()
	return v
}

// take adds a summary that counts. The record is the one that the latest names.
func (s *SummaryReport) take(r RecalledSummary) {
	s.Verifiers = append(s.Verifiers, r.Verifiers...)
	slices.Sort(s.Verifiers)
	s.Verifiers = slices.Compact(s.Verifiers)
	if s.VerifierID == "" || r.Summary.At.After(s.VerifiedAt) {
		s.VerifierID, s.VerifiedAt = r.Summary.VerifierID, r.Summary.At
		s.ManifestDigest, s.SubstanceDigest = r.Summary.Manifest, r.Summary.Substance
	}
}
