package inspect

import (
	"fmt"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxResolved bounds how many files one model's code is followed through.
const maxResolved = 4096

// resolveCode raises code that a configuration names, and code that such code
// imports, to what it is: code that loading runs. Code that nothing names is
// reported as that.
func (m *Model) resolveCode() []provenance.Finding {
	var out []provenance.Finding
	named := map[string]string{} // path to loader
	var queue []string
	name := func(file, loader string) {
		if _, ok := named[file]; !ok && len(named) < maxResolved {
			named[file] = loader
			queue = append(queue, file)
		}
	}
	for _, config := range m.order {
		x := m.files[config]
		if x.facts.Code != nil && x.facts.Code.Language == "python" && loadedByName(config) != "" {
			name(config, "its name")
		}
		missing := map[string]bool{}
		for _, r := range x.facts.runs {
			file := path.Join(path.Dir(config), r.file)
			if _, ok := m.find(file); ok {
				name(file, r.loader)
			} else if !missing[file] {
				missing[file] = true
				out = append(out, newFinding("MC-CODE-MISSING", provenance.CodeCodeOnLoad, config, fmt.Sprintf("%s makes %s run %q, which is not in the artifact", r.key, r.loader, clip(r.file)),
					map[string]string{"key": r.key, "loader": r.loader, "file": clip(r.file)}))
			}
		}
	}
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		x, _ := m.find(file)
		x.facts.Class = x.facts.Class.Worse(ClassCodeOnLoad)
		x.facts.loader = named[file]
		for _, next := range m.imported(x) {
			name(next, named[file])
		}
		if x.facts.Code != nil && named[file] != "its name" {
			f := x.facts.Code.finding("MC-CODE-ON-LOAD", provenance.CodeCodeOnLoad, file, "loading the model with "+named[file]+" runs it")
			f.Facts["loader"] = named[file]
			out = append(out, f)
		} else if x.facts.Code == nil {
			out = append(out, newFinding("MC-CODE-ON-LOAD", provenance.CodeCodeOnLoad, file, "loading the model with "+named[file]+" runs it; what it is was not read as code",
				map[string]string{"loader": named[file], "format": sayFormat(x.facts.Format)}))
		}
	}
	for _, file := range m.order {
		x := m.files[file]
		if x.facts.Class == ClassCode && x.facts.Code != nil && x.facts.Code.Language == "python" {
			out = append(out, x.facts.Code.finding("MC-CODE-FILE", codeSource, file, "source code that no configuration of the artifact names"))
		}
	}
	return out
}

// imported lists the files of the artifact that a source imports: relative to
// its folder, beside it, or from the top.
func (m *Model) imported(x *member) []string {
	if x.facts.Code == nil {
		return nil
	}
	var out []string
	dir := path.Dir(x.path)
	for _, u := range x.facts.Code.Uses.Imports {
		module := strings.TrimLeft(u.Name, ".")
		dots := len(u.Name) - len(module)
		bases := []string{dir, "."}
		if dots > 0 {
			bases = []string{path.Join(dir, strings.Repeat("../", dots-1))}
		}
		rel := strings.ReplaceAll(module, ".", "/")
		for _, base := range bases {
			for _, end := range []string{".py", "/__init__.py"} {
				file := path.Join(base, rel+end)
				if _, ok := m.find(file); ok {
					out = append(out, file)
				}
			}
		}
	}
	return out
}
