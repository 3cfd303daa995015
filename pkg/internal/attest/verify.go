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

// A Result is everything that was found attached to an artifact, judged.
type Result struct {
	// Candidates has at least one for each referrer, in the order in which
	// they were found.
	Candidates []provenance.Candidate
	// Pending are the candidates of which the files decide.
	Pending []*Pending
	// Attestations are what the candidates with the code
	// attestation-verified say.
	Attestations []*Attestation
}

// Verify is VerifyAll for those who want the candidates only. Model signatures
// stay unchecked.
func (v *Verifier) Verify(ctx context.Context, subject artifact.Digest, found []Referrer, fetch Fetch) ([]provenance.Candidate, error) {
	r, err := v.VerifyAll(ctx, subject, found, fetch)
	return r.Candidates, err
}

// VerifyAll judges everything that was found attached to subject. There is at
// least one candidate for each referrer, in the order of found, and each gets
// its own verdict: a broken or foreign one never hides a good one, and nothing
// is skipped silently. What a candidate proves is that somebody signed;
// whether it is somebody to trust is for the policy to say.
//
// The error is not about signatures: it says that something could not be
// fetched, so that "no proven candidate" does not mean "there is none". The
// result is valid beside it; candidates that could not be fetched are
// unchecked.
func (v *Verifier) VerifyAll(ctx context.Context, subject artifact.Digest, found []Referrer, fetch Fetch) (Result, error) {
	if subject.IsZero() {
		return Result{}, errors.New("verifying signatures: no subject")
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
		return Result{}, err
	}
	var r Result
	for i := range slots {
		r.add(&slots[i])
	}
	return r, errors.Join(errs...)
}

// VerifyBundle judges a Sigstore bundle that came otherwise than attached: a
// file that the user names, or one of the model. Its candidate carries the
// layout and, as Digest, that of the bundle itself.
func (v *Verifier) VerifyBundle(subject artifact.Digest, layout string, bundle []byte) Result {
	s := slot{candidate: provenance.Candidate{Layout: layout, Digest: artifact.SumSHA256(bundle)}, keep: true}
	v.judge(&s, bundle, subject)
	var r Result
	r.add(&s)
	return r
}

func (r *Result) add(s *slot) {
	n := len(r.Candidates)
	r.Candidates = append(r.Candidates, s.candidate)
	if p := s.outcome.pending; p != nil {
		p.Index, p.candidate = n, s.candidate
		r.Pending = append(r.Pending, p)
	}
	if a := s.outcome.attestation; a != nil {
		a.Index = n
		r.Attestations = append(r.Attestations, a)
	}
}

// fill fetches what a slot needs and judges its layer.
func (v *Verifier) fill(ctx context.Context, s *slot, subject artifact.Digest, fetch Fetch, memory *semaphore.Weighted) error {
	cost := min(max(s.layer.Size, 1)+s.config.size(), maxInFlight)
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
	v.judge(s, raw, subject)
	return nil
}

// fetch returns the layer. The manifest's config is fetched beside it: what it
// says is not used, but a signed artifact of which one byte was changed is not
// the one that was signed.
func (s *slot) fetch(ctx context.Context, fetch Fetch) ([]byte, error) {
	var config error
	done := make(chan struct{})
	go func() {
		defer close(done)
		config = s.config.check(ctx, fetch)
	}()
	raw, err := fetchBlob(ctx, s.layer, fetch, MaxBundle, "signature")
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
