package inspect

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/python"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Code is what source code imports and calls, as far as it is written down.
// Nothing follows from a name that is missing: code can build names as it runs.
type Code struct {
	Language string // "python", "notebook", or "build" for what installs or starts something
	Uses     python.Uses
	Lines    int
}

// pythonFacts reads Python source.
func pythonFacts(name string, text []byte) Facts {
	f := Facts{Class: ClassCode, Code: &Code{Language: "python", Lines: 1 + strings.Count(string(text), "\n")}}
	uses, err := python.Parse(text)
	if err != nil {
		f.Class = ClassUnknown
		f.Findings = append(f.Findings, newFinding("MC-CODE-UNREADABLE", provenance.CodeDocumentMalformed, name, err.Error(), nil))
		return f
	}
	f.Code.Uses = uses
	if base := path.Base(name); base == "setup.py" {
		f.Code.Language = "build"
		f.Findings = append(f.Findings, f.Code.finding("MC-CODE-BUILD", codeSource, name, "runs when it is installed"))
	} else if loader := loadedByName(name); loader != "" {
		f.Class = ClassCodeOnLoad
		x := f.Code.finding("MC-CODE-BY-NAME", provenance.CodeCodeOnLoad, name, loader+" imports a file of this name")
		x.Facts["loader"] = loader
		f.Findings = append(f.Findings, x)
	}
	return f
}

// loadedByName names the loader that imports a file without being told.
func loadedByName(name string) string {
	base, dir := path.Base(name), path.Base(path.Dir(name))
	switch {
	case base == "handler.py":
		return "an inference endpoint"
	case base == "hubconf.py":
		return "torch.hub"
	case base == "generate.py" && dir == "custom_generate":
		return "transformers"
	case base == "model.py" && dir != "." && strings.Trim(dir, "0123456789") == "":
		return "Triton's Python backend"
	}
	return ""
}

// finding reports code with what it imports and reaches for.
func (c *Code) finding(rule, code, name, what string) provenance.Finding {
	facts := map[string]string{"lines": strconv.Itoa(c.Lines)}
	detail := what
	imports := make([]string, 0, len(c.Uses.Imports))
	for _, u := range c.Uses.Imports {
		imports = append(imports, u.Name)
	}
	if len(imports) > 0 {
		facts["imports"] = listNames(imports)
	}
	unlisted := make([]string, 0, len(c.Uses.Unlisted))
	for _, u := range c.Uses.Unlisted {
		unlisted = append(unlisted, u.Name)
	}
	if len(unlisted) > 0 {
		facts["unlisted"] = listNames(unlisted)
	}
	for _, kind := range []string{python.Network, python.Process, python.Native, python.Dynamic, python.Objects, python.File} {
		var names []string
		for _, m := range c.Uses.Marks {
			if m.Kind == kind {
				names = append(names, fmt.Sprintf("%s:%d", m.Name, m.Line))
			}
		}
		if len(names) > 0 {
			facts[kind] = listNames(names)
			detail += fmt.Sprintf("; %s: %s", kind, listNames(names))
		}
	}
	var addresses []string
	for _, a := range c.Uses.Addresses {
		addresses = append(addresses, a.Name)
	}
	if len(addresses) > 0 {
		facts["addresses"] = listNames(addresses)
	}
	if c.Uses.More > 0 {
		facts["more"] = strconv.Itoa(c.Uses.More)
	}
	return newFinding(rule, code, name, detail, facts)
}

func listNames(names []string) string {
	more := ""
	if len(names) > maxListed {
		names, more = names[:maxListed], " …"
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = clip(n)
	}
	return strings.Join(out, " ") + more
}

// buildFacts notes a file that runs when somebody builds or installs.
func buildFacts(name string, text []byte) Facts {
	f := Facts{Class: ClassCode, Code: &Code{Language: "build", Lines: 1 + strings.Count(string(text), "\n")}}
	f.Code.Uses.Addresses, f.Code.Uses.More = python.Addresses(string(text))
	x := f.Code.finding("MC-CODE-BUILD", codeSource, name, "runs or fetches when it is used")
	if from := x.Facts["addresses"]; from != "" {
		x.Detail += "; addresses: " + from
	}
	f.Findings = append(f.Findings, x)
	return f
}

// notebookFacts reads the code cells of a Jupyter notebook (nbformat 4) as one
// source. Lines that begin with % or ! are commands of the notebook itself;
// their words are read as if they were Python, so that nothing hides there.
func notebookFacts(name string, text []byte) Facts {
	f := Facts{Class: ClassCode, Code: &Code{Language: "notebook"}}
	var book struct {
		Cells []struct {
			Kind   string    `json:"cell_type"`
			Source cellLines `json:"source"`
		} `json:"cells"`
	}
	err := strictjson.Check(text)
	if err == nil {
		err = json.Unmarshal(text, &book)
	}
	var source strings.Builder
	commands := 0
	for _, c := range book.Cells {
		if c.Kind != "code" {
			continue
		}
		for line := range strings.Lines(string(c.Source)) {
			if command := strings.TrimLeft(line, " \t"); strings.HasPrefix(command, "!") || strings.HasPrefix(command, "%") {
				commands++
				line = strings.TrimLeft(command, "!%") // inside brackets, % is an operator: what follows stays
			}
			source.WriteString(line)
		}
		source.WriteByte('\n')
	}
	f.Code.Lines = strings.Count(source.String(), "\n")
	if err == nil {
		f.Code.Uses, err = python.Parse([]byte(source.String()))
	}
	if err != nil {
		f.Class = ClassUnknown
		f.Findings = append(f.Findings, newFinding("MC-CODE-UNREADABLE", provenance.CodeDocumentMalformed, name, err.Error(), nil))
		return f
	}
	x := f.Code.finding("MC-CODE-BUILD", codeSource, name, "runs when somebody runs its cells")
	if commands > 0 {
		x.Facts["commands"] = strconv.Itoa(commands)
	}
	f.Findings = append(f.Findings, x)
	return f
}

// cellLines is a text, or the list of its lines.
type cellLines string

// UnmarshalJSON reads either form.
func (c *cellLines) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*c = cellLines(one)
		return nil
	}
	var lines []string
	if err := json.Unmarshal(b, &lines); err != nil {
		return fmt.Errorf("reading the source of a cell: %w", err)
	}
	*c = cellLines(strings.Join(lines, ""))
	return nil
}
