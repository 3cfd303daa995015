package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestReach: what leads to the system holds, and so does what nobody knows or
// can list; what training state and tensors are made of does not.
func TestReach(t *testing.T) {
	global := func(names ...string) string {
		var b strings.Builder
		for _, name := range names {
			module, rest, _ := strings.Cut(name, " ")
			b.WriteString("c" + module + "\n" + rest + "\n0")
		}
		return "\x80\x02" + b.String() + "N."
	}
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("numpy x%d", i))
	}
	for _, c := range []struct {
		name  string
		bytes string
		held  bool
	}{
		{"tensors", global("torch FloatStorage", "collections OrderedDict"), false},
		{"numpy", global("numpy dtype", "numpy.core.multiarray _reconstruct", "numpy ndarray"), false},
		{"training arguments", global("transformers.training_args TrainingArguments", "transformers.trainer_utils IntervalStrategy"), false},
		{"objects", global("copyreg _reconstructor", "builtins object", "torch.nn.modules.linear Linear"), false},
		{"process", global("os system"), true},
		{"its other name", global("posix system"), true},
		{"one more", global("nt system"), true},
		{"Python 2", global("__builtin__ eval"), true},
		{"eval", global("builtins exec"), true},
		{"the way to all others", global("builtins getattr"), true},
		{"behind an innocent name", global("builtins object.__subclasses__"), true},
		{"network", global("socket socket"), true},
		{"file", global("builtins open"), true},
		{"files", global("shutil rmtree"), true},
		{"machine code", global("ctypes CDLL"), true},
		{"another pickle", global("_pickle loads"), true},
		{"nested torch", global("torch.storage _load_from_bytes"), true},
		{"torch's own shell", global("torch.utils.bottleneck.__main__ run_cprofile"), true},
		{"numpy's own exec", global("numpy.testing._private.utils runstring"), true},
		{"an identifier", global("uuid UUID", "datetime datetime"), false},
		{"a command for identifiers", global("uuid _get_command_stdout"), true},
		{"a file of a log", global("logging FileHandler"), true},
		{"not known", global("acme.models Net"), true},
		{"by attribute", global("numpy os.system"), true},
		{"by insides", global("torch nn.Linear.__init__.__globals__"), true},
		{"by a deeper attribute", global("torch serialization.os.system"), true},
		{"behind good ones", global("numpy dtype", "collections OrderedDict", "os system"), true},
		{"more than are listed", global(many...), true},
		{"behind more than are listed", global(append(many, "os system")...), true},
	} {
		f := look("m.pkl", []byte(c.bytes), 1<<16)
		if got := slices.ContainsFunc(f.Findings, func(x provenance.Finding) bool { return x.ID == provenance.CodeReachesSystem }); got != c.held {
			t.Errorf("%s: held %v, want %v: %+v", c.name, got, c.held, f.Findings)
		}
	}
}
