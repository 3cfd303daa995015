//go:build e2e

package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kubeToken is the administrator's bearer token of the test's API server.
const kubeToken = "modelcheck-test"

// A cluster is a Kubernetes API server with its etcd on loopback. It has no
// nodes and no controllers: what it accepts is stored and goes no further.
type cluster struct {
	url    string
	client *http.Client
}

// startCluster brings the API server up.
func startCluster(t *testing.T, w *workshop) *cluster {
	t.Helper()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(w.tools, name)); err != nil {
			t.Fatalf("a tool is missing, `make e2e` builds it: %v", err)
		}
	}
	clients, peers := "http://"+freeAddress(t), "http://"+freeAddress(t)
	w.launch(t, "etcd", "etcd", "--data-dir", w.path("etcd-data"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers).
		ready(t, "answers at "+clients, func() error { return answers(t.Context(), clients+"/health") })

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := w.write(t, "kube/sa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	public := w.write(t, "kube/sa.pub", pemPublic(t, key.Public()))
	tokens := w.write(t, "kube/tokens.csv", []byte(kubeToken+`,admin,admin,"system:masters"`+"\n"))
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	api := w.launch(t, "kube-apiserver", "kube-apiserver", "--etcd-servers", clients, "--cert-dir", w.path("kube", "certs"),
		"--bind-address", "127.0.0.1", "--secure-port", port, "--endpoint-reconciler-type", "none",
		"--service-account-issuer", "https://localhost", "--service-account-signing-key-file", private, "--service-account-key-file", public,
		"--token-auth-file", tokens, "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24",
		"--disable-admission-plugins", "ServiceAccount")
	c := &cluster{url: "https://" + address}
	api.ready(t, "is ready", func() error {
		certificate, err := os.ReadFile(w.path("kube", "certs", "apiserver.crt"))
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(certificate)
		c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 64}}
		if got := c.do(t, http.MethodGet, "/readyz", nil); got.status != http.StatusOK {
			return fmt.Errorf("HTTP %d: %s", got.status, got.body)
		}
		return nil
	})
	return c
}

// An answer of the API server. Message is that of a Status, which errors are.
type answer struct {
	status   int
	Message  string `json:"message"`
	warnings []string
	body     []byte
}

// do asks the API server; a body is JSON. No answer is status 0.
func (c *cluster) do(t *testing.T, method, path string, body []byte) answer {
	t.Helper()
	kind := "application/json"
	switch {
	case method == http.MethodPatch:
		kind = "application/strategic-merge-patch+json"
		if strings.Contains(path, "fieldManager=") {
			kind = "application/apply-patch+yaml"
		}
	}
	return c.ask(t.Context(), method, path, kind, body)
}

func (c *cluster) ask(ctx context.Context, method, path, kind string, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	req.Header.Set("Authorization", "Bearer "+kubeToken)
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return answer{body: []byte(err.Error())}
	}
	for _, w := range res.Header.Values("Warning") {
		// RFC 9111: 299 - "text"
		if _, text, ok := strings.Cut(w, " - "); ok {
			a.warnings = append(a.warnings, strings.Trim(text, `"`))
		}
	}
	_ = json.Unmarshal(a.body, &a) // whatever else the body is, it has no message
	return a
}

// accepted wants an answer of success.
func (a answer) accepted(t *testing.T) answer {
	t.Helper()
	if a.status < 200 || a.status > 299 {
		t.Fatalf("HTTP %d: %s", a.status, a.body)
	}
	return a
}

// refused wants a denial that holds every text.
func (a answer) refused(t *testing.T, texts ...string) answer {
	t.Helper()
	if a.status < 400 {
		t.Errorf("HTTP %d, want a refusal: %s", a.status, a.body)
		return a
	}
	for _, text := range texts {
		if !strings.Contains(a.Message, text) {
			t.Errorf("HTTP %d: %q does not say %q", a.status, a.Message, text)
		}
	}
	return a
}

// TestE2EKube proves the API server: what it accepts, it keeps.
func TestE2EKube(t *testing.T) {
	c := startCluster(t, newWorkshop(t))
	pods := "/api/v1/namespaces/default/pods"
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"r.example/c:1"}],
		"volumes":[{"name":"m","image":{"reference":"r.example/m:1"}}]}}`)
	c.do(t, http.MethodPost, pods, pod).accepted(t)
	c.do(t, http.MethodGet, pods+"/a", nil).accepted(t)
	c.do(t, http.MethodPost, pods, pod).refused(t, "already exists")
	c.do(t, http.MethodPost, pods, []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{}}`)).refused(t, "spec.containers: Required value")
}
