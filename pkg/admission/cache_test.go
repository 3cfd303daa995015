package admission_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A fakeRegistry is judge and resolver at once: tags point where the test says.
type fakeRegistry struct {
	mu      sync.Mutex
	tags    map[string]artifact.Digest
	allowed map[artifact.Digest]bool
	fail    string        // the code of the error that judging ends with
	holds   time.Duration // how long a verdict that allows stays
	wait    chan struct{} // judging waits for it, where it is not nil
	judged  int
	most    int // judged at once
	running int
}

func newFakeRegistry() *fakeRegistry {
	return &fakeRegistry{tags: map[string]artifact.Digest{"v1": good}, allowed: map[artifact.Digest]bool{good: true}, holds: time.Hour}
}

func (f *fakeRegistry) Resolve(_ context.Context, ref artifact.Reference) (artifact.Digest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := ref.Digest(); !d.IsZero() {
		return d, nil
	}
	if f.fail != "" {
		return artifact.Digest{}, errors.New("cannot be resolved")
	}
	return f.tags[ref.Tag()], nil
}

func (f *fakeRegistry) Accept(ctx context.Context, ref artifact.Reference, _ policy.Use) (*check.Report, error) {
	f.mu.Lock()
	f.judged++
	f.running++
	f.most = max(f.most, f.running)
	wait := f.wait
	f.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	if f.fail != "" {
		return check.Failed(ref.String(), f.fail, errors.New("no"), ""), errors.New("no")
	}
	d := ref.Digest()
	if d.IsZero() {
		d = f.tags[ref.Tag()]
	}
	r := &check.Report{Reference: ref.String(), Resolved: &check.Resolved{Digest: d}, StartedAt: time.Now()}
	r.Verdict = policy.Verdict{Outcome: policy.Deny, Reasons: []policy.Reason{{Code: provenance.CodeSummaryMissing, Effect: policy.Deny, Message: "nobody verified it"}}}
	if f.allowed[d] {
		r.Verdict = policy.Verdict{Outcome: policy.Allow}
		r.HoldsUntil = r.StartedAt.Add(f.holds)
	}
	return r, nil
}

