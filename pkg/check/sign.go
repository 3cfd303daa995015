package check

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
)

// SignConfig says what NewSigner needs: exactly one of Key, Plugin and Token,
// and with Token both SigningConfig and TrustedRoot. The zero value of every
// other field is a sound default.
type SignConfig struct {
	// Access says how to reach registry and services: PlainHTTP (registries
	// only), CAFile, RegistryConfig, IdleTimeout, Version, Now and Log count.
	Access Config

	Key      []byte                 // a private key in PEM, perhaps encrypted
	Password func() ([]byte, error) // asked only where Key is encrypted; default: the empty password
	Plugin   string                 // a key that a program "sigstore-kms-NAME" holds: "NAME://KEY"
	Token    *SignToken             // keyless: the certificate is for whom the token names

	SigningConfig []byte // signing_config.json: the services to ask; none: nobody is asked
	TrustedRoot   []byte // trusted_root.json, to verify what was made

	Model *SignModel // sign the model's files; nil: the manifest's digest

	DryRun   bool // resolve and state, sign nothing
	NoAttach bool // sign and verify, leave the registry as it is
}

// SignToken says whence the identity token of a keyless signature comes: the
// first of Given, GitHub Actions and a person who signs in that is there.
type SignToken struct {
	Given        string // an OpenID Connect token for the audience "sigstore"
	GitHubURL    string // ACTIONS_ID_TOKEN_REQUEST_URL
	GitHubBearer string // ACTIONS_ID_TOKEN_REQUEST_TOKEN
	Login        *SignLogin
}

// SignLogin has a person sign in at an identity provider.
type SignLogin struct {
	Device   bool   // by a code on another device, not by a browser here
	Issuer   string // default: the provider of the signing configuration
	ClientID string // default "sigstore"
	In       io.Reader
	Out      io.Writer // required: what the person is told
}

// A Signer signs artifacts with one key or identity.
type Signer struct {
	cfg       SignConfig
	client    *registry.Client
	services  signing.Services
	signatory Signatory
	signer    *signing.Signer  // nil for a dry run
	verifier  *attest.Verifier // nil for a dry run
}

