package inspect

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/python"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// plumbing is what pickles of ordinary objects import beyond the tensor-only
// profile: it makes empty objects and plain values, and runs nothing by itself.
var plumbing = []string{
	"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__", "copy_reg._reconstructor",
	"object", "int", "float", "bool", "str", "bytes", "tuple", "list", "dict", "frozenset", "slice", "range", "type",
	"unicode", "long", "xrange", "threading.Lock", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
	"uuid.UUID",
}

// gadgets stand in packages that modelling code needs, and run or fetch what
// they are given.
var gadgets = []string{
	"torch.jit.unsupported_tensor_ops", "torch.utils.bottleneck", "torch.utils.collect_env", "torch.utils._config_module", "torch.utils.data.datapipes",
	"torch._dynamo", "torch._inductor", "torch.fx", "torch.storage._load_from_bytes", "torch.testing", "torch.package", "torch.distributed",
	"numpy.testing", "numpy.f2py", "numpy.distutils", "pandas.eval", "pandas.core", "transformers.utils", "transformers.pipelines",
	"functools.reduce", "logging", "operator.methodcaller", "traceback", "types", "uuid", "warnings", "weakref",
}

// passages are modules that known packages import themselves: pickle resolves
// dotted names, so that numpy.os.system leads to os.
var passages = []string{
	"os", "sys", "io", "posix", "nt", "subprocess", "builtins", "importlib", "shutil", "socket", "ctypes", "pickle", "runpy", "pty", "tempfile",
	"pathlib", "marshal", "urllib", "http", "requests", "types", "inspect", "multiprocessing", "threading", "platform", "glob", "zipfile", "tarfile",
}

// reaches returns the imports of a pickle that lead to processes, networks,
// files, machine code or the interpreter, or to modules that nobody knows, and
// whether there are more than are listed. The lists of known modules decide
// what may pass, not lists of bad names: those are never complete.
func reaches(r pickle.Report) (names []string, more int) {
	for _, i := range r.Imports {
		if !i.Allowed && leadsOut(i.Name) {
			names = append(names, clip(i.Name))
		}
	}
	return names, r.More
}

func leadsOut(name string) bool {
	for _, m := range []string{"builtins.", "__builtin__."} {
		if rest, ok := strings.CutPrefix(name, m); ok {
			return !slices.Contains(plumbing, rest) || strings.Contains(rest, ".")
		}
	}
	if strings.Contains(name, ".") && slices.Contains(plumbing, name) {
		return false
	}
	for _, segment := range strings.Split(name, ".")[1:] {
		if slices.Contains(passages, segment) || strings.HasPrefix(segment, "__") {
			return true
		}
	}
	within := func(gadget string) bool { return name == gadget || strings.HasPrefix(name, gadget+".") }
	return python.KindOf(name) != "" || !python.Listed(name) || slices.ContainsFunc(gadgets, within)
}

// reach reports them. It stands beside the finding on the pickle as a whole,
// which lists every import.
func (s *Sink) reach(f *Facts, r pickle.Report) {
	names, more := reaches(r)
	if r.Verdict != pickle.CodeCapable || len(names) == 0 && more == 0 {
		return
	}
	if len(names) > maxListed {
		more += len(names) - maxListed
		names = names[:maxListed]
	}
	detail := "loading the pickle reaches for " + quoted(names)
	if len(names) == 0 {
		detail = "the pickle imports more names than are listed"
	}
	facts := map[string]string{"loader": "torch.load, pickle.load", "imports": strings.Join(names, " ")}
	if len(names) == 0 {
		delete(facts, "imports")
	}
	s.finding(f, "MC-PICKLE-REACH", provenance.CodeReachesSystem, detail, facts)
}
