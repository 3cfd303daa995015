package inspect

import (
	"io"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/onnx"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/savedmodel"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/sentencepiece"
)

// Windows, in bytes. A Sink keeps them and what its parsers need, whatever the
// file's size: see the limits of the sub-packages, below 20 MiB for the worst
// file and some 200 kB for a usual one.
const (
	// headWindow holds every magic, the HDF5 user blocks that occur, and
	// enough text to tell text from bytes.
	headWindow = 64 << 10
	// tailWindow holds a zip's end record with the longest comment, by which
	// some readers find a zip behind other content (APPNOTE §4.3.16).
	tailWindow = 22 + 1<<16 - 1
)

// windows lends the heads and tails: a thousand small files have few of them at
// a time.
var windows = sync.Pool{New: func() any { return new([tailWindow]byte) }}

func window() []byte { return windows.Get().(*[tailWindow]byte)[:0] }
func putWindow(w []byte) {
	if cap(w) > 0 {
		windows.Put((*[tailWindow]byte)(w[:tailWindow]))
	}
}

// unknownSize is the size of a member whose container does not say it.
const unknownSize = -1

// A Sink is an io.Writer that inspects one file as it streams. Its Write never
// fails. Use New.
type Sink struct {
	path    string
	size    int64 // bytes, or unknownSize
	depth   int   // of archives around it
	seen    int64
	head    []byte
	tail    []byte
	decided bool
	told    bool
	format  string
	parsers []io.Writer
	tensors *safetensors.Parser
	gguf    *gguf.Parser
	pickle  *pickle.Parser
	zip     *archive
	array   *array
	doc     *capture
	tar     *tape
	onnx    *onnx.Parser
	saved   *savedmodel.Parser
	pieces  *sentencepiece.Parser
	shapes  *shapes
	keys    ggufKeys
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
	s.keepTail(p)
	if !s.decided {
		if s.head == nil {
			s.head = window()
		}
		take := min(headWindow-len(s.head), len(p))
		s.head = append(s.head, p[:take]...)
		p = p[take:]
		if len(s.head) == headWindow || s.size != unknownSize && s.seen >= s.size {
			s.decide()
		}
	}
	s.feed(p)
	return n, nil
}

// keepTail keeps the last bytes of a file whose size is known and whose head is
// not all of it.
func (s *Sink) keepTail(p []byte) {
	if s.size <= headWindow || s.seen <= s.size-tailWindow {
		return
	}
	if s.tail == nil {
		s.tail = window()
	}
	room := tailWindow - len(s.tail)
	if late := s.seen - (s.size - tailWindow); late < int64(len(p)) {
		p = p[int64(len(p))-late:]
	}
	s.tail = append(s.tail, p[:min(room, len(p))]...)
}

// decide names the format and starts every parser that some loader would
// start for these bytes or this name.
func (s *Sink) decide() {
	s.decided = true
	s.format = identify(s.path, s.size, s.head)
	end := extension(s.path)
	if s.size != unknownSize {
		if s.format == FormatSafetensors || end == ".safetensors" {
			s.shapes = newShapes()
			s.tensors = safetensors.New(s.size, s.shapes.tensor)
			s.parsers = append(s.parsers, s.tensors)
		}
		if s.format == FormatGGUF || end == ".gguf" {
			s.gguf = gguf.New(s.size, s.key)
			s.parsers = append(s.parsers, s.gguf)
		}
	}
	// A pickle needs no magic, and can be another valid file at once: every
	// file is followed as one, as far as it can be.
	s.pickle = pickle.New(s.size == unknownSize)
	s.parsers = append(s.parsers, s.pickle)
	if s.format == FormatZip && s.depth < maxArchiveDepth {
		s.zip = newArchive(s)
		s.parsers = append(s.parsers, s.zip.parser)
	}
	if s.format == FormatTar && s.depth < maxArchiveDepth {
		s.tar = newTape(s)
		s.parsers = append(s.parsers, s.tar.parser)
	}
	if s.format == FormatNPY {
		s.array = newArray(s.head)
		s.parsers = append(s.parsers, s.array)
	}
	s.graphs(end)
	if kind := s.document(); kind != noDocument {
		s.doc = newCapture(kind, s.size)
		s.parsers = append(s.parsers, s.doc)
	}
	s.feed(s.head)
}

// graphs starts the parsers of graph formats, which say little at their begin.
func (s *Sink) graphs(end string) {
	if s.format == FormatONNX || s.format == FormatUnknown && end == ".onnx" {
		s.onnx = onnx.New(s.size)
		s.parsers = append(s.parsers, s.onnx)
	}
	if s.format == FormatSavedModel {
		s.saved = savedmodel.New(s.size)
		s.parsers = append(s.parsers, s.saved)
	}
	if s.format == FormatSentences {
		s.pieces = sentencepiece.New(s.size)
		s.parsers = append(s.parsers, s.pieces)
	}
}

func (s *Sink) feed(p []byte) {
	if len(p) == 0 {
		return
	}
	for _, w := range s.parsers {
		_, _ = w.Write(p) // parsers keep their errors to themselves until Facts
	}
}

// end is the last bytes of a file whose size is known.
func (s *Sink) end() []byte {
	if s.size != unknownSize && s.size <= headWindow {
		return s.head
	}
	return s.tail
}

// Facts returns what was seen, after the last byte, once: what it is read from is
// given back. Afterwards it says nothing, as of a file that nobody saw.
func (s *Sink) Facts() Facts {
	if s.told {
		return Facts{}
	}
	s.told = true
	defer func() {
		putWindow(s.head)
		putWindow(s.tail)
		s.head, s.tail = nil, nil
	}()
	if !s.decided {
		if s.size == unknownSize {
			s.size = s.seen // all of it is in the head
		}
		s.decide()
	}
	f := Facts{Format: s.format, Class: s.classByFormat()}
	s.documentFacts(&f)
	s.safetensorsFacts(&f)
	s.ggufFacts(&f)
	s.archiveFacts(&f)
	s.tapeFacts(&f)
	s.graphFacts(&f)
	s.arrayFacts(&f)
	s.pickleFacts(&f)
	s.tailFacts(&f)
	s.nameFacts(&f)
	f.seen = true
	return f
}
