package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
)

// streamOnce reads every distinct blob of every member once. Describing, it
// reads small blobs only and lists the others as unread.
func (e *examination) streamOnce(ctx context.Context) error {
	images := make([]*packaging.Image, len(e.members))
	for i, m := range e.members {
		images[i] = m.image
		if e.partial() {
			images[i] = e.small(m.image)
		}
	}
	e.gallery = e.newGallery()
	plan, err := packaging.NewPlan(images, e.watch)
	if err != nil {
		return err
	}
	if err := e.read(ctx, plan.Blobs()); err != nil {
		return err
	}
	if err := e.peek(ctx); err != nil {
		return err
	}
	for i, m := range e.members {
		if m.contents, err = plan.Contents(i); err != nil {
			return fmt.Errorf("member %v: %w", m.descriptor.Digest, err)
		}
	}
	return nil
}

// read streams the blobs and counts what matched.
func (e *examination) read(ctx context.Context, blobs []packaging.Blob) error {
	jobs := make([]blob.Job, len(blobs))
	for i, b := range blobs {
		e.total += b.Size
		jobs[i] = blob.Job{
			What:  b.What,
			Files: b.Files,
			Want:  b.Descriptor,
			Open: func(ctx context.Context) (io.ReadCloser, error) {
				return e.from(ctx, &jobs[i], 0)
			},
			Sink: &guarded{Sink: b.Sink, gallery: e.gallery, layer: b.Digest},
		}
		e.follow(&jobs[i])
		e.keep(&jobs[i])
		e.shelf.use(&jobs[i])
	}
	errs := blob.Stream(ctx, blob.Config{Workers: e.cfg.Workers, Progress: e.progress()}, jobs)
	var failed failures
	for i, err := range errs {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		e.report.Bytes.Blobs++
		e.report.Bytes.Hashed += jobs[i].Want.Size
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// follow tells of the blob by itself.
func (e *examination) follow(job *blob.Job) {
	now := BlobProgress{Digest: job.Want.Digest, Name: job.What, Size: job.Want.Size}
	if len(job.Files) > 0 {
		now.Name = job.Files[0]
	}
	job.Progress = func(n int64) {
		now.Done += n
		e.cfg.Blobs(now)
	}
	job.Ended = func() {
		now.Ended = true
		e.cfg.Blobs(now)
	}
}

func (e *examination) progress() func(int64) {
	var done atomic.Int64
	return func(n int64) { e.cfg.Progress(done.Add(n), e.total) }
}

// small returns the image without the layers that describing does not read.
func (e *examination) small(m *packaging.Image) *packaging.Image {
	part := *m
	part.Layers = nil
	for _, l := range m.Layers {
		if l.Size <= e.largest {
			part.Layers = append(part.Layers, l)
			continue
		}
		e.unread(l)
	}
	return &part
}

// examineTree is the story of a plain folder: there is no manifest, nobody
// named a digest, and the subject is the content identity of what is there.
func (e *examination) examineTree(ctx context.Context) (err error) {
	tree, err := e.openTree()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	listed, err := tree.Files(ctx)
	if err != nil {
		return err
	}
	listed, err = e.recognise(tree, listed)
	if e.quick {
		return e.unchanged(listed, err)
	}
	if err != nil {
		return err
	}
	if err := e.treeSignatures(tree, listed); err != nil {
		return err
	}
	if e.closed() {
		return nil
	}
	e.gallery = e.newGallery()
	var jobs []blob.SumJob
	for _, f := range listed {
		if f.Irregular != "" {
			e.noteIrregular(f.Path, f.Irregular)
			continue
		}
		if e.largest > 0 && f.Size > e.largest {
			e.report.Unread = append(e.report.Unread, Unread{Size: f.Size, Path: f.Path})
			continue
		}
		e.total += f.Size
		jobs = append(jobs, blob.SumJob{
			Name: f.Path,
			Size: f.Size,
			Open: func(context.Context) (io.ReadCloser, error) { return tree.Open(f.Path) },
			Sink: e.gallery.file(f.Path, f.Size),
		})
	}
	sums, errs := blob.Sum(ctx, blob.Config{Workers: e.cfg.Workers, Progress: e.progress()}, jobs)
	var failed failures
	for i, sum := range sums {
		if errs[i] != nil {
			failed = append(failed, errs[i])
			continue
		}
		e.report.Bytes.Hashed += jobs[i].Size
		e.treeFiles = append(e.treeFiles, artifact.File{Path: jobs[i].Name, Digest: sum, Size: jobs[i].Size})
	}
	if len(failed) > 0 {
		return failed
	}
	if err := e.peekTree(ctx, tree); err != nil {
		return err
	}
	e.compareBytes(listed)
	if err := e.record(); err != nil {
		return err
	}
	if len(e.report.Unread) > 0 {
		return nil // nobody reviewed the part that was read
	}
	return e.reviewing(ctx, e.report.Manifest.Subject)
}
