package trust

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
)

// trustedRoot is the trusted root of a new Sigstore instance.
func trustedRoot(t *testing.T) []byte {
	t.Helper()
	lab, err := sigstoretest.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, err := lab.TrustedRoot()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const signingConfig = `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogUrls":[{"url":"https://rekor.example","majorApiVersion":2,"validFor":{"start":"2026-01-01T00:00:00Z"}}],"rekorTlogConfig":{"selector":"ANY"}}`

func newStore(t *testing.T) *Store {
	t.Helper()
	return storeIn(t, filepath.Join(t.TempDir(), "trust"))
}

func storeIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names lists the files in the store's folder but the lock.
func names(t *testing.T, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Name() != lockName {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestUpdate(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	first, second := trustedRoot(t), trustedRoot(t)
	r.publish(map[string][]byte{rootTarget: first, signingTarget: []byte(signingConfig)})
	got, err := s.Update(t.Context(), Update{Name: "acme", Mirror: r.url + "/", Root: r.anchor})
	if err != nil {
		t.Fatal(err)
	}
	side := got.Sidecar
	if !bytes.Equal(got.JSON, first) || !got.Changed() || side == nil || side.Mirror != r.url || side.Source != FromTUF ||
		side.TUF.Timestamp.Version != 1 || side.TUF.Anchor != sum(r.anchor) || !side.TUF.Expires().Equal(r.expires) ||
		time.Since(got.FetchedAt()) > time.Minute {
		t.Errorf("got %+v %+v", side, side.TUF)
	}
	if want := []string{"acme.json", "acme.meta.json", "acme.signing.json", "acme.tuf.json"}; !slices.Equal(names(t, s), want) {
		t.Errorf("files %q, want %q", names(t, s), want)
	}
	if sc, err := s.SigningConfig("acme"); err != nil || string(sc) != signingConfig {
		t.Errorf("signing configuration %q, %v", sc, err)
	}

	// Nothing new: two requests, no file of the repository twice.
	r.requests()
	again, err := s.Update(t.Context(), Update{Name: "acme"})
	if err != nil || again.Changed() || again.FetchedAt().Before(got.FetchedAt()) {
		t.Errorf("again: %v %+v", err, again)
	}
	for _, path := range r.requests() {
		if strings.HasSuffix(path, "snapshot.json") || strings.HasSuffix(path, ".targets.json") {
			t.Errorf("asked again for %s", path)
		}
	}

	// A new root under the same name, without a signing configuration.
	r.publish(map[string][]byte{rootTarget: second})
	next, err := s.Update(t.Context(), Update{Name: "acme"})
	if err != nil || !bytes.Equal(next.JSON, second) || next.Previous.Digest != got.Digest || next.Sidecar.TUF.Timestamp.Version != 2 {
		t.Errorf("next: %v %+v", err, next)
	}
	if _, err := s.SigningConfig("acme"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("an old signing configuration stays: %v", err)
	}
}

// TestUpdateRotatesKeys: what the old keys sign counts no more, and a client
// that knows the new root does not go back to the old one's keys.
func TestUpdateRotatesKeys(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	old := r.keys[metadata.ROOT]
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	if _, err := s.Update(t.Context(), Update{Mirror: r.url, Root: r.anchor}); err != nil {
		t.Fatal(err)
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		r.revokeKey(role)
		r.newKey(role)
	}
	r.signRoot(old, r.keys[metadata.ROOT])
	want := trustedRoot(t)
	r.publish(map[string][]byte{rootTarget: want})
	got, err := s.Update(t.Context(), Update{})
	if err != nil || !bytes.Equal(got.JSON, want) || got.Sidecar.TUF.Root.Version != 2 || got.Sidecar.TUF.Anchor != sum(r.anchor) {
		t.Fatalf("%v %+v", err, got)
	}
	// The owner of the old key forks the repository at version 2.
	fork := newRepository(t)
	fork.root.Signed.Version = 2
	fork.signRoot(old, fork.keys[metadata.ROOT])
	fork.root.Signed.Version = 3
	fork.signRoot(fork.keys[metadata.ROOT])
	fork.version = 10
	fork.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	if _, err := s.Update(t.Context(), Update{Mirror: fork.url}); !errors.Is(err, ErrUnverified) {
		t.Errorf("a fork by the old key: %v", err)
	}
}

// attacks: what a mirror can do. Each must leave the installed root as it was.
var attacks = map[string]struct {
	do   func(t *testing.T, r *repository)
	want error
}{
	"expired timestamp": {func(t *testing.T, r *repository) {
		r.expires = time.Now().Add(-time.Hour).UTC()
		r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	}, ErrExpired},
	"expired root": {func(t *testing.T, r *repository) {
		r.root.Signed.Expires = time.Now().Add(-time.Hour).UTC()
		r.signRoot(r.keys[metadata.ROOT])
	}, ErrExpired},
	"rolled back": {func(t *testing.T, r *repository) {
		r.version = 2
		r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	}, ErrRollback},
	"older targets under a newer snapshot": {func(t *testing.T, r *repository) {
		targets := r.get("/2.targets.json")
		r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
		r.put("/4.targets.json", targets)
	}, ErrRollback},
	"root of another repository": {func(t *testing.T, r *repository) {
		r.put("/2.root.json", newRepository(t).get("/1.root.json"))
	}, ErrUnverified},
	"timestamp of another repository": {func(t *testing.T, r *repository) {
		other := newRepository(t)
		other.version = 9
		other.publish(map[string][]byte{rootTarget: trustedRoot(t)})
		r.put("/timestamp.json", other.get("/timestamp.json"))
	}, ErrUnverified},
	"unsigned timestamp": {func(t *testing.T, r *repository) {
		r.put("/timestamp.json", bytes.Replace(r.get("/timestamp.json"), []byte(`"version":3`), []byte(`"version":8`), 1))
	}, ErrUnverified},
	"skipped root version": {func(t *testing.T, r *repository) {
		r.root.Signed.Version = 3
		r.signRoot(r.keys[metadata.ROOT])
		r.put("/2.root.json", r.get("/3.root.json"))
	}, ErrRollback},
	"malformed timestamp": {func(t *testing.T, r *repository) {
		r.put("/timestamp.json", []byte(`{"signed":{"_type":"timestamp","meta":{"snapshot.json":null}},"signatures":[null]}`))
	}, ErrUnverified},
	"not JSON": {func(t *testing.T, r *repository) {
		r.put("/timestamp.json", []byte("<html>please log in</html>"))
	}, ErrUnverified},
	"null": {func(t *testing.T, r *repository) { r.put("/timestamp.json", []byte("null")) }, ErrUnverified},
	"endless timestamp": {func(t *testing.T, r *repository) {
		r.instead("/timestamp.json", func(w http.ResponseWriter, q *http.Request) { endless(w, q) })
	}, ErrUnverified},
	"endless roots": {func(t *testing.T, r *repository) {
		r.instead("/2.root.json", func(w http.ResponseWriter, q *http.Request) { endless(w, q) })
	}, ErrUnverified},
	"huge root announced": {func(t *testing.T, r *repository) {
		r.instead("/2.root.json", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			w.WriteHeader(http.StatusOK)
		})
	}, ErrUnverified},
	"truncated target": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
		r.instead("/targets/", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", "3000")
			_, _ = w.Write([]byte(`{"mediaType"`))
		})
	}, ErrUnreachable},
	"short target": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
		r.instead("/targets/", func(w http.ResponseWriter, q *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	}, ErrUnverified},
	"another target": {func(t *testing.T, r *repository) {
		want := trustedRoot(t)
		r.publish(map[string][]byte{rootTarget: want})
		r.instead("/targets/", func(w http.ResponseWriter, q *http.Request) {
			_, _ = w.Write(bytes.Replace(want, []byte("rekor."), []byte("rokor."), 1))
		})
	}, ErrUnverified},
	"a target that is no root": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{rootTarget: []byte("{}")})
	}, ErrUnusable},
	"a root with a key twice": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{rootTarget: append([]byte(`{"tlogs":[],`), trustedRoot(t)[1:]...)})
	}, ErrUnusable},
	"a broken signing configuration": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{rootTarget: trustedRoot(t), signingTarget: []byte("{}")})
	}, ErrUnusable},
	"no trusted root": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{"other": []byte("x")})
	}, errAny},
	"only names with paths": {func(t *testing.T, r *repository) {
		r.publish(map[string][]byte{"../trusted_root.json": []byte("x"), "../../acme.json": []byte("x"), "/etc/passwd": []byte("x")})
	}, errAny},
	"server error": {func(t *testing.T, r *repository) {
		r.instead("/timestamp.json", func(w http.ResponseWriter, q *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}, ErrUnreachable},
	"redirect to plain HTTP elsewhere": {func(t *testing.T, r *repository) {
		r.instead("/timestamp.json", func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "http://tuf.example/timestamp.json", http.StatusFound)
		})
	}, ErrUnreachable},
	"endless redirects": {func(t *testing.T, r *repository) {
		r.instead("/timestamp.json", func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "/timestamp.json", http.StatusFound)
		})
	}, ErrUnreachable},
}

