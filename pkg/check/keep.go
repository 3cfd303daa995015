package check

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// watch is a packaging.Watch: whoever looks at a file, and where it is kept,
// whoever writes it.
func (e *examination) watch(layer artifact.Digest, path string, size int64) io.Writer {
	seen := e.gallery.watch(layer, path, size)
	if e.pull == nil {
		return seen
	}
	return e.pull.writer(layer, path, size, seen)
}

// writer returns where the bytes of a file go.
func (p *pull) writer(layer artifact.Digest, path string, size int64, seen io.Writer) io.Writer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.raw[layer][path] && p.parts[layer] != nil {
		p.used[layer] = true
		return seen // package blob writes it
	}
	m, err := p.q.Member(size)
	if err != nil {
		p.stop(err)
		return &keeper{pull: p, failed: err}
	}
	if p.members[layer] == nil {
		p.members[layer] = map[string][]*blob.Member{}
	}
	p.members[layer][path] = append(p.members[layer][path], m)
	return &keeper{pull: p, to: m, seen: seen}
}

// A keeper hands a file's bytes to the disk and to whoever looks at it.
type keeper struct {
	pull   *pull
	to     io.Writer
	seen   io.Writer
	failed error
}

func (k *keeper) Write(b []byte) (int, error) {
	if k.failed == nil {
		_, k.failed = k.to.Write(b)
	}
	if k.failed != nil {
		k.pull.stop(k.failed)
		return 0, k.failed
	}
	return k.seen.Write(b)
}

// keep has a blob that is a file go on where an earlier run was interrupted,
// and ends what is written when the blob ends.
func (e *examination) keep(job *blob.Job) {
	p := e.pull
	if p == nil {
		return
	}
	job.Sink = &closing{Sink: job.Sink, pull: p, layer: job.Want.Digest}
	if len(p.raw[job.Want.Digest]) == 0 {
		return
	}
	var part *blob.Part
	job.Open = func(ctx context.Context) (io.ReadCloser, error) {
		var err error
		if part, err = p.q.Part(job.Want); err != nil {
			p.stop(err)
			return nil, err
		}
		part.Failed = p.stop
		p.mu.Lock()
		p.parts[job.Want.Digest] = part
		p.kept += part.Kept()
		p.mu.Unlock()
		return part.Open(ctx, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return e.from(ctx, job, offset)
		})
	}
	job.Part = func() *blob.Part { return part }
	job.Mark = func(hashed int64, state []byte) error { return part.Mark(hashed, state) }
}

// from opens a blob at an offset, in the cache, from what is here already, or
// where the artifact is.
func (e *examination) from(ctx context.Context, job *blob.Job, offset int64) (io.ReadCloser, error) {
	if r := e.shelf.open(job.Want, offset); r != nil {
		return r, nil
	}
	if offset == 0 {
		if r := e.early.take(job.Want); r != nil {
			return r, nil
		}
	}
	r, err := e.store.BlobFrom(ctx, job.Want, offset)
	if err != nil {
		return nil, fmt.Errorf("reading %s %v: %w", job.What, job.Want.Digest, err)
	}
	return r, nil
}

// closing is a sink whose files are closed after it.
type closing struct {
	blob.Sink
	pull  *pull
	layer artifact.Digest
}

func (c *closing) Close(err error) error {
	failed := c.Sink.Close(err)
	return errors.Join(failed, c.pull.settle(c.layer, errors.Join(err, failed)))
}

// settle closes the files of a blob.
func (p *pull) settle(layer artifact.Digest, err error) error {
	p.mu.Lock()
	part, members := p.parts[layer], p.members[layer]
	p.mu.Unlock()
	var failed error
	if part != nil {
		failed = part.Close(err)
		if part.Kept() > 0 && errors.Is(errors.Join(err, failed), blob.ErrSpoiled) {
			p.mu.Lock()
			p.spoiled = true
			p.mu.Unlock()
			return failed
		}
	}
	for _, list := range members {
		for _, m := range list {
			failed = errors.Join(failed, m.Close())
		}
	}
	if failed != nil && err == nil {
		p.stop(failed)
	}
	return failed
}

// find returns where the bytes of a file of the record are. A path that stood
// twice in one archive has none: nobody can say which of them it is.
func (p *pull) find(f provenance.File) (blob.Stored, bool) {
	if p.raw[f.Layer][f.Path] && p.used[f.Layer] {
		return p.parts[f.Layer].Stored(), true
	}
	if list := p.members[f.Layer][f.Path]; len(list) == 1 {
		return list[0].Stored()
	}
	return blob.Stored{}, false
}

// remains lists the blobs, those that did not match too, where there is no
// record to name their files.
func (p *pull) remains() []blob.Placement {
	var out []blob.Placement
	for d, part := range p.parts {
		if stored, ok := part.Remains(); ok {
			out = append(out, blob.Placement{Path: stored.Name(), Digest: d, Stored: stored})
		}
	}
	return out
}
