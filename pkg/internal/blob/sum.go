package blob

import (
	"context"
	"io"

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
	sums, errs := make([]artifact.Digest, len(jobs)), make([]error, len(jobs))
	each(cfg, len(jobs), maxBuffer, func(w *worker, i int) {
		job := &jobs[i]
		p := &pass{algorithm: artifact.SHA256, job: &Job{
			What: "file", Files: []string{job.Name}, Want: artifact.Descriptor{Size: job.Size}, Open: job.Open, Sink: job.Sink,
		}}
		if errs[i] = w.run(ctx, p); errs[i] == nil {
			sums[i] = p.sum
		}
	})
	return sums, errs
}
