package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// suiteType is the predicate type of the suite's statements: what is wrong with
// one of them is told as of a signature.
const suiteType = "https://slsa.dev/provenance/v1"

// An expected says who must have signed: a key or an identity. In both suites
// it is compared exactly.
type expected struct {
	key              string // file
	identity, issuer string
}

func (e expected) check() error {
	if byKey := e.key != ""; byKey == (e.identity != "" || e.issuer != "") || !byKey && (e.identity == "" || e.issuer == "") {
		return fmt.Errorf("%w: want either a key, or an identity and its issuer", errUsage)
	}
	return nil
}

func (c *client) verifyBundle(_ context.Context, args []string) error {
	var want expected
	f := flags("verify-bundle")
	staging := f.Bool("staging", false, "")
	bundle := f.String("bundle", "", "")
	trusted := f.String("trusted-root", "", "")
	f.StringVar(&want.identity, "certificate-identity", "", "")
	f.StringVar(&want.issuer, "certificate-oidc-issuer", "", "")
	f.StringVar(&want.key, "key", "", "")
	rest, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if err := want.check(); err != nil {
		return err
	}
	subject, err := subjectOf(rest[0])
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(*bundle)
	if err != nil {
		return err
	}
	cfg, err := c.trust(want.key, *trusted, *staging)
	if err != nil {
		return err
	}
	cfg.SignatureTypes = []string{attest.SignType, suiteType}
	v, err := attest.New(cfg)
	if err != nil {
		return &refusedError{provenance.CodeTrustMaterial, err.Error()}
	}
	r := v.VerifyBundle(subject, "bundle-file", raw)
	// The suite verifies attestations with the same command.
	return want.accept(r.Candidates[0], provenance.CodeSignatureVerified, provenance.CodeAttestationVerified)
}

// trust reads whom to trust. A key needs no root, but its log entries are
// verified where there is one.
func (c *client) trust(key, trusted string, staging bool) (attest.Config, error) {
	cfg := attest.Config{Now: c.now}
	if key != "" {
		pem, err := os.ReadFile(key)
		if err != nil {
			return cfg, err
		}
		cfg.Keys = []attest.Key{{Name: "key", PEM: pem}}
	}
	switch {
	case trusted != "":
	case staging:
		return cfg, fmt.Errorf("%w: for staging give its trusted root", errUsage)
	default:
		trusted = c.root
	}
	if trusted == "" {
		return cfg, nil
	}
	root, err := os.ReadFile(trusted)
	if err != nil {
		return cfg, err
	}
	cfg.Roots = []attest.Root{{Name: "root", JSON: root}}
	return cfg, nil
}

// accept says whether a candidate is proven, by the expected signer.
func (e expected) accept(c provenance.Candidate, codes ...string) error {
	proven := false
	for _, code := range codes {
		proven = proven || c.Verdict == provenance.Proven && c.Code == code
	}
	switch {
	case !proven:
		return &refusedError{c.Code, c.Detail}
	case e.key != "" && c.Identity.KeyFingerprint == "":
		return &refusedError{provenance.CodeSignatureWrongKey, "it is signed with a certificate"}
	case e.key != "":
		return nil
	case e == anybodyOf && c.Identity.Issuer == e.issuer:
		return nil
	case c.Identity.Subject != e.identity:
		return &refusedError{provenance.CodeSignatureWrongIdentity, fmt.Sprintf("it is signed by %q", c.Identity.Subject)}
	case c.Identity.Issuer != e.issuer:
		return &refusedError{provenance.CodeSignatureWrongIssuer, fmt.Sprintf("it is signed by an identity of %q", c.Identity.Issuer)}
	}
	return nil
}

// subjectOf reads a file's digest, or a digest where there is no such file.
func subjectOf(fileOrDigest string) (artifact.Digest, error) {
	file, err := os.Open(fileOrDigest)
	if errors.Is(err, fs.ErrNotExist) {
		return artifact.ParseDigest(fileOrDigest)
	}
	if err != nil {
		return artifact.Digest{}, err
	}
	h := sha256.New()
	_, err = io.Copy(h, file)
	if err := errors.Join(err, file.Close()); err != nil {
		return artifact.Digest{}, err
	}
	return artifact.DigestOf(artifact.SHA256, h.Sum(nil)), nil
}

func (c *client) signBundle(ctx context.Context, args []string) error {
	f := flags("sign-bundle")
	staging := f.Bool("staging", false, "")
	isStatement := f.Bool("in-toto", false, "")
	token := f.String("identity-token", "", "")
	out := f.String("bundle", "", "")
	trusted := f.String("trusted-root", "", "")
	config := f.String("signing-config", "", "")
	rest, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if *token == "" || *out == "" || *config == "" {
		return fmt.Errorf("%w: sign-bundle: want --identity-token, --bundle and --signing-config", errUsage)
	}
	subject, err := subjectOf(rest[0])
	if err != nil {
		return err
	}
	// Of a file that is no statement cosign's is signed: that it is signed.
	statement, err := signing.Statement(subject)
	if *isStatement {
		statement, err = os.ReadFile(rest[0])
	}
	if err != nil {
		return err
	}
	bundle, err := c.sign(ctx, signing.Config{Token: &signing.Token{Given: *token}}, *config, statement, signing.CosignHint)
	if err != nil {
		return err
	}
	if err := c.checkSigned(bundle, subject, *isStatement, *trusted, *staging); err != nil {
		return err
	}
	return os.WriteFile(*out, bundle, 0o644)
}

func (c *client) sign(ctx context.Context, cfg signing.Config, config string, statement []byte, hint signing.Hint) ([]byte, error) {
	cfg.Now = c.now
	if config != "" {
		data, err := os.ReadFile(config)
		if err != nil {
			return nil, err
		}
		if cfg.Services, err = signing.ParseServices(data, c.now()); err != nil {
			return nil, err
		}
	}
	s, err := signing.New(cfg)
	if err != nil {
		return nil, err
	}
	return s.Sign(ctx, statement, hint)
}

// checkSigned verifies what was made before it is handed on, where a root says
// by what. A statement of the user's own may be about anything.
func (c *client) checkSigned(bundle []byte, subject artifact.Digest, own bool, trusted string, staging bool) error {
	cfg, err := c.trust("", trusted, staging)
	if err != nil {
		return err
	}
	if len(cfg.Roots) == 0 || own {
		return nil
	}
	v, err := attest.New(cfg)
	if err != nil {
		return err
	}
	if r := v.VerifyBundle(subject, "bundle-file", bundle).Candidates[0]; r.Verdict != provenance.Proven {
		return fmt.Errorf("what was signed does not verify: %w", &refusedError{r.Code, r.Detail})
	}
	return nil
}
