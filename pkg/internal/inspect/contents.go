package inspect

import (
	"fmt"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	// maxArchiveFindings bounds what one archive's members report.
	maxArchiveFindings = 100
	// maxArchiveDepth is how deep archives inside archives are followed: NeMo's
	// tars hold torch's zips. Every level may need the memory of one Sink.
	maxArchiveDepth = 2
)

// contents is what the members of an archive are together.
type contents struct {
	class     Class
	torch     bool // a member is torch's object pickle
	keras     int  // bits: members as Keras names them
	script    bool // TorchScript
	raw       bool // some member was not recognised
	findings  []provenance.Finding
	templates []Template
	dropped   int
}

// name looks at what a member's name alone says.
func (c *contents) name(name string) {
	switch base := path.Base(name); {
	case base == "data.pkl":
		c.torch = true
	case name == "metadata.json":
		c.keras |= 1
	case name == "config.json":
		c.keras |= 2
	}
	if torchScript(name) || path.Base(name) == "constants.pkl" {
		c.script = true
	}
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || clean != "" && path.Clean(clean) != clean || clean == ".." || strings.HasPrefix(clean, "../") {
		c.unsafe(fmt.Sprintf("a member has the unsafe name %q", clip(name)), name)
	}
}

func (c *contents) unsafe(detail, name string) {
	c.add(newFinding("MC-ARCHIVE-NAME", provenance.CodeUnsafeEntry, "", detail, map[string]string{"member": clip(name)}))
	c.class = c.class.Worse(ClassUnknown)
}

// torchScript knows the members that look like Python and are TorchScript.
func torchScript(name string) bool { return strings.Contains("/"+name, "/code/") }

// take adds what was seen in one member.
func (c *contents) take(name string, f Facts, p pickle.Report) {
	switch {
	case c.torch && isStorage(name) && !plausible(p):
		f.Findings = nil // raw numbers, whatever they look like
	case f.Format == FormatUnknown && f.Class == ClassUnknown:
		c.raw = true
	default:
		c.class = c.class.Worse(f.Class)
	}
	for _, x := range f.Findings {
		x.Detail = fmt.Sprintf("member %q: %s", clip(name), x.Detail)
		if _, ok := x.Facts["member"]; !ok && x.Facts != nil {
			x.Facts["member"] = clip(name)
		}
		c.add(x)
	}
	for _, t := range f.Templates {
		if len(c.templates) < maxTemplates {
			t.Where = strings.TrimSuffix(name+" "+t.Where, " ")
			c.templates = append(c.templates, t)
		}
	}
}

func (c *contents) add(x provenance.Finding) {
	if len(c.findings) == maxArchiveFindings {
		c.dropped++
		return
	}
	c.findings = append(c.findings, x)
}

// report gives the file that is the archive what its members are.
func (c *contents) report(s *Sink, f *Facts) {
	f.Class = c.class
	if c.raw || c.script {
		f.Class = f.Class.Worse(ClassUnknown)
	}
	for _, x := range c.findings {
		x.Subject = s.path
		f.Findings = append(f.Findings, x)
	}
	f.Templates = append(f.Templates, c.templates...)
	if c.dropped > 0 {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-ARCHIVE-LIMIT", provenance.CodeLimitExceeded, fmt.Sprintf("%d more findings in the archive are not listed", c.dropped), nil)
	}
}

// isStorage knows the members of torch's zip that are raw numbers or notes.
func isStorage(name string) bool {
	dir := path.Base(path.Dir(name))
	return dir == "data" || dir == ".data" || name == "version" || strings.HasSuffix(name, "/version") ||
		strings.HasSuffix(name, "byteorder") || strings.HasSuffix(name, ".format_version") || strings.HasSuffix(name, ".storage_alignment")
}

// member makes the sink for a member of an archive.
func (s *Sink) member(name string, size int64) *Sink {
	return &Sink{path: name, size: size, depth: s.depth + 1}
}
