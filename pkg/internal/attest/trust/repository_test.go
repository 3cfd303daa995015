package trust

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A repository is a TUF repository over HTTP, with consistent snapshots, that a
// test can renew, roll back and damage.
type repository struct {
	t       *testing.T
	keys    map[string]ed25519.PrivateKey
	root    *metadata.Metadata[metadata.RootType]
	anchor  []byte // version 1 of the root
	version int64  // of the next timestamp, snapshot and targets
	expires time.Time

	mu    sync.Mutex
	files map[string][]byte       // by path
	hooks map[string]http.Handler // instead of a file
	asked []string
	url   string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{
		t: t, keys: map[string]ed25519.PrivateKey{}, version: 1, expires: time.Now().AddDate(0, 0, 7).UTC().Truncate(time.Second),
		files: map[string][]byte{}, hooks: map[string]http.Handler{},
	}
	r.root = metadata.Root(time.Now().AddDate(1, 0, 0).UTC())
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		r.newKey(role)
	}
	r.signRoot(r.keys[metadata.ROOT])
	r.anchor = r.files["/1.root.json"]
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// newKey gives a role a key beside those that it has.
func (r *repository) newKey(role string) {
	r.t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	r.must(err)
	tufKey, err := metadata.KeyFromPublicKey(pub)
	r.must(err)
	r.must(r.root.Signed.AddKey(tufKey, role))
	r.keys[role] = key
}

// revokeKey takes the key of a role away.
func (r *repository) revokeKey(role string) {
	r.t.Helper()
	for _, id := range append([]string(nil), r.root.Signed.Roles[role].KeyIDs...) {
		r.must(r.root.Signed.RevokeKey(id, role))
	}
}

// signRoot publishes the next root, signed by the keys.
func (r *repository) signRoot(keys ...ed25519.PrivateKey) {
	r.t.Helper()
	r.root.ClearSignatures()
	for _, k := range keys {
		_, err := r.root.Sign(r.signer(k))
		r.must(err)
	}
	data, err := r.root.ToBytes(false)
	r.must(err)
	r.put(fmt.Sprintf("/%d.root.json", r.root.Signed.Version), data)
	r.root.Signed.Version++
}

// publish signs targets, snapshot and timestamp of the next version over files.
func (r *repository) publish(files map[string][]byte) {
	r.t.Helper()
	targets := metadata.Targets(r.expires)
	targets.Signed.Version = r.version
	for name, data := range files {
		file, err := metadata.TargetFile().FromBytes(name, data, "sha256")
		r.must(err)
		targets.Signed.Targets[name] = file
		sum := sha256.Sum256(data)
		r.put("/targets/"+hex.EncodeToString(sum[:])+"."+name, data)
	}
	_, err := targets.Sign(r.signer(r.keys[metadata.TARGETS]))
	r.must(err)
	r.write(fmt.Sprintf("/%d.targets.json", r.version), targets.ToBytes)

	snapshot := metadata.Snapshot(r.expires)
	snapshot.Signed.Version = r.version
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(r.version)
	_, err = snapshot.Sign(r.signer(r.keys[metadata.SNAPSHOT]))
	r.must(err)
	r.write(fmt.Sprintf("/%d.snapshot.json", r.version), snapshot.ToBytes)

	timestamp := metadata.Timestamp(r.expires)
	timestamp.Signed.Version = r.version
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(r.version)
	_, err = timestamp.Sign(r.signer(r.keys[metadata.TIMESTAMP]))
	r.must(err)
	r.write("/timestamp.json", timestamp.ToBytes)
	r.version++
}

func (r *repository) signer(key ed25519.PrivateKey) signature.Signer {
	r.t.Helper()
	s, err := signature.LoadSigner(key, crypto.Hash(0))
	r.must(err)
	return s
}

func (r *repository) write(path string, bytes func(bool) ([]byte, error)) {
	r.t.Helper()
	data, err := bytes(false)
	r.must(err)
	r.put(path, data)
}

func (r *repository) put(path string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[path] = data
}

func (r *repository) get(path string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[path]
}

// instead answers a path by h.
func (r *repository) instead(path string, h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks[path] = h
}

// requests counts what was asked for since the last call.
func (r *repository) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.asked
	r.asked = nil
	return out
}

func (r *repository) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.asked = append(r.asked, q.URL.Path)
	data, ok := r.files[q.URL.Path]
	hook := r.hooks[q.URL.Path]
	if hook == nil && strings.HasPrefix(q.URL.Path, "/targets/") {
		hook = r.hooks["/targets/"]
	}
	r.mu.Unlock()
	switch {
	case hook != nil:
		hook.ServeHTTP(w, q)
	case !ok:
		http.NotFound(w, q)
	default:
		_, _ = w.Write(data)
	}
}

func (r *repository) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
