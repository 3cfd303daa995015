package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// modelFlags are what both commands about models take.
type modelFlags struct {
	method, path, bundle, trusted string
	chain, ignore                 many
	staging                       bool
}

func (m *modelFlags) add(f *flag.FlagSet, bundle string) {
	f.StringVar(&m.method, "method", "", "")
	f.StringVar(&m.path, "model-path", "", "")
	f.StringVar(&m.bundle, bundle, "", "")
	f.StringVar(&m.trusted, "trusted-root", "", "")
	f.Var(&m.chain, "cert-chain", "")
	f.Var(&m.ignore, "ignore-paths", "")
	f.BoolVar(&m.staging, "use-staging", false, "")
}

func (c *client) verifyModel(_ context.Context, args []string) error {
	var m modelFlags
	var want expected
	f := flags("verify-model")
	m.add(f, "bundle")
	f.StringVar(&want.key, "public-key", "", "")
	f.StringVar(&want.identity, "identity", "", "")
	f.StringVar(&want.issuer, "identity-provider", "", "")
	unsigned := f.Bool("ignore-unsigned-files", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	cfg, err := c.modelTrust(m, &want)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(m.bundle)
	if err != nil {
		return err
	}
	v, err := attest.New(cfg)
	if err != nil {
		return &refusedError{provenance.CodeTrustMaterial, err.Error()}
	}
	// A folder has no digest of its own: only a model signature can hold.
	r := v.VerifyBundle(artifact.SumSHA256(nil), "model-file", raw)
	if len(r.Pending) == 0 {
		return &refusedError{r.Candidates[0].Code, r.Candidates[0].Detail}
	}
	candidate, err := compare(r.Pending[0], m, *unsigned)
	if err != nil {
		return err
	}
	return want.accept(candidate, provenance.CodeSignatureVerified)
}

// modelTrust reads whom to trust, and whom to expect: of an authority's
// certificate the suite names nobody.
func (c *client) modelTrust(m modelFlags, want *expected) (attest.Config, error) {
	switch m.method {
	case "key":
		if want.key == "" {
			return attest.Config{}, fmt.Errorf("%w: verify-model: the method key wants --public-key", errUsage)
		}
		*want = expected{key: want.key}
		return c.trust(want.key, m.trusted, m.staging)
	case "sigstore":
		*want = expected{identity: want.identity, issuer: want.issuer}
		if err := want.check(); err != nil {
			return attest.Config{}, err
		}
		return c.trust("", m.trusted, m.staging)
	case "certificate":
		*want = anybodyOf
		chain, err := readAll(m.chain)
		if err != nil {
			return attest.Config{}, err
		}
		// The suite's signatures carry no timestamps: what its certificates are
		// worth is what they are worth now.
		return attest.Config{Now: c.now, CAs: []attest.CA{{Name: authorityName, Chain: chain, CurrentTime: true}}}, nil
	default:
		return attest.Config{}, fmt.Errorf("%w: unknown method %q", errUsage, m.method)
	}
}

const authorityName = "chain"

// anybodyOf expects a certificate of the one authority that is trusted.
var anybodyOf = expected{issuer: "ca:" + authorityName}

func readAll(names []string) ([]byte, error) {
	var all []byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, err
		}
		all = append(append(all, b...), '\n')
	}
	return all, nil
}

// compare hashes the folder and ends a pending signature. What the signer chose
// to leave out does not count, as in the reference implementations; this
// program has no policy to ask.
func compare(p *attest.Pending, m modelFlags, unsigned bool) (provenance.Candidate, error) {
	t, err := m.tree(m.bundle)
	if err != nil {
		return provenance.Candidate{}, err
	}
	files, err := t.read(p.Needs)
	if err != nil {
		return provenance.Candidate{}, err
	}
	allow := []oms.Reason{oms.IgnoredBySigner, oms.IgnoredByDefault, oms.EmptyFile}
	if unsigned {
		allow = append(allow, oms.Unlisted)
	}
	candidate, _ := p.Complete(oms.Model{Files: files, Signature: t.signature}, allow...)
	return candidate, nil
}

// tree is the model's folder, the signature's own file and what to leave out.
func (m modelFlags) tree(signature string) (tree, error) {
	root, err := filepath.Abs(m.path)
	if err != nil {
		return tree{}, err
	}
	t := tree{root: root}
	if t.signature, err = t.inside(signature); err != nil {
		return tree{}, err
	}
	for _, p := range m.ignore {
		if !filepath.IsAbs(p) {
			p = filepath.Join(root, p)
		}
		own, err := t.inside(p)
		if err != nil {
			return tree{}, err
		}
		if own != "" {
			t.ignore = append(t.ignore, own)
		}
	}
	return t, nil
}

func (c *client) signModel(ctx context.Context, args []string) error {
	var m modelFlags
	f := flags("sign-model")
	m.add(f, "output-bundle")
	key := f.String("private-key", "", "")
	f.String("signing-cert", "", "")
	token := f.String("identity-token", "", "")
	config := f.String("signing-config", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	var cfg signing.Config
	switch m.method {
	case "key":
		pem, err := os.ReadFile(*key)
		if err != nil {
			return err
		}
		if cfg.Key, err = signing.ParseKey(pem, nil); err != nil {
			return err
		}
	case "sigstore":
		cfg.Token = &signing.Token{Given: *token}
	default:
		return fmt.Errorf("%w: sign-model: unknown method %q", errUsage, m.method)
	}
	t, err := m.tree(m.bundle)
	if err != nil {
		return err
	}
	o := oms.Options{Name: filepath.Base(t.root), Ignore: t.ignore, Signature: t.signature}
	files, err := t.read(func(_ string, size int64) *oms.Hasher { return o.Needs(size) })
	if err != nil {
		return err
	}
	statement, err := oms.New(files, o)
	if err != nil {
		return err
	}
	bundle, err := c.sign(ctx, cfg, *config, statement, signing.OMSHint)
	if err != nil {
		return err
	}
	return os.WriteFile(m.bundle, bundle, 0o644)
}
