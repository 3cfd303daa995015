package signingtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// claims are those of the tokens that the provider makes.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
	Nonce    string `json:"nonce,omitempty"`
}

// Polls is how often the device flow is told to wait.
const Polls = 2

// Alice is who signs in.
const Alice = "alice@example.com"

// providerKey is made once for each instance.
func newProviderKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // only where the machine has no randomness
	}
	return key
}

// Token returns an identity token that is valid from a minute ago until then.
func (s *Services) Token(email string, until time.Time) string {
	return encode(newProviderKey(), s.claims(email, until, ""))
}

func (s *Services) claims(email string, until time.Time, nonce string) claims {
	return claims{
		Issuer: s.URL, Subject: email, Audience: "sigstore", Email: email, Verified: true, Nonce: nonce,
		IssuedAt: time.Now().Add(-time.Minute).Unix(), Expires: until.Unix(),
	}
}

// encode signs by RS256 (RFC 7519).
func encode(key *rsa.PrivateKey, c claims) string {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"test","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func claimsOf(authorization string) (claims, error) {
	var c claims
	parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
	if len(parts) != 3 {
		return c, errors.New("no token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(payload, &c)
}

// provider adds what an OpenID Connect provider serves: discovery, keys, the
// flow by browser with PKCE (RFC 7636) and the flow by device (RFC 8628), and
// what GitHub's runners ask.
func (s *Services) provider(mux *http.ServeMux) {
	key := newProviderKey()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{
			"issuer": s.URL, "jwks_uri": s.URL + "/keys", "authorization_endpoint": s.URL + "/auth", "token_endpoint": s.URL + "/token",
			"device_authorization_endpoint": s.URL + "/device", "code_challenge_methods_supported": []string{"S256"},
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "test",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /auth", s.authorize)
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"device_code": "D", "user_code": "ABCD-\x1b[31mEFGH", "verification_uri": s.URL + "/enter", "expires_in": 60})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code_verifier") == "" {
			reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
			return
		}
		s.mu.Lock()
		nonce, early := s.nonce, r.FormValue("device_code") != "" && s.polls < Polls
		s.polls++
		s.mu.Unlock()
		if early {
			reply(w, http.StatusBadRequest, map[string]string{"error": "authorization_pending"})
			return
		}
		reply(w, http.StatusOK, map[string]any{
			"access_token": "none", "token_type": "Bearer", "expires_in": 60,
			"id_token": encode(key, s.claims(Alice, time.Now().Add(10*time.Minute), nonce)),
		})
	})
	mux.HandleFunc("GET /actions", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer runner" || r.FormValue("audience") != "sigstore" || r.FormValue("api-version") != "2.0" {
			reply(w, http.StatusUnauthorized, map[string]string{"message": "who are you?"})
			return
		}
		reply(w, http.StatusOK, map[string]string{"value": encode(key, s.claims("workflow@example.com", time.Now().Add(10*time.Minute), ""))})
	})
}

// authorize signs in whoever comes, and sends him back.
func (s *Services) authorize(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.FormValue("redirect_uri"))
	if !try(w, err) {
		return
	}
	s.mu.Lock()
	s.nonce = r.FormValue("nonce")
	s.mu.Unlock()
	back.RawQuery = url.Values{"state": {r.FormValue("state")}, "code": {"C"}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}
