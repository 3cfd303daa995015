package admission

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A CacheConfig bounds a Cache. The zero value of every field is a sound default.
type CacheConfig struct {
	Entries     int           // verdicts kept; default 4096
	Allowed     time.Duration // how long one that allows is kept; default 1 minute
	Refused     time.Duration // how long one that does not is kept; default 5 s
	Judging     time.Duration // how long judging one may take; default 30 s
	PerRegistry int           // models of one registry that are judged at once; default 16
	Now         func() time.Time
}

// An Origin says where a verdict came from.
type Origin string

// The origins.
const (
	FromRegistry Origin = "registry" // judged for this request, or for one at the same time
	FromCache    Origin = "cache"    // judged before, not longer ago than CacheConfig says
	FromOutage   Origin = "outage"   // judged before, and the registry cannot be asked now
)

// A Cache keeps verdicts by what they rest on: the digest that was judged, the
// reference's spelling and use by which the policy chooses what it asks, and the
// policy's digest, which covers keys, chains and trusted roots. A tag is asked
// for anew each time. What could not be judged is not kept.
//
// A Cache may be used by several goroutines at once.
type Cache struct {
	cfg     CacheConfig
	observe func(Origin, string) // told where a verdict came from, and the code of the error where there is none
	flights singleflight.Group

	mu      sync.Mutex
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cacheEntry, the last used first
	turns   map[string]*turns
}

type cacheKey struct {
	policy    artifact.Digest
	digest    artifact.Digest
	reference string
	use       policy.Use
}

func (k cacheKey) String() string {
	return strings.Join([]string{k.policy.String(), k.digest.String(), k.reference, k.use.Environment, k.use.Use}, "\x00")
}

type cacheEntry struct {
	key    cacheKey
	report *check.Report
}

// A Resolver says which digest a reference names now. *check.Checker is one.
type Resolver interface {
	Resolve(ctx context.Context, ref artifact.Reference) (artifact.Digest, error)
}

// cached is a judge whose verdicts are kept.
type cached struct {
	*Cache
	judge     Judge
	resolver  Resolver
	policy    artifact.Digest
	cachedFor time.Duration // policy.Admission.CachedFor
}

// Over returns a judge that asks j, by policy p, only for what is not kept.
// Reports of j must say until when they hold (check.Config.Horizon), as far
// ahead as Horizon says; what they allow is not kept otherwise.
func (c *Cache) Over(j Judge, r Resolver, p *policy.Policy) Judge {
	return &cached{Cache: c, judge: j, resolver: r, policy: p.Digest(), cachedFor: p.Admission().CachedFor}
}

// Horizon is how far ahead a judge whose verdicts are kept has to look.
func (c *Cache) Horizon(p *policy.Policy) time.Duration {
	return max(c.cfg.Allowed, p.Admission().CachedFor)
}

// Accept implements Judge.
func (c *cached) Accept(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
	key := cacheKey{policy: c.policy, reference: ref.String(), use: use}
	var err error
	if key.digest, err = c.resolve(ctx, ref); err != nil {
		// Nothing is used again here: where a tag points now, nobody knows.
		r := check.Failed(ref.String(), check.CodeOf(err), err, "")
		c.observe(FromRegistry, r.Error.Code)
		return r, err
	}
	kept, at := c.find(key)
	if c.fresh(kept, at) {
		c.observe(FromCache, "")
		return kept, nil
	}
	report, err := c.fly(ctx, key, ref, use)
	if err == nil {
		c.observe(FromRegistry, "")
		return report, nil
	}
	if c.standsIn(kept, at, report) {
		c.observe(FromOutage, report.Error.Code)
		return kept, nil
	}
	c.observe(FromRegistry, report.Error.Code)
	return report, err
}

// resolve asks where a tag points, each time.
func (c *cached) resolve(ctx context.Context, ref artifact.Reference) (artifact.Digest, error) {
	if d := ref.Digest(); !d.IsZero() {
		return d, nil
	}
	done, err := c.turn(ctx, ref.Host())
	if err != nil {
		return artifact.Digest{}, err
	}
	defer done()
	d, err := c.resolver.Resolve(ctx, ref)
	if err == nil && d.IsZero() {
		err = errors.New("the reference resolved to nothing")
	}
	return d, err
}

