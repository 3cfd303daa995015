package rule

// codeRules are about source code.
func codeRules() []Rule {
	const list = "Read the file. `python3 -m tokenize FILE` shows the tokens that the listed names were taken from; nothing is imported by it."
	return []Rule{
		{ID: "MC-CODE-ON-LOAD", Title: "a configuration of the artifact names this code, so loading runs it", Class: "code-on-load",
			Why:       "What the code does is not decided here. The finding lists what it imports and which names for network, processes, files and machine code it calls; code that builds names at run time can call what is not listed.",
			Reproduce: list,
			Do:        reviewCode},
		{ID: "MC-CODE-BY-NAME", Title: "a loader imports a file of this name without being told", Class: "code-on-load",
			Why:       "Inference endpoints import handler.py, Triton's Python backend imports model.py in a version folder, transformers imports custom_generate/generate.py, torch.hub imports hubconf.py.",
			Reproduce: list,
			Do:        reviewCode},
		{ID: "MC-CODE-FILE", Title: "the artifact holds source code that none of its configurations names", Class: "code",
			Why:       "It runs when somebody starts or imports it, which a runbook or another file may do. It is never called safe here.",
			Reproduce: list,
			Do:        "Review it before anybody runs it, or leave it out of the deployment."},
		{ID: "MC-CODE-BUILD", Title: "the file runs when the artifact is built, installed or opened", Class: "code",
			Why:       "requirements.txt fetches packages, setup.py runs on install, a Dockerfile or shell script runs when it is used, a notebook when its cells are run.",
			Reproduce: "Read the file; `pip install --dry-run -r requirements.txt` shows what would be fetched.",
			Do:        "Do not install from it in production; pin packages by hash in your own image."},
		{ID: "MC-CODE-MISSING", Title: "a configuration names code that is not in the artifact", Class: "code-on-load",
			Why:       "The loader then looks elsewhere: in its cache, on the hub, among installed modules. What runs is not what was verified.",
			Reproduce: "Compare the finding's file with the list of files in the record.",
			Do:        "Ask the producer for a complete artifact."},
		{ID: "MC-CODE-UNREADABLE", Title: "the source could not be read as its interpreter reads it", Class: "unknown",
			Why:       "A coding cookie other than UTF-8, a NUL byte, an unterminated string: the interpreter may see another program than what would be listed.",
			Reproduce: "`python3 -m tokenize FILE`; `head -2 FILE` for the cookie.",
			Do:        "Treat the code as not reviewed."},
		{ID: "MC-CODE-LIMIT", Title: "the document is larger than what is read", Class: "unknown",
			Why:       "Source files, notebooks, indexes and tokenizers are read whole within a bound; this one was hashed only.",
			Reproduce: "`wc -c FILE`; docs/limits.md has the bounds.",
			Do:        "Look at the file itself."},
	}
}
