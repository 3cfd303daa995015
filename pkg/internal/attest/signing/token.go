package signing

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// audience is the client that Fulcio wants tokens to be made for (fulcio,
// docs/oidc.md).
const audience = "sigstore"

// maxToken bounds an identity token in bytes; those of CI systems have 2 kB.
const maxToken = 64 << 10

// A Token says whence the identity token of a keyless signature comes: the
// first of Given, GitHub and Login that is there.
type Token struct {
	Given  string  // an OpenID Connect identity token, made for the audience "sigstore"
	GitHub *GitHub // of the job that runs
	Login  *Login  // of a person who signs in
}

// GitHub is how a job of GitHub Actions asks for its identity token (GitHub
// docs, "OpenID Connect reference"): the variables
// ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN.
type GitHub struct {
	URL    string
	Bearer string
}

// Claims are what a token says about itself. Nobody has verified them: the
// certificate authority does.
type Claims struct {
	Issuer   string
	Subject  string // the verified e-mail address, or else the subject
	Audience []string
	Expires  time.Time // zero where it does not say
}

// ReadClaims reads an identity token without verifying it. Errors wrap
// ErrToken.
func ReadClaims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: not a JSON Web Token", ErrToken)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, fmt.Errorf("%w: not a JSON Web Token: %w", ErrToken, err)
	}
	var said struct {
		Issuer   string         `json:"iss"`
		Subject  string         `json:"sub"`
		Email    string         `json:"email"`
		Expires  float64        `json:"exp"`
		Audience jsontext.Value `json:"aud"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return Claims{}, fmt.Errorf("%w: its claims are malformed: %w", ErrToken, err)
	}
	c := Claims{Issuer: said.Issuer, Subject: said.Subject}
	if said.Email != "" {
		c.Subject = said.Email
	}
	if c.Issuer == "" || c.Subject == "" {
		return Claims{}, fmt.Errorf("%w: it names no issuer or no subject", ErrToken)
	}
	if said.Expires > 0 && said.Expires < 1<<40 {
		c.Expires = time.Unix(int64(said.Expires), 0).UTC()
	}
	var one string // RFC 7519 §4.1.3: a string or a list of them
	if json.Unmarshal(said.Audience, &one) == nil {
		c.Audience = []string{one}
	} else if err := json.Unmarshal(said.Audience, &c.Audience); err != nil && len(said.Audience) > 0 {
		return Claims{}, fmt.Errorf("%w: its audience is malformed: %w", ErrToken, err)
	}
	return c, nil
}

// token gets an identity token that has not expired.
func (s *Signer) token(ctx context.Context) (string, error) {
	token, err := s.anyToken(ctx)
	if err != nil {
		return "", err
	}
	c, err := ReadClaims(token)
	if err != nil {
		return "", err
	}
	if now := s.cfg.Now(); !c.Expires.IsZero() && !now.Before(c.Expires) {
		return "", fmt.Errorf("%w: it expired at %s, %s ago", ErrToken, c.Expires.Format(time.RFC3339), now.Sub(c.Expires).Round(time.Second))
	}
	return token, nil
}

func (s *Signer) anyToken(ctx context.Context) (string, error) {
	switch t := s.cfg.Token; {
	case t.Given != "":
		return strings.TrimSpace(t.Given), nil
	case t.GitHub != nil:
		return s.github(ctx, *t.GitHub)
	case t.Login != nil:
		return t.Login.token(ctx, s.cfg.Services.Issuer)
	default:
		return "", fmt.Errorf("%w: none was given, and nobody to ask for one", ErrToken)
	}
}

// github asks the runner.
func (s *Signer) github(ctx context.Context, g GitHub) (string, error) {
	u, err := url.Parse(g.URL)
	if err != nil {
		return "", fmt.Errorf("%w: asking GitHub Actions: %w", ErrToken, err)
	}
	if err := checkURL(g.URL); err != nil {
		return "", fmt.Errorf("%w: asking GitHub Actions at %q: %w", ErrToken, host(g.URL), err)
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", fmt.Errorf("%w: asking GitHub Actions: %w", ErrToken, err)
	}
	req.Header.Set("Authorization", "Bearer "+g.Bearer)
	req.Header.Set("User-Agent", s.cfg.UserAgent)
	res, err := s.courier.client(ctx, serviceIdentity).Do(req)
	if err != nil {
		return "", fmt.Errorf("%w: asking GitHub Actions: %w", ErrToken, blame(serviceIdentity, host(g.URL), err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body) // bounded by the courier
	if err != nil {
		return "", fmt.Errorf("%w: asking GitHub Actions: %w", ErrToken, err)
	}
	var answer struct {
		Value string `json:"value"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Value == "" {
		return "", fmt.Errorf("%w: GitHub Actions gave none", ErrToken)
	}
	return answer.Value, nil
}
