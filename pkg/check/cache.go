package check

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
)

// A Cache keeps blobs for the next time, in a folder in the OCI image layout
// that any number of processes may share. What comes out of it is hashed like
// what comes from a registry; what is damaged is fetched again.
type Cache = blob.Cache

// A Cached is a blob in a Cache.
type Cached = blob.Cached

// OpenCache opens the cache in a folder, or makes it, for its owner alone. It
// must be closed. Errors wrap ErrStore.
func OpenCache(dir string) (*Cache, error) { return blob.OpenCache(dir, 0) }

// A shelf is what one reading has to do with the cache and with mirrors: with
// places whose bytes, where they are wrong, are no fault of the artifact.
type shelf struct {
	cache   *blob.Cache     // nil: there is none
	store   *registry.Store // nil: there is none, and so no mirror
	shun    bool            // a mirror gave other bytes: none is asked in the next reading
	mu      sync.Mutex
	blind   bool // take nothing out: some of it was damaged
	spoiled bool
	taken   map[artifact.Digest]bool
	filling map[artifact.Digest]*blob.Fill
}

// begin forgets an earlier reading, after which nothing is taken out any more.
func (s *shelf) begin() {
	if s.shun {
		s.store.ShunMirrors()
	}
	s.blind = s.spoiled
	s.spoiled = false
	s.taken, s.filling = map[artifact.Digest]bool{}, map[artifact.Digest]*blob.Fill{}
}

// open gives a blob from the cache, nil where it is not there.
func (s *shelf) open(d artifact.Descriptor, offset int64) io.ReadCloser {
	if s.cache == nil || s.blind {
		return nil
	}
	r := s.cache.Open(d, offset)
	if r != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken[d.Digest] = true
	}
	return r
}

// use has a blob kept in the cache, if it is not there, and the cache told what
// became of it.
func (s *shelf) use(job *blob.Job) {
	job.Sink = &shelved{Sink: job.Sink, shelf: s, layer: job.Want.Digest}
	if s.cache == nil {
		return
	}
	job.Fill = func() *blob.Fill {
		f := s.cache.Fill(job.Want)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.filling[job.Want.Digest] = f
		return f
	}
}

// shelved is a sink whose blob may come from the cache or go there.
type shelved struct {
	blob.Sink
	shelf *shelf
	layer artifact.Digest
}

func (c *shelved) Close(err error) error {
	failed := c.Sink.Close(err)
	s := c.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.filling[c.layer]; f != nil {
		_ = f.Close(errors.Join(err, failed)) // what is not kept is fetched again
	}
	if !errors.Is(err, artifact.ErrDigestMismatch) && !errors.Is(err, artifact.ErrSizeMismatch) {
		return failed
	}
	if s.taken[c.layer] {
		s.spoiled = true
		_ = s.cache.Drop(c.layer) // nothing is taken out in the next reading
	}
	if s.store != nil && s.store.FromMirror(c.layer) {
		s.spoiled, s.shun = true, true
	}
	return failed
}

// VerifyCache hashes every blob of a cache, removes those that are not what
// their name says, and returns how many are well and which were removed.
func VerifyCache(ctx context.Context, c *Cache) (well int, removed []Cached, err error) {
	return c.Verify(ctx, blob.Config{})
}
