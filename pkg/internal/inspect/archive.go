package inspect

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/zipfile"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Limits on compressed members, which torch does not write: models that are
// compressed hold configurations and small arrays.
const (
	// maxDeflated is the most compressed bytes of one member that are kept to
	// be inflated at its end.
	maxDeflated = 1 << 20
	// maxInflated is the most that comes out of it: deflate makes up to 1,032
	// bytes of one.
	maxInflated = 16 << 20
)

// An archive follows a zip and inspects its members one after the other.
type archive struct {
	contents
	parent *Sink
	parser *zipfile.Parser
	member zipfile.Member
	child  *Sink
	packed []byte
	over   bool // the member has more than maxDeflated bytes
	stores storages
}

func newArchive(s *Sink) *archive {
	a := &archive{contents: contents{class: ClassInert}, parent: s}
	a.parser = zipfile.New(a)
	return a
}

// Open is called by the parser at the begin of a member.
func (a *archive) Open(m zipfile.Member) io.Writer {
	a.member, a.child, a.packed, a.over = m, nil, nil, false
	a.name(m.Name)
	switch {
	case m.Encrypted, m.Method != zipfile.Stored && m.Method != zipfile.Deflated:
		// The flag may lie: what is stored is looked at all the same.
		a.class = a.class.Worse(ClassUnknown)
		a.child = a.sink(unknownSize)
		return a.child
	case m.Method == zipfile.Deflated:
		a.child = a.sink(m.Size)
		return packedWriter{a}
	}
	a.child = a.sink(m.Size)
	return a.stores.watch(m.Name, a.child)
}

func (a *archive) sink(size int64) *Sink { return a.parent.member(a.member.Name, size) }

// Close is called by the parser behind a member's last byte.
func (a *archive) Close() {
	if a.member.Method == zipfile.Deflated && !a.member.Encrypted && !a.inflate() {
		a.class = a.class.Worse(ClassUnknown)
	}
	if strings.HasSuffix(a.member.Name, "/") && a.child.seen == 0 {
		return // a folder
	}
	facts := a.child.Facts()
	a.stores.close(a.member.Name, a.child.seen, a.child.pickle.Report())
	a.take(a.member.Name, facts, a.child.pickle.Report())
	a.child = nil
}

// packedWriter keeps a compressed member until its end, within bounds.
type packedWriter struct{ a *archive }

func (w packedWriter) Write(p []byte) (int, error) {
	if len(w.a.packed)+len(p) > maxDeflated {
		w.a.over, w.a.packed = true, nil
	} else if !w.a.over {
		w.a.packed = append(w.a.packed, p...)
	}
	return len(p), nil
}

// inflate gives the member at hand to its sink, and says whether all of it.
func (a *archive) inflate() bool {
	if a.over {
		return false
	}
	in := bytes.NewReader(a.packed)
	n, err := io.Copy(a.child, io.LimitReader(flate.NewReader(in), maxInflated+1))
	a.packed = nil
	return err == nil && n <= maxInflated && in.Len() == 0 && (a.member.Size < 0 || n == a.member.Size)
}

// archiveFacts reports the archive as a whole.
func (s *Sink) archiveFacts(f *Facts) {
	if s.zip == nil {
		return
	}
	a := s.zip
	switch {
	case a.torch:
		f.Format = FormatTorchZip
	case a.keras == 3:
		f.Format = FormatKeras
	}
	a.report(s, f)
	s.storageFacts(f, a)
	if err := a.parser.Err(); err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-ARCHIVE-MALFORMED", provenance.CodeArchiveMalformed, err.Error(), nil)
	}
}
