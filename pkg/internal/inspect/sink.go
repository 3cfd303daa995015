package inspect

import (
	"io"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
)

// Windows, in bytes. A Sink keeps them and what its parsers need, whatever the
// file's size: see the limits of the sub-packages, together below 12 MiB for
// the worst file and some 100 kB for a usual one.
const (
	// headWindow holds every magic, the HDF5 user blocks that occur, and
	// enough text to tell text from bytes.
	headWindow = 64 << 10
)

// A Sink is an io.Writer that inspects one file as it streams. Its Write never
// fails. Use New.
type Sink struct {
	path    string
	size    int64
	seen    int64
	head    []byte
	decided bool
	format  string
	parsers []io.Writer
	tensors *safetensors.Parser
}

// New returns a Sink for the file at path, of size bytes. Both are what the
// artifact claims; Facts are worth something only after the caller has seen
// the digest and the size match.
func New(path string, size int64) *Sink {
	return &Sink{path: path, size: size}
}

// Write reads on.
func (s *Sink) Write(p []byte) (int, error) {
	n := len(p)
	s.seen += int64(n)
	if !s.decided {
		take := min(headWindow-len(s.head), len(p))
		s.head = append(s.head, p[:take]...)
		p = p[take:]
		if len(s.head) == headWindow || s.seen >= s.size {
			s.decide()
		}
	}
	s.feed(p)
	return n, nil
}

// decide names the format and starts every parser that some loader would
// start for these bytes or this name.
func (s *Sink) decide() {
	s.decided = true
	s.format = identify(s.path, s.size, s.head)
	if s.format == FormatSafetensors || extension(s.path) == ".safetensors" {
		s.tensors = safetensors.New(s.size, nil)
		s.parsers = append(s.parsers, s.tensors)
	}
	s.feed(s.head)
}

func (s *Sink) feed(p []byte) {
	if len(p) == 0 {
		return
	}
	for _, w := range s.parsers {
		_, _ = w.Write(p) // parsers keep their errors to themselves until Facts
	}
}

// Facts returns what was seen, after the last byte.
func (s *Sink) Facts() Facts {
	if !s.decided {
		s.decide()
	}
	f := Facts{Format: s.format, Class: classOf(s.format)}
	s.safetensorsFacts(&f)
	s.nameFacts(&f)
	return f
}
