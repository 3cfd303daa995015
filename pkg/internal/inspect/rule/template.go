package rule

// templateRules are about prompt templates, which runtimes render with Jinja.
func templateRules() []Rule {
	const extract = "Extract the template: `python3 -c 'import json; print(json.load(open(\"tokenizer_config.json\"))[\"chat_template\"])'`, or of a GGUF the key tokenizer.chat_template (`gguf-dump FILE`). "
	return []Rule{
		{ID: "MC-TEMPLATE-ESCAPE", Title: "the template reaches for the insides of Python", Class: "template",
			Why:        "Names such as `__class__`, `__globals__` or `|attr` lead from any value to the whole interpreter. In a runtime that renders without a sandbox this runs code with the first prompt.",
			Reproduce:  extract + "Look for the listed names; escapes in strings hide them.",
			Do:         "Refuse it. No prompt needs these names.",
			References: []string{"CVE-2024-34359 (llama-cpp-python)", "CVE-2026-5760 (SGLang)", "Jinja: Sandbox"}},
		{ID: "MC-TEMPLATE-NAME", Title: "the template uses a name outside the allow-list", Class: "template",
			Why:       "Templates need message fields, loop variables and a few string methods. Others are listed so that somebody looks; most are fields of a new kind of message.",
			Reproduce: extract + "Look for the listed names.",
			Do:        "Read the expression. Report honest names so that the list grows."},
		{ID: "MC-TEMPLATE-INCLUDE", Title: "the template includes or imports another file", Class: "file-read",
			Why:       "A runtime with a file loader reads what the tag names.",
			Reproduce: extract + "Look for include, import, from and extends.",
			Do:        "Refuse it; chat templates are self-contained."},
		{ID: "MC-TEMPLATE-UNREADABLE", Title: "the template could not be read to its end", Class: "unknown",
			Why:       "An unclosed tag or string is an error for one renderer and text for another.",
			Reproduce: extract + "`python3 -c 'import jinja2,sys; jinja2.Environment().parse(sys.stdin.read())'` parses without rendering.",
			Do:        "Treat the template as not reviewed."},
	}
}
