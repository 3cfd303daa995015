package python

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func marks(u Uses) string {
	var out []string
	for _, m := range u.Marks {
		out = append(out, m.Kind+":"+m.Name)
	}
	return strings.Join(out, " ")
}

func names(list []Use) string {
	var out []string
	for _, u := range list {
		out = append(out, u.Name)
	}
	return strings.Join(out, " ")
}

func TestUses(t *testing.T) {
	tests := []struct{ name, source, imports, calls, marks string }{
		{"plain", "import os, torch.nn as nn\nos.system('id')\nnn.Linear(1)\n", "os torch.nn", "os.system torch.nn.Linear", "process:os.system"},
		{"near miss", "import os.path\nos.path.join('a')\nx.y = 1\n", "os.path", "os.path.join", ""},
		{"from", "from os import (system as s,\n  path)\ns('id')", "os", "os.system", "process:os.system"},
		{"relative", "from .configuration_x import C\nfrom . import y\nfrom ...a import b\n", ".configuration_x . ...a", "", ""},
		{"star", "from torch import *\n", "torch", "", ""},
		{"behind a colon", "if x: import subprocess; subprocess.run(y)", "subprocess", "subprocess.run", "process:subprocess process:subprocess.run"},
		{"inside a function", "def f():\n\timport socket as s\n\treturn s.socket()\n", "socket", "socket.socket", "network:socket network:socket.socket"},
		{"continuation", "import \\\n os\nos . \\\n system ('id')", "os", "os.system", "process:os.system"},
		{"assigned", "import os\nf = os.system\nf('id')\n", "os", "os.system", "process:os.system"},
		{"not called", "import os\nmap(os.system, x)\n", "os", "", "process:os.system"},
		{"number and keyword", "x = 0or __import__('os').system('id')\ny = 0x1for i in z\nw=1_0.5e-3jif 1else 2", "os", "", "dynamic:__import__ process:?.system"},
		{"compatibility letters", "import os\nos.ｓystem('id')\n", "os", "os.system", "process:os.system"},
		{"format string", "import os\nprint(f'{os.system(\"id\")!r:>{w}} {{os.popen}}')", "os", "os.system", "process:os.system"},
		{"nested format string", "import os\nf'{f\"{os.system(1)}\"}'", "os", "os.system", "process:os.system"},
		{"same quote inside", "import os\nf'{os.environ['X']}'", "os", "", "file:os.environ"},
		{"in a format specification", "import os\nf'{1:{os.popen(2)}}'", "os", "os.popen", "process:os.popen"},
		{"in a string", "s = 'import os; os.system(1)'\nb'os.system()'\n'''\nimport os\n'''", "", "", ""},
		{"in a comment", "# import os\n", "", "", ""},
		{"raw strings", "import os\nx = r'\\'; os.system(1); y = '\nz = r'\\\\'", "os", "", ""},
		{"yield from", "def f():\n yield from x\n raise A from os\n", "", "", ""},
		{"import by name", "import importlib\nimportlib.import_module('ctypes')", "importlib ctypes", "importlib.import_module", "dynamic:importlib dynamic:importlib.import_module native:ctypes"},
		{"eval", "eval('1')\nmodel.eval()\nself.eval\n", "", "", "dynamic:eval"},
		{"a method of something", "x().system('id')\ny[0].popen(1)\nz().forward(1)", "", "", "process:?.system process:?.popen"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := Parse([]byte(tt.source))
			if err != nil {
				t.Fatal(err)
			}
			if names(u.Imports) != tt.imports || names(u.Calls) != tt.calls || marks(u) != tt.marks {
				t.Errorf("imports %q calls %q marks %q", names(u.Imports), names(u.Calls), marks(u))
			}
		})
	}
}

func TestLinesAndAddresses(t *testing.T) {
	u, err := Parse([]byte("\ufeff'''a\r\nb'''\r\nimport evilmod\rx = f'https://a.example/{y}'\n"))
	if err != nil || names(u.Unlisted) != "evilmod" || u.Imports[0].Line != 3 || names(u.Addresses) != "https://a.example/" || u.Addresses[0].Line != 4 {
		t.Errorf("%+v %v", u, err)
	}
}