func (f *fakeRegistry) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func parsePolicy(t testing.TB, section string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(head + section))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reference(t *testing.T, s string) artifact.Reference {
	t.Helper()
	ref, err := artifact.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// TestCache: what may be used again, and what must be asked for anew. Each step
// says whether the model is let in, and how often it was judged until then.
func TestCache(t *testing.T) {
	pinned, tag := "r.io/m@"+good.String(), "r.io/m:v1"
	type step struct {
		do      func(f *fakeRegistry)
		sleep   time.Duration
		ref     string
		use     policy.Use
		allowed bool
		judged  int
	}
	down := func(code string) func(*fakeRegistry) { return func(f *fakeRegistry) { f.fail = code } }
	revoke := func(f *fakeRegistry) { f.allowed = nil }
	for _, tt := range []struct {
		name, section string
		steps         []step
	}{
		{"within a minute", "", []step{{ref: pinned, allowed: true, judged: 1}, {sleep: 59 * time.Second, ref: pinned, allowed: true, judged: 1}}},
		{"revoked", "", []step{{ref: pinned, allowed: true, judged: 1}, {do: revoke, sleep: time.Minute, ref: pinned, judged: 2}}},
		{"expired within a minute", "", []step{{do: func(f *fakeRegistry) { f.holds = 10 * time.Second }, ref: pinned, allowed: true, judged: 1}, {do: revoke, sleep: 10 * time.Second, ref: pinned, judged: 2}}},
		{"nobody says how long it holds", "", []step{{do: func(f *fakeRegistry) { f.holds = 0 }, ref: pinned, allowed: true, judged: 1}, {do: revoke, ref: pinned, judged: 2}}},
		{"denied", "", []step{{do: revoke, ref: pinned, judged: 1}, {sleep: 4 * time.Second, ref: pinned, judged: 1}}},
		{"verified after a denial", "", []step{{do: revoke, ref: pinned, judged: 1}, {do: func(f *fakeRegistry) { f.allowed = map[artifact.Digest]bool{good: true} }, sleep: 5 * time.Second, ref: pinned, allowed: true, judged: 2}}},
		{"a moved tag", "", []step{{ref: tag, allowed: true, judged: 1}, {ref: tag, allowed: true, judged: 1}, {do: func(f *fakeRegistry) { f.tags["v1"] = bad }, ref: tag, judged: 2}}},
		{"another use", "", []step{{ref: pinned, use: policy.Use{Environment: "a"}, allowed: true, judged: 1}, {do: revoke, ref: pinned, use: policy.Use{Environment: "b"}, judged: 2}}},
		{"another repository", "", []step{{ref: pinned, allowed: true, judged: 1}, {do: revoke, ref: "r.io/n@" + good.String(), judged: 2}}},
		{"registry down", "", []step{{ref: pinned, allowed: true, judged: 1}, {do: down(provenance.CodeUnreachable), sleep: time.Minute, ref: pinned, judged: 2}}},
		{"registry down, which the policy bridges", "admission: {cachedFor: 1h}", []step{{ref: pinned, allowed: true, judged: 1}, {do: down(provenance.CodeUnreachable), sleep: 59 * time.Minute, ref: pinned, allowed: true, judged: 2}, {sleep: time.Minute, ref: pinned, judged: 3}}},
		{"registry down, and it has expired", "admission: {cachedFor: 1h}", []step{{do: func(f *fakeRegistry) { f.holds = 30 * time.Minute }, ref: pinned, allowed: true, judged: 1}, {do: down(provenance.CodeUnreachable), sleep: 30 * time.Minute, ref: pinned, judged: 2}}},
		{"registry down, and it is a tag", "admission: {cachedFor: 1h}", []step{{ref: tag, allowed: true, judged: 1}, {do: down(provenance.CodeUnreachable), sleep: time.Second, ref: tag, judged: 1}}},
		{"registry down, and it was denied", "admission: {cachedFor: 1h}", []step{{do: revoke, ref: pinned, judged: 1}, {do: down(provenance.CodeUnreachable), sleep: time.Minute, ref: pinned, judged: 2}}},
		{"registry says no", "admission: {cachedFor: 1h}", []step{{ref: pinned, allowed: true, judged: 1}, {do: down(provenance.CodeUnauthorized), sleep: time.Minute, ref: pinned, judged: 2}}},
		{"gone", "admission: {cachedFor: 1h}", []step{{ref: pinned, allowed: true, judged: 1}, {do: down(provenance.CodeNotFound), sleep: time.Minute, ref: pinned, judged: 2}}},
		{"an error is not kept", "", []step{{do: down(provenance.CodeUnreachable), ref: pinned, judged: 1}, {do: down(""), ref: pinned, allowed: true, judged: 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeRegistry()
				j := admission.NewCache(admission.CacheConfig{}).Over(f, f, parsePolicy(t, tt.section))
				for i, s := range tt.steps {
					if s.do != nil {
						f.set(func() { s.do(f) })
					}
					time.Sleep(s.sleep)
					r, err := j.Accept(t.Context(), reference(t, s.ref), s.use)
					if allowed := err == nil && r.Error == nil && r.Verdict.Allowed(); allowed != s.allowed || f.judged != s.judged {
						t.Errorf("step %d: allowed %t, judged %d; want %t, %d (%v)", i, allowed, f.judged, s.allowed, s.judged, err)
					}
				}
			})
		})
	}
}

// TestCachePolicy: a verdict under one policy says nothing under another.
func TestCachePolicy(t *testing.T) {
	f := newFakeRegistry()
	c := admission.NewCache(admission.CacheConfig{})
	ref := reference(t, "r.io/m@"+good.String())
	for i, p := range []string{"", "findings: {deny: [code-on-load]}", "expires: 2099-01-01"} {
		if _, err := c.Over(f, f, parsePolicy(t, p)).Accept(t.Context(), ref, policy.Use{}); err != nil || f.judged != i+1 {
			t.Errorf("%q: judged %d, %v", p, f.judged, err)
		}
	}
}

