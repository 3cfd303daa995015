package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A TestReview is a review that a case supposes to be at hand: of the case's
// record, by one of the policy's signers. It holds nothing that a policy test
// has no use for: no scope, and no conditions.
type TestReview struct {
	By, Role string // name of the signer; the role that the review claims
	Decision provenance.Decision
	Met      []string      // ids of criteria
	Waives   []string      // criteria that are not met, and rules
	Age      time.Duration // since it was signed, at the time of the case
}

func parseTestReviews(n *yaml.Node) ([]TestReview, error) {
	if n == nil {
		return nil, nil
	}
	list, err := items(n, "reviews")
	if err != nil {
		return nil, err
	}
	var out []TestReview
	for _, item := range list {
		r, err := parseTestReview(item)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func parseTestReview(item *yaml.Node) (TestReview, error) {
	f, err := fields(item, "review", "by", "role", "decision", "met", "waives", "age")
	if err != nil {
		return TestReview{}, err
	}
	if f["by"] == nil || f["role"] == nil {
		return TestReview{}, fail(item, "review: want by (a signer of the policy) and role")
	}
	r := TestReview{Decision: provenance.Approve, Age: 24 * time.Hour}
	if r.By, err = text(f["by"], "by"); err != nil {
		return TestReview{}, err
	}
	if r.Role, err = text(f["role"], "role"); err != nil {
		return TestReview{}, err
	}
	if n := f["decision"]; n != nil {
		word, err := text(n, "decision")
		if err != nil {
			return TestReview{}, err
		}
		if err := r.Decision.UnmarshalText([]byte(word)); err != nil || !slices.Contains([]string{"approve", "reject", "abstain"}, word) {
			return TestReview{}, fail(n, "decision is %q, want approve, reject or abstain", word)
		}
	}
	for name, to := range map[string]*[]string{"met": &r.Met, "waives": &r.Waives} {
		if f[name] == nil {
			continue
		}
		if *to, err = texts(f[name], name); err != nil {
			return TestReview{}, err
		}
	}
	if f["age"] != nil {
		r.Age, err = parseAge(f["age"], "age")
	}
	return r, err
}

// supposed are the reviews of a case, of the record m. A dishonest record has
// no substance, and nobody can have reviewed it.
func (c TestCase) supposed(p *Policy, m *provenance.Manifest) ([]SignedReview, error) {
	if len(c.Reviews) == 0 {
		return nil, nil
	}
	substance, err := provenance.SubstanceDigest(m)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	var out []SignedReview
	for i, r := range c.Reviews {
		s, err := r.signed(p.For(c.Reference), m.Subject, substance, c.At)
		if err != nil {
			return nil, fmt.Errorf("review %d: %w", i+1, err)
		}
		s.Statement = artifact.SumSHA256(fmt.Appendf(nil, "review %d", i))
		out = append(out, s)
	}
	return out, nil
}

// signed is the review as its author would have signed it, and a reader read it.
func (r TestReview) signed(p *Policy, subject, substance artifact.Digest, at time.Time) (SignedReview, error) {
	scheme, identity, err := p.sample(r.By)
	if err != nil {
		return SignedReview{}, err
	}
	signedAt := at.Add(-r.Age)
	review := &provenance.Review{
		Subject: subject, Kind: provenance.Approval, Decision: r.Decision, Tool: "policy test", ReviewedAt: signedAt,
		Reviewer:  provenance.Reviewer{ID: identityID(identity), Role: r.Role},
		Reviewed:  provenance.Reviewed{Substance: substance, Manifest: substance, Report: substance, Renderer: "policy test", Policy: p.digest},
		Validity:  provenance.Validity{NotBefore: signedAt, ExpiresAt: signedAt.Add(provenance.MaxReviewValidity)},
		Statement: "A test supposes that " + substance.String() + " was shown.",
	}
	if r.Decision == provenance.Reject {
		review.Kind = provenance.Rejection
	}
	criteria := p.Criteria()
	for _, id := range r.Met {
		if criteria[id].IsZero() {
			return SignedReview{}, fmt.Errorf("the policy has no criterion %q", id)
		}
		review.Criteria = append(review.Criteria, provenance.CriterionResult{ID: id, Digest: criteria[id], Result: provenance.CriterionMet})
	}
	for _, id := range r.Waives {
		if digest := criteria[id]; !digest.IsZero() {
			review.Criteria = append(review.Criteria, provenance.CriterionResult{ID: id, Digest: digest, Result: provenance.CriterionNotMet, Waiver: id})
		}
		review.Waivers = append(review.Waivers, provenance.Waiver{
			ID: id, Rule: id, Justification: "compensating-control", Owner: "policy test", Statement: "A test supposes it.", ExpiresAt: review.Validity.ExpiresAt,
		})
	}
	if err := provenance.ValidateReview(review); err != nil {
		return SignedReview{}, err
	}
	return SignedReview{Review: review, Candidate: provenance.Candidate{
		Layout: "policy test", Scheme: scheme, PredicateType: provenance.ReviewType, Identity: identity,
		Verdict: provenance.Proven, Code: provenance.CodeAttestationVerified, Checked: []string{evidenceLog},
		SignedAt: []provenance.Timestamp{{Time: signedAt.Format(time.RFC3339), Source: "rfc3161"}},
		Evidence: provenance.Evidence{CertificateTimestamps: p.thresholds.CertificateTimestamps, LogEntries: p.thresholds.LogEntries, Timestamps: p.thresholds.Timestamps},
	}}, nil
}

// sample is how a signer of the policy signs, where its policy says so exactly.
func (p *Policy) sample(name string) (scheme string, identity provenance.Identity, err error) {
	for _, level := range p.levels() {
		for _, s := range level.signers {
			if s.name == name {
				return s.sample()
			}
		}
	}
	return "", provenance.Identity{}, fmt.Errorf("the policy has no signer %q", name)
}

func (s signer) sample() (scheme string, identity provenance.Identity, err error) {
	exact := func(m matcher, to *string) {
		if m.pattern != nil {
			err = errors.Join(err, fmt.Errorf("signer %q is named by a pattern, and a test signs as nobody in particular", s.name))
		}
		*to = m.exact
	}
	switch {
	case s.key != nil:
		return "sigstore-key", provenance.Identity{KeyFingerprint: s.key.fingerprint}, nil
	case s.keyless != nil:
		identity.TrustedRoot = s.keyless.root
		exact(s.keyless.issuer, &identity.Issuer)
		exact(s.keyless.subject, &identity.Subject)
		for name, m := range s.keyless.extensions {
			if identity.Extensions == nil {
				identity.Extensions = map[string]string{}
			}
			var value string
			exact(m, &value)
			identity.Extensions[name] = value
		}
		return "sigstore-keyless", identity, err
	case s.certificate != nil:
		identity.Issuer = s.certificate.issuer()
		exact(s.certificate.subject, &identity.Subject)
		return "x509", identity, err
	default:
		return "", identity, fmt.Errorf("signer %q has neither key nor identity", s.name)
	}
}
