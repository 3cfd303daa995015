package pickle

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

func look(b string, piece int) Report {
	p := New(false)
	for c := range slices.Chunk([]byte(b), piece) {
		_, _ = p.Write(c)
	}
	return p.Report()
}

const orderedDict = "ccollections\nOrderedDict\n"

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name, stream string
		want         Verdict
		imports      string
	}{
		// Data only, and its neighbours.
		{"empty dict", "\x80\x02}.", DataOnly, ""},
		{"protocol 0", "(dp0\nS'a'\np1\nI1\ns.", DataOnly, ""},
		{"protocol 4 with a frame", "\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.", DataOnly, ""},
		{"frame straddled", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.", Opaque, ""},
		{"frame too long", "\x80\x04\x95\x09\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.", Opaque, ""},
		{"frame in a frame", "\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00\x95\x01\x00\x00\x00\x00\x00\x00\x00N.", Opaque, ""},
		{"trailing", "\x80\x02}.x", Opaque, ""},
		{"two streams", "\x80\x02}.\x80\x02}.", Opaque, ""},
		{"truncated", "\x80\x02}", Opaque, ""},
		{"empty", "", Opaque, ""},
		{"protocol 6", "\x80\x06}.", Opaque, ""},
		{"unknown opcode", "\x80\x02\xff}.", Opaque, ""},
		{"underflow", "\x80\x02.", Opaque, ""},
		{"mark missing", "\x80\x02t.", Opaque, ""},
		{"pop below the mark", "\x80\x02N(a.", Opaque, ""},
		{"memo missing", "\x80\x02h\x01.", Opaque, ""},
		{"memo huge", "\x80\x02Nr\xff\xff\xff\xff.", Opaque, ""},
		{"length of all bytes", "\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", Opaque, ""},
		{"negative length", "T\xff\xff\xff\xff.", Opaque, ""},
		{"second stream imports", "\x80\x02}.cos\nsystem\n.", CodeCapable, "os.system"},

		// Tensor only.
		{"ordered dict", "\x80\x02" + orderedDict + ")R.", TensorOnly, "collections.OrderedDict"},
		{"its state", "\x80\x02" + orderedDict + ")R}b.", TensorOnly, "collections.OrderedDict"},
		{"storage", "\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.", TensorOnly, "torch.FloatStorage"},
		{"state of a class", "\x80\x02" + orderedDict + "}b.", CodeCapable, "collections.OrderedDict"},
		{"state of a device", "\x80\x02ctorch\ndevice\n)R}b.", CodeCapable, "torch.device"},
		{"called twice", "\x80\x02" + orderedDict + ")R)R.", CodeCapable, "collections.OrderedDict"},
		{"call of a text", "\x80\x02X\x01\x00\x00\x00a)R.", CodeCapable, ""},
		{"allowed name in protocol 4", "\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R.", CodeCapable, "collections.OrderedDict"},
		{"truncated after an allowed import", "\x80\x02" + orderedDict, Opaque, "collections.OrderedDict"},
		{"carriage return", "\x80\x02ccollections\r\nOrderedDict\n.", CodeCapable, "collections\r.OrderedDict"},
		{"torch but not allowed", "\x80\x02ctorch.storage\n_load_from_bytes\n.", CodeCapable, "torch.storage._load_from_bytes"},
		{"torch.hub", "\x80\x02ctorch.hub\nload\n.", CodeCapable, "torch.hub.load"},
		{"FloatTensor twice", "\x80\x02ctorch\ncuda.cuda.FloatTensor\n.", CodeCapable, "torch.cuda.cuda.FloatTensor"},
		{"dotted name", "\x80\x02ccollections\nOrderedDict.__class__\n.", CodeCapable, "collections.OrderedDict.__class__"},

		// Code.
		{"global", "cos\nsystem\n(S'id'\ntR.", CodeCapable, "os.system"},
		{"inst", "(S'id'\nios\nsystem\n.", CodeCapable, "os.system"},
		{"obj", "(cos\nsystem\nS'id'\no.", CodeCapable, "os.system"},
		{"stack global", "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", CodeCapable, "os.system"},
		{"stack global by memo", "\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", CodeCapable, "os.system"},
		{"stack global by DUP", "\x80\x04\x8c\x02os2\x93.", CodeCapable, "os.os"},
		{"stack global of what is no text", "\x80\x04NN\x93.", CodeCapable, "?.?"},
		{"extension", "\x80\x02\x82\x01.", CodeCapable, "extension registry"},
		{"import and error", "cos\nsystem\n(S'id'\ntR\xff", CodeCapable, "os.system"},
		{"import and end", "cos\nsystem\n", CodeCapable, "os.system"},
		{"popped again", "cos\nsystem\n0N.", CodeCapable, "os.system"},
		{"long module", "c" + strings.Repeat("a", 1000) + "\nb\n.", CodeCapable, "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 3, 1 << 16} {
				r := look(tt.stream, piece)
				var names []string
				for _, i := range r.Imports {
					names = append(names, i.Name)
				}
				if r.Verdict != tt.want || strings.Join(names, ",") != tt.imports {
					t.Errorf("pieces of %d: %v %q (%s), want %v %q", piece, r.Verdict, names, r.Reason, tt.want, tt.imports)
				}
				if (r.Reason == "") != (r.Verdict == TensorOnly || r.Verdict == DataOnly) {
					t.Errorf("reason %q for %v", r.Reason, r.Verdict)
				}
			}
		})
	}
}

