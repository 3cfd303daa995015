package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/gguf"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// classByFormat is the class of a format by itself, before a parser has looked.
func (s *Sink) classByFormat() Class {
	switch s.format {
	case FormatSafetensors, FormatImage, FormatMedia, FormatParquet, FormatArrow:
		return ClassInert
	case FormatPDF:
		return ClassDiscloses // for people; no loader of models opens it
	case FormatText, FormatYAML:
		if bytes.Contains(s.head, []byte("{{")) || bytes.Contains(s.head, []byte("{%")) {
			return ClassTemplate
		}
		if s.format == FormatYAML {
			return ClassUnknown
		}
		return ClassInert
	case FormatGGUF, FormatJinja: // most GGUF files hold a chat template
		return ClassTemplate
	case FormatJSON:
		if !Wanted(s.path) && (extension(s.path) == ".json" || extension(s.path) == ".jsonl") {
			return ClassInert
		}
		return ClassUnknown // Config says
	case FormatPython, FormatShebang:
		return ClassCode // Model knows whether something names it
	case FormatELF, FormatPE, FormatMachO, FormatTensorRT:
		return ClassNative
	default:
		if s.size == 0 {
			return ClassInert // nothing is in it, whatever its name promises
		}
		// Containers, compressed streams, and everything not recognised.
		return ClassUnknown
	}
}

// finding reports a hit of a rule of the catalogue under a reason code.
func (s *Sink) finding(f *Facts, id, code, detail string, facts map[string]string) {
	f.Findings = append(f.Findings, newFinding(id, code, s.path, detail, facts))
}

// newFinding makes a finding that carries its rule.
func newFinding(id, code, subject, detail string, facts map[string]string) provenance.Finding {
	all := map[string]string{factRule: id}
	if refs := advisories()[id]; refs != "" {
		all["references"] = refs
	}
	maps.Copy(all, facts)
	return provenance.Finding{ID: code, Subject: subject, Detail: detail, Facts: all}
}

// factRule is the fact that names the rule of the catalogue.
const factRule = "rule"

// nameFacts compares what the name promises with what the content is.
func (s *Sink) nameFacts(f *Facts) {
	what := sayFormat(f.Format)
	facts := map[string]string{"format": what, "extension": extension(s.path)}
	switch {
	case mismatch(s.path, f.Format, s.size):
		f.Class = f.Class.Worse(ClassUnknown) // a loader that goes by the name sees something else
		s.finding(f, "MC-FORMAT-MISMATCH", provenance.CodeFormatMismatch, fmt.Sprintf("the name ends in %q, the content is %s", extension(s.path), what), facts)
	case executable(f.Format):
		s.finding(f, "MC-NATIVE-CODE", provenance.CodeNativeCode, "the file is machine code ("+what+")", facts)
	}
}

func sayFormat(format string) string {
	if format == FormatUnknown {
		return "unknown"
	}
	return format
}

// safetensorsFacts reports the header, or why there is none.
func (s *Sink) safetensorsFacts(f *Facts) {
	if s.tensors == nil {
		return
	}
	h, err := s.tensors.Header()
	if err != nil {
		s.unreadable(f, err)
		return
	}
	f.Tensors = Tensors{Count: h.Tensors, Elements: h.Elements, ByDType: h.ByDType}
	f.shapes, f.data = s.shapes, h.Data
	if discloses(h.Metadata) {
		f.Class = f.Class.Worse(ClassDiscloses)
	}
	s.metadata(f, h.Metadata)
}

// discloses says whether metadata hold more than which library wrote them:
// every writer says that.
func discloses(metadata map[string]string) bool {
	_, format := metadata["format"]
	return len(metadata) > 1 || len(metadata) == 1 && !(format && len(metadata["format"]) <= 16)
}

func (s *Sink) ggufFacts(f *Facts) {
	if s.gguf == nil {
		return
	}
	h, err := s.gguf.Header()
	if err != nil {
		s.unreadable(f, err)
		return
	}
	f.Tensors = Tensors{Count: h.Tensors, Elements: h.Elements, ByDType: h.ByType}
	if f.Format == FormatGGUF && f.Class == ClassTemplate && s.keys.texts != nil {
		f.Class = s.keys.templates.Class // all templates were seen, or there is none
	}
	s.keys.report(s.path, f)
}

// unreadable reports why a parser did not accept a file: either the file
// breaks its format, or it asks for more than is examined. Neither is inert.
func (s *Sink) unreadable(f *Facts, err error) {
	f.Class = f.Class.Worse(ClassUnknown)
	if errors.Is(err, feed.ErrTooLarge) || errors.Is(err, gguf.ErrUnsupported) {
		s.finding(f, "MC-FORMAT-LIMIT", provenance.CodeLimitExceeded, "not examined: "+err.Error(), nil)
		return
	}
	s.finding(f, "MC-FORMAT-MALFORMED", provenance.CodeFormatMalformed, err.Error(), map[string]string{"size": strconv.FormatInt(s.size, 10)})
}

// tailFacts looks for a zip that is found from the file's end.
func (s *Sink) tailFacts(f *Facts) {
	if s.zip != nil || f.Format == FormatTorchZip {
		return
	}
	record, tail := []byte("PK\x05\x06"), s.end()
	if !bytes.Contains(tail, record) { // many times as fast as looking from the back
		return
	}
	i := bytes.LastIndex(tail, record)
	if len(tail)-i < 22 || int(binary.LittleEndian.Uint16(tail[i+20:])) != len(tail)-i-22 {
		return
	}
	f.Class = f.Class.Worse(ClassUnknown)
	s.finding(f, "MC-FORMAT-POLYGLOT", provenance.CodeFormatMismatch, "the file is "+sayFormat(f.Format)+" from its begin and a zip from its end",
		map[string]string{"format": sayFormat(f.Format), "also": FormatZip})
}

// readsAsAnything names the formats whose bytes may as well be read as a pickle of protocol 0.
func readsAsAnything(format string) bool {
	return slices.Contains([]string{FormatUnknown, FormatText, FormatJSON, FormatYAML}, format)
}
