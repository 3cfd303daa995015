package disclose

import (
	"path"
	"slices"
	"strings"
)

// What a file is for the extractors goes by its name alone; the role that
// others gave it does not matter.
var (
	cardName    = compile(`^(?:readme|model[-_]?card)(?:[-_.][a-z0-9_.-]*)?$`)
	licenseName = compile(`^(?:[a-z0-9]+[-_.])?(?:licen[sc]e|copying|unlicense)(?:[-_.][a-z0-9_.+-]*)?$`)
)

// textExtensions are those of documents for people; a dot in "LICENSE-LLAMA-3.1"
// starts none.
var textExtensions = []string{"", ".md", ".markdown", ".txt", ".rst", ".text"}

// otherExtensions end the names of what is no document.
var otherExtensions = []string{
	".py", ".go", ".js", ".ts", ".json", ".yaml", ".yml", ".toml", ".html", ".pdf", ".png", ".jpg", ".jpeg", ".svg", ".gif",
	".docx", ".sh", ".bin", ".gz", ".zip", ".spdx", ".sig", ".asc", ".csv", ".tsv", ".xml", ".ini", ".cfg", ".safetensors", ".gguf",
}

func isCardName(p string) bool {
	base := strings.ToLower(path.Base(p))
	return cardName.MatchString(base) && slices.Contains(textExtensions, path.Ext(base))
}

func isLicenseName(p string) bool {
	base := strings.ToLower(path.Base(p))
	return licenseName.MatchString(base) && !slices.Contains(otherExtensions, path.Ext(base))
}

// isNoticeName knows the attribution file that licences ask for.
func isNoticeName(p string) bool {
	base := strings.ToLower(path.Base(p))
	return slices.Contains(textExtensions, path.Ext(base)) && strings.TrimSuffix(base, path.Ext(base)) == "notice"
}

func isModelConfigName(p string) bool {
	switch path.Base(p) {
	case "config.json", "generation_config.json", "tokenizer_config.json":
		return true
	}
	return false
}

// place returns the directory of p below the model's root, "" for the root
// itself, and whether p lies in the model at all.
func place(root, p string) (string, bool) {
	rest, ok := strings.CutPrefix(p, root)
	if !ok {
		return "", false
	}
	dir := path.Dir(rest)
	if dir == "." {
		dir = ""
	}
	return dir, true
}

// foreign are the directories in which, by convention, others' works lie.
var foreign = []string{"third_party", "third-party", "thirdparty", "3rdparty", "vendor", "node_modules", "site-packages", "external", "deps", "examples", "tests", "test", "docs"}

// near says whether a directory below the root may speak for the model: the
// root, or one level below and not by convention somebody else's.
func near(dir string) bool {
	return !strings.Contains(dir, "/") && !slices.Contains(foreign, strings.ToLower(dir))
}