func TestLegacyTorch(t *testing.T) {
	parts := legacyMagic + "\x80\x02M\xe9\x03." + "\x80\x02}." + "\x80\x02" + orderedDict + ")R." + "\x80\x02]."
	r := look(parts+"\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff", 5)
	if r.Verdict != TensorOnly || !r.Legacy || r.Streams != 5 {
		t.Errorf("%+v", r)
	}
	for name, b := range map[string]string{
		"four streams":    parts[:len(parts)-4],
		"storages early":  legacyMagic + "\x01\x02\x03",
		"other first sum": strings.Replace(parts, "\x19.", "\x1a.", 1),
	} {
		if r := look(b, 5); r.Verdict != Opaque {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := look(legacyMagic+"\x80\x02M\xe9\x03."+"\x80\x02}."+"cos\nsystem\n(S'id'\ntR."+"\x80\x02].", 5); r.Verdict != CodeCapable {
		t.Errorf("code in the object: %+v", r)
	}
}

func TestManyImportsAreCounted(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		b.WriteString("cm" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "\nn\n0")
	}
	r := look(b.String()+"N.", 1000)
	if len(r.Imports) != maxImports || r.More != 200-maxImports || r.Verdict != CodeCapable {
		t.Errorf("%d and %d more, %v", len(r.Imports), r.More, r.Verdict)
	}
}

func TestStackIsBounded(t *testing.T) {
	if r := look(strings.Repeat("N", maxStack+1)+".", 1<<16); r.Verdict != Opaque {
		t.Errorf("%+v", r)
	}
	if r := look(strings.Repeat("(", maxStack+1)+".", 1<<16); r.Verdict != Opaque {
		t.Errorf("%+v", r)
	}
}

// TestCorpus holds every pickle of the corpus to its label: what is malicious
// is never tensor-only or data-only, what is benign runs nothing.
func TestCorpus(t *testing.T) {
	dir := fixtures.Dir(t, "corpus")
	f, err := os.Open(filepath.Join(dir, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, row := range rows[1:] {
		if row[5] != "pickle" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		got := look(string(b), 7)
		count[row[6]+" "+got.Verdict.String()]++
		harmless := got.Verdict == TensorOnly || got.Verdict == DataOnly
		if row[6] == "malicious" && harmless || row[6] == "benign" && !harmless {
			t.Errorf("%s is %s: %v %s", row[0], row[6], got.Verdict, got.Reason)
		}
	}
	t.Log(count)
}

// FuzzStream holds: no panic, the same answer whatever the pieces, and no
// harmless verdict for a stream with a name outside the profile.
func FuzzStream(f *testing.F) {
	for _, s := range []string{
		"cos\nsystem\n(S'id'\ntR.", "\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", "\x80\x02" + orderedDict + ")R}b.",
		"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.", legacyMagic + "\x80\x02].", "(dp0\nS'a'\np1\nI1\ns.",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, pieces := look(string(b), len(b)+1), look(string(b), 1)
		if whole.Verdict != pieces.Verdict || len(whole.Imports) != len(pieces.Imports) || whole.Streams != pieces.Streams {
			t.Fatalf("%+v, in pieces %+v", whole, pieces)
		}
		for _, i := range whole.Imports {
			if !i.Allowed && whole.Verdict != CodeCapable {
				t.Fatalf("%v with %q", whole.Verdict, i.Name)
			}
		}
		if whole.Verdict == DataOnly && (len(whole.Imports) > 0 || whole.Calls) {
			t.Fatalf("%+v", whole)
		}
	})
}
