package python

import (
	"slices"
	"strings"
)

// Limits on what is listed of one file. The largest modelling files import
// some 40 modules and call some 150 of their functions.
const (
	maxListed  = 256
	maxAliases = 4096
	maxTargets = 8 // of one alias
	maxNameLen = 200
)

// A Use is a dotted name and the first line that it stands on.
type Use struct {
	Name string `json:"name"`
	Line int    `json:"line"`
}

// A Mark is a use of a name that reaches out of the program.
type Mark struct {
	Use
	Kind string `json:"kind"` // Network, Process, …
}

// Uses is what a source imports and calls. Names are resolved through the
// aliases that imports and plain assignments make anywhere in the file; a name
// that is reached by other ways is not seen.
type Uses struct {
	Imports   []Use // modules, and what is imported from them
	Unlisted  []Use // imports outside the list of what modelling code needs
	Calls     []Use // dotted calls of imported names
	Marks     []Mark
	Addresses []Use // network addresses in strings
	More      int   // entries that are not listed
}

// Parse reads a source and lists what it uses.
func Parse(source []byte) (Uses, error) {
	tokens, err := Tokens(source)
	if err != nil {
		return Uses{}, err
	}
	s := &scan{tokens: tokens, aliases: map[string][]string{}, seen: map[string]bool{}}
	s.imports()
	s.assignments()
	s.names()
	return s.uses, nil
}

type scan struct {
	tokens  []Token
	aliases map[string][]string // what a name at the top can stand for
	made    int
	skip    map[int]bool // tokens of import statements
	seen    map[string]bool
	uses    Uses
}

func (s *scan) at(i int) Token {
	if i < 0 || i >= len(s.tokens) {
		return Token{}
	}
	return s.tokens[i]
}

func (s *scan) is(i int, text string) bool {
	t := s.at(i)
	return (t.Kind == Name || t.Kind == Operator) && t.Text == text
}

func (s *scan) alias(name, target string) {
	if s.made == maxAliases || len(s.aliases[name]) == maxTargets || name == target && len(s.aliases[name]) > 0 || slices.Contains(s.aliases[name], target) {
		return
	}
	s.made++
	s.aliases[name] = append(s.aliases[name], target)
}

// add lists a use once.
func (s *scan) add(list *[]Use, what, name string, line int) {
	if len(name) > maxNameLen {
		name = strings.ToValidUTF8(name[:maxNameLen], "") + "…"
	}
	key := what + name
	if s.seen[key] {
		return
	}
	if len(*list) == maxListed {
		s.uses.More++
		return
	}
	s.seen[key] = true
	*list = append(*list, Use{name, line})
}

// dotted reads name.name.… at i and returns what is behind it.
func (s *scan) dotted(i int) (string, int) {
	if s.at(i).Kind != Name {
		return "", i
	}
	parts := []string{s.at(i).Text}
	for i++; s.is(i, ".") && s.at(i+1).Kind == Name; i += 2 {
		parts = append(parts, s.at(i+1).Text)
	}
	return strings.Join(parts, "."), i
}

// imports reads every import statement (reference §7.11). The keyword cannot
// stand elsewhere.
func (s *scan) imports() {
	s.skip = map[int]bool{}
	for i := 0; i < len(s.tokens); i++ {
		begin := i
		switch {
		case s.is(i, "import") && !s.is(i-1, "."):
			i = s.importModules(i + 1)
		case s.is(i, "from") && s.statement(i):
			i = s.importFrom(i + 1)
		default:
			continue
		}
		for j := begin; j < i; j++ {
			s.skip[j] = true
		}
		i--
	}
}

// statement says whether a statement can begin at i; `yield from` and `raise
// … from` do not.
func (s *scan) statement(i int) bool {
	t := s.at(i - 1)
	return i == 0 || t.Kind == LineBreak || t.Kind == Operator && (t.Text == ";" || t.Text == ":")
}

func (s *scan) importModules(i int) int {
	for {
		line := s.at(i).Line
		module, next := s.dotted(i)
		if module == "" {
			return max(next, i)
		}
		s.imported(module, line)
		root, _, _ := strings.Cut(module, ".")
		if s.is(next, "as") && s.at(next+1).Kind == Name {
			s.alias(s.at(next+1).Text, module)
			next += 2
		} else {
			s.alias(root, root)
		}
		if !s.is(next, ",") {
			return next
		}
		i = next + 1
	}
}

func (s *scan) importFrom(i int) int {
	dots := ""
	for ; s.is(i, "."); i++ {
		dots += "."
	}
	line := s.at(i).Line
	module := ""
	if !s.is(i, "import") {
		module, i = s.dotted(i)
	}
	if !s.is(i, "import") {
		return i
	}
	s.imported(dots+module, line)
	prefix := dots + module + "."
	if module == "" {
		prefix = dots
	}
	for i++; s.is(i, "(") || s.is(i, ",") || s.at(i).Kind == Name || s.is(i, "*"); {
		if t := s.at(i); t.Kind == Name {
			name := t.Text
			if s.is(i+1, "as") && s.at(i+2).Kind == Name {
				i += 2
			}
			s.alias(s.at(i).Text, prefix+name)
			s.mark(prefix+name, t.Line)
		}
		i++
	}
	return i
}

func (s *scan) imported(module string, line int) {
	s.add(&s.uses.Imports, "import ", module, line)
	s.mark(module, line)
	if !strings.HasPrefix(module, ".") && !Listed(module) {
		s.add(&s.uses.Unlisted, "unlisted ", module, line)
	}
}
