package inspect

import (
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/onnx"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// graphFacts reports graphs: ONNX, TensorFlow.
func (s *Sink) graphFacts(f *Facts) {
	if s.onnx != nil {
		s.onnxFacts(f)
	}
	if s.saved != nil {
		s.savedModelFacts(f)
	}
	if s.pieces != nil {
		s.sentenceFacts(f)
	}
}

func (s *Sink) onnxFacts(f *Facts) {
	r, err := s.onnx.Report()
	switch {
	case err != nil:
		s.unreadable(f, err)
	case f.Format == FormatONNX:
		f.Class = ClassInert
	}
	if r.Overflow {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-FORMAT-MALFORMED", provenance.CodeFormatMalformed, "sizes of tensors overflow 64 bits", nil)
	}
	if r.More {
		f.Class = f.Class.Worse(ClassUnknown)
	}
	if err == nil && !r.Overflow && f.Format == FormatONNX {
		f.Tensors = Tensors{Count: r.Tensors, Elements: r.Elements, ByDType: r.ByType}
	}
	s.external(f, r)
	if custom := r.Custom(); len(custom) > 0 {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-ONNX-DOMAIN", provenance.CodeCodeOnLoad, "the graph needs operators of the domains "+listNames(custom)+", from a library that the host brings",
			map[string]string{"domains": listNames(custom), "loader": "an ONNX runtime"})
	}
	if r.Context {
		f.Class = f.Class.Worse(ClassNative)
		s.finding(f, "MC-NATIVE-CODE", provenance.CodeNativeCode, "the graph carries or names a compiled engine (EPContext)", map[string]string{"format": FormatONNX})
	}
}

// external looks at the files that hold the tensors' data.
func (s *Sink) external(f *Facts, r onnx.Report) {
	var outside []string
	for _, location := range r.Locations {
		if localName(location) {
			f.reads = append(f.reads, location)
		} else {
			outside = append(outside, location)
		}
	}
	if len(outside) > 0 {
		f.Class = f.Class.Worse(ClassFileRead)
		s.finding(f, "MC-ONNX-EXTERNAL", codeFileRead, "the graph makes its loader open "+quoted(clipAll(outside)),
			map[string]string{"locations": listNames(outside), "loader": "an ONNX runtime"})
	}
}

// localName says whether a name stays in its folder for every system that a
// loader may run on.
func localName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "\\:\x00") && !path.IsAbs(name) && path.Clean(name) == name && name != "." && name != ".." && !strings.HasPrefix(name, "../")
}

func clipAll(names []string) []string {
	out := make([]string, 0, maxListed)
	for _, n := range names[:min(len(names), maxListed)] {
		out = append(out, clip(n))
	}
	return out
}

func (s *Sink) savedModelFacts(f *Facts) {
	r, err := s.saved.Report()
	if err != nil {
		s.unreadable(f, err)
	} else {
		f.Class = ClassInert
	}
	if r.More {
		f.Class = f.Class.Worse(ClassUnknown)
	}
	report := func(operators []string, class Class, rule, code, what string) {
		if len(operators) == 0 {
			return
		}
		f.Class = f.Class.Worse(class)
		if rule != "" {
			s.finding(f, rule, code, "the graph has operators that "+what+": "+listNames(operators), map[string]string{"operators": listNames(operators), "loader": "TensorFlow"})
		}
	}
	report(r.Variables, ClassFileRead, "", "", "")
	report(r.Files, ClassFileRead, "MC-TF-FILE", codeFileRead, "read or write files")
	report(r.Network, ClassEgress, "MC-TF-NETWORK", provenance.CodeNetworkOnLoad, "open connections")
	report(r.Code, ClassCodeOnLoad, "MC-TF-CODE", provenance.CodeCodeOnLoad, "call code of the process")
	report(r.Unlisted, ClassUnknown, "MC-TF-UNLISTED", provenance.CodeCodeOnLoad, "are not known to be inert")
}

// sentenceFacts reports a tokenizer's model: data, unless it names the files
// that it was trained on.
func (s *Sink) sentenceFacts(f *Facts) {
	r, err := s.pieces.Report()
	if err != nil {
		s.unreadable(f, err)
		return
	}
	f.Class = ClassInert
	if len(r.Inputs) > 0 || r.More {
		f.Class = ClassDiscloses
	}
}
