package inspect

import (
	"encoding/binary"
	"regexp"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An array follows a NumPy .npy file (numpy.lib.format, versions 1 to 3). The
// header is a Python literal that numpy hands to np.dtype, which has many
// names for "object"; only spellings that cannot mean one are taken for
// numbers, and behind every other header the body is followed as a pickle.
type array struct {
	begin   int64 // where the body begins, 0 where the header is malformed
	seen    int64
	numbers bool
	body    *pickle.Parser
}

// reNumbers is the header as numpy itself writes it, with a plain dtype.
var reNumbers = regexp.MustCompile(`^\{'descr': '([<>|=][?bBhilqHILQefdgFDGSUVmMiuc][0-9]*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n$`)

func newArray(head []byte) *array {
	a := &array{body: pickle.New(false)}
	begin, size := arrayHeader(head)
	if size == 0 || begin+size > int64(len(head)) { // headers in the wild have 128 bytes
		return a
	}
	a.begin = begin + size
	a.numbers = reNumbers.Match(head[begin:a.begin])
	return a
}

// arrayHeader says where the header's text begins and how long it is, by the
// first 12 bytes; 0 where they are no array's.
func arrayHeader(head []byte) (begin, size int64) {
	switch {
	case len(head) < 12 || string(head[:6]) != "\x93NUMPY":
		return 0, 0
	case head[6] == 1:
		return 10, int64(binary.LittleEndian.Uint16(head[8:]))
	case head[6] == 2 || head[6] == 3:
		return 12, int64(binary.LittleEndian.Uint32(head[8:]))
	}
	return 0, 0
}

// Write reads on from the first byte of the file.
func (a *array) Write(p []byte) (int, error) {
	n := len(p)
	if a.begin > 0 && !a.numbers {
		if skip := a.begin - a.seen; skip > 0 {
			p = p[min(skip, int64(len(p))):]
		}
		_, _ = a.body.Write(p)
	}
	a.seen += int64(n)
	return n, nil
}

func (s *Sink) arrayFacts(f *Facts) {
	if s.array == nil {
		return
	}
	switch a := s.array; {
	case a.begin == 0:
		s.finding(f, "MC-FORMAT-MALFORMED", provenance.CodeFormatMalformed, "the header of the array is malformed or larger than is examined", nil)
	case a.numbers:
		f.Class = ClassInert
	default:
		r := a.body.Report()
		f.Class = classOfPickle(r)
		if f.Class == ClassInert {
			f.Class = ClassUnknown // numbers in a dtype that was not understood, or objects
		}
		s.objects(f, "the array may hold objects:", r)
	}
}
