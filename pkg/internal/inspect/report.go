package inspect

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// classOf is the class of a format by itself, before a parser has looked.
func classOf(format string) Class {
	switch format {
	case FormatSafetensors, FormatText, FormatImage:
		return ClassInert
	case FormatGGUF, FormatJinja:
		return ClassTemplate
	case FormatPickle, FormatTorchZip, FormatPython, FormatShebang:
		return ClassCodeOnLoad
	case FormatELF, FormatPE, FormatMachO:
		return ClassNative
	default:
		// Containers, compressed streams, configurations that were not read,
		// and everything that was not recognised.
		return ClassUnknown
	}
}

func (s *Sink) finding(f *Facts, id, detail string, facts map[string]string) {
	f.Findings = append(f.Findings, provenance.Finding{ID: id, Subject: s.path, Detail: detail, Facts: facts})
}

// nameFacts compares what the name promises with what the content is.
func (s *Sink) nameFacts(f *Facts) {
	what := f.Format
	if what == FormatUnknown {
		what = "unknown"
	}
	facts := map[string]string{"format": what, "extension": extension(s.path)}
	switch {
	case mismatch(s.path, f.Format, s.size):
		s.finding(f, provenance.CodeFormatMismatch, fmt.Sprintf("the name ends in %q, the content is %s", extension(s.path), sayFormat(f.Format)), facts)
	case executable(f.Format):
		s.finding(f, provenance.CodeNativeCode, "the file is machine code ("+what+")", facts)
	}
}

func sayFormat(format string) string {
	if format == FormatUnknown {
		return "not recognised"
	}
	return format
}

// safetensorsFacts reports the header, or why there is none.
func (s *Sink) safetensorsFacts(f *Facts) {
	if s.tensors == nil {
		return
	}
	h, err := s.tensors.Header()
	switch {
	case err == nil:
		f.Tensors = Tensors{Count: h.Tensors, Elements: h.Elements, ByDType: h.ByDType}
		if len(h.Metadata) > 0 {
			f.Class = f.Class.Worse(ClassDiscloses)
		}
		return
	case errors.Is(err, feed.ErrTooLarge):
		s.finding(f, provenance.CodeLimitExceeded, "the header was not examined: "+err.Error(), nil)
	default:
		s.finding(f, provenance.CodeFormatMalformed, err.Error(), map[string]string{"size": strconv.FormatInt(s.size, 10)})
	}
	f.Class = f.Class.Worse(ClassUnknown)
}
