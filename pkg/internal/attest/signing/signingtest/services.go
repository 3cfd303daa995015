// Package signingtest serves a sigstoretest.Lab over HTTP on loopback, for
// tests of signing: a certificate authority, logs of both Rekor generations, a
// timestamp authority, an identity provider, and the ways in which they fail.
//
// It verifies no token and no proof of possession, and is no part of the
// program.
package signingtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
)

// Services are those of one Lab. What Fail holds for a path is done before
// anything else; it says whether it has answered.
type Services struct {
	Lab  *sigstoretest.Lab
	URL  string
	Fail func(w http.ResponseWriter, r *http.Request) (answered bool)

	mu       sync.Mutex
	requests []string
	logged   map[string]bool
	nonce    string
	polls    int
}

// Start serves a new Lab until the test ends.
func Start(t *testing.T) *Services {
	t.Helper()
	lab, err := sigstoretest.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := &Services{Lab: lab, logged: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/signingCert", s.certify)
	mux.HandleFunc("POST /api/v1/timestamp", s.stamp)
	mux.HandleFunc("POST /api/v2/log/entries", s.log2)
	mux.HandleFunc("POST /api/v1/log/entries", s.log1)
	s.provider(mux)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		fail := s.Fail
		s.mu.Unlock()
		if fail != nil && fail(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Break answers every request for path with a status and words, in JSON as the
// real services do.
func (s *Services) Break(path string, status int, words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		reply(w, status, map[string]any{"code": status, "message": words})
		return true
	}
}

// Requests lists what was asked so far, as "METHOD path".
func (s *Services) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// Config returns a signing configuration with a log of the given generation; 0
// is without services but the certificate authority.
func (s *Services) Config(generation int) []byte {
	service := func(path string, version int) string {
		return fmt.Sprintf(`[{"url":%q,"majorApiVersion":%d,"validFor":{"start":"2020-01-01T00:00:00Z"},"operator":"test"}]`, s.URL+path, version)
	}
	logs := ""
	if generation > 0 {
		logs = `"rekorTlogUrls":` + service("", generation) + `,"rekorTlogConfig":{"selector":"ANY"},
			"tsaUrls":` + service("/api/v1/timestamp", 1) + `,"tsaConfig":{"selector":"ANY"},`
	}
	return fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",%s
		"caUrls":%s,"oidcUrls":%s}`, logs, service("", 1), service("", 1))
}

// TrustedRoot returns the Lab's trusted_root.json.
func (s *Services) TrustedRoot(t *testing.T) []byte {
	t.Helper()
	root, err := s.Lab.TrustedRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}

// try answers 400 where the request was at fault.
func try(w http.ResponseWriter, err error) bool {
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"code": 3, "message": err.Error()})
	}
	return err == nil
}