// TestCacheBound: no more is kept than was said, and what was used last stays.
func TestCacheBound(t *testing.T) {
	f := newFakeRegistry()
	c := admission.NewCache(admission.CacheConfig{Entries: 10})
	j := c.Over(f, f, parsePolicy(t, ""))
	first := reference(t, "r.io/first@"+good.String())
	for i := range 100 {
		for _, ref := range []artifact.Reference{first, reference(t, fmt.Sprintf("r.io/m%d@%v", i, good))} {
			if _, err := j.Accept(t.Context(), ref, policy.Use{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c.Len() != 10 || f.judged != 101 {
		t.Errorf("%d kept, %d judged", c.Len(), f.judged)
	}
}

// TestCacheFlight: who asks at the same time asks once; who stops waiting is
// told so, and the next one finds the verdict.
func TestCacheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistry()
		f.wait = make(chan struct{})
		j := admission.NewCache(admission.CacheConfig{}).Over(f, f, parsePolicy(t, ""))
		ref := reference(t, "r.io/m@"+good.String())
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r, err := j.Accept(short, ref, policy.Use{}); !errors.Is(err, context.DeadlineExceeded) || r.Verdict.Allowed() || r.Error == nil {
			t.Errorf("%+v, %v", r, err)
		}
		var allowed atomic.Int32
		for range 50 {
			go func() {
				if r, err := j.Accept(t.Context(), ref, policy.Use{}); err == nil && r.Verdict.Allowed() {
					allowed.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(f.wait)
		synctest.Wait()
		if allowed.Load() != 50 || f.judged != 1 {
			t.Errorf("%d allowed, judged %d times", allowed.Load(), f.judged)
		}
	})
}

// TestCacheFlights: only who asks the same shares an answer.
func TestCacheFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistry()
		f.wait = make(chan struct{})
		j := admission.NewCache(admission.CacheConfig{}).Over(f, f, parsePolicy(t, ""))
		for _, use := range []policy.Use{{}, {Environment: "a"}, {Use: "a"}} {
			for _, ref := range []string{"r.io/m@" + good.String(), "r.io/n@" + good.String(), "r.io/m@" + bad.String(), "r.io/m:v1"} {
				go func() { _, _ = j.Accept(t.Context(), reference(t, ref), use) }()
			}
		}
		synctest.Wait()
		if f.running != 12 {
			t.Errorf("%d are judged", f.running)
		}
		close(f.wait)
	})
}

// late resolves a tag to what it named before.
type late struct{ *fakeRegistry }

func (l late) Resolve(context.Context, artifact.Reference) (artifact.Digest, error) { return good, nil }

// TestCacheMovedBetween: a tag that moves after it was resolved says nothing
// about what it named before.
func TestCacheMovedBetween(t *testing.T) {
	f := newFakeRegistry()
	f.tags["v1"] = bad
	c := admission.NewCache(admission.CacheConfig{})
	ref := reference(t, "r.io/m:v1")
	if r, err := c.Over(f, late{f}, parsePolicy(t, "")).Accept(t.Context(), ref, policy.Use{}); err != nil || r.Verdict.Allowed() || r.Resolved.Digest != bad {
		t.Errorf("%+v %v", r, err)
	}
	f.tags["v1"] = good
	if r, err := c.Over(f, f, parsePolicy(t, "")).Accept(t.Context(), ref, policy.Use{}); err != nil || !r.Verdict.Allowed() || f.judged != 2 {
		t.Errorf("%+v %v, judged %d", r, err, f.judged)
	}
}

// TestCachePerRegistry: many models of one registry wait for each other, those
// of another do not wait for them.
func TestCachePerRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistry()
		f.wait = make(chan struct{})
		j := admission.NewCache(admission.CacheConfig{PerRegistry: 3}).Over(f, f, parsePolicy(t, ""))
		var done atomic.Int32
		ask := func(host string) {
			for i := range 20 {
				go func() {
					if _, err := j.Accept(t.Context(), reference(t, fmt.Sprintf("%s/m%d@%v", host, i, good)), policy.Use{}); err == nil {
						done.Add(1)
					}
				}()
			}
			synctest.Wait()
		}
		ask("a.io")
		if f.most != 3 {
			t.Errorf("%d at once", f.most)
		}
		ask("b.io")
		if f.most != 6 {
			t.Errorf("%d at once", f.most)
		}
		close(f.wait)
		synctest.Wait()
		if done.Load() != 40 {
			t.Errorf("%d answered", done.Load())
		}
	})
}

// TestCacheJudges: what a judge does wrong is no verdict.
func TestCacheJudges(t *testing.T) {
	ref := reference(t, "r.io/m@"+good.String())
	for name, j := range map[string]judge{
		"panics": func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) { panic("boom") },
		"nothing": func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
			return nil, nil
		},
		"only an error": func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) {
			return nil, errors.New("no")
		},
	} {
		r, err := admission.NewCache(admission.CacheConfig{}).Over(j, newFakeRegistry(), parsePolicy(t, "")).Accept(t.Context(), ref, policy.Use{})
		if err == nil || r == nil || r.Verdict.Allowed() || r.Error == nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}
