package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// Rules are what a Server decides by, read at one time from one set of files.
type Rules struct {
	Policy   *policy.Policy // with its files resolved
	Judge    Judge          // by that policy; looks as far ahead as Cache.Horizon says
	Resolver Resolver
	// Identity changes with everything that Policy, Judge and Resolver were made
	// of: rules of the same identity take nobody's place.
	Identity artifact.Digest
	// Fresh returns an error once these rules are too old to be ready with: the
	// policy has expired, or a trusted root is older than it may be.
	Fresh func(at time.Time) error
}

// inForce holds the rules that are in force, and how it stands with newer ones.
type inForce struct {
	mu       sync.RWMutex
	gate     *Gate
	rules    Rules
	began    time.Time // when they came into force
	checked  time.Time // when they were last read and good
	problem  error     // of the last reading, nil where it was good
	problems time.Time // since when
}

// take puts rules into force. What cannot be used changes nothing.
func (f *inForce) take(r Rules, err error, make func(Rules) (*Gate, error), now time.Time) (changed bool, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && (r.Policy == nil || r.Judge == nil || r.Resolver == nil || r.Fresh == nil || r.Identity.IsZero()) {
		err = errors.New("the rules are not whole")
	}
	if err == nil && (f.gate == nil || r.Identity != f.rules.Identity) {
		var gate *Gate
		if gate, err = make(r); err == nil {
			f.gate, f.rules, f.began, changed = gate, r, now, true
		}
	}
	if err != nil {
		if f.problem == nil {
			f.problems = now
		}
		f.problem = err
		return false, err
	}
	f.checked, f.problem, f.problems = now, nil, time.Time{}
	return changed, nil
}

// now returns the gate in force, nil where there is none yet.
func (f *inForce) now() *Gate {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.gate
}

func (f *inForce) since() time.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.began
}

func (f *inForce) checkedAt() time.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.checked
}

// state says why the server must not be called ready, and what else there is
// to say: files that cannot be read now, while older rules are in force.
func (f *inForce) state(now time.Time, staleFor time.Duration) (broken, note error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.gate == nil && f.problem != nil:
		return fmt.Errorf("no policy: %w", f.problem), nil
	case f.gate == nil:
		return errors.New("no policy was read yet"), nil
	}
	if err := f.rules.Fresh(now); err != nil {
		return err, nil
	}
	if f.problem == nil {
		return nil, nil
	}
	err := fmt.Errorf("the policy in force is that of %s: since %s it cannot be read: %w",
		f.checked.UTC().Format(time.RFC3339), f.problems.UTC().Format(time.RFC3339), f.problem)
	if now.Sub(f.checked) >= staleFor {
		return err, nil
	}
	return nil, err
}

// reload reads the rules once.
func (s *Server) reload(ctx context.Context) error {
	r, err := s.load(ctx)
	changed, err := s.rules.take(r, err, s.gate, s.cfg.Now())
	s.metrics.loaded("policy", err)
	switch {
	case err != nil:
		s.log.ErrorContext(ctx, "reading the policy failed, the old one stays", "error", err)
	case changed:
		s.log.InfoContext(ctx, "policy in force", "policy", r.Policy.Digest().String(), "admission", r.Policy.Admission().Digest().String())
	}
	return err
}

// load calls Config.Load, whose defects are errors.
func (s *Server) load(ctx context.Context) (r Rules, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = Rules{}, fmt.Errorf("a defect of this program: %v", p)
		}
	}()
	return s.cfg.Load(ctx)
}

// gate makes the gate of rules.
func (s *Server) gate(r Rules) (*Gate, error) {
	if label := r.Policy.Admission().TrustedLabel; label != "" && s.cfg.Labels == nil {
		return nil, fmt.Errorf("the policy trusts the label %q of namespaces, and nothing here reads them", label)
	}
	return NewGate(Config{
		Policy: r.Policy, Judge: s.cfg.Cache.Over(r.Judge, r.Resolver, r.Policy),
		PolicyName: s.cfg.PolicyName, Version: s.cfg.Version, Now: s.cfg.Now,
	})
}

// loaded counts a reading.
func (m *metrics) loaded(what string, err error) {
	result := "good"
	if err != nil {
		result = "failed"
	}
	m.loads.WithLabelValues(what, result).Inc()
}
