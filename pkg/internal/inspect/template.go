package inspect

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/jinja"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxTemplates bounds the templates of one file. Tokenizers have at most some
// five: default, tool_use, rag.
const maxTemplates = 64

// A Template is one prompt template: what a runtime makes of a conversation.
type Template struct {
	Where       string          `json:"where,omitempty"` // JSON Pointer or GGUF key, "" where the file is the template
	Digest      artifact.Digest `json:"digest"`          // of its text
	Size        int             `json:"size"`            // bytes
	Dialect     string          `json:"dialect,omitempty"`
	Conditional []jinja.Literal `json:"conditional,omitempty"` // text that reaches the prompt under a condition
	More        int             `json:"more,omitempty"`        // entries that are not listed
}

// templateFacts reads a file that is a template.
func templateFacts(name string, text []byte) Facts {
	f := Facts{Class: ClassTemplate}
	f.addTemplate(name, artifact.Digest{}, "", string(text))
	return f
}

// template reads a template that is a value of a configuration.
func (f *Facts) template(name string, digest artifact.Digest, s scalar) {
	where := ""
	if len(s.path) > 0 {
		where = s.pointer(len(s.path) - 1)
	}
	f.addTemplate(name, digest, where, s.text)
}

// addTemplate lists a template and what is to be said about it.
func (f *Facts) addTemplate(name string, digest artifact.Digest, where, text string) {
	f.Class = f.Class.Worse(ClassTemplate)
	if len(f.Templates) == maxTemplates {
		f.Class = f.Class.Worse(ClassUnknown)
		return
	}
	t := Template{Where: where, Digest: artifact.SumSHA256([]byte(text)), Size: len(text)}
	r, err := jinja.Parse(text)
	t.Dialect, t.Conditional, t.More = r.Dialect, r.Literals, r.More
	f.Templates = append(f.Templates, t)
	find := func(rule, code, detail string, uses []jinja.Use) {
		facts := map[string]string{"template": t.Digest.String(), "loader": "a runtime that renders the template"}
		if where != "" {
			facts["pointer"] = where
		}
		if names := templateNames(uses); names != "" {
			facts["names"] = names
			detail += ": " + names
		}
		x := newFinding(rule, code, name, detail, facts)
		x.Digest = digest
		f.Findings = append(f.Findings, x)
	}
	if err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		find("MC-TEMPLATE-UNREADABLE", provenance.CodeDocumentMalformed, clip(err.Error()), nil)
		return
	}
	if len(r.Escapes) > 0 {
		find("MC-TEMPLATE-ESCAPE", codeTemplate, "rendered without a sandbox, the template reaches the interpreter", r.Escapes)
	}
	if len(r.Unlisted) > 0 {
		find("MC-TEMPLATE-NAME", codeTemplateName, "the template uses names outside the allow-list", r.Unlisted)
	}
	if len(r.Includes) > 0 {
		f.Class = f.Class.Worse(ClassFileRead)
		find("MC-TEMPLATE-INCLUDE", codeFileRead, "the template reads other files", r.Includes)
	}
}

func templateNames(uses []jinja.Use) string {
	names := make([]string, 0, maxListed)
	for _, u := range uses[:min(len(uses), maxListed)] {
		names = append(names, clip(u.Name))
	}
	if len(uses) > maxListed {
		names = append(names, "…")
	}
	return strings.Join(names, " ")
}