// NewSigner reads the key, the signing configuration and the trusted root. It
// asks no service; a plugin is asked for its public key, but for a dry run.
func NewSigner(ctx context.Context, cfg SignConfig) (*Signer, error) {
	if cfg.Access.Now == nil {
		cfg.Access.Now = time.Now
	}
	if cfg.Access.Log == nil {
		cfg.Access.Log = slog.New(slog.DiscardHandler)
	}
	s := &Signer{cfg: cfg}
	var err error
	if s.client, err = registry.New(registryConfig(cfg.Access)); err != nil {
		return nil, err
	}
	if len(cfg.SigningConfig) > 0 {
		if s.services, err = signing.ParseServices(cfg.SigningConfig, cfg.Access.Now()); err != nil {
			return nil, err
		}
	}
	key, err := s.openKey(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Token != nil && len(cfg.TrustedRoot) == 0 && !cfg.DryRun {
		return nil, fmt.Errorf("%w: there is no trusted root, and what cannot be verified is not attached", attest.ErrTrust)
	}
	if cfg.DryRun {
		return s, nil
	}
	if s.verifier, err = attest.New(cfg.trust(key)); err != nil {
		return nil, err
	}
	s.signer, err = signing.New(signing.Config{
		Key: key, Token: cfg.Token.source(), Services: s.services,
		CAFile: cfg.Access.CAFile, UserAgent: toolName + "/" + cfg.Access.Version,
		Now: cfg.Access.Now, Log: cfg.Access.Log,
	})
	return s, err
}

// openKey reads the key, if there is one, and fills the signatory.
func (s *Signer) openKey(ctx context.Context) (*signing.Key, error) {
	given := 0
	for _, there := range []bool{len(s.cfg.Key) > 0, s.cfg.Plugin != "", s.cfg.Token != nil} {
		if there {
			given++
		}
	}
	if given != 1 {
		return nil, fmt.Errorf("%w: %d of key, plugin and identity token given, want one", signing.ErrKey, given)
	}
	var key *signing.Key
	var err error
	switch {
	case s.cfg.Token != nil:
		s.signatory, err = s.cfg.Token.signatory(s.services)
		return nil, err
	case s.cfg.Plugin != "":
		s.signatory = Signatory{Kind: "plugin", Plugin: s.cfg.Plugin}
		if s.cfg.DryRun {
			return nil, nil
		}
		key, err = signing.OpenPlugin(ctx, s.cfg.Plugin)
	default:
		s.signatory = Signatory{Kind: "key"}
		key, err = signing.ParseKey(s.cfg.Key, s.cfg.Password)
	}
	if err != nil {
		return nil, err
	}
	s.signatory.KeyFingerprint = key.Fingerprint()
	return key, nil
}

func (t *SignToken) signatory(services signing.Services) (Signatory, error) {
	switch {
	case t.Given != "":
		c, err := signing.ReadClaims(t.Given)
		return Signatory{Kind: "token", Issuer: c.Issuer, Subject: c.Subject}, err
	case t.GitHubURL != "":
		return Signatory{Kind: "github-actions"}, nil
	case t.Login == nil:
		return Signatory{}, fmt.Errorf("%w: none was given, and nobody to ask for one", signing.ErrToken)
	case t.Login.Issuer != "":
		return Signatory{Kind: "login", Issuer: t.Login.Issuer}, nil
	default:
		return Signatory{Kind: "login", Issuer: services.Issuer}, nil
	}
}

func (t *SignToken) source() *signing.Token {
	if t == nil {
		return nil
	}
	s := &signing.Token{Given: t.Given}
	if t.GitHubURL != "" {
		s.GitHub = &signing.GitHub{URL: t.GitHubURL, Bearer: t.GitHubBearer}
	}
	if l := t.Login; l != nil {
		s.Login = &signing.Login{Way: signing.Browser, Issuer: l.Issuer, ClientID: l.ClientID, In: l.In, Out: l.Out}
		if l.Device {
			s.Login.Way = signing.Device
		}
	}
	return s
}

// trust is what the signature is verified under right after it was made: this
// key and no other, or this root.
func (c SignConfig) trust(key *signing.Key) attest.Config {
	cfg := attest.Config{Now: c.Access.Now}
	if key != nil {
		cfg.Keys = []attest.Key{{Name: "signing key", PEM: key.PublicPEM()}}
	}
	if len(c.TrustedRoot) > 0 {
		cfg.Roots = []attest.Root{{Name: "trusted root", JSON: c.TrustedRoot}}
	}
	return cfg
}

// registryConfig is how a registry is reached.
func registryConfig(c Config) registry.Config {
	return registry.Config{
		PlainHTTP:      c.PlainHTTP,
		CAFile:         c.CAFile,
		RegistryConfig: c.RegistryConfig,
		UserAgent:      toolName + "/" + c.Version,
		IdleTimeout:    c.IdleTimeout,
		Log:            c.Log,
	}
}

// Sign signs the artifact that ref names: it is resolved once, and the digest is
// signed; the signature is verified, attached, and verified again as the
// registry hands it out. A plain folder can only have its files signed
// (SignConfig.Model), and has nowhere to attach to.
//
// The report is never nil. Without an error all of that was done, or as much
// as SignConfig asks for. With one, BundleBytes may still hold a signature that
// verifies and could not be attached.
func (s *Signer) Sign(ctx context.Context, ref artifact.Reference) (*SignReport, error) {
	r := &SignReport{
		SchemaVersion: SignReportVersion,
		Tool:          Tool{Name: toolName, Version: s.cfg.Access.Version},
		Reference:     ref.String(),
		Place:         ref.Place().String(),
		DryRun:        s.cfg.DryRun,
		Signatory:     &s.signatory,
		StartedAt:     s.cfg.Access.Now().UTC(),
	}
	if s.services.Any() {
		r.Services = &Services{CertificateAuthority: s.services.Authority, TimestampAuthorities: s.services.Timestamps}
		for _, l := range s.services.Logs {
			r.Services.TransparencyLogs = append(r.Services.TransparencyLogs, l.URL)
		}
		if s.cfg.Token == nil {
			r.Services.CertificateAuthority = ""
		}
	}
	err := (&signature{Signer: s, report: r}).make(ctx, ref)
	r.FinishedAt = s.cfg.Access.Now().UTC()
	if err != nil {
		r.Error = &Failure{Code: SignFailureCode(err), Message: err.Error()}
	}
	return r, err
}
