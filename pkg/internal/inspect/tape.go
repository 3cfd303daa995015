package inspect

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tarfile"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A tape follows a tar and inspects its members one after the other.
type tape struct {
	contents
	parent *Sink
	parser *tarfile.Parser
	member tarfile.Member
	child  *Sink
}

func newTape(s *Sink) *tape {
	t := &tape{contents: contents{class: ClassInert}, parent: s}
	t.parser = tarfile.New(t)
	return t
}

// Open is called by the parser at the begin of a member.
func (t *tape) Open(m tarfile.Member) io.Writer {
	t.member, t.child = m, nil
	t.name(m.Name)
	switch {
	case m.Special:
		t.unsafe(fmt.Sprintf("%q is a device or a pipe", clip(m.Name)), m.Name)
		return nil
	case m.Link != "":
		t.link(m)
		return nil
	case m.Folder:
		return nil
	}
	t.child = t.parent.member(m.Name, m.Size)
	return t.child
}

// link refuses links that leave the archive. The others are as good as their
// targets, which are inspected themselves.
func (t *tape) link(m tarfile.Member) {
	to := path.Join(path.Dir(m.Name), m.Link)
	if path.IsAbs(m.Link) || to == ".." || strings.HasPrefix(to, "../") || strings.ContainsAny(m.Link, "\\\x00") {
		t.unsafe(fmt.Sprintf("%q links to %q", clip(m.Name), clip(m.Link)), m.Name)
		return
	}
	t.add(newFinding("MC-ARCHIVE-NAME", provenance.CodeLinkEntry, "", fmt.Sprintf("%q links to %q", clip(m.Name), clip(m.Link)), map[string]string{"member": clip(m.Name)}))
}

// Close is called by the parser behind a member's last byte.
func (t *tape) Close() {
	if t.child == nil {
		return
	}
	t.take(t.member.Name, t.child.Facts(), t.child.pickle.Report())
	t.child = nil
}

// tapeFacts reports the tar as a whole.
func (s *Sink) tapeFacts(f *Facts) {
	if s.tar == nil {
		return
	}
	s.tar.report(s, f)
	if err := s.tar.parser.Err(); err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-ARCHIVE-MALFORMED", provenance.CodeArchiveMalformed, err.Error(), nil)
	}
}