// errAny stands for any error.
var errAny = errors.New("any")

func endless(w http.ResponseWriter, q *http.Request) {
	chunk := bytes.Repeat([]byte(" "), 1<<16)
	for q.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := newRepository(t), newStore(t)
			good := trustedRoot(t)
			for range 3 {
				r.publish(map[string][]byte{rootTarget: good})
			}
			before, err := s.Update(t.Context(), Update{Name: "acme", Mirror: r.url, Root: r.anchor})
			if err != nil {
				t.Fatal(err)
			}
			state, files := read0(t, s.path("acme", stateSuffix)), names(t, s)
			attack.do(t, r)
			_, err = s.Update(t.Context(), Update{Name: "acme"})
			if err == nil || (attack.want != errAny && !errors.Is(err, attack.want)) {
				t.Errorf("got %v, want %v", err, attack.want)
			}
			after, err := s.Load("acme")
			if err != nil || after.Digest != before.Digest || after.Sidecar == nil || !after.FetchedAt().Equal(before.FetchedAt()) {
				t.Errorf("the installed root changed: %v %+v", err, after)
			}
			if !bytes.Equal(state, read0(t, s.path("acme", stateSuffix))) || !slices.Equal(files, names(t, s)) {
				t.Errorf("the store changed: %q, then %q", files, names(t, s))
			}
		})
	}
}

