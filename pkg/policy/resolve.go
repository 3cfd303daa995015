package policy

import (
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// ErrTrustMaterial is wrapped by every error of Resolve about a key or trusted
// root that was read and cannot be used.
var ErrTrustMaterial = errors.New("unusable trust material")

// Resolve reads the files that the policy names, through read. Its errors wrap
// those of read, ErrTrustMaterial for what was read and is no key, chain or
// root, or ErrInvalid where two signers turn out to have the same key, or two
// authorities a certificate in common. The policy is as before when it fails.
func (p *Policy) Resolve(read func(name string) ([]byte, error)) error {
	if len(p.types) == 0 {
		return fmt.Errorf("%w: there is none", ErrInvalid)
	}
	if p.extends.Policy != "" && p.base == nil {
		return fmt.Errorf("%w: the policy that it extends was not read", ErrInvalid)
	}
	next := *p
	next.signers = append([]signer(nil), p.signers...)
	next.roots = append([]root(nil), p.roots...)
	for i := range next.signers {
		if err := next.signers[i].load(read); err != nil {
			return err
		}
	}
	for i := range next.roots {
		if err := next.roots[i].load(read); err != nil {
			return err
		}
	}
	if err := next.seal(); err != nil {
		return err
	}
	*p = next
	return nil
}

func (s *signer) load(read func(string) ([]byte, error)) error {
	var file, what string
	var use func(b []byte) error
	switch {
	case s.key != nil && s.key.file != "":
		file, what, use = s.key.file, "key", s.useKey
	case s.certificate != nil && s.certificate.file != "":
		file, what, use = s.certificate.file, "certificate chain", s.useChain
	default:
		return nil
	}
	b, err := read(file)
	if err != nil {
		return fmt.Errorf("reading the %s of signer %q: %w", what, s.name, err)
	}
	if err := use(b); err != nil {
		return fmt.Errorf("reading the %s of signer %q: %w: %q: %w", what, s.name, ErrTrustMaterial, file, err)
	}
	return nil
}

// useKey replaces the rule: the policy that is being resolved is a copy, and
// the one that it is a copy of stays as it was.
func (s *signer) useKey(b []byte) error {
	print, err := fingerprint(b)
	if err != nil {
		return err
	}
	k := *s.key
	k.pem, k.fingerprint = b, print
	s.key = &k
	return nil
}

func (s *signer) useChain(b []byte) error {
	prints, err := chainPrints(b)
	if err != nil {
		return err
	}
	c := *s.certificate
	c.pem, c.prints = b, prints
	s.certificate = &c
	return nil
}

func (r *root) load(read func(string) ([]byte, error)) error {
	b, err := read(r.file)
	if err != nil {
		return fmt.Errorf("reading trusted root %q: %w", r.name, err)
	}
	if err := strictjson.Check(b); err != nil {
		return fmt.Errorf("reading trusted root %q: %w: %q: %w", r.name, ErrTrustMaterial, r.file, err)
	}
	r.json = b
	return nil
}

// finish ends Parse and Build: a policy that needs no file is ready.
func (p *Policy) finish() error {
	if len(p.Files()) > 0 || p.extends.Policy != "" && p.base == nil {
		return nil
	}
	return p.seal()
}

// seal checks what can only be known with all keys and chains at hand, and
// computes the digest, which makes the policy decide.
func (p *Policy) seal() error {
	owners := map[string]string{}
	if err := p.joins(); err != nil {
		return err
	}
	for _, s := range p.everySigner() {
		if s.key == nil {
			continue
		}
		if other, ok := owners[s.key.fingerprint]; ok {
			return fmt.Errorf("%w: signers %q and %q have the same key", ErrInvalid, other, s.name)
		}
		owners[s.key.fingerprint] = s.name
	}
	if err := p.checkAuthorities(); err != nil {
		return err
	}
	d, err := p.effectiveDigest()
	if err != nil {
		return err
	}
	p.digest = d
	if p.base != nil {
		p.base = p.base.labelled(d)
	}
	return nil
}
