package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// DefaultVerifierID is what a verifier is called in summaries where nobody
// gives it another name. Whose word a summary is, its signature says.
const DefaultVerifierID = "https://github.com/modelcheck/modelcheck"

// RecordConfig says what Attest needs. Signer is required.
type RecordConfig struct {
	Signer     *Signer
	VerifierID string // a URI; default: DefaultVerifierID
	// Failed has a denial recorded too, as a summary that failed: whoever
	// accepts this verifier's summaries denies the artifact from then on.
	Failed bool
}

// A RecordedStatement is one that Attest signed and attached.
type RecordedStatement struct {
	PredicateType string               `json:"predicateType"`
	Result        string               `json:"result,omitempty"` // of a verification summary: PASSED or FAILED
	Attached      Attached             `json:"attached"`
	Bundle        Bundle               `json:"bundle"`
	Signature     provenance.Candidate `json:"signature"` // as it was verified when it was found again
}

// errNotRecorded marks that nothing was recorded about an artifact.
var errNotRecorded = errors.New("nothing was recorded")

// Attest examines the artifact as Examine does and, only behind a verdict that
// allows, records that: it signs three statements about the digest, verifies
// each and attaches it as a referrer. They are the provenance manifest, a
// Simple Verification Result, and last, because it is what others act on, a
// SLSA Verification Summary. Behind a denial it records a summary that failed,
// and only where RecordConfig.Failed says so; behind a hold and behind no
// verdict, nothing.
//
// The report is never nil, and errors mean what they mean for Examine. Where
// recording failed there is no verdict.
func (c *Checker) Attest(ctx context.Context, ref artifact.Reference, rec RecordConfig) (*Report, error) {
	if err := c.recordable(ref, rec); err != nil {
		r := Failed(ref.String(), provenance.CodeNotRecorded, err, c.cfg.Version)
		return r, err
	}
	r, err := c.Examine(ctx, ref)
	if err != nil {
		return r, err
	}
	if err := c.record(ctx, r, ref, rec); err != nil {
		err = fmt.Errorf("recording the verification: %w", err)
		r.Verdict = policy.Verdict{Policy: r.Verdict.Policy}
		r.Error = &Failure{Code: SignFailureCode(err), Message: err.Error()}
		return r, err
	}
	return r, nil
}

// recordable refuses what a summary would be untrue of.
func (c *Checker) recordable(ref artifact.Reference, rec RecordConfig) error {
	switch {
	case rec.Signer == nil:
		return fmt.Errorf("%w: nobody to sign it", errNotRecorded)
	case rec.Signer.cfg.DryRun || rec.Signer.cfg.NoAttach || rec.Signer.cfg.Model != nil:
		return fmt.Errorf("%w: its signer would not attach what it signs", errNotRecorded)
	case ref.Place() == artifact.Directory:
		return fmt.Errorf("%w: %w", errNotRecorded, errNoReferrers)
	case c.cfg.Platform != "":
		return fmt.Errorf("%w: one platform of an index is not the whole of it", errNotRecorded)
	case len(c.cfg.Bundles) > 0:
		return fmt.Errorf("%w: who recalls it would not find the signatures that were brought along", errNotRecorded)
	}
	return nil
}

// record signs and attaches what the verdict allows to say.
func (c *Checker) record(ctx context.Context, r *Report, ref artifact.Reference, rec RecordConfig) error {
	s, ok := r.summary(ref, rec)
	if !ok {
		return nil
	}
	type stated struct {
		predicateType, result string
		statement             []byte
	}
	summary, err := provenance.EncodeSummary(s)
	if err != nil {
		return err
	}
	list := []stated{{provenance.SummaryType, s.Result.String(), summary}}
	if s.Result == provenance.Passed {
		result, err := provenance.EncodeResult(s)
		if err != nil {
			return err
		}
		list = []stated{{provenance.PredicateType, "", r.ManifestBytes()}, {provenance.ResultType, "", result}, list[0]}
	}
	for _, st := range list {
		done, err := rec.Signer.attachStatement(ctx, ref.WithDigest(r.Resolved.Digest), st.statement, anybody)
		if err != nil {
			return fmt.Errorf("statement of type %s: %w", st.predicateType, err)
		}
		r.Recorded = append(r.Recorded, RecordedStatement{
			PredicateType: st.predicateType, Result: st.result,
			Attached: *done.Attached, Bundle: *done.Bundle, Signature: *done.Signature,
		})
	}
	return nil
}

// summary is what may be said of the artifact, and whether anything may.
func (r *Report) summary(ref artifact.Reference, rec RecordConfig) (provenance.Summary, bool) {
	s := provenance.Summary{
		VerifierID: rec.VerifierID, Version: r.Tool.Version, At: r.FinishedAt, Policy: r.Verdict.Policy, Resource: resourceURI(ref, r),
	}
	if s.VerifierID == "" {
		s.VerifierID = DefaultVerifierID
	}
	if r.Resolved == nil || r.Error != nil || r.Inspected || r.Summary != nil {
		return s, false
	}
	s.Subject = r.Resolved.Digest
	if !r.ManifestDigest.IsZero() {
		s.Manifest, s.Substance = r.ManifestDigest, r.SubstanceDigest
	}
	switch {
	case r.Verdict.Allowed() && !s.Manifest.IsZero() && r.Stopped == "":
		s.Result = provenance.Passed
		s.Properties = []string{provenance.PropertyBytes, provenance.PropertyPolicy}
		for _, reason := range r.Verdict.Reasons {
			if reason.Code == provenance.CodeSignatureVerified {
				s.Properties = append(s.Properties, provenance.PropertySignature)
				break
			}
		}
		return s, true
	case r.Verdict.Outcome == policy.Deny && rec.Failed:
		s.Result = provenance.Failed
		return s, true
	default:
		return s, false
	}
}

// resourceURI names the artifact as it was found. A path of this machine is
// nobody's business: a layout is named by the digest alone.
func resourceURI(ref artifact.Reference, r *Report) string {
	if r.Resolved == nil {
		return ""
	}
	if ref.Place() == artifact.Registry {
		return "oci://" + ref.Host() + "/" + ref.Repository() + "@" + r.Resolved.Digest.String()
	}
	return "oci:" + r.Resolved.Digest.String()
}

// anybody may sign.
func anybody(provenance.Candidate) error { return nil }

// attachStatement signs a statement about the artifact, verifies it, asks
// whether it may be by whom it is, attaches it, and verifies it as it is handed
// out.
func (s *Signer) attachStatement(ctx context.Context, ref artifact.Reference, statement []byte, mine func(provenance.Candidate) error) (r *SignReport, err error) {
	g := &signature{Signer: s, report: &SignReport{Statement: statement}}
	if g.store, err = s.client.Open(ref); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	if err := g.resolve(ctx); err != nil {
		return nil, err
	}
	bundle, err := g.seal(ctx)
	if err != nil {
		return nil, err
	}
	if err := mine(*g.report.Signature); err != nil {
		return nil, err
	}
	if err := g.attach(ctx, bundle); err != nil {
		return nil, err
	}
	return g.report, nil
}
