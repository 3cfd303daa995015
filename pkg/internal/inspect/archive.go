package inspect

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"path"
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
	// maxArchiveFindings bounds what one archive's members report.
	maxArchiveFindings = 100
)

// An archive follows a zip and inspects its members one after the other.
type archive struct {
	parser   *zipfile.Parser
	member   zipfile.Member
	child    *Sink
	packed   []byte
	over     bool // the member has more than maxDeflated bytes
	class    Class
	torch    bool
	script   bool // TorchScript
	raw      bool // some member was not recognised
	findings []provenance.Finding
	dropped  int
}

func newArchive() *archive {
	a := &archive{class: ClassInert}
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
	return a.child
}

func (a *archive) sink(size int64) *Sink {
	return &Sink{path: a.member.Name, size: size, inside: true}
}

// name looks at what a member's name alone says.
func (a *archive) name(name string) {
	if path.Base(name) == "data.pkl" {
		a.torch = true
	}
	if strings.Contains(name, "/code/") || path.Base(name) == "constants.pkl" {
		a.script = true
	}
	clean := strings.TrimSuffix(name, "/")
	if strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || path.Clean(clean) != clean || clean == ".." || strings.HasPrefix(clean, "../") {
		a.add(provenance.Finding{ID: provenance.CodeUnsafeEntry, Detail: fmt.Sprintf("a member has the unsafe name %q", clip(name))})
		a.class = a.class.Worse(ClassUnknown)
	}
}

// Close is called by the parser behind a member's last byte.
func (a *archive) Close() {
	if a.member.Method == zipfile.Deflated && !a.member.Encrypted && !a.inflate() {
		a.class = a.class.Worse(ClassUnknown)
	}
	if strings.HasSuffix(a.member.Name, "/") && a.child.seen == 0 {
		return // a folder
	}
	f := a.child.Facts()
	switch {
	case a.torch && isStorage(a.member.Name) && !plausible(a.child.pickle.Report()):
		f.Findings = nil // raw numbers, whatever they look like
	case f.Format == FormatUnknown && f.Class == ClassUnknown:
		a.raw = true
	default:
		a.class = a.class.Worse(f.Class)
	}
	for _, x := range f.Findings {
		x.Detail = fmt.Sprintf("member %q: %s", clip(a.member.Name), x.Detail)
		a.add(x)
	}
	a.child = nil
}

func (a *archive) add(x provenance.Finding) {
	if len(a.findings) == maxArchiveFindings {
		a.dropped++
		return
	}
	a.findings = append(a.findings, x)
}

// isStorage knows the members of torch's zip that are raw numbers or notes.
func isStorage(name string) bool {
	dir := path.Base(path.Dir(name))
	return dir == "data" || dir == ".data" || name == "version" || strings.HasSuffix(name, "/version") ||
		strings.HasSuffix(name, "byteorder") || strings.HasSuffix(name, ".format_version") || strings.HasSuffix(name, ".storage_alignment")
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
	f.Class = a.class
	if a.torch {
		f.Format = FormatTorchZip
	}
	if a.script || a.raw {
		f.Class = f.Class.Worse(ClassUnknown)
	}
	for _, x := range a.findings {
		x.Subject = s.path
		f.Findings = append(f.Findings, x)
	}
	if a.dropped > 0 {
		s.finding(f, provenance.CodeLimitExceeded, fmt.Sprintf("%d more findings in the archive are not listed", a.dropped), nil)
	}
	if err := a.parser.Err(); err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, provenance.CodeArchiveMalformed, err.Error(), nil)
	}
}
