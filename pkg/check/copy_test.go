package check_test

import (
	"crypto/ecdsa"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// serveRegistry runs a registry whose answers before may replace: true where
// it answered. Without referrers support clients keep to the fallback tag.
func serveRegistry(t *testing.T, referrers bool, before func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func parseRef(t *testing.T, s string) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// copySource is a signed model in a layout: by a bundle, by a signature under
// cosign's older tag, and with a referrer that is neither.
func copySource(t *testing.T) (ref string, subject artifact.Descriptor) {
	t.Helper()
	l := newLayoutWriter()
	subject = l.files(t, "v1", weights(t), good)
	l.sign(t, subject)
	l.older(t, subject, signer(t, "demo.key").(*ecdsa.PrivateKey))
	l.refer(t, subject, "application/vnd.example.note")
	dir := t.TempDir()
	l.write(t, dir)
	return "oci-layout:" + dir + ":v1", subject
}

func copying(t *testing.T, p *policy.Policy, from, to string) (*check.Report, error) {
	t.Helper()
	return puller(t, p, nil).Copy(t.Context(), parseRef(t, from), parseRef(t, to))
}

// A copy verifies like what it is a copy of, wherever it went and by whichever
// way it came there.
func TestCopy(t *testing.T) {
	src, subject := copySource(t)
	judge := func(ref string) (*check.Report, []string) {
		t.Helper()
		r, err := puller(t, byDemoKey(t), nil).Examine(t.Context(), parseRef(t, ref))
		if err != nil || !r.Verdict.Allowed() {
			t.Fatalf("%s: %v: %v", ref, r.Verdict, err)
		}
		var candidates []string
		for _, c := range r.Signatures {
			candidates = append(candidates, c.Digest.String()+" "+c.Scheme+" "+c.Verdict.String()+" "+c.Code)
		}
		slices.Sort(candidates)
		return r, candidates
	}
	original, candidates := judge(src)
	if len(candidates) < 2 {
		t.Fatalf("candidates: %q", candidates)
	}
	way := []string{
		src,
		serveRegistry(t, true, nil) + "/new/api:v2",
		serveRegistry(t, false, nil) + "/new/tag:v2",
		"oci-layout:" + t.TempDir() + "/carry:v3",
		serveRegistry(t, false, nil) + "/far/away:v1",
		serveRegistry(t, true, nil) + "/pinned@" + subject.Digest.String(),
	}
	for i, to := range way[1:] {
		r, err := copying(t, byDemoKey(t), way[i], to)
		if err != nil || !r.Verdict.Allowed() || r.Copied == nil {
			t.Fatalf("%s: %v: %v", to, r.Verdict, err)
		}
		if r.Copied.Referrers != 3 || r.Copied.Blobs < 3 || len(r.Copied.NotCopied) != 0 {
			t.Errorf("%s: %+v", to, r.Copied)
		}
		got, theirs := judge(to)
		if got.ManifestDigest != original.ManifestDigest || got.Resolved.Digest != original.Resolved.Digest || !slices.Equal(theirs, candidates) {
			t.Errorf("%s: %v, want %v; %q, want %q", to, got.ManifestDigest, original.ManifestDigest, theirs, candidates)
		}
		// Again: everything is there.
		if r, err := copying(t, byDemoKey(t), way[i], to); err != nil || r.Copied.Existed != r.Copied.Blobs || r.Copied.Bytes != 0 {
			t.Errorf("%s again: %+v: %v", to, r.Copied, err)
		}
	}
}

// The members of an index come along.
func TestCopyIndex(t *testing.T) {
	l := newLayoutWriter()
	subject := l.members(t, "v1", []namedFile{weights(t), good}, []namedFile{weights(t), good})
	l.sign(t, subject)
	dir := t.TempDir()
	l.write(t, dir)
	for _, to := range []string{serveRegistry(t, true, nil) + "/index:v1", "oci-layout:" + t.TempDir() + "/carry:v1"} {
		if r, err := copying(t, byDemoKey(t), "oci-layout:"+dir+":v1", to); err != nil || !r.Verdict.Allowed() {
			t.Fatalf("%s: %v: %v", to, r.Verdict, err)
		}
		if r, err := puller(t, byDemoKey(t), nil).Examine(t.Context(), parseRef(t, to)); err != nil || !r.Verdict.Allowed() {
			t.Errorf("%s: %v: %v", to, r.Verdict, err)
		}
	}
}

// A registry that has the blobs in another repository is not sent them.
func TestCopyMounts(t *testing.T) {
	mounted := map[string]bool{}
	host := serveRegistry(t, true, func(w http.ResponseWriter, r *http.Request) bool {
		digest := r.URL.Query().Get("mount")
		switch {
		case r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/b/blobs/") && !mounted[r.URL.Path[len("/v2/b/blobs/"):]]:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPost && digest != "" && r.URL.Query().Get("from") == "a":
			mounted[digest] = true
			w.WriteHeader(http.StatusCreated)
		case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/v2/b/blobs/"):
			mounted[r.URL.Query().Get("digest")] = true
			return false
		default:
			return false
		}
		return true
	})
	src, _ := copySource(t)
	if _, err := copying(t, byDemoKey(t), src, host+"/a:v1"); err != nil {
		t.Fatal(err)
	}
	checker, err := check.New(check.Config{Policy: byDemoKey(t), Version: "test", Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := checker.Copy(t.Context(), parseRef(t, host+"/a:v1"), parseRef(t, host+"/b:v1"))
	if err != nil || r.Copied.Mounted != r.Copied.Blobs || r.Copied.Bytes != 0 {
		t.Errorf("%+v: %v", r.Copied, err)
	}
}

// Nothing is written unless the verdict allows.
func TestCopyDenied(t *testing.T) {
	src, _ := copySource(t)
	l := newLayoutWriter()
	l.files(t, "v1", weights(t), good)
	bare := t.TempDir()
	l.write(t, bare)
	other := newLayoutWriter()
	subject := other.files(t, "v1", weights(t), good)
	other.sign(t, subject)
	other.blobs[artifact.SumSHA256(good.data)] = flipped(good.data)
	wrong := t.TempDir()
	other.write(t, wrong)
	for name, c := range map[string]struct {
		from   string
		policy *policy.Policy
		want   policy.Outcome
	}{
		"unsigned":          {"oci-layout:" + bare + ":v1", byDemoKey(t), policy.Deny},
		"nobody is named":   {src, resolved(t, policy.Settings{}), policy.Hold},
		"other bytes":       {"oci-layout:" + wrong + ":v1", byDemoKey(t), policy.Deny},
		"not there at all":  {"oci-layout:" + bare + ":v2", byDemoKey(t), policy.Undecided},
		"to a plain folder": {src, byDemoKey(t), policy.Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			host := serveRegistry(t, true, func(http.ResponseWriter, *http.Request) bool { asked.Add(1); return false })
			to := host + "/m:v1"
			if name == "to a plain folder" {
				to = "dir:" + t.TempDir()
			}
			r, err := copying(t, c.policy, c.from, to)
			if r.Verdict.Outcome != c.want || r.Copied != nil || (err == nil) == (c.want == policy.Undecided) {
				t.Errorf("%v, %+v: %v", r.Verdict, r.Copied, err)
			}
			if asked.Load() != 0 {
				t.Errorf("the destination was asked %d times", asked.Load())
			}
		})
	}
}

// Whatever goes wrong while copying, there is no verdict and no tag; and where
// it was a passing thing, the same command goes on.
func TestCopyFails(t *testing.T) {
	file := bigWeights("a.safetensors", 3)
	l := newLayoutWriter()
	subject := l.files(t, "v1", file)
	l.sign(t, subject)
	dir := t.TempDir()
	l.write(t, dir)
	// The source gives other bytes when it is asked a second time.
	twice := servePulls(t, l)
	name := artifact.SumSHA256(file.data).String()
	reads := 0
	turning := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/blobs/"+name) {
			if reads++; reads > 1 {
				_, _ = w.Write(flipped(file.data))
				return
			}
		}
		twice.ServeHTTP(w, r)
	}))
	t.Cleanup(turning.Close)
	turned := strings.TrimPrefix(turning.URL, "http://") + "/m@" + subject.Digest.String()
	put := func(part string, status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			hit := (r.Method == http.MethodPut || r.Method == http.MethodPost) && strings.Contains(r.URL.Path, part)
			if hit {
				w.WriteHeader(status)
			}
			return hit
		}
	}
	for name, c := range map[string]struct {
		from   string
		policy *policy.Policy
		before func(http.ResponseWriter, *http.Request) bool
		code   string
	}{
		"tampered with while it is copied": {turned, unsigned(t), nil, provenance.CodeDigestMismatch},
		"no blob is taken":                 {"oci-layout:" + dir + ":v1", byDemoKey(t), put("/blobs/uploads", 403), provenance.CodeUnauthorized},
		"no manifest is taken":             {"oci-layout:" + dir + ":v1", byDemoKey(t), put("/manifests/sha256:", 400), provenance.CodeRegistryError},
		"no tag is taken":                  {"oci-layout:" + dir + ":v1", byDemoKey(t), put("/manifests/v9", 400), provenance.CodeRegistryError},
		"no fallback tag is taken":         {"oci-layout:" + dir + ":v1", byDemoKey(t), put("/manifests/sha256-", 403), provenance.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			host := serveRegistry(t, false, func(w http.ResponseWriter, r *http.Request) bool {
				return c.before != nil && broken.Load() && c.before(w, r)
			})
			r, err := copying(t, c.policy, c.from, host+"/m:v9")
			if err == nil || r.Verdict.Outcome != policy.Undecided || r.Copied != nil || r.Error == nil || r.Error.Code != c.code {
				t.Errorf("%v, %+v, %+v: %v", r.Verdict, r.Copied, r.Error, err)
			}
			if r, err := puller(t, unsigned(t), nil).Examine(t.Context(), parseRef(t, host+"/m:v9")); err == nil {
				t.Errorf("the tag is there: %v", r.Verdict)
			}
			if c.before == nil {
				return
			}
			broken.Store(false)
			if r, err := copying(t, c.policy, c.from, host+"/m:v9"); err != nil || !r.Verdict.Allowed() {
				t.Errorf("again: %v: %v", r.Verdict, err)
			}
		})
	}
	t.Run("the destination names another digest", func(t *testing.T) {
		host := serveRegistry(t, true, nil)
		r, err := copying(t, byDemoKey(t), "oci-layout:"+dir+":v1", host+"/m@"+artifact.SumSHA256([]byte("other")).String())
		if err == nil || r.Verdict.Outcome != policy.Undecided || r.Error.Code != provenance.CodeUsage {
			t.Errorf("%v, %+v: %v", r.Verdict, r.Error, err)
		}
	})
}