func read0(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestUpdateWithTheWrongRoot: trust begins with the root that the caller gives,
// and with nothing else; nothing is installed.
func TestUpdateWithTheWrongRoot(t *testing.T) {
	r := newRepository(t)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	for name, u := range map[string]Update{
		"of another repository": {Mirror: r.url, Root: newRepository(t).anchor},
		"the built-in one":      {Mirror: r.url},
		"no root at all":        {Mirror: r.url, Root: []byte("{}")},
		"empty":                 {Mirror: r.url, Root: []byte{}},
		"without its mirror":    {Root: r.anchor},
	} {
		s := newStore(t)
		if _, err := s.Update(t.Context(), u); err == nil {
			t.Errorf("%s: no error", name)
		}
		if left := names(t, s); len(left) > 0 {
			t.Errorf("%s: it left %q", name, left)
		}
	}
}

// TestExpiryNamesBothTimes: a wrong clock and a frozen repository look the same
// from here, so the message shows what a person needs to tell them apart.
func TestExpiryNamesBothTimes(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	r.expires = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	_, err := s.Update(t.Context(), Update{Mirror: r.url, Root: r.anchor})
	if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "timestamp version 1 expired at 2026-01-02T03:04:05Z, now it is 20") {
		t.Errorf("got %v", err)
	}
}

