package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing/signingtest"
)

func jwt(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestReadClaims(t *testing.T) {
	c := must(ReadClaims(jwt(`{"iss":"https://i","sub":"s","aud":["sigstore","x"],"exp":1700000000,"more":1}`)))(t)
	if c.Issuer != "https://i" || c.Subject != "s" || len(c.Audience) != 2 || c.Expires.Unix() != 1700000000 {
		t.Errorf("%+v", c)
	}
	c = must(ReadClaims(jwt(`{"iss":"https://i","sub":"s","email":"a@b","aud":"sigstore"}`)))(t)
	if c.Subject != "a@b" || c.Audience[0] != "sigstore" || !c.Expires.IsZero() {
		t.Errorf("%+v", c)
	}
	for name, token := range map[string]string{
		"empty":          "",
		"two parts":      "e30.e30",
		"not base64":     "e30.!.c2ln",
		"not JSON":       jwt("iss"),
		"no issuer":      jwt(`{"sub":"s"}`),
		"no subject":     jwt(`{"iss":"i"}`),
		"wrong audience": jwt(`{"iss":"i","sub":"s","aud":7}`),
		"issuer twice":   jwt(`{"iss":"i","iss":"j","sub":"s"}`),
		"huge":           jwt(`{"iss":"i","sub":"` + strings.Repeat("s", maxToken) + `"}`),
	} {
		if c, err := ReadClaims(token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// signed signs by whatever the token says and returns who it is by.
func signed(t *testing.T, s *signingtest.Services, token Token) (judgement, error) {
	t.Helper()
	bundle, err := must(New(keyless(t, s, 2, token)))(t).Sign(t.Context(), must(Statement(subject))(t), CosignHint)
	if err != nil {
		return judgement{}, err
	}
	return judge(t, trusted(t, s), bundle), nil
}

func TestGitHubActions(t *testing.T) {
	s := signingtest.Start(t)
	c, err := signed(t, s, Token{GitHub: &GitHub{URL: s.URL + "/actions?api-version=2.0", Bearer: "runner"}})
	if err != nil || !c.proven || c.subject != "workflow@example.com" {
		t.Errorf("%+v, %v", c, err)
	}
	for name, g := range map[string]GitHub{
		"another bearer":   {URL: s.URL + "/actions?api-version=2.0", Bearer: "stranger"},
		"elsewhere":        {URL: s.URL + "/nowhere", Bearer: "runner"},
		"no token":         {URL: s.URL + "/keys", Bearer: "runner"},
		"in the clear":     {URL: "http://runner.example/actions", Bearer: "runner"},
		"not an address":   {URL: ":", Bearer: "runner"},
		"nobody's address": {URL: "http://127.0.0.1:1/", Bearer: "runner"},
	} {
		if _, err := signed(t, s, Token{GitHub: &g}); !errors.Is(err, ErrToken) || strings.Contains(err.Error(), "runner?") {
			t.Errorf("%s: %v, want ErrToken", name, err)
		}
	}
}

// An expired token is not sent to anybody.
func TestExpiredToken(t *testing.T) {
	s := signingtest.Start(t)
	_, err := signed(t, s, Token{Given: s.Token(signingtest.Alice, time.Now().Add(-time.Minute))})
	if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "expired") || len(s.Requests()) > 0 {
		t.Errorf("%v after %q", err, s.Requests())
	}
}

// A person signs in by a browser: no token but the provider's, and nothing on
// stdout, whatever the browser says.
func TestLoginByBrowser(t *testing.T) {
	s := signingtest.Start(t)
	standIn(t, "xdg-open")
	stdout := capture(t)
	var told bytes.Buffer
	c, err := signed(t, s, Token{Login: &Login{Way: Browser, Out: &told}})
	if err != nil || !c.proven || c.subject != signingtest.Alice || c.issuer != s.URL {
		t.Errorf("%+v, %v\n%s", c, err, &told)
	}
	if said := stdout(); said != "" {
		t.Errorf("stdout got %q", said)
	}
}

// Where no browser opens, the person is told an address and gives a code.
func TestLoginByCode(t *testing.T) {
	s := signingtest.Start(t)
	t.Setenv("PATH", t.TempDir())
	var told bytes.Buffer
	_, err := signed(t, s, Token{Login: &Login{Way: Browser, In: strings.NewReader("C\n"), Out: &told}})
	// The provider has seen no nonce, for nobody went there: the token is not taken.
	if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "nonce") || !strings.Contains(told.String(), s.URL+"/auth") {
		t.Errorf("%v\n%s", err, &told)
	}
}

func TestLoginByDevice(t *testing.T) {
	s := signingtest.Start(t)
	var told bytes.Buffer
	waited := 0
	login := &Login{Way: Device, Out: &told, Sleep: func(_ context.Context, d time.Duration) error {
		if waited++; d != pollEvery {
			t.Errorf("waited %v", d)
		}
		return nil
	}}
	c, err := signed(t, s, Token{Login: login})
	if err != nil || !c.proven || c.subject != signingtest.Alice {
		t.Errorf("%+v, %v", c, err)
	}
	if waited != signingtest.Polls || !strings.Contains(told.String(), s.URL+"/enter") || strings.Contains(told.String(), "\x1b") {
		t.Errorf("waited %d times, told %q", waited, &told)
	}
}

// Whoever changes his mind is not kept.
func TestLoginEnds(t *testing.T) {
	s := signingtest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	login := &Login{Way: Device, Out: &bytes.Buffer{}, Sleep: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}}
	_, err := must(New(keyless(t, s, 2, Token{Login: login})))(t).Sign(ctx, must(Statement(subject))(t), CosignHint)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrToken) {
		t.Error(err)
	}
}

func TestLoginRefuses(t *testing.T) {
	s := signingtest.Start(t)
	for name, l := range map[string]*Login{
		"no way":       {Out: &bytes.Buffer{}},
		"in the clear": {Way: Device, Issuer: "http://issuer.example", Out: &bytes.Buffer{}},
		"no provider":  {Way: Device, Issuer: s.URL + "/nowhere", Out: &bytes.Buffer{}},
	} {
		if _, err := signed(t, s, Token{Login: l}); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v, want ErrToken", name, err)
		}
	}
}

// A key behind a plugin signs as one in a file does.
func TestPlugin(t *testing.T) {
	standIn(t, "sigstore-kms-testkms")
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()} {
		t.Run(name, func(t *testing.T) {
			private := must(ecdsa.GenerateKey(curve, rand.Reader))(t)
			file := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(file, pkcs8PEM(t, private), 0o600); err != nil {
				t.Fatal(err)
			}
			key := must(OpenPlugin(t.Context(), "testkms://"+file))(t)
			bundle := must(must(New(Config{Key: key}))(t).Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t)
			if c := judge(t, attest.Config{Keys: []attest.Key{{PEM: key.PublicPEM()}}}, bundle); !c.proven {
				t.Errorf("%+v", c)
			}
		})
	}
	for name, uri := range map[string]string{
		"no such key":    "testkms://" + filepath.Join(t.TempDir(), "none"),
		"no such plugin": "otherkms://key",
		"not a name":     "key.pem",
	} {
		if _, err := OpenPlugin(t.Context(), uri); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, want ErrKey", name, err)
		}
	}
}

// capture returns what is written to stdout until it is called.
func capture(t *testing.T) func() string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stdout")
	f := must(os.Create(file))(t)
	before := os.Stdout
	os.Stdout = f
	return func() string {
		os.Stdout = before
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return string(must(os.ReadFile(file))(t))
	}
}
