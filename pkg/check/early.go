package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
)

const (
	// maxEarly bounds, in bytes and in number, the blobs of an artifact that are
	// asked for while its signatures are judged. Anything larger is not worth
	// fetching before it is known that somebody wants it.
	maxEarly      = 256 << 10
	maxEarlyBlobs = 16
	// earlyWorkers ask at a time, so that they do not get in the way of who asks
	// for the signatures.
	earlyWorkers = 2
)

// An early fetches the blobs of a small artifact as soon as its manifest is
// there: they are some answers to wait for, and so are its signatures. Nothing
// of it was hashed; it is a source of bytes like any other.
type early struct {
	stop  context.CancelFunc
	group sync.WaitGroup
	mu    sync.Mutex
	blobs map[artifact.Digest]*earlyBlob // that nobody took
}

// An earlyBlob is one that may have been asked for.
type earlyBlob struct {
	asked bool
	came  chan []byte // closed behind the bytes, or without them
}

// foresee begins to fetch the blobs, where they are small, few, and all wanted.
// Whoever said how many may be read at a time gets no more.
func (e *examination) foresee(ctx context.Context) *early {
	f := &early{blobs: map[artifact.Digest]*earlyBlob{}}
	ctx, f.stop = context.WithCancel(ctx)
	if e.accept || e.cfg.Workers > 0 || e.cfg.Cache != nil {
		return f
	}
	few := fewBlobs(e.subject.Descriptor, e.subject.Body)
	queue := make(chan artifact.Descriptor, len(few))
	for _, d := range few {
		f.blobs[d.Digest] = &earlyBlob{came: make(chan []byte, 1)}
		queue <- d
	}
	close(queue)
	for range min(earlyWorkers, len(few)) {
		f.group.Go(func() {
			for d := range queue {
				f.ask(ctx, e.store, d)
			}
		})
	}
	return f
}

// ask fetches a blob, unless somebody else does.
func (f *early) ask(ctx context.Context, store *registry.Store, d artifact.Descriptor) {
	f.mu.Lock()
	b := f.blobs[d.Digest]
	if b == nil || b.asked {
		f.mu.Unlock()
		return
	}
	b.asked = true
	f.mu.Unlock()
	defer close(b.came)
	defer func() { _ = recover() }() // whoever reads asks again, and there it is an error
	if body, err := whole(ctx, store, d); err == nil {
		b.came <- body
	}
}

// fewBlobs lists what a manifest of few small blobs names, nil for any other.
func fewBlobs(d artifact.Descriptor, body []byte) []artifact.Descriptor {
	doc, err := packaging.Parse(body, d)
	if err != nil || doc.Image == nil || len(doc.Image.Layers) >= maxEarlyBlobs {
		return nil // unpack says what is wrong
	}
	blobs := []artifact.Descriptor{doc.Image.Config}
	for _, l := range doc.Image.Layers {
		blobs = append(blobs, l.Descriptor)
	}
	left := int64(maxEarly)
	if slices.ContainsFunc(blobs, func(d artifact.Descriptor) bool {
		fits := d.Size <= left
		left -= d.Size
		return !fits
	}) {
		return nil
	}
	return blobs
}

// whole reads a blob, whatever its bytes are. Reading ends one byte behind the
// size that was named.
func whole(ctx context.Context, store *registry.Store, d artifact.Descriptor) ([]byte, error) {
	r, err := store.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r)
	return body, errors.Join(err, r.Close())
}

// take gives the bytes of a blob, once. It gives nil where nobody asked for them
// or they did not come: whoever reads asks, and is told what fails.
func (f *early) take(d artifact.Descriptor) io.ReadCloser {
	f.mu.Lock()
	b := f.blobs[d.Digest]
	delete(f.blobs, d.Digest)
	f.mu.Unlock()
	if b == nil || !b.asked {
		return nil
	}
	body, ok := <-b.came
	if !ok {
		return nil
	}
	return io.NopCloser(bytes.NewReader(body))
}

// end gives up what nobody took.
func (f *early) end() {
	f.stop()
	f.group.Wait()
}
