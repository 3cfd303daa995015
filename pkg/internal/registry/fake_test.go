package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const repo = "acme/tiny"

// A fake is a registry in memory. A fault that returns true has answered.
type fake struct {
	*httptest.Server
	fault func(w http.ResponseWriter, r *http.Request, n int) bool
	api   bool // knows the referrers API
	acks  bool // and says so when it takes a manifest with a subject
	etags bool // knows conditional requests

	mu        sync.Mutex
	manifests map[string]stored // by tag and digest
	blobs     map[string][]byte
	listed    map[string][]byte // referrers indexes by subject
	count     map[string]int    // requests by path
	log       []*http.Request
}

type stored struct {
	mediaType string
	body      []byte
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{manifests: map[string]stored{}, blobs: map[string][]byte{}, listed: map[string][]byte{}, count: map[string]int{}, api: true}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) host() string { return f.Listener.Addr().String() }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.count[r.URL.Path]++
	n := f.count[r.URL.Path]
	f.log = append(f.log, r.Clone(context.Background()))
	fault := f.fault
	f.mu.Unlock()
	if fault != nil && fault(w, r, n) {
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		f.write(w, r)
		return
	}
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"+repo+"/"), "/")
	f.mu.Lock()
	m, isManifest := f.manifests[name]
	b, isBlob := f.blobs[name]
	l, isList := f.listed[name]
	f.mu.Unlock()
	switch {
	case kind == "manifests" && isManifest:
		w.Header().Set("Content-Type", m.mediaType)
		w.Header().Set("Docker-Content-Digest", digestOf(m.body))
		if f.etags {
			w.Header().Set("ETag", `"`+digestOf(m.body)+`"`)
		}
		w.Write(m.body)
	case kind == "blobs" && isBlob:
		serveBlob(w, r, b)
	case kind == "referrers" && f.api:
		if !isList {
			l = indexOf()
		}
		w.Header().Set("Content-Type", typeOCIIndex+"; charset=utf-8")
		w.Write(l)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no \u001b[31msuch thing"}]}`)
	}
}

// serveBlob knows "bytes=N-" only.
func serveBlob(w http.ResponseWriter, r *http.Request, b []byte) {
	start := int64(0)
	if v, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		start, _ = strconv.ParseInt(strings.TrimSuffix(v, "-"), 10, 64)
		if start >= int64(len(b)) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(b)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(b)-1, len(b)))
		w.Header().Set("Content-Length", strconv.FormatInt(int64(len(b))-start, 10))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	w.Write(b[start:])
}

func (f *fake) putManifest(tag, mediaType string, body []byte) artifact.Descriptor {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.manifests[digestOf(body)] = stored{mediaType, body}
	if tag != "" {
		f.manifests[tag] = stored{mediaType, body}
	}
	return describe(mediaType, body)
}

func (f *fake) putBlob(b []byte) artifact.Descriptor {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blobs[digestOf(b)] = b
	return describe("application/octet-stream", b)
}

// requests returns how many requests came for paths with the given part.
func (f *fake) requests(part string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.log {
		if strings.Contains(r.URL.Path, part) {
			n++
		}
	}
	return n
}

// header returns the values of a header of all requests for paths with part.
func (f *fake) header(part, name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, r := range f.log {
		if strings.Contains(r.URL.Path, part) {
			list = append(list, r.Header.Get(name))
		}
	}
	return list
}

func digestOf(b []byte) string {
	s := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(s[:])
}

func describe(mediaType string, b []byte) artifact.Descriptor {
	return artifact.Descriptor{MediaType: mediaType, Digest: artifact.SumSHA256(b), Size: int64(len(b))}
}

func manifestOf(layer artifact.Descriptor) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[{"mediaType":"x/y","digest":%q,"size":%d}]}`,
		typeOCIManifest, digestOf([]byte("{}")), layer.Digest, layer.Size)
}

// referrerOf makes a manifest about subject; salt makes it another one.
func referrerOf(subject artifact.Digest, salt string) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":"application/x.sig","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":3},"annotations":{"salt":%q}}`,
		typeOCIManifest, digestOf([]byte("{}")), typeOCIManifest, subject, salt)
}

func indexOf(entries ...artifact.Descriptor) []byte {
	type e struct {
		MediaType    string            `json:"mediaType"`
		ArtifactType string            `json:"artifactType,omitempty"`
		Digest       string            `json:"digest"`
		Size         int64             `json:"size"`
		Annotations  map[string]string `json:"annotations,omitempty"`
	}
	list := make([]e, 0, len(entries))
	for _, d := range entries {
		list = append(list, e{d.MediaType, d.ArtifactType, d.Digest.String(), d.Size, d.Annotations})
	}
	b, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeOCIIndex, "manifests": list})
	if err != nil {
		panic(err)
	}
	return b
}

// waits records what would have been slept.
type waits struct {
	mu   sync.Mutex
	list []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
	return ctx.Err()
}

// testConfig has no credentials, no waiting, and no environment.
func testConfig(w *waits) Config {
	if w == nil {
		w = new(waits)
	}
	return Config{Sleep: w.sleep, environment: &environment{}}
}

func openStore(t *testing.T, cfg Config, ref string) *Store {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := artifact.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// readBlob opens and reads a blob to its end.
func readBlob(t *testing.T, s *Store, d artifact.Descriptor) ([]byte, error) {
	t.Helper()
	r, err := s.Blob(t.Context(), d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// cut ends the connection without a word.
func cut(w http.ResponseWriter) {
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func randomBytes(n int) []byte {
	b := make([]byte, 0, n+32)
	for i := 0; len(b) < n; i++ {
		s := sha256.Sum256([]byte(strconv.Itoa(i)))
		b = append(b, s[:]...)
	}
	return b[:n]
}
