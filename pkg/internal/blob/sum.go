package blob

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A SumJob is a file whose digest nobody named. Size is what it should have,
// in bytes; another length is an *artifact.MismatchError.
type SumJob struct {
	Name string // untrusted
	Size int64
	Open func(ctx context.Context) (io.ReadCloser, error)
	Sink Sink // nil: the file is only hashed
}

// Sum reads each file once and returns its SHA-256, or the zero digest and an
// error. Everything said of Stream holds, except that there is no digest to
// compare with: what comes out is a fact about the bytes and no verification.
func Sum(ctx context.Context, cfg Config, jobs []SumJob) ([]artifact.Digest, []error) {
	workers := cfg.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	sums, errs := make([]artifact.Digest, len(jobs)), make([]error, len(jobs))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(workers, len(jobs)) {
		group.Go(func() {
			buf := make([]byte, bufferSize)
			for i := int(next.Add(1)) - 1; i < len(jobs); i = int(next.Add(1)) - 1 {
				sums[i], errs[i] = sum(ctx, cfg, &jobs[i], buf)
			}
		})
	}
	group.Wait()
	return sums, errs
}

func sum(ctx context.Context, cfg Config, job *SumJob, buf []byte) (d artifact.Digest, err error) {
	defer func() {
		if err != nil {
			d = artifact.Digest{}
		}
		as := &Job{What: "file", Files: []string{job.Name}, Sink: job.Sink}
		if err = join(err, closeSink(as, err)); err != nil {
			d = artifact.Digest{}
		}
	}()
	defer caught(&err)
	if job.Open == nil {
		return d, fmt.Errorf("%w: %q: no opener", ErrJob, job.Name)
	}
	r, err := job.Open(ctx)
	if err != nil {
		return d, err
	}
	h := artifact.SHA256.New()
	n, err := sumCopy(ctx, cfg, job, h, r, buf)
	if err = join(err, r.Close()); err != nil {
		return d, err
	}
	if n != job.Size {
		return d, &artifact.MismatchError{What: "file", Files: []string{job.Name}, WantSize: job.Size, GotSize: n}
	}
	return artifact.DigestOf(artifact.SHA256, h.Sum(nil)), nil
}

func sumCopy(ctx context.Context, cfg Config, job *SumJob, h io.Writer, r io.Reader, buf []byte) (n int64, err error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
		m, rerr := r.Read(buf)
		n += int64(m)
		if n > job.Size {
			return n, nil
		}
		_, _ = h.Write(buf[:m])
		if job.Sink != nil {
			if _, err := job.Sink.Write(buf[:m]); err != nil {
				return n, &SinkError{What: "file", Files: []string{job.Name}, Err: err}
			}
		}
		if cfg.Progress != nil && m > 0 {
			cfg.Progress(int64(m))
		}
		if rerr == io.EOF {
			return n, nil
		}
		if rerr != nil {
			return n, rerr
		}
	}
}
