package blob

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// recorder is a sink that remembers what happened to it.
type recorder struct {
	buf      bytes.Buffer
	closes   int
	closed   error
	failAt   int // fail the write that reaches this many bytes; 0: never
	failWith error
	panics   string // "write" or "close"
}

var errDisk = errors.New("disk full")

func (r *recorder) Write(p []byte) (int, error) {
	if r.closes > 0 {
		panic("write after close")
	}
	if r.panics == "write" {
		panic("sink")
	}
	r.buf.Write(p)
	if r.failAt > 0 && r.buf.Len() >= r.failAt {
		return 0, errDisk
	}
	return len(p), nil
}

func (r *recorder) Close(err error) error {
	r.closes++
	r.closed = err
	if r.panics == "close" {
		panic("sink")
	}
	return r.failWith
}

// content is longer than one buffer and no multiple of it.
var content = bytes.Repeat([]byte("0123456789abcde\n"), 40_001)

func want(b []byte) artifact.Descriptor {
	return artifact.Descriptor{Digest: artifact.SumSHA256(b), Size: int64(len(b))}
}

func opener(r io.Reader) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r), nil }
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("reader") }

type lyingReader struct{ n int }

func (l lyingReader) Read([]byte) (int, error) { return l.n, nil }

type closeError struct{ io.Reader }

func (closeError) Close() error { return errChanged }

var (
	errChanged = errors.New("changed while it was being read")
	errOffline = errors.New("offline")
)

// TestStreamDenies: every case differs from TestStreamMatches in one thing.
func TestStreamDenies(t *testing.T) {
	flipped := bytes.Clone(content)
	flipped[len(flipped)-1] ^= 1
	sum512 := sha512.Sum512(flipped)
	tests := []struct {
		name string
		job  Job
		want error
		size bool // the error holds a MismatchError
	}{
		{"one bit", Job{Want: want(content), Open: opener(bytes.NewReader(flipped))}, artifact.ErrDigestMismatch, true},
		{"sha512", Job{Want: artifact.Descriptor{Digest: artifact.DigestOf(artifact.SHA512, sum512[:]), Size: int64(len(content))}, Open: opener(bytes.NewReader(content))}, artifact.ErrDigestMismatch, true},
		{"truncated", Job{Want: want(content), Open: opener(bytes.NewReader(content[:len(content)-1]))}, artifact.ErrSizeMismatch, true},
		{"empty", Job{Want: want(content), Open: opener(strings.NewReader(""))}, artifact.ErrSizeMismatch, true},
		{"trailing byte", Job{Want: want(content), Open: opener(io.MultiReader(bytes.NewReader(content), strings.NewReader("x")))}, artifact.ErrSizeMismatch, true},
		{"descriptor one short", Job{Want: artifact.Descriptor{Digest: want(content).Digest, Size: int64(len(content)) - 1}, Open: opener(bytes.NewReader(content))}, artifact.ErrSizeMismatch, true},
		{"huge size", Job{Want: artifact.Descriptor{Digest: want(content).Digest, Size: math.MaxInt64}, Open: opener(bytes.NewReader(content))}, artifact.ErrSizeMismatch, true},
		{"broken off", Job{Want: want(content), Open: opener(io.MultiReader(bytes.NewReader(content[:99]), iotest.ErrReader(errOffline)))}, errOffline, false},
		{"error at the end", Job{Want: want(content), Open: opener(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errOffline)))}, errOffline, false},
		{"changed, told by Close", Job{Want: want(content), Open: func(context.Context) (io.ReadCloser, error) { return closeError{bytes.NewReader(content)}, nil }}, errChanged, false},
		{"not opened", Job{Want: want(content), Open: func(context.Context) (io.ReadCloser, error) { return nil, errOffline }}, errOffline, false},
		{"nothing opened", Job{Want: want(content), Open: func(context.Context) (io.ReadCloser, error) { return nil, nil }}, ErrJob, false},
		{"opener panics", Job{Want: want(content), Open: func(context.Context) (io.ReadCloser, error) { panic("opener") }}, ErrPanic, false},
		{"reader panics", Job{Want: want(content), Open: opener(panicReader{})}, ErrPanic, false},
		{"reader gives too much", Job{Want: want(content), Open: opener(lyingReader{1 << 30})}, io.ErrShortBuffer, false},
		{"reader gives less than nothing", Job{Want: want(content), Open: opener(lyingReader{-1})}, io.ErrShortBuffer, false},
		{"no progress", Job{Want: want(content), Open: opener(lyingReader{0})}, io.ErrNoProgress, false},
		{"no opener", Job{Want: want(content)}, ErrJob, false},
		{"no digest", Job{Want: artifact.Descriptor{Size: int64(len(content))}, Open: opener(bytes.NewReader(content))}, ErrJob, false},
		{"negative size", Job{Want: artifact.Descriptor{Digest: want(content).Digest, Size: -1}, Open: opener(bytes.NewReader(content))}, ErrJob, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sink := &recorder{}
			tt.job.Files, tt.job.Sink = []string{"model.safetensors"}, sink
			err := Stream(t.Context(), Config{}, []Job{tt.job})[0]
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			var mismatch *artifact.MismatchError
			if errors.As(err, &mismatch) != tt.size {
				t.Errorf("mismatch %v, want %v: %v", mismatch, tt.size, err)
			}
			if sink.closes != 1 || sink.closed == nil {
				t.Errorf("closed %d times, with %v", sink.closes, sink.closed)
			}
			if int64(sink.buf.Len()) > max(0, tt.job.Want.Size) {
				t.Errorf("the sink got %d bytes of %d", sink.buf.Len(), tt.job.Want.Size)
			}
		})
	}
}

