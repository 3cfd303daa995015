package inspect

import (
	"bytes"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/jinja"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/python"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Limits on documents that a Sink reads whole, in bytes.
const (
	// maxConfig bounds a configuration inside an archive. A saved Keras model
	// of a thousand layers describes itself in below 1 MiB.
	maxConfig = 1 << 20
	// maxNotebook: outputs with pictures make notebooks large.
	maxNotebook = 4 << 20
	// maxIndex: the index of DeepSeek-V3's 91,991 tensors has 8.9 MB.
	maxIndex = 14 << 20
)

// A documentKind says how a document is read.
type documentKind uint8

const (
	noDocument documentKind = iota
	configuration
	pythonSource
	promptTemplate
	notebook
	buildScript
	tensorIndex
	tokenizerFile
)

// kindOfDocument goes by the name, as loaders and people do.
func kindOfDocument(name string) documentKind {
	base := strings.ToLower(path.Base(name))
	switch extension(base) {
	case ".yaml", ".yml":
		return configuration
	case ".json":
		switch {
		case strings.HasSuffix(base, ".index.json"):
			return tensorIndex
		case base == "tokenizer.json":
			return tokenizerFile
		case base == "vocab.json", base == "merges.json", base == "added_tokens.json", base == "tekken.json":
			return noDocument // large, and no key in them is acted on
		}
		return configuration
	case ".py", ".pyi", ".pyw":
		return pythonSource
	case ".jinja", ".jinja2", ".j2", ".template", ".tmpl":
		return promptTemplate
	case ".ipynb":
		return notebook
	case ".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".mk", ".dockerfile":
		return buildScript
	}
	switch {
	case strings.HasPrefix(base, "chat_template"), base == "template": // Ollama's layers have no endings
		return promptTemplate
	case strings.HasPrefix(base, "requirements") && extension(base) == ".txt",
		base == "setup.cfg", base == "pyproject.toml", base == "pipfile", base == "makefile",
		strings.HasPrefix(base, "dockerfile"), strings.HasPrefix(base, "containerfile"):
		return buildScript
	}
	return noDocument
}

func (k documentKind) limit() int {
	switch k {
	case notebook:
		return maxNotebook
	case tensorIndex, tokenizerFile:
		return maxIndex
	case pythonSource, buildScript:
		return python.MaxSource
	case promptTemplate:
		return jinja.MaxTemplate
	default:
		return maxConfig
	}
}

// Wanted says whether Config should be given the file's text: configurations
// that some loader reads. Other documents a Sink reads by itself.
func Wanted(name string) bool { return kindOfDocument(name) == configuration }

// Config looks for keys in a configuration, JSON or by its name YAML, on which
// loaders act. A text that does not keep to strictjson, or a YAML text with
// duplicate names, is reported and not looked at: readers disagree on what it
// says. The zero Facts.Class, unknown, then stands. The class replaces the one
// that a Sink gives the same file.
func Config(name string, digest artifact.Digest, text []byte) Facts {
	return configFacts(name, digest, text)
}

// A capture keeps a document until its last byte, within its limit.
type capture struct {
	kind documentKind
	text []byte
	over bool
}

// newCapture makes room at once where the size is known: growing would take
// twice as much.
func newCapture(kind documentKind, size int64) *capture {
	c := &capture{kind: kind, over: size > int64(kind.limit())}
	if !c.over && size > 0 {
		c.text = make([]byte, 0, size)
	}
	return c
}

// Write reads on.
func (c *capture) Write(p []byte) (int, error) {
	if len(c.text)+len(p) > c.kind.limit() {
		c.over, c.text = true, nil
	}
	if !c.over {
		c.text = append(c.text, p...)
	}
	return len(p), nil
}

// document says which document the file at hand is to be read as, by its name
// and by how it begins.
func (s *Sink) document() documentKind {
	kind := kindOfDocument(s.path)
	switch s.format {
	case FormatShebang:
		line, _, _ := bytes.Cut(s.head, []byte("\n"))
		if bytes.Contains(line, []byte("python")) {
			return pythonSource
		}
		return buildScript
	case FormatPython, FormatJinja, FormatText, FormatJSON, FormatYAML:
		if kind == configuration && s.depth == 0 || kind == pythonSource && s.depth > 0 && torchScript(s.path) {
			return noDocument // Config is given it; TorchScript is not Python
		}
		if kind == noDocument && s.format == FormatJSON && extension(s.path) != ".json" && extension(s.path) != ".jsonl" {
			return configuration // under whatever name: Ollama's layers, a signature
		}
		return kind
	}
	return noDocument
}

// documentFacts reads the document that was kept.
func (s *Sink) documentFacts(f *Facts) {
	if s.doc == nil {
		return
	}
	text := s.doc.text
	s.doc.text = nil
	if s.doc.over {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-CODE-LIMIT", provenance.CodeDocumentTooLarge, "what the document says was not read: it is over the limit of its kind", nil)
		return
	}
	if s.doc.kind == tokenizerFile {
		tokenizerFacts(s.path, text, f)
		return
	}
	var d Facts
	none := artifact.Digest{}
	switch s.doc.kind {
	case configuration:
		d = configFacts(s.path, none, text)
	case pythonSource:
		d = pythonFacts(s.path, text)
	case promptTemplate:
		d = templateFacts(s.path, text)
	case notebook:
		d = notebookFacts(s.path, text)
	case buildScript:
		d = buildFacts(s.path, text)
	case tensorIndex:
		d = indexFacts(s.path, text)
	}
	d.Format = f.Format
	d.Findings = append(f.Findings, d.Findings...)
	*f = d
}
