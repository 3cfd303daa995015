package signing

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// Config says what New needs: Key, or Token and a certificate authority in
// Services. The zero value of every other field is a sound default.
type Config struct {
	Key      *Key     // nil: sign without a key of one's own
	Token    *Token   // whence the identity token comes; used only without Key
	Services Services // asked for each signature

	CAFile    string                                           // PEM, trusted beside the system's authorities
	UserAgent string                                           // default "modelcheck"
	Now       func() time.Time                                 // default: time.Now
	Sleep     func(ctx context.Context, d time.Duration) error // default: a timer
	Log       *slog.Logger                                     // default: nothing is logged
}

// A Signer makes bundles. It may be used by several goroutines.
type Signer struct {
	cfg     Config
	courier courier
}

// New checks that what was configured can make signatures that verifiers take.
func New(cfg Config) (*Signer, error) {
	switch {
	case cfg.Key != nil:
	case cfg.Token == nil:
		return nil, fmt.Errorf("%w: neither a key nor a source of identity tokens", ErrKey)
	case cfg.Services.Authority == "":
		return nil, fmt.Errorf("%w: it names no certificate authority, and there is no key", ErrServices)
	case len(cfg.Services.Logs) == 0:
		return nil, fmt.Errorf("%w: it names no transparency log, without which nobody takes a certificate's signature", ErrServices)
	case cfg.Services.timeless():
		return nil, fmt.Errorf("%w: it names no timestamp authority, and logs of version 2 vouch for no time", ErrServices)
	}
	if err := cfg.Services.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServices, err)
	}
	if err := loggable(cfg); err != nil {
		return nil, err
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "modelcheck"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newCourier(cfg)
	if err != nil {
		return nil, err
	}
	return &Signer{cfg: cfg, courier: c}, nil
}

// loggable: Rekor of version 2 logs hashes, and Ed25519 as verifiers expect it
// signs messages.
func loggable(cfg Config) error {
	if cfg.Key == nil || cfg.Key.details.algorithm != "ED25519" {
		return nil
	}
	for _, l := range cfg.Services.Logs {
		if l.Version != 1 {
			return fmt.Errorf("%w: logs of version 2 take no Ed25519 signatures", ErrKey)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Sign signs an in-toto statement and returns the Sigstore bundle, version 0.3,
// as JSON. Nobody has verified it yet. With a key in memory and no service the
// same statement gives the same bundle, unless the kind of key forbids it.
func (s *Signer) Sign(ctx context.Context, statement []byte, naming Hint) ([]byte, error) {
	b, err := s.sign(ctx, statement, naming)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	text, err := protojson.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encoding the bundle: %w", err)
	}
	// protojson puts in white space at random, so that nobody compares its bytes.
	compact := jsontext.Value(text)
	if err := compact.Compact(); err != nil {
		return nil, fmt.Errorf("encoding the bundle: %w", err)
	}
	return compact, nil
}

func (s *Signer) sign(ctx context.Context, statement []byte, naming Hint) (*protobundle.Bundle, error) {
	pair, options, err := s.credentials(ctx, naming)
	if err != nil {
		return nil, err
	}
	b, err := sign.Bundle(&sign.DSSEData{Data: statement, PayloadType: payloadType}, pair, options)
	var failed *ServiceError
	switch {
	case errors.As(err, &failed):
		return nil, refusedToken(failed, options.CertificateProviderOptions)
	case err != nil && s.cfg.Key == nil:
		return nil, blame(serviceFulcio, s.cfg.Services.Authority, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	signatures := b.GetDsseEnvelope().GetSignatures()
	if len(signatures) != 1 {
		return nil, fmt.Errorf("a bundle of %d signatures", len(signatures))
	}
	for _, url := range s.cfg.Services.Timestamps {
		s.cfg.Log.DebugContext(ctx, "asking for a timestamp", slog.String("authority", url))
		if err := s.stamp(ctx, url, signatures[0].GetSig(), b); err != nil {
			return nil, err
		}
	}
	verifier := pair.pem
	if c := b.GetVerificationMaterial().GetCertificate(); c != nil {
		verifier = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.GetRawBytes()})
	}
	for _, l := range s.cfg.Services.Logs {
		s.cfg.Log.DebugContext(ctx, "asking for a log entry", slog.String("log", l.URL), slog.Uint64("version", uint64(l.Version)))
		if err := s.enter(ctx, l, verifier, b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// refusedToken adds what the token says of itself where the certificate
// authority did not like it.
func refusedToken(failed *ServiceError, o *sign.CertificateProviderOptions) error {
	switch {
	case failed.Service != serviceFulcio:
		return failed
	case failed.Status != http.StatusBadRequest && failed.Status != http.StatusUnauthorized && failed.Status != http.StatusForbidden:
		return failed
	}
	c, err := ReadClaims(o.IDToken)
	if err != nil {
		return failed
	}
	return fmt.Errorf("%w: %w (it is by issuer %q for audience %q)", ErrToken, failed, c.Issuer, strings.Join(c.Audience, ", "))
}

// credentials returns what signs, and what vouches for it.
func (s *Signer) credentials(ctx context.Context, naming Hint) (keypair, sign.BundleOptions, error) {
	options := sign.BundleOptions{Context: ctx}
	if s.cfg.Key != nil {
		// A log of version 2 refuses a signature that it has.
		return keypair{s.cfg.Key, naming, len(s.cfg.Services.Logs) > 0}, options, nil
	}
	token, err := s.token(ctx)
	if err != nil {
		return keypair{}, options, err
	}
	key, err := newEphemeral()
	if err != nil {
		return keypair{}, options, err
	}
	authority := strings.TrimSuffix(s.cfg.Services.Authority, "/")
	s.cfg.Log.DebugContext(ctx, "asking for a certificate", slog.String("authority", authority))
	options.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{
		BaseURL:   authority,
		Timeout:   -1, // the courier's
		Transport: s.courier.to(ctx, serviceFulcio),
	})
	options.CertificateProviderOptions = &sign.CertificateProviderOptions{IDToken: token}
	return keypair{key, naming, true}, options, nil
}

// stamp adds a timestamp of the signature.
func (s *Signer) stamp(ctx context.Context, url string, sig []byte, b *protobundle.Bundle) error {
	authority := sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: url, Timeout: -1, Transport: s.courier.to(ctx, serviceTimestamp)})
	response, err := authority.GetTimestamp(ctx, bytes.Clone(sig))
	if err != nil {
		return blame(serviceTimestamp, url, err)
	}
	m := b.GetVerificationMaterial()
	if m.TimestampVerificationData == nil {
		m.TimestampVerificationData = &protobundle.TimestampVerificationData{}
	}
	m.TimestampVerificationData.Rfc3161Timestamps = append(m.TimestampVerificationData.Rfc3161Timestamps,
		&protocommon.RFC3161SignedTimestamp{SignedTimestamp: response})
	return nil
}
