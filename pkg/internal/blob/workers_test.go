package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func TestContext(t *testing.T) {
	cause := errors.New("somebody pressed a key")
	before, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	opened := false
	sink := &recorder{}
	job := Job{Want: want(content), Sink: sink, Open: func(context.Context) (io.ReadCloser, error) { opened = true; return nil, errOffline }}
	if err := Stream(before, Config{}, []Job{job})[0]; err != cause || opened {
		t.Errorf("before: %v, opened %v", err, opened)
	}
	if sink.closes != 1 || sink.closed != cause {
		t.Errorf("closed %d times with %v", sink.closes, sink.closed)
	}

	during, cancel := context.WithCancelCause(t.Context())
	read := &counter{r: zeros{}}
	sink = &recorder{}
	job = Job{Want: artifact.Descriptor{Digest: want(content).Digest, Size: math.MaxInt64}, Open: opener(read)}
	err := Stream(during, Config{Progress: func(int64) { cancel(cause) }}, []Job{job})[0]
	if !errors.Is(err, cause) || read.n > maxBuffer {
		t.Errorf("during: %v after %d bytes", err, read.n)
	}
}

// TestWorkers: never more readers at a time than asked for, and one failure
// stops nobody.
func TestWorkers(t *testing.T) {
	const workers, n = 3, 50
	var open, most atomic.Int64
	var jobs []Job
	for i := range n {
		b := []byte(fmt.Sprint("blob ", i))
		d := want(b)
		if i == 7 {
			d.Size++
		}
		jobs = append(jobs, Job{Want: d, Open: func(context.Context) (io.ReadCloser, error) {
			most.Store(max(most.Load(), open.Add(1)))
			return struct {
				io.Reader
				io.Closer
			}{bytes.NewReader(b), closeFunc(func() { open.Add(-1) })}, nil
		}})
	}
	for i, err := range Stream(t.Context(), Config{Workers: workers}, jobs) {
		if (err != nil) != (i == 7) {
			t.Errorf("blob %d: %v", i, err)
		}
	}
	if most.Load() > workers || open.Load() != 0 {
		t.Errorf("%d open at a time, %d left open", most.Load(), open.Load())
	}
}

type closeFunc func()

func (f closeFunc) Close() error { f(); return nil }

// TestSum: a file whose digest nobody named has one, or an error.
func TestSum(t *testing.T) {
	open := func(b []byte) func(context.Context) (io.ReadCloser, error) { return opener(bytes.NewReader(b)) }
	size := int64(len(content))
	tests := []struct {
		name string
		job  SumJob
		want error
	}{
		{"sound", SumJob{Size: size, Open: open(content)}, nil},
		{"longer", SumJob{Size: size - 1, Open: open(content)}, artifact.ErrSizeMismatch},
		{"shorter", SumJob{Size: size + 1, Open: open(content)}, artifact.ErrSizeMismatch},
		{"endless", SumJob{Size: size, Open: opener(zeros{})}, artifact.ErrSizeMismatch},
		{"negative", SumJob{Size: -1, Open: open(content)}, ErrJob},
		{"no opener", SumJob{Size: size}, ErrJob},
		{"not opened", SumJob{Size: size, Open: func(context.Context) (io.ReadCloser, error) { return nil, errOffline }}, errOffline},
		{"changed, told by Close", SumJob{Size: size, Open: func(context.Context) (io.ReadCloser, error) { return closeError{bytes.NewReader(content)}, nil }}, errChanged},
		{"panics", SumJob{Size: size, Open: opener(panicReader{})}, ErrPanic},
		{"no progress", SumJob{Size: size, Open: opener(lyingReader{0})}, io.ErrNoProgress},
		{"sink fails", SumJob{Size: size, Open: open(content), Sink: &recorder{failAt: 1}}, errDisk},
	}
	for _, tt := range tests {
		sink, ok := tt.job.Sink.(*recorder)
		if !ok {
			sink = &recorder{}
			tt.job.Sink = sink
		}
		tt.job.Name = "model.safetensors"
		sums, errs := Sum(t.Context(), Config{}, []SumJob{tt.job})
		if !errors.Is(errs[0], tt.want) || sums[0].IsZero() != (tt.want != nil) {
			t.Errorf("%s: %v %v", tt.name, sums[0], errs[0])
		}
		if tt.want == nil && sums[0] != artifact.SumSHA256(content) {
			t.Errorf("%s: %v", tt.name, sums[0])
		}
		if sink.closes != 1 || (sink.closed == nil) != (tt.want == nil) {
			t.Errorf("%s: closed %d times with %v", tt.name, sink.closes, sink.closed)
		}
	}
}

// TestProgressPanics: whoever watches progress cannot turn a failure to a pass.
func TestProgressPanics(t *testing.T) {
	err := Stream(t.Context(), Config{Progress: func(int64) { panic("bar") }}, []Job{{Want: want(content), Open: opener(bytes.NewReader(content))}})[0]
	if !errors.Is(err, ErrPanic) {
		t.Error(err)
	}
}

func BenchmarkStream(b *testing.B) {
	const size = 256 << 20
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("%d blobs", n), func(b *testing.B) {
			d := want(data)
			b.SetBytes(int64(n) * size)
			b.ReportAllocs()
			for b.Loop() {
				var jobs []Job
				for range n {
					jobs = append(jobs, Job{Want: d, Open: opener(bytes.NewReader(data))})
				}
				if err := errors.Join(Stream(b.Context(), Config{}, jobs)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestCrowd: of small blobs eight are waited for at once, and the large ones,
// though named first, come after them.
func TestCrowd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var here, done atomic.Int64
	all := make(chan struct{})
	large := make([]byte, smallBlob+1)
	jobs := []Job{{Want: want(large), Open: func(context.Context) (io.ReadCloser, error) {
		if n := done.Load(); n != smallWorkers {
			t.Errorf("a large blob was begun after %d small ones", n)
		}
		return io.NopCloser(bytes.NewReader(large)), nil
	}}}
	for range smallWorkers {
		jobs = append(jobs, Job{Want: want(content), Ended: func() { done.Add(1) }, Open: func(ctx context.Context) (io.ReadCloser, error) {
			if here.Add(1) == smallWorkers {
				close(all)
			}
			select {
			case <-all:
				return io.NopCloser(bytes.NewReader(content)), nil
			case <-time.After(time.Minute): // fewer are waited for
				cancel()
				return nil, ctx.Err()
			}
		}})
	}
	for i, err := range Stream(ctx, Config{}, jobs) {
		if err != nil {
			t.Errorf("blob %d: %v", i, err)
		}
	}
}
