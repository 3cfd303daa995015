//go:build e2e

package main_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// An issuer is an OpenID Connect provider that says whatever the test wants.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

// startIssuer serves what a relying party looks up: the discovery document and
// the keys (OpenID Connect Discovery 1.0 §4, RFC 7517).
func startIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{
			"issuer":                                server.URL,
			"jwks_uri":                              server.URL + "/keys",
			"authorization_endpoint":                server.URL + "/auth",
			"token_endpoint":                        server.URL + "/token",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "test",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	return &issuer{url: server.URL, key: key}
}

// reply writes a JSON document.
func reply(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// token signs an identity token with the claims (RFC 7519, RS256).
func (i *issuer) token(t *testing.T, subject string, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": i.url,
		"sub": subject,
		"aud": "sigstore",
		"iat": time.Now().Add(-time.Minute).Unix(),
		"exp": time.Now().Add(10 * time.Minute).Unix(),
	}
	for name, value := range claims {
		all[name] = value
	}
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","kid":"test","typ":"JWT"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// person is a token as a person gets it who signs in.
func (i *issuer) person(t *testing.T, email string) string {
	t.Helper()
	return i.token(t, email, map[string]any{"email": email, "email_verified": true})
}

// The workflow that GitHub-like tokens speak for, and the name that Fulcio makes
// of it.
const (
	workflowRef     = "acme/models/.github/workflows/release.yml@refs/tags/v1.2.3"
	workflowSubject = "https://github.com/" + workflowRef
)

// workflow is a token as a GitHub Actions job gets it.
func (i *issuer) workflow(t *testing.T) string {
	t.Helper()
	commit := fmt.Sprintf("%040x", 0x1234)
	return i.token(t, "repo:acme/models:ref:refs/tags/v1.2.3", map[string]any{
		"job_workflow_ref":      workflowRef,
		"job_workflow_sha":      commit,
		"sha":                   commit,
		"event_name":            "push",
		"repository":            "acme/models",
		"workflow":              "release",
		"ref":                   "refs/tags/v1.2.3",
		"runner_environment":    "github-hosted",
		"repository_id":         "1",
		"repository_owner":      "acme",
		"repository_owner_id":   "2",
		"repository_visibility": "public",
		"workflow_ref":          workflowRef,
		"workflow_sha":          commit,
		"run_id":                "3",
		"run_attempt":           "1",
	})
}