func TestStreamMatches(t *testing.T) {
	sum := sha512.Sum512(content)
	readers := map[string]func() io.Reader{
		"plain":         func() io.Reader { return bytes.NewReader(content) },
		"data with EOF": func() io.Reader { return iotest.DataErrReader(bytes.NewReader(content)) },
		"halves":        func() io.Reader { return iotest.HalfReader(bytes.NewReader(content)) },
	}
	for name, reader := range readers {
		for _, d := range []artifact.Digest{artifact.SumSHA256(content), artifact.DigestOf(artifact.SHA512, sum[:])} {
			t.Run(name+" "+d.Algorithm().String(), func(t *testing.T) {
				sink := &recorder{}
				var progress atomic.Int64
				errs := Stream(t.Context(), Config{Progress: func(n int64) { progress.Add(n) }}, []Job{
					{Want: artifact.Descriptor{Digest: d, Size: int64(len(content))}, Open: opener(reader()), Sink: sink},
					{Want: want(nil), Open: opener(strings.NewReader(""))},
				})
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
				if sink.closes != 1 || sink.closed != nil || !bytes.Equal(sink.buf.Bytes(), content) {
					t.Errorf("closed %d times with %v, %d bytes", sink.closes, sink.closed, sink.buf.Len())
				}
				if got := progress.Load(); got != int64(len(content)) {
					t.Errorf("progress %d, want %d", got, len(content))
				}
			})
		}
	}
}

// TestOpenErrorAsItIs: the caller's own errors come back unwrapped.
func TestOpenErrorAsItIs(t *testing.T) {
	err := Stream(t.Context(), Config{}, []Job{{Want: want(content), Open: func(context.Context) (io.ReadCloser, error) { return nil, errOffline }}})[0]
	if err != errOffline {
		t.Errorf("got %#v", err)
	}
}

// TestEndless: of a stream without end, one byte more than there may be is
// read (CVE-2023-46737).
func TestEndless(t *testing.T) {
	read := &counter{r: iotest.HalfReader(zeros{})}
	err := Stream(t.Context(), Config{}, []Job{{Want: artifact.Descriptor{Digest: want(content).Digest, Size: 1_000_000}, Open: opener(read)}})[0]
	if !errors.Is(err, artifact.ErrSizeMismatch) {
		t.Fatal(err)
	}
	if read.n != 1_000_001 {
		t.Errorf("read %d bytes", read.n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestSinkFails: a failed sink is told apart from wrong bytes, and hides none.
func TestSinkFails(t *testing.T) {
	flipped := bytes.Clone(content)
	flipped[len(flipped)-1] ^= 1
	tests := []struct {
		name     string
		sink     *recorder
		bytes    []byte
		want     error
		mismatch bool
	}{
		{"write", &recorder{failAt: 1}, content, errDisk, false},
		{"last write", &recorder{failAt: len(content)}, content, errDisk, false},
		{"write, and wrong bytes", &recorder{failAt: 1}, flipped, errDisk, true},
		{"write panics", &recorder{panics: "write"}, content, ErrPanic, false},
		{"close", &recorder{failWith: errDisk}, content, errDisk, false},
		{"close panics", &recorder{panics: "close"}, content, ErrPanic, false},
		{"close panics, and wrong bytes", &recorder{panics: "close"}, flipped, ErrPanic, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read := &counter{r: bytes.NewReader(tt.bytes)}
			err := Stream(t.Context(), Config{}, []Job{{Want: want(content), Open: opener(read), Sink: tt.sink}})[0]
			if !errors.Is(err, tt.want) || errors.Is(err, artifact.ErrDigestMismatch) != tt.mismatch {
				t.Errorf("got %v", err)
			}
			var sinkErr *SinkError
			if tt.want == errDisk && !errors.As(err, &sinkErr) {
				t.Errorf("no SinkError: %v", err)
			}
			if read.n != int64(len(content)) {
				t.Errorf("hashing stopped at %d", read.n)
			}
			if tt.sink.closes != 1 {
				t.Errorf("closed %d times", tt.sink.closes)
			}
			if tt.sink.failWith == nil && tt.sink.panics != "close" && tt.sink.closed == nil {
				t.Error("the sink was told that all is well")
			}
		})
	}
}
