package jinja

import (
	"slices"
	"strings"
)

// expression looks at the names of one expression: attributes, constant keys,
// filters, tests, functions.
func (s *scan) expression(t []token) {
	at := func(i int) token {
		if i < 0 || i >= len(t) {
			return token{}
		}
		return t[i]
	}
	for i, k := range t {
		before, behind := at(i-1), at(i+1)
		switch {
		case k.kind == text:
			s.constant(k.text)
			if joins(before) || joins(behind) {
				s.fragment(k.text)
			}
			if behind.is("%") && strings.Contains(k.text, "%c") { // letters by their numbers
				s.add(&s.report.Unlisted, "computed name with "+quote(k.text))
			}
		case k.is("[") && subscript(before):
			if keys := computed(t[i+1:]); keys != "" {
				s.add(&s.report.Unlisted, "[computed key with "+quote(keys)+"]")
			}
		case k.kind != name:
		case before.is("."):
			s.attribute(k.text)
		case before.is("|"):
			s.filter(k.text)
		case before.is("is") || before.is("not") && at(i-2).is("is"):
			if k.text != "not" && !listed(tests, k.text) {
				s.name("is "+k.text, k.text)
			}
		case behind.is("=") && !at(i+2).is("="):
			s.internals(k.text) // a variable or argument that is set
		case behind.is("("):
			if !listed(functions, k.text) && !s.defined[k.text] && !listed(words, k.text) {
				s.name(k.text+"()", k.text)
			}
		default:
			s.bare(k.text, behind)
		}
	}
}

// subscript says whether a bracket behind t selects something from it.
func subscript(t token) bool {
	return t.kind == name && !listed(words, t.text) || t.is(")") || t.is("]")
}

// computed returns a string that a subscript, which begins with t, combines
// with something into a key; "" where a string is the whole key, or none is in
// it.
func computed(t []token) string {
	depth, own, found := 0, "", 0
	for i, k := range t[:min(len(t), maxAhead)] {
		switch {
		case k.is("("), k.is("["), k.is("{"):
			if k.is("[") && i > 0 && subscript(t[i-1]) && i+2 < len(t) && t[i+1].kind == text && t[i+2].is("]") {
				found-- // a plain key of something inside
			}
			depth++
		case k.is(")"), k.is("]"), k.is("}"):
			if depth--; depth < 0 {
				if i == 1 || found <= 0 {
					return ""
				}
				return own
			}
		case k.kind == text:
			own = k.text
			found++
		}
	}
	return own // longer than is looked at
}

// joins says whether t makes one text of two.
func joins(t token) bool { return t.is("~") || t.is("+") || t.is("*") || t.is("%") }

// fragment looks at a part of a text that is put together: underscores alone,
// or at one end of a word, begin the names of Python's insides.
func (s *scan) fragment(c string) {
	bare := strings.Trim(c, "_") == ""
	if c != "" && bare || strings.HasPrefix(c, "__") || len(c) > 2 && strings.HasSuffix(c, "__") {
		s.add(&s.report.Unlisted, "computed name with "+quote(c))
	}
}

func (s *scan) attribute(a string) {
	if listed(attributes, a) || s.defined[a] && !strings.HasPrefix(a, "_") {
		return
	}
	s.name("."+a, a)
}

func (s *scan) filter(f string) {
	if f == "attr" {
		s.add(&s.report.Escapes, "|attr")
		return
	}
	if !listed(filters, f) {
		s.name("|"+f, f)
	}
}

// name sorts a name outside the lists.
func (s *scan) name(shown, n string) {
	if internal(n) {
		s.add(&s.report.Escapes, shown)
		return
	}
	s.add(&s.report.Unlisted, shown)
}

func (s *scan) internals(n string) {
	if strings.HasPrefix(n, "__") {
		s.add(&s.report.Escapes, n)
	}
}

// bare looks at a name that stands for itself. What templates are given has
// many names; only the known ways out are told.
func (s *scan) bare(n string, behind token) {
	if strings.HasPrefix(n, "__") || listed(exits, n) && !s.defined[n] && (behind.is(".") || behind.is("[") || behind.is("|")) {
		s.add(&s.report.Escapes, n)
	}
}