// TestRedirects: a mirror may send its client to another https host, and nobody
// may send it to plain HTTP on the network.
func TestRedirects(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	r.instead("/2.root.json", func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "http://tuf.example/2.root.json", http.StatusFound)
	})
	_, err := s.Update(t.Context(), Update{Mirror: r.url, Root: r.anchor})
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrMirror) || !strings.Contains(err.Error(), "redirected") {
		t.Errorf("got %v", err)
	}
	far, err := url.Parse("http://127.0.0.1/2.root.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkScheme(far, false); err == nil {
		t.Error("a mirror elsewhere may send its client to this computer's services")
	}
}

func TestMirrors(t *testing.T) {
	for mirror, ok := range map[string]bool{
		"https://tuf.example":            true,
		"https://tuf.example/repo/":      true,
		"http://127.0.0.1:8080":          true,
		"http://localhost/tuf":           true,
		"http://[::1]:99":                true,
		"http://tuf.example":             false,
		"http://127.0.0.1.example":       false,
		"file:///etc":                    false,
		"tuf.example":                    false,
		"":                               false,
		"https://user:pass@tuf.example":  false,
		"https://tuf.example/?a=b":       false,
		"https://tuf.example/#a":         false,
		"https://..":                     false,
		"https://tuf.example/../../root": false,
		"https://tuf.example/" + strings.Repeat("x", maxMirror): false,
		"https://tuf.example\x00":                               false,
	} {
		if _, err := checkMirror(mirror); (err == nil) != ok || (err != nil && !errors.Is(err, ErrMirror)) {
			t.Errorf("%q: %v", mirror, err)
		}
	}
}

// TestTwoUpdatesAtOnce: both succeed, and what lies on disk is whole and the
// newest that either saw.
func TestTwoUpdatesAtOnce(t *testing.T) {
	r := newRepository(t)
	dir := filepath.Join(t.TempDir(), "trust")
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	update := func() {
		_, err := storeIn(t, dir).Update(t.Context(), Update{Mirror: r.url, Root: r.anchor})
		errs <- err
	}
	for range 8 {
		wg.Go(update)
	}
	wg.Wait()
	want := trustedRoot(t)
	r.publish(map[string][]byte{rootTarget: want})
	for range 8 {
		wg.Go(update)
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := storeIn(t, dir).Load(DefaultName)
	if err != nil || !bytes.Equal(got.JSON, want) || got.Sidecar == nil || got.Sidecar.TUF.Timestamp.Version != 2 {
		t.Errorf("%v %+v", err, got)
	}
}

// TestSlowerUpdate: an update that began earlier does not put older metadata
// over newer.
func TestSlowerUpdate(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	u := Update{Name: DefaultName, Mirror: r.url, Root: r.anchor}
	_, st, err := s.begin(u)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := s.fetch(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	fast, err := s.Update(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.install(t.Context(), u, slow)
	if err != nil || got.Digest != fast.Digest || got.Sidecar.TUF.Timestamp.Version != 2 {
		t.Errorf("%v %+v", err, got)
	}
}

// TestReadOnly: that nothing can be written shows before anything is fetched.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may write everywhere; a file stands in the folder's place instead")
	}
	r := newRepository(t)
	r.publish(map[string][]byte{rootTarget: trustedRoot(t)})
	parent := t.TempDir()
	dir := filepath.Join(parent, "trust")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		dir = filepath.Join(parent, "file")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := storeIn(t, dir).Update(t.Context(), Update{Mirror: r.url, Root: r.anchor})
	if err == nil || len(r.requests()) > 0 {
		t.Errorf("error %v", err)
	}
}

// TestInterrupted: a mirror that answers nothing is left when the caller goes.
func TestInterrupted(t *testing.T) {
	r, s := newRepository(t), newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.instead("/timestamp.json", func(_ http.ResponseWriter, q *http.Request) {
		cancel()
		<-q.Context().Done()
	})
	if _, err := s.Update(ctx, Update{Mirror: r.url, Root: r.anchor}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if left := names(t, s); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
}
