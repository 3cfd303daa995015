package attest

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Verify judges everything that was found attached to subject. There is at
// least one candidate for each referrer, in the order of found, and each gets
// its own verdict: a broken or foreign one never hides a good one, and nothing
// is skipped silently. What a candidate proves is that somebody signed;
// whether it is somebody to trust is for the policy to say.
//
// The error is not about signatures: it says that something could not be
// fetched, so that "no proven candidate" does not mean "there is none". The
// candidates are valid beside it; those that could not be fetched are
// unchecked.
func (v *Verifier) Verify(ctx context.Context, subject artifact.Digest, found []Referrer, fetch Fetch) ([]provenance.Candidate, error) {
	if subject.IsZero() {
		return nil, errors.New("verifying signatures: no subject")
	}
	slots := listSlots(found)
	errs := make([]error, len(slots))
	var group errgroup.Group
	group.SetLimit(maxWorkers)
	memory := semaphore.NewWeighted(maxInFlight)
	for i := range slots {
		if slots[i].decided {
			continue
		}
		group.Go(func() error {
			errs[i] = v.fill(ctx, &slots[i], subject, fetch, memory)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make([]provenance.Candidate, len(slots))
	for i, s := range slots {
		out[i] = s.candidate
	}
	return out, errors.Join(errs...)
}

// fill fetches what a slot needs and judges its bundle.
func (v *Verifier) fill(ctx context.Context, s *slot, subject artifact.Digest, fetch Fetch, memory *semaphore.Weighted) error {
	cost := min(max(s.bundle.Size, 1)+s.config.size(), maxInFlight)
	if err := memory.Acquire(ctx, cost); err != nil {
		s.candidate.Code, s.candidate.Detail = provenance.CodeInterrupted, "it was not looked at"
		return fmt.Errorf("verifying signatures: %w", err)
	}
	defer memory.Release(cost)
	raw, err := s.fetch(ctx, fetch)
	var lost *lostError
	if errors.As(err, &lost) {
		s.candidate.Code, s.candidate.Detail = provenance.CodeUnreachable, oneLine(lost.Error())
		return lost
	}
	if err != nil {
		deny(&s.candidate, err)
		return nil
	}
	v.judge(&s.candidate, raw, s.legacy, subject)
	return nil
}

// fetch returns the bundle. The manifest's config is fetched beside it: what it
// says is not used, but a signed artifact of which one byte was changed is not
// the one that was signed.
func (s *slot) fetch(ctx context.Context, fetch Fetch) ([]byte, error) {
	var config error
	done := make(chan struct{})
	go func() {
		defer close(done)
		config = s.config.check(ctx, fetch)
	}()
	raw, err := fetchBlob(ctx, s.bundle, fetch, MaxBundle, "signature")
	<-done
	if err == nil {
		err = config
	}
	return raw, err
}

// A lostError says that nobody could be asked.
type lostError struct {
	what   string
	digest artifact.Digest
	err    error
}

func (e *lostError) Error() string { return fmt.Sprintf("fetching %s %v: %v", e.what, e.digest, e.err) }
func (e *lostError) Unwrap() error { return e.err }

// fetchBlob fetches and hashes: bytes that nobody hashed are never judged.
func fetchBlob(ctx context.Context, d artifact.Descriptor, fetch Fetch, limit int64, what string) ([]byte, error) {
	raw, err := fetch(ctx, d, limit)
	var mismatch *artifact.MismatchError
	switch {
	case err == nil:
	case errors.As(err, &mismatch), errors.Is(err, ErrUnusable):
		return nil, err
	default:
		return nil, &lostError{what: what, digest: d.Digest, err: err}
	}
	return raw, checkBlob(raw, d, what)
}

func checkBlob(raw []byte, d artifact.Descriptor, what string) error {
	h := d.Digest.Algorithm().New()
	h.Write(raw)
	got := artifact.DigestOf(d.Digest.Algorithm(), h.Sum(nil))
	if got != d.Digest || int64(len(raw)) != d.Size {
		return &artifact.MismatchError{What: what, Want: d.Digest, Got: got, WantSize: d.Size, GotSize: int64(len(raw))}
	}
	return nil
}

// judge decides about one bundle or, with the annotations of its layer, one
// older signature. A library that panics on a stranger's bytes
// refuses that stranger, and nobody else.
func (v *Verifier) judge(c *provenance.Candidate, raw []byte, legacy map[string]string, subject artifact.Digest) {
	defer func() {
		if p := recover(); p != nil {
			*c = provenance.Candidate{Layout: c.Layout, Digest: c.Digest}
			deny(c, refuse(provenance.CodeSignatureMalformed, "its content breaks the verifier: %v", p))
		}
	}()
	s, err := parseAny(raw, legacy)
	if err != nil {
		deny(c, err)
		return
	}
	v.decide(c, s, subject)
}

func parseAny(raw []byte, legacy map[string]string) (*signed, error) {
	if legacy != nil {
		return parseLegacy(raw, legacy)
	}
	return parseBundle(raw)
}

// decide fills c with what could be proven of s.
func (v *Verifier) decide(c *provenance.Candidate, s *signed, subject artifact.Digest) {
	p, err := v.prove(s, subject)
	c.Scheme, c.Checked = p.scheme, p.checked
	if s.statement != nil {
		c.PredicateType = s.statement.PredicateType
	}
	attestation := s.statement != nil && !v.types[s.statement.PredicateType]
	switch {
	case !attestation && s.statement != nil && s.statement.Type != provenance.StatementType:
		deny(c, refuse(provenance.CodeSignatureMalformed, "its statement is of type %q; for a signature it must be %q", s.statement.Type, provenance.StatementType))
		return
	case err != nil && attestation:
		code, detail := reasonOf(err)
		deny(c, refuse(provenance.CodeNotASignature, "an attestation, which does not hold (%s): %s", code, detail))
		return
	case err != nil:
		deny(c, err)
		return
	case p.identity.Subject == "" && p.identity.KeyFingerprint == "":
		deny(c, refuse(provenance.CodeInternal, "it is proven and nobody's"))
		return
	}
	c.Identity, c.SignedAt, c.LogIndex = p.identity, p.times, p.logIndex
	if attestation {
		deny(c, refuse(provenance.CodeNotASignature, "an attestation; it holds, and says something else than that the artifact is signed"))
		return
	}
	c.Verdict, c.Code = provenance.Proven, provenance.CodeSignatureVerified
}

func (v *Verifier) prove(s *signed, subject artifact.Digest) (proof, error) {
	switch {
	case s.material.Certificate() != nil:
		return v.proveCertificate(s, subject)
	case s.material.PublicKey() != nil:
		return v.proveKey(s, subject)
	default:
		return proof{}, refuse(provenance.CodeSignatureMalformed, "it has neither certificate nor key")
	}
}

// deny writes a refusal into c.
func deny(c *provenance.Candidate, err error) {
	c.Verdict = provenance.Refused
	c.Code, c.Detail = reasonOf(err)
}
