package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// classMeaning says in one clause what a class of loading means.
func classMeaning(c provenance.LoadClass) string {
	switch c {
	case provenance.LoadInert:
		return "data only"
	case provenance.LoadDiscloses:
		return "data, and texts beyond weights"
	case provenance.LoadTemplate:
		return "a runtime renders a template of the model"
	case provenance.LoadFileRead:
		return "a loader reads other files"
	case provenance.LoadEgress:
		return "a loader asks a network"
	case provenance.LoadCode:
		return "source code that runs when somebody starts it"
	case provenance.LoadCodeOnLoad:
		return "loading runs code"
	case provenance.LoadNative:
		return "machine code"
	default:
		return "nobody can say what loading does"
	}
}

// loading says what loading the model does at most, and what the headers of
// its tensors count.
func (p *page) loading(m *provenance.Manifest) {
	fields := loadingFields(m)
	if fields == nil {
		return
	}
	p.heading("Loading")
	for _, f := range fields {
		p.field(f.Name, p.wrap(f.Value, 16))
	}
	for _, w := range m.Weights {
		p.weights(w)
	}
}

func conditional(t provenance.Template) string {
	if n := len(t.Conditional) + t.More; n > 0 {
		return ", " + plural(n, "text") + " under a condition"
	}
	return ""
}

// classCounts counts the model's own files by class, the worst first.
func classCounts(files []provenance.File) string {
	counts := map[provenance.LoadClass]int{}
	for _, f := range files {
		if f.Role != artifact.RoleSystem {
			counts[f.Class]++
		}
	}
	classes := slices.SortedFunc(maps.Keys(counts), func(a, b provenance.LoadClass) int { return b.Compare(a) })
	parts := make([]string, len(classes))
	for i, c := range classes {
		parts[i] = fmt.Sprintf("%d %v", counts[c], c)
	}
	return strings.Join(parts, ", ")
}

func (p *page) weights(w provenance.Weights) {
	name := "weights"
	if w.Folder != "." {
		name += " " + Printable(w.Folder)
	}
	for _, l := range weightLines(w) {
		p.line("  %-13s %s", cmp.Or(l.name, name), p.wrap(l.text, 16))
	}
}

type weightLine struct{ name, text string } // name "" is that of the weights

func weightLines(w provenance.Weights) []weightLine {
	text := fmt.Sprintf("%s elements of %s in %s: %s", grouped(w.Stored), plural(w.Tensors, "tensor"), plural(w.Files, "file"), dtypes(w.ByDType))
	if w.Main > 0 && w.Main != w.Stored {
		text += fmt.Sprintf("; %s are the main model, %s scales, %s for multi-token prediction", grouped(w.Main), grouped(w.Scales), grouped(w.Predicted))
	}
	lines := []weightLine{{"", text}}
	switch {
	case w.Family != "":
		lines = append(lines, weightLine{"shapes", fmt.Sprintf("%s of tensors follow from the configuration (%s); %d have no equation", plural(w.Equations, "kind"), Printable(w.Family), w.Unchecked)})
	case w.Why != "":
		lines = append(lines, weightLine{"shapes", "not compared: " + Printable(w.Why)})
	}
	for _, s := range w.Stated {
		counts := cmp.Or(Printable(s.Counts), "fits no measured number; the nearest is "+grouped(s.Measured))
		where := Printable(s.Path)
		if len(s.Lines) > 0 {
			where += ":" + strconv.Itoa(s.Lines[0])
		}
		lines = append(lines, weightLine{"stated", fmt.Sprintf("%s (%s): %s", Quoted(s.Text), where, counts)})
	}
	if len(w.Definitions()) > 1 {
		lines = append(lines, weightLine{"stated", "these differ in definition, and do not contradict each other"})
	}
	return lines
}

func dtypes(by map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = Printable(name) + " " + grouped(by[name])
	}
	return strings.Join(parts, ", ")
}

// grouped writes a number in groups of three digits.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
