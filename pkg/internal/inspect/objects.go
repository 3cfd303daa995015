package inspect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// pickleNames are endings under which loaders take anything for a pickle.
var pickleNames = []string{".pkl", ".pickle", ".p", ".pt", ".pth", ".ckpt", ".bin", ".joblib", ".dill", ".dat", ".data"}

// pickleFacts says what the file does where a loader takes it for a pickle.
func (s *Sink) pickleFacts(f *Facts) {
	if s.array != nil || s.zip != nil {
		return // their parts were asked
	}
	r := s.pickle.Report()
	anything := readsAsAnything(f.Format) && slices.Contains(pickleNames, extension(s.path)) && (r.Streams > 0 || named(r))
	switch {
	case f.Format == FormatPickle, anything:
		f.Format = FormatPickle
		f.Class = classOfPickle(r)
		s.objects(f, "the file is a pickle:", r)
	case plausible(r):
		f.Class = f.Class.Worse(ClassCodeOnLoad)
		s.finding(f, "MC-FORMAT-POLYGLOT", provenance.CodeFormatMismatch, "the file is "+sayFormat(f.Format)+" and a pickle at once",
			map[string]string{"format": sayFormat(f.Format), "also": FormatPickle})
		s.objects(f, "read as a pickle, it is", r)
	}
}

func classOfPickle(r pickle.Report) Class {
	switch r.Verdict {
	case pickle.TensorOnly, pickle.DataOnly:
		return ClassInert
	case pickle.CodeCapable:
		return ClassCodeOnLoad
	default:
		return ClassUnknown
	}
}

// plausible says whether bytes that need not be a pickle are one on purpose:
// they call what they import, by names that can be names.
func plausible(r pickle.Report) bool { return r.Calls && named(r) }

// named says whether something is imported, and every name could be one.
func named(r pickle.Report) bool {
	for _, i := range r.Imports {
		for _, c := range []byte(i.Name) {
			if c != '.' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return len(r.Imports) > 0
}

// maxListed is how many imports a finding names.
const maxListed = 16

// objects reports a pickle with its verdict and the names it imports.
func (s *Sink) objects(f *Facts, what string, r pickle.Report) {
	var names []string
	first := int64(-1)
	for _, i := range r.Imports {
		if !i.Allowed {
			if len(names) == 0 {
				first = i.Offset
			}
			names = append(names, clip(i.Name))
		}
	}
	more := r.More
	if len(names) > maxListed {
		more += len(names) - maxListed
		names = names[:maxListed]
	}
	facts := map[string]string{"profile": r.Verdict.String(), "loader": "torch.load, pickle.load"}
	if first >= 0 {
		facts["offset"] = strconv.FormatInt(first, 10)
	}
	detail := what + " " + r.Verdict.String()
	if len(names) > 0 {
		facts["imports"] = strings.Join(names, " ")
		detail += "; it imports " + quoted(names)
		if more > 0 {
			facts["moreImports"] = strconv.Itoa(more)
		}
	} else if r.Reason != "" {
		facts["reason"] = clip(r.Reason)
		detail += ": " + clip(r.Reason)
	}
	s.finding(f, s.ruleOfPickle(r), provenance.CodeSerializedObjects, detail, facts)
	s.reach(f, r)
}

func (s *Sink) ruleOfPickle(r pickle.Report) string {
	if s.array != nil && r.Verdict != pickle.CodeCapable {
		return "MC-NUMPY-OBJECTS"
	}
	switch r.Verdict {
	case pickle.TensorOnly, pickle.DataOnly:
		return "MC-PICKLE-TENSORS"
	case pickle.CodeCapable:
		return "MC-PICKLE-IMPORT"
	default:
		return "MC-PICKLE-OPAQUE"
	}
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strconv.Quote(n)
	}
	return strings.Join(out, ", ")
}
