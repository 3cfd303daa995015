package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// everySigner are those of all levels; one whom two levels name in the same way
// stands once.
func (p *Policy) everySigner() []signer {
	var out []signer
	for _, level := range p.levels() {
		for _, s := range level.signers {
			if !slices.ContainsFunc(out, func(o signer) bool { return o.name == s.name }) {
				out = append(out, s)
			}
		}
	}
	return out
}

// everyRoot are those of all levels. Of two bounds of an age the tighter one
// counts.
func (p *Policy) everyRoot() []root {
	var out []root
	for _, level := range p.levels() {
		for _, r := range level.roots {
			i := slices.IndexFunc(out, func(o root) bool { return o.name == r.name })
			if i < 0 {
				out = append(out, r)
				continue
			}
			out[i].maxAge, out[i].warnAge = younger(out[i].maxAge, r.maxAge), younger(out[i].warnAge, r.warnAge)
		}
	}
	return out
}

// younger is the tighter of two bounds; 0 is none.
func younger(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// same says whether two levels mean the same by the name of a signer: what the
// digest of a policy holds of it.
func (s signer) same(o signer) bool {
	a, err := json.Marshal(s.effective(Thresholds{}), json.Deterministic(true))
	b, err2 := json.Marshal(o.effective(Thresholds{}), json.Deterministic(true))
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// joins wants that a name in the record is one person's under every level, and
// that no level's roots vouch for what another one asks.
func (p *Policy) joins() error {
	if p.base == nil {
		return nil
	}
	p.joint = true
	for _, check := range []func() error{p.joinSigners, p.joinRoots, p.joinTypes, p.joinNames, p.joinAdmission} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Policy) joinSigners() error {
	for _, s := range p.signers {
		for _, o := range p.base.everySigner() {
			if s.name == o.name && !s.same(o) {
				return fmt.Errorf("%w: signer %q is somebody else in the policy that it extends: choose another name", ErrInvalid, s.name)
			}
		}
	}
	return nil
}

// joinRoots: any root may vouch for the log entry of a key or the time of a
// review. Where a level asks for such a thing, it must know every root.
func (p *Policy) joinRoots() error {
	all := p.everyRoot()
	for _, r := range p.roots {
		for _, o := range p.base.everyRoot() {
			if (r.name == o.name) != bytes.Equal(r.json, o.json) {
				return fmt.Errorf("%w: trusted roots %q and, in the policy that it extends, %q: give the same root the same name, and another one another", ErrInvalid, r.name, o.name)
			}
		}
	}
	for _, level := range p.levels() {
		relies := level.reviews != nil || level.summaries != nil || slices.ContainsFunc(level.signers, signer.witnessed)
		for _, r := range all {
			if relies && !level.hasRoot(r.name) {
				return fmt.Errorf("%w: trusted root %q would vouch for times and log entries that the other policy asks for: both must name it, or none", ErrInvalid, r.name)
			}
		}
	}
	return nil
}

// joinTypes: what counts as a signature below may count for less here, and not
// for more, nor as an attestation.
func (p *Policy) joinTypes() error {
	for _, t := range p.types {
		if !slices.Contains(p.base.types, t) {
			return fmt.Errorf("%w: predicateTypes: %q is no signature in the policy that it extends", ErrInvalid, t)
		}
	}
	demands := slices.Clone(p.attestations)
	for _, s := range p.scopes {
		demands = append(demands, s.attestations...)
	}
	levels := p.levels()
	for _, d := range demands {
		if slices.Contains(levels[len(levels)-1].types, d.predicateType) {
			return fmt.Errorf("%w: attestation %q: %q counts as a signature in the policy that it extends", ErrInvalid, d.name, d.predicateType)
		}
	}
	return nil
}

// joinNames: a rule or criterion of another meaning would not replace the one
// below, and readers would think that it did.
func (p *Policy) joinNames() error {
	below := map[string]bool{}
	for _, name := range p.base.Rules() {
		below[name[strings.LastIndexByte(name, ' ')+1:]] = true
	}
	own := *p
	own.base = nil
	for _, name := range own.Rules() {
		if rule := name[strings.LastIndexByte(name, ' ')+1:]; below[rule] {
			return fmt.Errorf("%w: rule %q stands in the policy that it extends too, and is judged there: choose another name", ErrInvalid, rule)
		}
	}
	criteria := p.base.Criteria()
	for id, digest := range own.Criteria() {
		if other, ok := criteria[id]; ok && other != digest {
			return fmt.Errorf("%w: criterion %q has another text in the policy that it extends: choose another id", ErrInvalid, id)
		}
	}
	return nil
}