func TestRefuses(t *testing.T) {
	for _, source := range []string{
		"'", "'a\n'", "'''a''", "f'{", "f'{x'", "f'}'", "f'{x:{'", "x = ?", "(", ")", "a\x00", "\xff", "\\ x", "# coding: rot13\n", "#!/x\n# -*- coding: latin-1 -*-\n",
		strings.Repeat("f'{", 40), strings.Repeat("x\n", MaxSource), "\x01", "x = !y", "😀 = 1",
	} {
		if source == "(" {
			continue // an unclosed bracket hides nothing: what is behind it is read
		}
		if _, err := Parse([]byte(source)); !errors.Is(err, ErrSource) {
			t.Errorf("%.20q: %v", source, err)
		}
	}
	for _, source := range []string{"", "# coding: utf-8\n", "\n# vim: set fileencoding=UTF-8 :\n", "x = '# coding: rot13'\n", "x\n\n# coding: rot13\n"} {
		if _, err := Parse([]byte(source)); err != nil {
			t.Errorf("%q: %v", source, err)
		}
	}
}

func TestListsAtMost(t *testing.T) {
	var b strings.Builder
	for i := range 2 * maxListed {
		fmt.Fprintf(&b, "import a%d\n", i)
	}
	u, err := Parse([]byte(b.String()))
	if err != nil || len(u.Imports) != maxListed || u.More == 0 {
		t.Errorf("%d %d %v", len(u.Imports), u.More, err)
	}
}

// TestTimeIsLinear feeds what asks for the most time.
func TestTimeIsLinear(t *testing.T) {
	rep := func(s string) string { return strings.Repeat(s, MaxSource/len(s)) }
	var many strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&many, "import a%d as x\n", i)
	}
	for what, source := range map[string]string{
		"chain": rep("a."), "names": rep("ab "), "aliases": many.String() + strings.Repeat("x()\n", 30000), "assigned": "import os as x\n" + strings.Repeat("x = x.a\n", 30000),
		"brackets": rep("("), "strings": rep("f'{a}' "), "comments": rep("#\n"), "from": rep("from a import b\n")[:MaxSource/8], "dots": rep("from ."),
	} {
		began := time.Now()
		_, _ = Parse([]byte(source))
		if d := time.Since(began); d > time.Minute {
			t.Errorf("%s took %v", what, d)
		}
	}
}

// FuzzParse holds: no panic; tokens lie in order, inside the source, and do
// not overlap; a comment behind the last line changes nothing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"import os as o, sys\no.system(f'{a!r:{b}}' 'c')\n", "from .a import (b, c as d,)\n", "0or 1_0.e5j if 0x1for x in '''y\n''':\\\n pass", "rb'\\'' f\"{{x}}\\N{DASH}\" t'{a=}'", "# coding: utf-8\n\f\r\nx=1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		tokens, err := Tokens(source)
		if err != nil {
			return
		}
		end := 0
		for _, k := range tokens {
			if k.Start < end && k.End > k.Start || k.End < k.Start || k.End > len(source) || k.Line < 1 {
				t.Fatalf("%+v behind %d", k, end)
			}
			end = max(end, k.End)
		}
		one, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		two, err := Parse(slices.Concat(source, []byte("\n# end")))
		if len(source) < MaxSource-6 && (err != nil || names(one.Imports) != names(two.Imports) || marks(one) != marks(two) || names(one.Calls) != names(two.Calls)) && !strings.HasSuffix(string(source), "\\") {
			t.Fatalf("%+v\n%+v %v", one, two, err)
		}
	})
}

// TestMarksStandOnce: a name in two lists would get either kind, by chance.
func TestMarksStandOnce(t *testing.T) {
	seen := map[string]string{}
	for kind, list := range marked {
		for _, name := range list {
			if other, ok := seen[name]; ok {
				t.Errorf("%q is %s and %s", name, kind, other)
			}
			seen[name] = kind
		}
	}
}
