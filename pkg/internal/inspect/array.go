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
var reNumbers = regexp.MustCompile(`^\{'descr': '[<>|=][?bBhilqHILQefdgFDGSUVmMiuc][0-9]*', 'fortran_order': (True|False), 'shape': \([0-9, ]*\), \} *\n$`)

func newArray(head []byte) *array {
	a := &array{body: pickle.New(false)}
	if len(head) < 12 {
		return a
	}
	begin := 10 + int64(binary.LittleEndian.Uint16(head[8:]))
	if head[6] == 2 || head[6] == 3 {
		begin = 12 + int64(binary.LittleEndian.Uint32(head[8:]))
	} else if head[6] != 1 {
		return a
	}
	if begin > int64(len(head)) { // headers in the wild have 128 bytes
		return a
	}
	a.begin = begin
	text := head[10:begin]
	if head[6] > 1 {
		text = head[12:begin]
	}
	a.numbers = reNumbers.Match(text)
	return a
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
