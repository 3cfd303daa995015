package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// write answers what is no GET: HEAD and uploads of blobs, manifests.
func (f *fake) write(w http.ResponseWriter, r *http.Request) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"+repo+"/"), "/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	status := http.StatusNotFound
	switch {
	case r.Method == http.MethodHead && kind == "blobs":
		if b, ok := f.blobs[name]; ok {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			status = http.StatusOK
		}
	case r.Method == http.MethodPost && name == "uploads/":
		f.count["session"]++
		session := fmt.Sprintf("uploads/%d", f.count["session"])
		f.blobs[session] = nil
		w.Header().Set("Location", "/v2/"+repo+"/blobs/"+session+"?_state=a%2Bb%3D")
		status = http.StatusAccepted
	case r.Method == http.MethodPut && kind == "blobs":
		if _, ok := f.blobs[name]; ok && r.URL.RawQuery == "_state=a%2Bb%3D&digest="+digestOf(body) {
			delete(f.blobs, name)
			f.blobs[digestOf(body)] = body
			status = http.StatusCreated
		}
	case r.Method == http.MethodPut && kind == "manifests":
		status = f.take(w, r, name, body)
	}
	w.WriteHeader(status)
}

func (f *fake) take(w http.ResponseWriter, r *http.Request, name string, body []byte) int {
	old, exists := f.manifests[name]
	if f.etags {
		if want := r.Header.Get("If-Match"); want != "" && (!exists || want != `"`+digestOf(old.body)+`"`) {
			return http.StatusPreconditionFailed
		}
		if r.Header.Get("If-None-Match") == "*" && exists {
			return http.StatusPreconditionFailed
		}
	}
	mediaType := r.Header.Get("Content-Type")
	f.manifests[digestOf(body)] = stored{mediaType, body}
	f.manifests[name] = stored{mediaType, body}
	w.Header().Set("Docker-Content-Digest", digestOf(body))
	about, err := parseReferrer(body)
	if !f.api || err != nil || about.subject == "" {
		return http.StatusCreated
	}
	if f.acks {
		w.Header().Set("OCI-Subject", about.subject)
	}
	var list []artifact.Descriptor
	if l, ok := f.listed[about.subject]; ok {
		known, err := parseIndex(l)
		if err != nil {
			panic(err)
		}
		for _, k := range known {
			if k.Digest == digestOf(body) {
				return http.StatusCreated
			}
			list = append(list, artifact.Descriptor{MediaType: k.MediaType, Digest: mustDigest(k.Digest), Size: k.Size})
		}
	}
	f.listed[about.subject] = indexOf(append(list, describe(mediaType, body))...)
	return http.StatusCreated
}

func mustDigest(s string) artifact.Digest {
	d, err := artifact.ParseDigest(s)
	if err != nil {
		panic(err)
	}
	return d
}

// writes lists the requests that were no questions, as "METHOD path".
func (f *fake) writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, r := range f.log {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			list = append(list, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v2/"+repo))
		}
	}
	return list
}

// commit lets the fake take what is sent, and answers nothing.
func (f *fake) commit(r *http.Request) { f.write(httptest.NewRecorder(), r) }

// isPut says whether the request puts something whose path has the given part.
func isPut(r *http.Request, part string) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, part)
}

// attachmentOf makes an attachment with two blobs; salt makes it another one.
func attachmentOf(subject artifact.Descriptor, salt string) Attachment {
	config, layer := []byte("{}"), []byte("bundle "+salt)
	body, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": typeOCIManifest, "artifactType": "application/x.sig",
		"config":      map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": digestOf(config), "size": len(config)},
		"layers":      []any{map[string]any{"mediaType": "application/x.sig", "digest": digestOf(layer), "size": len(layer)}},
		"subject":     map[string]any{"mediaType": subject.MediaType, "digest": subject.Digest.String(), "size": subject.Size},
		"annotations": map[string]string{"salt": salt, refName: "v1"},
	})
	if err != nil {
		panic(err)
	}
	return Attachment{Subject: subject, Manifest: body, Blobs: []Blob{{describe("", config), config}, {describe("", layer), layer}}}
}

// signers attaches n different manifests at once, each through a Store of its
// own, and returns their digests.
func signers(ctx context.Context, t *testing.T, n int, subject artifact.Descriptor, open func() *Store) []artifact.Digest {
	t.Helper()
	digests := make([]artifact.Digest, n)
	stores := make([]*Store, n)
	for i := range stores {
		stores[i] = open()
	}
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			got, err := s.Attach(ctx, attachmentOf(subject, fmt.Sprint("signer ", i)))
			if err != nil || got.Existed {
				t.Errorf("signer %d: %+v, error %v", i, got, err)
			}
			digests[i] = got.Digest
		})
	}
	wg.Wait()
	return digests
}

// checkListed compares what Referrers lists with what must be listed, each once.
func checkListed(t *testing.T, s *Store, subject artifact.Digest, want ...artifact.Digest) {
	t.Helper()
	found, err := s.Referrers(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	var got []artifact.Digest
	for _, f := range found {
		if f.Err != nil {
			t.Errorf("%v: %v", f.Descriptor.Digest, f.Err)
		}
		got = append(got, f.Descriptor.Digest)
	}
	slices.SortFunc(got, artifact.Digest.Compare)
	want = slices.Clone(want)
	slices.SortFunc(want, artifact.Digest.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("referrers\n%v, want\n%v", got, want)
	}
}

// A pipeNet is a network in memory, so that a bubble of synctest can tell the
// time on it.
type pipeNet struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeNet() *pipeNet { return &pipeNet{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipeNet) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipeNet) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipeNet) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
