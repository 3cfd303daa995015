package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// policySigners say who must have signed a policy that --policy names in a
// registry. They are flags: the policy cannot say it of itself.
type policySigners struct {
	keys             []string
	identity, issuer string
}

func (p *policySigners) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&p.keys, "policy-key", nil, "PEM `FILE` of a public key that must have signed the policy of --policy oci://… (may be repeated: any of them suffices)")
	f.StringVar(&p.identity, "policy-certificate-identity", "", "exact subject of the certificate that must have signed the policy of --policy oci://…")
	f.StringVar(&p.issuer, "policy-certificate-oidc-issuer", "", "exact `URL` of the identity provider in that certificate")
	_ = cmd.MarkFlagFilename("policy-key")
}

func (p *policySigners) given() bool { return len(p.keys) > 0 || p.identity != "" || p.issuer != "" }

// A policyReader reads a policy and those that it extends.
type policyReader struct {
	s     streams
	trust *trustFlags
	used  *material
	names []string // of the policies that are being read, the outermost first
}

// read returns the policy of a name, resolved. by has to have signed it where
// it lies in a registry.
func (r *policyReader) read(name string, by *policy.Policy) (*policy.Policy, error) {
	for _, n := range r.names {
		if n == name {
			return nil, usageError{fmt.Errorf("policy %q extends itself: %s", name, strings.Join(append(r.names, name), " extends "))}
		}
	}
	if r.names = append(r.names, name); len(r.names) > policy.MaxLevels {
		return nil, usageError{fmt.Errorf("more than %d policies extend each other: %s", policy.MaxLevels, strings.Join(r.names, " extends "))}
	}
	data, err := r.bytes(name, by)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		return nil, inPolicy(name, err)
	}
	if p.Expired(time.Now()) {
		return nil, usageError{hintError{fmt.Errorf("%s: the policy has expired", name), "whoever keeps it has to look at it, and move expires:"}}
	}
	if err := r.extend(name, p); err != nil {
		return nil, err
	}
	if err := p.Resolve(r.files(name)); err != nil {
		return nil, inPolicy(name, err)
	}
	return p, nil
}

// extend reads the policy that p extends, and puts p on it.
func (r *policyReader) extend(name string, p *policy.Policy) error {
	below := p.Extends().Policy
	if below == "" {
		return nil
	}
	remote := strings.HasPrefix(below, policy.RegistryScheme)
	switch {
	case !remote && strings.HasPrefix(name, policy.RegistryScheme):
		return fmt.Errorf("policy %q: it extends the file %q, and a policy from a registry reads none", name, below)
	case !remote && !filepath.IsAbs(below):
		below = filepath.Join(filepath.Dir(name), filepath.FromSlash(below))
	}
	by, err := p.Vouching()
	if err == nil && by != nil && len(by.Files()) > 0 {
		err = by.Resolve(r.files(name))
	}
	if err != nil {
		return inPolicy(name, err)
	}
	base, err := r.read(below, by)
	if err != nil {
		return err
	}
	if err := p.Extend(base); err != nil {
		return inPolicy(name, err)
	}
	return nil
}

// files reads what a policy names: beside it where it is a file, and nothing
// where it came from elsewhere.
func (r *policyReader) files(name string) func(string) ([]byte, error) {
	if strings.HasPrefix(name, policy.RegistryScheme) {
		return func(file string) ([]byte, error) {
			return nil, fmt.Errorf("%w: a policy from a registry reads no file of this machine, and it names %q: write keys and chains as pem", policy.ErrTrustMaterial, file)
		}
	}
	return func(file string) ([]byte, error) {
		r.used.dir = filepath.Dir(name)
		return r.used.read(file)
	}
}

func (r *policyReader) bytes(name string, by *policy.Policy) ([]byte, error) {
	spelled, remote := strings.CutPrefix(name, policy.RegistryScheme)
	if !remote {
		return readPolicyFile(r.s, name)
	}
	ref, err := artifact.ParseReference(spelled)
	if err != nil || ref.Place() != artifact.Registry {
		return nil, usageError{hintError{fmt.Errorf("policy %q: no reference in a registry", name), "write oci://HOST/REPOSITORY@sha256:…"}}
	}
	if ref.Digest().IsZero() {
		return nil, usageError{hintError{fmt.Errorf("policy %q has no digest", name), "a tag may be another policy tomorrow: add @sha256:…"}}
	}
	if by == nil {
		return nil, usageError{hintError{fmt.Errorf("policy %q: nobody said who has to have signed it", name), "add --policy-key FILE, or --policy-certificate-identity and --policy-certificate-oidc-issuer"}}
	}
	ctx, cfg := r.trust.access(r.s, by)
	checker, err := check.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("policy %q: %w", name, err)
	}
	data, err := checker.SignedFile(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("policy %q: %w", name, err)
	}
	return data, nil
}

// vouching is the policy by which the policy of --policy must be signed, nil
// where no flag says so.
func (t *trustFlags) vouching(s streams) (*policy.Policy, error) {
	remote := strings.HasPrefix(t.policyFile, policy.RegistryScheme)
	switch {
	case !t.signers.given():
		return nil, nil
	case !remote:
		return nil, usageError{hintError{errors.New("a policy file is not signed"), "--policy-key and --policy-certificate-… are for --policy oci://…"}}
	}
	by := trustFlags{keys: t.signers.keys, identity: t.signers.identity, issuer: t.signers.issuer}
	used := &material{}
	p, err := by.build(s, used)
	if err != nil {
		return nil, err
	}
	return p, p.Resolve(used.read)
}

// access says how registries are spoken to, by the flags of the verb.
func (t *trustFlags) access(s streams, by *policy.Policy) (context.Context, check.Config) {
	place := placeFlags{}
	ctx := context.Background()
	if t.cmd != nil {
		ctx = t.cmd.Context()
		f := t.cmd.Flags() // a verb without one of these speaks as by default
		place.plainHTTP, _ = f.GetBool("plain-http")
		place.caFile, _ = f.GetString("ca-file")
		place.registryConfig, _ = f.GetString("registry-config")
		place.idleTimeout, _ = f.GetDuration("idle-timeout")
	}
	return ctx, place.config(s, by)
}
