package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	// maxPeeked bounds, in bytes, what one description reads of headers: those of
	// DeepSeek-V3's 163 shards have 12 MB together.
	maxPeeked = 128 << 20
	// peekWorkers ask for headers at a time: each is a wait for an answer, not
	// work.
	peekWorkers = 4
)

// Describe shows what can be shown without the weights: manifests, signatures
// and small documents, and of larger files what their headers seem to say. The
// report carries no verdict and no manifest digest.
func (c *Checker) Describe(ctx context.Context, ref artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	e.report.Inspected, e.largest = true, maxDocument
	return e.finish(e.run(ctx))
}

// DescribeFull reads and hashes every byte, and records what it saw. The report
// carries no verdict all the same: nobody was asked whom to trust.
func (c *Checker) DescribeFull(ctx context.Context, ref artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	e.report.Inspected, e.full = true, true
	return e.finish(e.run(ctx))
}

// partial says that not every byte is read.
func (e *examination) partial() bool { return e.report.Inspected && !e.full }

// An UnverifiedHeader is what the header of a file that was not read seems to
// say. No hash covers it, and it stands nowhere but here: neither the record
// nor the policy sees it.
type UnverifiedHeader struct {
	Format   string            `json:"format,omitempty"`
	Tensors  int               `json:"tensors,omitzero"`
	Elements uint64            `json:"elements,omitzero"`
	ByDType  map[string]uint64 `json:"byDType,omitempty"` // elements
	Members  int               `json:"members,omitzero"`  // of a zip, by its directory
	Bytes    int64             `json:"bytes,omitzero"`    // of the header, where the format has one at the begin
	Read     int64             `json:"read"`              // bytes that were asked for
}

// A peekJob is one unread file whose header can be asked for.
type peekJob struct {
	at   int // in Report.Unread
	read inspect.RangeReader
}

// unread notes a layer that describing does not read.
func (e *examination) unread(l packaging.Layer) {
	u := Unread{Digest: l.Digest, Size: l.Size, MediaType: l.MediaType, Path: l.Path}
	if l.Encoding != packaging.Raw {
		u.HeaderMissing = fmt.Sprintf("the files lie in an archive (%v), which is not read in parts", l.Encoding)
	}
	for _, other := range e.report.Unread {
		if other.Digest == u.Digest && other.Path == u.Path {
			return // another member of the index holds it too
		}
	}
	e.report.Unread = append(e.report.Unread, u)
}

// peek asks for the headers of what is not read.
func (e *examination) peek(ctx context.Context) error {
	var jobs []peekJob
	for i, u := range e.report.Unread {
		if u.HeaderMissing == "" {
			d := artifact.Descriptor{Digest: u.Digest, Size: u.Size}
			jobs = append(jobs, peekJob{i, func(p []byte, offset int64) error { return e.store.UnverifiedRange(ctx, d, offset, p) }})
		}
	}
	return e.peekAll(ctx, jobs)
}

func (e *examination) peekTree(ctx context.Context, tree *registry.Tree) error {
	var jobs []peekJob
	for i, u := range e.report.Unread {
		jobs = append(jobs, peekJob{i, func(p []byte, offset int64) error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return tree.UnverifiedRange(u.Path, u.Size, offset, p)
		}})
	}
	return e.peekAll(ctx, jobs)
}

var errPeeked = errors.New("enough headers were read")

// peekAll reads headers, a few at a time. That one cannot be had is no failure
// of the description; it is said.
func (e *examination) peekAll(ctx context.Context, jobs []peekJob) error {
	var spent, next atomic.Int64
	var whole atomic.Bool // the registry knows no ranges: it is not asked again
	var group sync.WaitGroup
	headers := make([]inspect.Unverified, len(e.report.Unread))
	one := func(job peekJob) {
		u := &e.report.Unread[job.at]
		seen, err := inspect.Peek(u.Path, u.Size, func(p []byte, offset int64) error {
			if whole.Load() {
				return registry.ErrNoRange
			}
			if spent.Add(int64(len(p))) > maxPeeked {
				spent.Add(-int64(len(p)))
				return fmt.Errorf("%w: over %d bytes", errPeeked, int64(maxPeeked))
			}
			return job.read(p, offset)
		})
		if errors.Is(err, registry.ErrNoRange) {
			whole.Store(true)
			err = registry.ErrNoRange
		}
		if err != nil {
			u.HeaderMissing = err.Error()
			return
		}
		headers[job.at] = seen
		u.Header = &UnverifiedHeader{Format: seen.Format, Tensors: seen.Tensors, Elements: seen.Elements, ByDType: seen.ByDType,
			Members: seen.Members, Bytes: seen.Header, Read: seen.Read}
	}
	for range min(peekWorkers, len(jobs)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(jobs)); i = next.Add(1) - 1 {
				one(jobs[i])
			}
		})
	}
	group.Wait()
	e.report.Bytes.Peeked = spent.Load()
	e.headers = headers
	return context.Cause(ctx)
}

// measureUnread counts what the headers of unread files seem to say. The
// numbers stand in the report alone, beside the record and outside of it.
func (e *examination) measureUnread(model *inspect.Model, said []provenance.ClaimObservation) {
	byPath := map[string]inspect.Unverified{}
	for i, u := range e.report.Unread {
		if u.Header == nil || u.Path == "" || i >= len(e.headers) {
			continue
		}
		if _, twice := byPath[u.Path]; twice {
			return // members of an index hold different files of one name: they are no one model
		}
		byPath[u.Path] = e.headers[i]
	}
	e.report.UnverifiedWeights = model.MeasureUnverified(byPath, said)
}
