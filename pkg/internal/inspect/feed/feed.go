// Package feed hands a parser the exact pieces it asks for out of a stream
// that arrives in pieces of any size.
//
// It knows no format and it never allocates for bytes that have not arrived:
// what a hostile length field asks for is bounded by the stream itself and by
// MaxTake.
package feed

import (
	"bytes"
	"errors"
	"fmt"
)

// MaxTake is the largest piece in bytes that a parser may ask for at once.
// The largest honest one is a string value in a GGUF header (a chat template
// or a tokenizer as JSON, a few MiB at most in the wild, most below 64 KiB).
const MaxTake = 4 << 20

// ErrTooLarge is wrapped by errors about a piece over MaxTake.
var ErrTooLarge = errors.New("too large")

// A Some receives what has arrived, at least one byte, and says how many it
// used; it asks for the next piece like a Step. It must not use fewer than all
// unless it asks for something else than Stream.
type Some func(b []byte) (used int)

// ErrTruncated is wrapped by End where the stream stopped too early.
var ErrTruncated = errors.New("ends too early")

// A Step receives the piece that was asked for and asks for the next one. It
// must not keep b, and it must not change it.
type Step func(b []byte)

type mode uint8

const (
	idle mode = iota // nobody asked for anything: stopped
	take
	line
	skip
	stream
)

// A Feed is an io.Writer that drives steps. A step that asks for nothing ends
// the parse; bytes after that are counted and ignored. The zero value is
// stopped.
type Feed struct {
	mode mode
	want uint64 // take: size; skip: what is left; line: how many bytes to keep
	buf  []byte
	step Step
	some Some
	off  int64 // bytes consumed by finished requests
	seen int64 // bytes written
	err  error
	cut  bool // the line was longer than what was kept
}

// Take asks for the next n bytes.
func (f *Feed) Take(n uint64, s Step) {
	if n > MaxTake {
		f.Fail(fmt.Errorf("a piece of %d bytes is over the limit of %d: %w", n, MaxTake, ErrTooLarge))
		return
	}
	f.mode, f.want, f.step = take, n, s
}

// Line asks for the bytes up to the next line feed, which is consumed and not
// handed over. Of a longer line only the first keep bytes are handed over;
// Cut says so.
func (f *Feed) Line(keep int, s Step) {
	f.mode, f.want, f.step, f.cut = line, uint64(keep), s, false
}

// Stream asks for bytes as they come, without buffering.
func (f *Feed) Stream(s Some) { f.mode, f.some = stream, s }

// Skip passes over n bytes and calls s with nil.
func (f *Feed) Skip(n uint64, s Step) { f.mode, f.want, f.step = skip, n, s }

// Fail stops the parse with err. The first error stays.
func (f *Feed) Fail(err error) {
	if f.err == nil {
		f.err = err
	}
	f.mode = idle
}

// Err is the error of Fail.
func (f *Feed) Err() error { return f.err }

// Cut says whether the last line was longer than what was kept of it.
func (f *Feed) Cut() bool { return f.cut }

// Offset is the position in bytes behind the piece handed over last.
func (f *Feed) Offset() int64 { return f.off }

// Seen is the number of bytes written so far.
func (f *Feed) Seen() int64 { return f.seen }

// Stopped says whether the parser has asked for nothing more.
func (f *Feed) Stopped() bool { return f.mode == idle }

// End says that the stream is over: the error of Fail, or one that wraps
// ErrTruncated where a request stayed unanswered.
func (f *Feed) End() error {
	if f.err == nil && f.mode != idle {
		return fmt.Errorf("at byte %d: %w", f.off, ErrTruncated)
	}
	return f.err
}

// Write feeds p. It never fails: a stream that cannot be parsed is still to
// be hashed.
func (f *Feed) Write(p []byte) (int, error) {
	n := len(p)
	f.seen += int64(n)
	for f.mode != idle {
		rest, done := f.advance(p)
		p = rest
		if !done {
			break
		}
	}
	return n, nil
}

// advance serves the request as far as p goes and says whether it was served.
func (f *Feed) advance(p []byte) ([]byte, bool) {
	switch f.mode {
	case skip:
		n := min(f.want, uint64(len(p)))
		f.want -= n
		f.off += int64(n)
		if f.want > 0 {
			return nil, false
		}
		return p[n:], f.call(nil)
	case line:
		return f.advanceLine(p)
	case stream:
		if len(p) == 0 {
			return nil, false
		}
		s := f.some
		f.mode, f.some = idle, nil
		at := f.off
		f.off += int64(len(p)) // while s runs, Offset is behind all that arrived
		n := s(p)
		f.off = at + int64(n)
		return p[n:], true
	default:
		if len(f.buf) == 0 && uint64(len(p)) >= f.want {
			f.off += int64(f.want)
			return p[f.want:], f.call(p[:f.want])
		}
		n := min(f.want-uint64(len(f.buf)), uint64(len(p)))
		f.buf = append(f.buf, p[:n]...)
		if uint64(len(f.buf)) < f.want {
			return nil, false
		}
		f.off += int64(f.want)
		return p[n:], f.callBuffered()
	}
}

func (f *Feed) advanceLine(p []byte) ([]byte, bool) {
	i := bytes.IndexByte(p, '\n')
	part := p
	if i >= 0 {
		part = p[:i]
	}
	room := int(f.want) - len(f.buf)
	if len(part) > room {
		f.cut = true
	}
	f.buf = append(f.buf, part[:min(room, len(part))]...)
	f.off += int64(len(part))
	if i < 0 {
		return nil, false
	}
	f.off++
	return p[i+1:], f.callBuffered()
}

func (f *Feed) callBuffered() bool {
	b := f.buf
	f.buf = nil
	done := f.call(b)
	if f.buf == nil && cap(b) <= 64<<10 { // keep small buffers, let go of large ones
		f.buf = b[:0]
	}
	return done
}

func (f *Feed) call(b []byte) bool {
	s := f.step
	f.mode, f.step = idle, nil
	s(b)
	return true
}
