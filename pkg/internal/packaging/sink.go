package packaging

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime/debug"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// errClosed: a sink takes nothing after Close, and closes once.
var errClosed = errors.New("packaging: sink is closed")

// ErrPanic is wrapped where a watcher or a decoder panicked on a layer's bytes.
var ErrPanic = errors.New("panic")

// A Sink takes in one layer's bytes and finds the files in them: each with its
// size and SHA-256. It keeps what it found to itself until it was closed with
// nil, which is to say until the layer's own digest matched. Memory: some
// 200 KiB while an archive streams, plus 8 MiB for Zstandard, plus its names.
type Sink struct {
	layer  Layer
	watch  func(path string, size int64) io.Writer
	budget *budget

	size    int64
	file    io.Writer // watcher of a Raw layer's file
	sum     hash.Hash // of a Raw layer not named by SHA-256
	started bool
	closed  bool
	sound   bool // closed with nil, and nothing failed

	feed    *io.PipeWriter // to the walk through an archive
	done    chan struct{}
	walked  *walk
	failure error
}

// A budget is shared by the archives of one artifact.
type budget struct {
	entries   atomic.Int64
	nameBytes atomic.Int64
}

// spend counts one more entry.
func (b *budget) spend(names int) error {
	b.entries.Add(1)
	b.nameBytes.Add(int64(names))
	return b.exceeded()
}

func (b *budget) exceeded() error {
	if b.entries.Load() > maxEntries {
		return &LimitError{What: "entries of archives", Limit: maxEntries, Got: maxEntries + 1}
	}
	if b.nameBytes.Load() > maxNameBytes {
		return &LimitError{What: "bytes of names in archives", Limit: maxNameBytes, Got: maxNameBytes + 1}
	}
	return nil
}

// NewSink returns the sink for one layer. Where watch is not nil it is called
// once for every regular file, before the file's first byte, with the path
// that Files will give and the size in bytes; the writer that it returns, if
// it is not nil, is handed the file's bytes in order, and belongs to one
// goroutine. What it is handed is not verified until Close(nil).
func NewSink(l Layer, watch func(path string, size int64) io.Writer) *Sink {
	return newSink(l, watch, new(budget))
}

func newSink(l Layer, watch func(path string, size int64) io.Writer, b *budget) *Sink {
	if watch == nil {
		watch = func(string, int64) io.Writer { return nil }
	}
	return &Sink{layer: l, watch: watch, budget: b}
}

// Write takes the layer's next bytes. It fails after Close, and where a
// watcher failed; what is wrong with the bytes is a finding.
func (s *Sink) Write(p []byte) (n int, err error) {
	if s.closed {
		return 0, errClosed
	}
	defer caught(&err)
	s.start()
	s.size += int64(len(p))
	if s.layer.Encoding != Raw {
		return s.feed.Write(p)
	}
	if s.sum != nil {
		s.sum.Write(p)
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	return len(p), nil
}

// start begins at the first byte, so that waiting sinks cost nothing.
func (s *Sink) start() {
	if s.started {
		return
	}
	s.started = true
	if s.layer.Encoding == Raw {
		if s.layer.Digest.Algorithm() != artifact.SHA256 {
			s.sum = artifact.SHA256.New()
		}
		s.file = s.watch(s.layer.Path, s.layer.Size)
		return
	}
	var r *io.PipeReader
	r, s.feed = io.Pipe()
	s.done = make(chan struct{})
	s.walked = newWalk(&s.layer, s.watch, s.budget)
	go func() {
		defer close(s.done)
		defer func() { _, _ = io.Copy(io.Discard, r) }() // never block the writer
		defer caught(&s.failure)
		s.failure = s.walked.run(r)
	}()
}

// Close ends the layer. With nil, Files tells what was found from then on;
// with an error, never. It fails where a watcher or a decoder panicked, and
// when it is called again.
func (s *Sink) Close(err error) (failed error) {
	if s.closed {
		return errClosed
	}
	defer caught(&failed)
	if err == nil {
		func() {
			defer caught(&failed)
			s.start() // an empty layer is a layer
		}()
	}
	s.closed = true
	if s.feed != nil {
		_ = s.feed.CloseWithError(err) // nil reads as io.EOF
		<-s.done
	}
	failed = errors.Join(failed, s.failure)
	s.sound = err == nil && failed == nil
	if err != nil {
		s.walked = nil
	}
	return failed
}

// Files returns the layer's files in their order there, and what else was
// seen. Every digest is a SHA-256, Layer is set, Role and Format are not. It
// fails with ErrUnverified unless the sink was closed with nil.
func (s *Sink) Files() ([]artifact.File, []provenance.Finding, error) {
	if !s.sound {
		return nil, nil, fmt.Errorf("%w: layer %v", ErrUnverified, s.layer.Digest)
	}
	if s.layer.Encoding == Raw {
		return []artifact.File{{Path: s.layer.Path, Digest: s.rawDigest(), Size: s.size, Layer: s.layer.Digest}}, nil, nil
	}
	var files []artifact.File
	for i := range s.walked.entries {
		if e := &s.walked.entries[i]; e.kind == fileEntry {
			files = append(files, e.file(s.layer.Digest))
		}
	}
	return files, s.walked.notes.list(), nil
}

func (s *Sink) rawDigest() artifact.Digest {
	if s.sum != nil {
		return artifact.DigestOf(artifact.SHA256, s.sum.Sum(nil))
	}
	return s.layer.Digest // a SHA-256, and it matched
}

// entries returns a sound layer's contents for merging.
func (s *Sink) entries() []entry {
	if s.layer.Encoding != Raw {
		return s.walked.entries
	}
	e := entry{path: s.layer.Path, size: s.size, kind: fileEntry}
	copy(e.sum[:], s.rawDigest().Sum())
	return []entry{e}
}

// expanded returns the digest of the layer without its compression, which
// configurations call its diff ID; zero where the archive was not read to its
// end.
func (s *Sink) expanded() artifact.Digest {
	switch s.layer.Encoding {
	case Raw, Tar:
		return s.layer.Digest
	default:
		return s.walked.expanded
	}
}

// caught turns a panic into an error: a parser's fault on hostile bytes must
// end in "not verified".
func caught(err *error) {
	if r := recover(); r != nil {
		*err = errors.Join(*err, fmt.Errorf("%w: %v\n%s", ErrPanic, r, debug.Stack()))
	}
}
