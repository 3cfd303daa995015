package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// What others wrote into the list stays as they wrote it.
func TestFallbackKeepsForeign(t *testing.T) {
	foreign := []string{
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digestOf([]byte("1")) + `","size":1,"artifactType":"a/b","annotations":{"x":"<&>\u2028"},"platform":{"os":"linux"},"future":{"n":12345678901234567890.10}}`,
		`{"mediaType":"x","digest":"not a digest","size":-1}`,
		`{"mediaType":"x","digest":"` + digestOf([]byte("1")) + `","size":1}`,
	}
	old := `{ "schemaVersion": 2, "future": [1.0e400, {"a": null}], "annotations": {"k": "v"}, "manifests": [` +
		foreign[0] + `,` + foreign[1] + `,` + foreign[2] + `] }`
	f := newFake(t)
	f.api = false
	f.putManifest(fallbackTag(theSubject.Digest), typeOCIIndex, []byte(old))
	a := attachmentOf(theSubject, "1")
	got, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Attach(t.Context(), a)
	must(t, err)
	own := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"artifactType":"application/x.sig","annotations":{%q:"v1","salt":"1"}}`,
		typeOCIManifest, got.Digest, len(a.Manifest), refName)
	want := `{"schemaVersion":2,"future":[1.0e400,{"a":null}],"annotations":{"k":"v"},"manifests":[` +
		foreign[0] + `,` + foreign[1] + `,` + foreign[2] + `,` + own + `]}`
	now := f.manifests[fallbackTag(theSubject.Digest)]
	if now.mediaType != typeOCIIndex || !reflect.DeepEqual(plain(t, now.body), plain(t, []byte(want))) {
		t.Errorf("got\n%s\nwant\n%s", now.body, want)
	}
}

// plain reads JSON with its numbers as they were written.
func plain(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var raw map[string]json.RawMessage
	must(t, json.Unmarshal(b, &raw))
	all := map[string]any{}
	for name, value := range raw {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			list = []json.RawMessage{value}
		}
		var texts []string
		for _, v := range list {
			compact, err := marshal(v)
			must(t, err)
			texts = append(texts, string(compact))
		}
		all[name] = texts
	}
	return all
}

// A list that is not understood is not written on.
func TestFallbackRefuses(t *testing.T) {
	full := make([]artifact.Descriptor, maxReferrers)
	for i := range full {
		full[i] = describe(typeOCIManifest, fmt.Append(nil, i))
	}
	large := []byte(`{"schemaVersion":2,"manifests":[],"x":"` + strings.Repeat("x", maxManifest-100) + `"}`)
	for name, tc := range map[string]struct {
		mediaType string
		body      []byte
		want      error
	}{
		"a manifest":      {typeOCIManifest, manifestOf(describe("", nil)), ErrResponse},
		"a Docker list":   {typeDockerList, []byte(`{"schemaVersion":2,"mediaType":"` + typeDockerList + `","manifests":[]}`), ErrResponse},
		"duplicate names": {typeOCIIndex, []byte(`{"schemaVersion":2,"manifests":[],"x":1,"x":2}`), ErrResponse},
		"ambiguous names": {typeOCIIndex, []byte(`{"schemaVersion":2,"manifests":[],"Manifests":[{}]}`), ErrResponse},
		"not JSON":        {typeOCIIndex, []byte(`<html>`), ErrResponse},
		"full":            {typeOCIIndex, indexOf(full...), ErrLimit},
		"large":           {typeOCIIndex, large, ErrLimit},
	} {
		f := newFake(t)
		f.api = false
		f.putManifest(fallbackTag(theSubject.Digest), tc.mediaType, tc.body)
		_, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Attach(t.Context(), attachmentOf(theSubject, "1"))
		var pending *PendingError
		if !errors.Is(err, tc.want) || !errors.As(err, &pending) || len(pending.Pending) != 1 {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
		if now := f.manifests[fallbackTag(theSubject.Digest)]; string(now.body) != string(tc.body) {
			t.Errorf("%s: it was changed", name)
		}
	}
}

// Registries that do not know conditional requests, or get them wrong.
func TestFallbackConditions(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		etag   string
	}{
		"412 whatever is there": {http.StatusPreconditionFailed, `"x"`},
		"400":                   {http.StatusBadRequest, `"x"`},
		"501":                   {http.StatusNotImplemented, `"x"`},
		"weak":                  {http.StatusPreconditionFailed, `W/"x"`},
	} {
		f := newFake(t)
		f.api = false
		f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Set("ETag", tc.etag)
			if r.Header.Get("If-Match")+r.Header.Get("If-None-Match") == "" {
				return false
			}
			w.WriteHeader(tc.status)
			return true
		}
		open := func() *Store { return openStore(t, testConfig(nil), f.host()+"/"+repo+":v1") }
		checkListed(t, open(), theSubject.Digest, signers(t.Context(), t, 1, theSubject, open)...)
		one, err := open().Attach(t.Context(), attachmentOf(theSubject, "another"))
		if err != nil || one.Layout != layoutTag {
			t.Errorf("%s: %+v, error %v", name, one, err)
		}
		if n := f.requests("/manifests/sha256-"); n > 30 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// A write whose answer is lost is not repeated: the list has grown since.
func TestFallbackStaleWrite(t *testing.T) {
	for name, commits := range map[string]bool{"committed": true, "not committed": false} {
		f := newFake(t)
		f.api = false
		tag := fallbackTag(theSubject.Digest)
		other := f.putManifest("", typeOCIManifest, referrerOf(theSubject.Digest, "other"))
		lost := false
		f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !isPut(r, "/manifests/"+tag) || lost {
				return false
			}
			lost = true
			list := []artifact.Descriptor{other}
			if commits {
				f.commit(r)
				own, err := parseIndex(f.manifests[tag].body)
				if err != nil {
					t.Error(err)
				}
				list = append(list, artifact.Descriptor{MediaType: own[0].MediaType, Digest: mustDigest(own[0].Digest), Size: own[0].Size})
			}
			f.putManifest(tag, typeOCIIndex, indexOf(list...)) // somebody else's turn
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		s := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1")
		got, err := s.Attach(t.Context(), attachmentOf(theSubject, "1"))
		if err != nil {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		checkListed(t, s, theSubject.Digest, got.Digest, other.Digest)
	}
}

// Eight signers at once lose nothing, however their reading and writing fall
// together: to begin with all read the same list before any of them writes, and
// then every answer takes its time on both ways, or only writing does, so that
// much can be read while something old is on its way.
func TestFallbackEightSigners(t *testing.T) {
	for seed := range uint64(5) {
		for _, etags := range []bool{false, true} {
			for _, slowWrites := range []bool{false, true} {
				t.Run(fmt.Sprintf("seed=%d/etags=%t/slow=%t", seed, etags, slowWrites), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { eightSigners(t, seed, etags, slowWrites) })
				})
			}
		}
	}
}

func eightSigners(t *testing.T, seed uint64, etags, slowWrites bool) {
	f := &fake{manifests: map[string]stored{}, blobs: map[string][]byte{}, listed: map[string][]byte{}, count: map[string]int{}, etags: etags}
	network := newPipeNet()
	server := &http.Server{Handler: &unsteady{fake: f, slowWrites: slowWrites, signers: 8, together: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 0))}}
	go server.Serve(network)
	open := func() *Store {
		cfg := testConfig(nil)
		cfg.PlainHTTP, cfg.Sleep = true, nil
		s := openStore(t, cfg, "registry.example/"+repo+":v1")
		s.src.(*remote).wire.base.DialContext = network.dial
		return s
	}
	digests := signers(t.Context(), t, 8, theSubject, open)
	checkListed(t, open(), theSubject.Digest, digests...)
	must(t, server.Close())
}

// An unsteady registry takes its time.
type unsteady struct {
	*fake
	slowWrites bool // 150 to 300 ms on the way in, nothing else
	signers    int
	together   chan struct{} // closed when all signers have read the list

	mu      sync.Mutex
	rng     *rand.Rand
	readers int
}

func (u *unsteady) delay(from, to time.Duration) {
	u.mu.Lock()
	d := from + time.Duration(u.rng.Int64N(int64(to-from)))
	u.mu.Unlock()
	time.Sleep(d)
}

func (u *unsteady) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !u.slowWrites:
		u.delay(0, 100*time.Millisecond)
		defer u.delay(0, 100*time.Millisecond)
	case r.Method == http.MethodPut:
		u.delay(150*time.Millisecond, 300*time.Millisecond)
	}
	u.fake.ServeHTTP(w, r)
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+fallbackTag(theSubject.Digest)) {
		u.mu.Lock()
		if u.readers++; u.readers == u.signers {
			close(u.together)
		}
		u.mu.Unlock()
		<-u.together
	}
}
