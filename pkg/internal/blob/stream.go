package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Sink is handed a blob's bytes in order while they are hashed.
//
// Close is called exactly once, also where the blob was never opened. Its
// argument is nil only after every byte was written to the sink without an
// error and the blob's size and digest matched; a sink releases nothing
// before. Write never sees a byte beyond the named size. Write and Close are
// never called at the same time.
type Sink interface {
	io.Writer
	Close(err error) error
}

// A Job is one blob to read. Want.Digest, Want.Size and Open are required.
type Job struct {
	What  string   // "manifest", "blob", "config", "file": for messages; default "blob"
	Files []string // names of the model's files in it, as far as known; untrusted
	Want  artifact.Descriptor
	// Open gives the unverified bytes. Reading must end when ctx ends.
	Open func(ctx context.Context) (io.ReadCloser, error)
	Sink Sink // nil: the blob is only hashed
	// Progress, where it is not nil, is told of n more bytes, and Ended that the
	// job is over.
	Progress func(n int64)
	Ended    func()
	// Part, where it is not nil, is asked after Open for the file that the bytes
	// are written to as well. Whoever made it closes it, after the sink.
	Part func() *Part
	// Fill, where it is not nil, is asked after Open for what keeps the bytes for
	// the next time; nil: nobody. Whoever made it closes it, after the sink.
	Fill func() *Fill
	// Mark, where it is not nil, is told the state of the hash
	// (encoding.BinaryMarshaler) at every multiple of MarkEvery bytes, by the
	// goroutine that hashes. Its error is the job's; reading goes on.
	Mark func(hashed int64, state []byte) error
}

// Config says how Stream works. The zero value is sound.
type Config struct {
	// Workers is how many blobs are read at a time; default one per processor,
	// but four at least, and sixteen of small ones: what these cost is the waiting
	// for answers.
	Workers int
	// Progress is told of n more bytes. It is called by several goroutines.
	Progress func(n int64)
}

// Errors of a job, next to *artifact.MismatchError, which says that the bytes
// are other ones.
var (
	// ErrJob is wrapped where a job does not say what is wanted: no opener, no
	// digest, an unsupported algorithm, a negative size.
	ErrJob = errors.New("incomplete job")
	// ErrPanic is wrapped where a reader, a sink or Progress panicked.
	ErrPanic = errors.New("panic")
)

// A SinkError says that the blob's sink failed. Whether the bytes are the
// right ones is another question: where they are not, the job's error holds a
// *artifact.MismatchError as well.
type SinkError struct {
	What  string
	Files []string
	Err   error
}

func (e *SinkError) Error() string {
	return fmt.Sprintf("taking in %s: %v", describe(e.What, e.Files), e.Err)
}

// Unwrap returns what the sink said.
func (e *SinkError) Unwrap() error { return e.Err }

// Stream runs the jobs, small ones first, otherwise in their order, and returns
// one error per job, nil where size and digest matched and the sink took it all.
// One job's failure does not stop the others. An error of Open is returned as
// it is, so are errors of ctx for jobs that it stopped before they began.
func Stream(ctx context.Context, cfg Config, jobs []Job) []error {
	errs := make([]error, len(jobs))
	var small, large []int
	for i := range jobs {
		if jobs[i].Want.Size <= smallBlob {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	one := func(w *worker, i int) {
		job := &jobs[i]
		errs[i] = w.run(ctx, &pass{job: job, algorithm: job.Want.Digest.Algorithm(), compare: true})
	}
	crowd := cfg
	if crowd.Workers <= 0 {
		crowd.Workers = max(smallWorkers, cfg.workers())
	}
	each(crowd, len(small), minBuffer, func(w *worker, i int) {
		w.alone = true
		one(w, small[i])
	})
	each(cfg, len(large), maxBuffer, func(w *worker, i int) { one(w, large[i]) })
	return errs
}

const (
	smallBlob    = 4 << 20 // bytes
	smallWorkers = 16
	leastWorkers = 4
)

func (c Config) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return max(leastWorkers, runtime.GOMAXPROCS(0))
}

// each does n jobs in their order, some at a time, with buffers of at most so
// many bytes.
func each(cfg Config, n, largest int, do func(w *worker, i int)) {
	workers := min(cfg.workers(), n)
	size, count := rings(workers, largest)
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			w := &worker{progress: cfg.Progress, size: size, count: count}
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(w, i)
			}
		})
	}
	group.Wait()
}

// rings says how many buffers each of so many workers gets, and of which size in
// bytes, at most the largest.
func rings(workers, largest int) (size, count int) {
	workers = max(1, workers)
	size = max(minBuffer, min(largest, ringMemory/bufferCount/workers))
	return size, max(bufferCount, ringMemory/size/workers)
}

// run does one job from opening to closing the sink.
func (w *worker) run(ctx context.Context, p *pass) error {
	if p.job.Ended != nil {
		defer p.job.Ended()
	}
	err := p.check()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = w.read(ctx, p)
	}
	return join(err, p.sinkErr, closeSink(p.job, join(err, p.sinkErr)))
}

// check wants a job that can be verified at all: to hash with no algorithm, or
// against no digest, is a check not made.
func (p *pass) check() error {
	switch d := p.job.Want; {
	case p.job.Open == nil:
		return fmt.Errorf("%w: %s: no opener", ErrJob, p)
	case p.algorithm.Size() == 0:
		return fmt.Errorf("%w: %s: no digest to compare with", ErrJob, p)
	case d.Size < 0:
		return fmt.Errorf("%w: %s: size %d", ErrJob, p, d.Size)
	}
	return nil
}

// String names the job in messages.
func (p *pass) String() string { return describe(p.job.What, p.job.Files) }

func describe(what string, files []string) string {
	if what == "" {
		what = "blob"
	}
	if len(files) > 0 {
		what = fmt.Sprintf("%s %q", what, files[0])
	}
	if len(files) > 1 {
		what = fmt.Sprintf("%s and %d more", what, len(files)-1)
	}
	return what
}

func closeSink(job *Job, err error) (failed error) {
	if job.Sink == nil {
		return nil
	}
	defer caught(&failed)
	if cerr := job.Sink.Close(err); cerr != nil && err == nil {
		return &SinkError{What: job.What, Files: job.Files, Err: cerr}
	}
	return nil
}

// caught turns a panic into an error: a parser's fault on hostile bytes must
// end in "not verified", not in a dead process or a pass.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = join(*err, fmt.Errorf("%w: %v\n%s", ErrPanic, r, debug.Stack()))
	}
}

// join is errors.Join, but a single error stays as it is.
func join(errs ...error) error {
	var only error
	n := 0
	for _, err := range errs {
		if err != nil {
			only = err
			n++
		}
	}
	if n < 2 {
		return only
	}
	return errors.Join(errs...)
}
