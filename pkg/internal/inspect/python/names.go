package python

import (
	"strings"
)

// assignments follows `name = dotted.name`, alone on its line.
func (s *scan) assignments() {
	for i := range s.tokens {
		if s.at(i).Kind != Name || !s.is(i+1, "=") || !s.statement(i) {
			continue
		}
		value, next := s.dotted(i + 2)
		if value == "" || s.at(next).Kind != LineBreak && !s.is(next, ";") {
			continue
		}
		root, _, _ := strings.Cut(value, ".")
		if len(s.aliases[root]) == 0 && KindOf(value) == "" {
			continue
		}
		for _, target := range s.resolve(value) {
			s.alias(s.at(i).Text, target)
		}
	}
}

// resolve replaces the first part of a dotted name by what it stands for.
func (s *scan) resolve(name string) []string {
	root, rest, dotted := strings.Cut(name, ".")
	targets := s.aliases[root]
	if len(targets) == 0 {
		return []string{name}
	}
	out := make([]string, 0, len(targets))
	for _, t := range targets {
		if dotted {
			t += "." + rest
		}
		if len(t) <= 4*maxNameLen {
			out = append(out, t)
		}
	}
	return out
}

// names visits every dotted name outside imports, and every string.
func (s *scan) names() {
	for i := 0; i < len(s.tokens); i++ {
		t := s.at(i)
		if t.Kind == String {
			s.address(t)
		}
		if t.Kind != Name || s.skip[i] {
			continue
		}
		if s.is(i-1, ".") { // behind a call or a subscript: what it belongs to is not known
			s.mark("?."+t.Text, t.Line)
			continue
		}
		name, next := s.dotted(i)
		root, _, _ := strings.Cut(name, ".")
		for _, full := range s.resolve(name) {
			s.mark(full, t.Line)
			defined := s.is(i-1, "def") || s.is(i-1, "class")
			if s.is(next, "(") && !defined && len(s.aliases[root]) > 0 {
				s.add(&s.uses.Calls, "call ", full, t.Line)
			}
			if s.is(next, "(") && (full == "__import__" || strings.HasSuffix(full, "import_module")) && s.at(next+1).Kind == String {
				s.imported(s.at(next+1).Text, t.Line)
			}
		}
		i = next - 1
	}
}

// Addresses lists the network addresses in a text that is no Python, such as
// requirements or a script, with how many are not listed.
func Addresses(text string) (list []Use, more int) {
	s := &scan{seen: map[string]bool{}}
	line := 0
	for l := range strings.Lines(text) {
		line++
		for word := range strings.FieldsSeq(l) {
			s.address(Token{Text: word, Line: line})
		}
	}
	return s.uses.Addresses, s.uses.More
}

func (s *scan) address(t Token) {
	for _, scheme := range []string{"http://", "https://", "ftp://", "ws://", "wss://", "gs://", "s3://", "hf://", "grpc://", "tcp://", "ssh://", "git://"} {
		if i := strings.Index(t.Text, scheme); i >= 0 {
			address := t.Text[i:]
			if end := strings.IndexAny(address, " \t\r\n\"'<>)`"); end >= 0 {
				address = address[:end]
			}
			s.add(&s.uses.Addresses, "address ", address, t.Line)
			return
		}
	}
}

func (s *scan) mark(name string, line int) {
	kind := KindOf(name)
	if kind == "" || s.seen["mark "+name] {
		return
	}
	if len(s.uses.Marks) == maxListed {
		s.uses.More++
		return
	}
	s.seen["mark "+name] = true
	s.uses.Marks = append(s.uses.Marks, Mark{Use{name, line}, kind})
}