// constant looks at a string: as a key, or as an argument of a filter, it can
// name an attribute.
func (s *scan) constant(c string) {
	if parts := strings.Split(c, "."); len(parts) > 1 && !strings.ContainsAny(c, " \n") { // a path, for map and its kin
		for _, p := range parts {
			if strings.HasPrefix(p, "__") && strings.HasSuffix(p, "__") && strings.Trim(p, "_") != "" {
				s.add(&s.report.Escapes, quote(c))
				return
			}
		}
	}
	word := strings.Trim(c, "_")
	if strings.HasPrefix(c, "__") && strings.HasSuffix(c, "__") && word != "" && !strings.ContainsAny(word, " \n") && strings.ToLower(word) == word ||
		strings.Contains(c, "__import__") || strings.Contains(c, "__globals__") || strings.Contains(c, "__builtins__") || strings.Contains(c, "__class__") || c == "attr" {
		s.add(&s.report.Escapes, quote(c))
		return
	}
	if strings.HasPrefix(c, "__") && word != "" && !strings.ContainsAny(word, " \n") || strings.HasSuffix(c, "__") && word != "" && !strings.ContainsAny(word, " \n") {
		s.fragment(c)
	}
}

func quote(c string) string { return "'" + clip(c) + "'" }

// internal says whether a name leads from a value to the interpreter: Python's
// own attributes, and those that Jinja's sandbox refuses (sandbox.py,
// UNSAFE_*_ATTRIBUTES), and what exploits call at the end of the way.
func internal(n string) bool {
	return strings.HasPrefix(n, "_") || slices.Contains(unsafeNames, n)
}

var unsafeNames = []string{
	"mro", "func_closure", "func_code", "func_dict", "func_defaults", "func_globals", "im_class", "im_func", "im_self", "gi_frame", "gi_code", "gi_yieldfrom",
	"cr_frame", "cr_code", "cr_await", "cr_origin", "ag_frame", "ag_code", "ag_await", "tb_frame", "tb_next", "f_globals", "f_locals", "f_builtins", "f_back", "f_code",
	"system", "popen", "Popen", "subprocess", "os", "sys", "modules", "environ", "builtins", "globals", "eval", "exec", "compile", "getattr", "setattr", "vars", "open", "chr",
	"import", "importlib", "urlopen", "read", "write", "load_module", "format_map", "check_output", "getenv", "socket", "b64decode", "decode", "call",
}

// exits are objects that some runtime's environment holds, and from which
// exploits start.
var exits = []string{"self", "cycler", "joiner", "lipsum", "request", "config", "session", "g", "get_flashed_messages", "url_for", "application", "environment", "os", "sys"}

var words = []string{"if", "else", "and", "or", "not", "in", "is", "for", "recursive", "true", "false", "none", "True", "False", "None"}

var tags = []string{
	"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro", "call", "endcall", "filter", "endfilter", "with", "endwith", "raw", "endraw",
	"break", "continue", "do", "generation", "endgeneration", "include", "import", "from", "extends",
}

var functions = []string{"range", "namespace", "dict", "raise_exception", "strftime_now", "caller", "loop", "super"}

var tests = []string{
	"defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float", "boolean", "true", "false", "odd", "even", "in", "equalto", "eq", "ne",
	"gt", "ge", "lt", "le", "sameas", "divisibleby", "lower", "upper", "callable",
}

var filters = []string{
	"tojson", "trim", "upper", "lower", "title", "capitalize", "length", "count", "join", "replace", "default", "d", "first", "last", "list", "string", "int", "float", "safe",
	"escape", "e", "indent", "items", "dictsort", "sort", "reverse", "unique", "map", "select", "reject", "selectattr", "rejectattr", "sum", "min", "max", "abs", "round",
	"wordcount", "truncate", "batch", "slice", "groupby", "striptags", "from_json", "fromjson", "center", "wordwrap",
}

// attributes are fields of messages and tools, of loops, and harmless methods
// of strings, lists and dictionaries. format is not among them: it reaches
// attributes (Jinja, sandbox.py, format_map).
var attributes = []string{
	"role", "content", "name", "text", "type", "tool_calls", "tool_call", "tool_call_id", "function", "function_call", "arguments", "parameters", "properties", "description",
	"required", "enum", "items", "id", "image", "image_url", "url", "audio", "video", "images", "reasoning_content", "reasoning", "thinking", "thoughts", "tools", "documents", "document",
	"title", "source", "doc_id", "user", "assistant", "model", "default", "anyOf", "allOf", "oneOf", "additionalProperties", "nullable", "return", "response", "output", "result",
	"tool_responses", "tool_name", "channel", "recipient", "weight", "prefix", "citations", "format_instructions", "message", "messages", "value", "schema", "json_schema", "strict",
	"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "cycle", "depth", "depth0", "changed",
	"strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "upper", "lower", "capitalize", "join", "find", "rfind", "count", "isdigit",
	"isspace", "removeprefix", "removesuffix", "get", "keys", "values", "append", "extend", "pop", "insert", "update", "reverse", "partition", "rpartition", "isalpha",
}

func listed(list []string, n string) bool { return slices.Contains(list, n) }
