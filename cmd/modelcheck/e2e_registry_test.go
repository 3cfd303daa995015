//go:build e2e

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A testRegistry is a real registry on loopback whose storage a test can reach.
type testRegistry struct {
	name string
	host string
	// corrupt changes a stored blob behind the registry's back.
	corrupt func(t *testing.T, digest string, change func([]byte) []byte)
}

// startDistribution runs distribution's registry, which has no referrers API, so
// that clients keep to the fallback tag.
func startDistribution(t *testing.T, w *workshop) *testRegistry {
	t.Helper()
	address, storage := freeAddress(t), w.path("distribution")
	config := w.write(t, "registry.yml", fmt.Appendf(nil, `version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: %q}
http: {addr: %q}
`, storage, address))
	w.serve(t, "http://"+address+"/v2/", "registry", "serve", config)
	corrupt := func(t *testing.T, digest string, change func([]byte) []byte) {
		t.Helper()
		hex := strings.TrimPrefix(digest, "sha256:")
		path := filepath.Join(storage, "docker/registry/v2/blobs/sha256", hex[:2], hex, "data")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &testRegistry{name: "distribution", host: address, corrupt: corrupt}
}

// startReferrers runs go-containerregistry's registry with the referrers API.
func startReferrers(t *testing.T, blobs *blobStore) *testRegistry {
	t.Helper()
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	server := httptest.NewServer(registry.New(quiet, registry.WithReferrersSupport(true), registry.WithBlobHandler(blobs)))
	t.Cleanup(server.Close)
	return &testRegistry{name: "ggcr", host: strings.TrimPrefix(server.URL, "http://"), corrupt: blobs.corrupt}
}

// A blobStore holds the blobs of go-containerregistry's registry: what was pushed
// in memory, and blobs that are computed anew whenever they are read.
type blobStore struct {
	mu     sync.Mutex
	stored map[string]blobSource
}

// A blobSource is a blob's size and a way to read it.
type blobSource struct {
	size int64
	open func() io.Reader
}

func newBlobStore() *blobStore { return &blobStore{stored: map[string]blobSource{}} }

func (s *blobStore) add(digest string, source blobSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[digest] = source
}

func (s *blobStore) addBytes(digest string, content []byte) {
	s.add(digest, blobSource{size: int64(len(content)), open: func() io.Reader { return bytes.NewReader(content) }})
}

func (s *blobStore) find(digest string) (blobSource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	source, ok := s.stored[digest]
	if !ok {
		return blobSource{}, registry.ErrNotFound
	}
	return source, nil
}

// Stat implements registry.BlobStatHandler.
func (s *blobStore) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	source, err := s.find(h.String())
	return source.size, err
}

// Get implements registry.BlobHandler.
func (s *blobStore) Get(_ context.Context, _ string, h v1.Hash) (io.ReadCloser, error) {
	source, err := s.find(h.String())
	if err != nil {
		return nil, err
	}
	return io.NopCloser(source.open()), nil
}

// Put implements registry.BlobPutHandler.
func (s *blobStore) Put(_ context.Context, _ string, h v1.Hash, content io.ReadCloser) error {
	defer content.Close()
	all, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	s.addBytes(h.String(), all)
	return nil
}

func (s *blobStore) corrupt(t *testing.T, digest string, change func([]byte) []byte) {
	t.Helper()
	source, err := s.find(digest)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(source.open())
	if err != nil {
		t.Fatal(err)
	}
	s.addBytes(digest, change(content))
}