// fly judges once for all who ask at the same time, and goes on when they have
// stopped waiting: whoever asks again soon finds the verdict.
func (c *cached) fly(ctx context.Context, key cacheKey, ref artifact.Reference, use policy.Use) (*check.Report, error) {
	flight := c.flights.DoChan(key.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Judging)
		defer cancel()
		return c.judgeOnce(ctx, key, ref, use)
	})
	failed := func(err error) (*check.Report, error) {
		return check.Failed(ref.String(), check.CodeOf(err), err, ""), err
	}
	select {
	case <-ctx.Done():
		return failed(fmt.Errorf("judging %q: %w", ref, ctx.Err()))
	case got := <-flight:
		report, ok := got.Val.(*check.Report)
		switch {
		case !ok || report == nil && got.Err == nil:
			return failed(errors.New("a judge returned no report"))
		case report == nil:
			return failed(got.Err)
		}
		return report, got.Err
	}
}

func (c *cached) judgeOnce(ctx context.Context, key cacheKey, ref artifact.Reference, use policy.Use) (report *check.Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			report, err = nil, fmt.Errorf("a defect of this program: %v", p)
		}
	}()
	done, err := c.turn(ctx, ref.Host())
	if err != nil {
		return nil, err
	}
	defer done()
	report, err = c.judge.Accept(ctx, ref, use)
	if err == nil && report != nil && report.Resolved != nil && !report.Resolved.Digest.IsZero() {
		key.digest = report.Resolved.Digest // a tag may have moved since it was resolved
		c.keep(key, report)
	}
	return report, err
}

// outages are the codes of a registry that cannot be asked.
var outages = []string{
	provenance.CodeUnreachable, provenance.CodeRateLimited, provenance.CodeRegistryError, provenance.CodeTransferIncomplete,
	provenance.CodeReferrersUnavailable, provenance.CodeInterrupted,
}

// standsIn says whether a verdict from before may be used because the registry
// cannot be asked now.
func (c *cached) standsIn(kept *check.Report, at time.Time, failed *check.Report) bool {
	return kept != nil && kept.Verdict.Allowed() && failed.Error != nil && slices.Contains(outages, failed.Error.Code) &&
		c.within(at, c.cachedFor) && c.cfg.Now().Before(kept.HoldsUntil)
}

// NewCache returns an empty cache.
func NewCache(cfg CacheConfig) *Cache {
	if cfg.Entries <= 0 {
		cfg.Entries = 4096
	}
	if cfg.Allowed <= 0 {
		cfg.Allowed = time.Minute
	}
	if cfg.Refused <= 0 {
		cfg.Refused = 5 * time.Second
	}
	if cfg.Judging <= 0 {
		cfg.Judging = 30 * time.Second
	}
	if cfg.PerRegistry <= 0 {
		cfg.PerRegistry = 16
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cache{cfg: cfg, observe: func(Origin, string) {}, entries: map[cacheKey]*list.Element{}, recent: list.New(), turns: map[string]*turns{}}
}

// Len is how many verdicts are kept.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

// find returns what is kept under a key, and when it was judged.
func (c *Cache) find(key cacheKey) (*check.Report, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return nil, time.Time{}
	}
	c.recent.MoveToFront(e)
	entry := e.Value.(*cacheEntry)
	return entry.report, entry.report.StartedAt
}

// keep puts a verdict into the place of an older one.
func (c *Cache) keep(key cacheKey, report *check.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		e.Value = &cacheEntry{key, report}
		c.recent.MoveToFront(e)
		return
	}
	c.entries[key] = c.recent.PushFront(&cacheEntry{key, report})
	for c.recent.Len() > c.cfg.Entries {
		last := c.recent.Back()
		delete(c.entries, last.Value.(*cacheEntry).key)
		c.recent.Remove(last)
	}
}

// fresh says whether a verdict may be used without asking again.
func (c *Cache) fresh(report *check.Report, at time.Time) bool {
	switch {
	case report == nil:
		return false
	case report.Verdict.Allowed():
		return c.within(at, c.cfg.Allowed) && c.cfg.Now().Before(report.HoldsUntil)
	default:
		return c.within(at, c.cfg.Refused)
	}
}

// within says whether a time is not longer ago than d, and not to come.
func (c *Cache) within(at time.Time, d time.Duration) bool {
	age := c.cfg.Now().Sub(at)
	return age >= 0 && age < d
}

// turns are those of one registry.
type turns struct {
	free  chan struct{}
	users int // who have one, or wait; under Cache.mu
}

// turn waits until fewer than PerRegistry models of a registry are judged.
// Nothing is remembered of a registry that nobody asks: tenants name them.
func (c *Cache) turn(ctx context.Context, host string) (done func(), err error) {
	c.mu.Lock()
	t, ok := c.turns[host]
	if !ok {
		t = &turns{free: make(chan struct{}, c.cfg.PerRegistry)}
		c.turns[host] = t
	}
	t.users++
	c.mu.Unlock()
	leave := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(c.turns, host)
		}
	}
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("waiting for a turn at %q: %w", host, ctx.Err())
	}
}
