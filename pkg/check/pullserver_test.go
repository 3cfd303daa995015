package check_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A pullServer serves a layoutWriter's blobs over HTTP as a registry with
// ranges does. Its first cuts blob connections end after cutAfter bytes.
type pullServer struct {
	*httptest.Server
	blobs    map[string][]byte
	cutAfter int64

	mu   sync.Mutex
	cuts int
	sent int64 // bytes of blobs
}

func servePulls(t *testing.T, l *layoutWriter) *pullServer {
	t.Helper()
	s := &pullServer{blobs: map[string][]byte{}}
	for d, data := range l.blobs {
		s.blobs[d.String()] = data
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *pullServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.URL.Path, "/v2/m/")
	kind, name, _ := strings.Cut(rest, "/")
	data, ok := s.blobs[name]
	switch {
	case kind == "referrers":
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_, _ = io.WriteString(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case kind == "manifests":
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = w.Write(data)
	default:
		c := &countedBlob{Reader: bytes.NewReader(data), server: s, left: 1 << 62}
		s.mu.Lock()
		if s.cuts > 0 && int64(len(data)) > s.cutAfter {
			s.cuts--
			c.left = s.cutAfter
		}
		s.mu.Unlock()
		http.ServeContent(w, r, "", time.Time{}, c)
	}
}

// A countedBlob counts what is sent and cuts the connection.
type countedBlob struct {
	*bytes.Reader
	server *pullServer
	left   int64
}

func (c *countedBlob) WriteTo(io.Writer) (int64, error) { panic("not counted") }

func (c *countedBlob) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.server.mu.Lock()
	c.server.sent += int64(n)
	c.server.mu.Unlock()
	if c.left -= int64(n); c.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (s *pullServer) bytesSent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

func (s *pullServer) reference(t *testing.T, d artifact.Descriptor) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference(strings.TrimPrefix(s.URL, "http://") + "/m@" + d.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// bigWeights is a sound safetensors file of about n MiB.
func bigWeights(path string, n int) namedFile {
	body := make([]byte, n<<20+n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(body)
	header := []byte(`{"` + path + `":{"dtype":"U8","shape":[` + itoa(len(body)) + `],"data_offsets":[0,` + itoa(len(body)) + `]}}`)
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return namedFile{path, append(append(data, header...), body...)}
}

func puller(t testing.TB, p *policy.Policy, progress func(done, total int64)) *check.Checker {
	t.Helper()
	c, err := check.New(check.Config{Policy: p, Version: "test", Progress: progress})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// holds wants exactly these files, and the two documents, below dir.
func holds(t *testing.T, dir string, files ...namedFile) {
	t.Helper()
	want := map[string][]byte{".modelcheck/manifest.json": nil, ".modelcheck/receipt.json": nil}
	for _, f := range files {
		want[f.path] = f.data
	}
	for path, got := range readTree(t, dir) {
		data, ok := want[path]
		if !ok || data != nil && !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, want %d", path, len(got), len(data))
		}
		delete(want, path)
	}
	for path := range want {
		t.Errorf("%s is missing", path)
	}
}

func readTree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// alone wants nothing beside dir.
func alone(t *testing.T, dir string, wantDir bool) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !wantDir || e.Name() != filepath.Base(dir) {
			t.Errorf("left: %s", e.Name())
		}
	}
}

// interrupted pulls until so many bytes were hashed.
func interrupted(t *testing.T, ref artifact.Reference, to check.Destination, after int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := puller(t, unsigned(t), func(done, _ int64) {
		if done >= after {
			cancel()
		}
	})
	if r, err := c.Pull(ctx, ref, to); err == nil || r.Verdict.Allowed() || r.Error == nil || r.Error.Code != "interrupted" {
		t.Fatalf("not interrupted: %v %+v", err, r.Error)
	}
}

func unsigned(t testing.TB) *policy.Policy {
	t.Helper()
	return resolved(t, policy.Settings{AllowUnsigned: true})
}
