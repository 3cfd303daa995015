package admission

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// A Namespaces reads the labels of namespaces from an API server, and keeps
// each for 10 s. It needs leave to get namespaces, and nothing else.
type Namespaces struct {
	URL       string // of the API server
	TokenFile string // read anew each time: the kubelet replaces it
	CAFile    string // PEM

	mu     sync.Mutex
	client *http.Client
	kept   map[string]keptLabels
}

type keptLabels struct {
	labels map[string]string
	at     time.Time
}

// Bounds of what is kept and read of namespaces.
const (
	maxNamespaces = 10_000
	keepLabels    = 10 * time.Second
	maxNamespace  = 1 << 20 // bytes
)

// Labels returns the labels of a namespace.
func (n *Namespaces) Labels(ctx context.Context, namespace string) (map[string]string, error) {
	n.mu.Lock()
	if k, ok := n.kept[namespace]; ok && time.Since(k.at) < keepLabels {
		n.mu.Unlock()
		return k.labels, nil
	}
	n.mu.Unlock()
	labels, err := n.read(ctx, namespace)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kept == nil || len(n.kept) >= maxNamespaces {
		n.kept = map[string]keptLabels{}
	}
	n.kept[namespace] = keptLabels{labels, time.Now()}
	return labels, nil
}

func (n *Namespaces) read(ctx context.Context, namespace string) (_ map[string]string, err error) {
	client, err := n.connect()
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(n.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(n.URL, "/")+"/api/v1/namespaces/"+url.PathEscape(namespace), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxNamespace+1))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the API server answered %d", res.StatusCode)
	case len(body) > maxNamespace:
		return nil, fmt.Errorf("%w of %d bytes for a namespace", ErrLimit, maxNamespace)
	}
	var got struct {
		Metadata struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := strictjson.Decode(body, &got); err != nil {
		return nil, err
	}
	if got.Metadata.Name != namespace {
		return nil, fmt.Errorf("the API server answered about %.100q", got.Metadata.Name)
	}
	return got.Metadata.Labels, nil
}

func (n *Namespaces) connect() (*http.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client == nil {
		pool, err := readPool(n.CAFile)
		if err != nil {
			return nil, err
		}
		n.client = &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, IdleConnTimeout: time.Minute,
		}}
	}
	return n.client, nil
}
