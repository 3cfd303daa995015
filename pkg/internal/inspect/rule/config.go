package rule

const (
	byHand     = "Open the file at the pointer of the finding, for example `python3 -m json.tool FILE | less`, and look for the key. "
	reviewCode = "Review the code like any dependency, pin it by this artifact's digest, or use a runtime that has the architecture built in and never passes trust_remote_code."
)

// configRules are about values in configurations that loaders act on
// (model-files §3.6). No code is in these files, and none is needed.
func configRules() []Rule {
	return []Rule{
		{ID: "MC-CONFIG-MALFORMED", Title: "the configuration is not one strict JSON or YAML document", Class: "unknown",
			Why:       "Duplicate names, invalid UTF-8 and text behind the value are read differently by different parsers: the one that inspects and the one that loads must not see two documents.",
			Reproduce: "`python3 -m json.tool FILE`; for duplicates `python3 -c 'import json,sys; json.load(open(sys.argv[1]), object_pairs_hook=print)' FILE`.",
			Do:        "Ask the producer for a well-formed file."},
		{ID: "MC-CONFIG-AUTO-MAP", Title: "auto_map names code in the artifact that transformers imports", Class: "code-on-load",
			Why:        "AutoModel.from_pretrained with trust_remote_code=True imports the named file, and every module that the file imports. Some runtimes did so without being asked (CVE-2025-66448, CVE-2026-22807, CVE-2026-4944).",
			Reproduce:  byHand + "`file.Class` means file.py beside the configuration.",
			Do:         reviewCode,
			References: []string{"transformers: dynamic_module_utils.get_class_from_dynamic_module", "GHSA-8fr4-5q9j-m8gm (CVE-2025-66448)", "CVE-2026-22807", "CVE-2026-4944"}},
		{ID: "MC-CONFIG-AUTO-MAP-REMOTE", Title: "auto_map names code in another repository, which is fetched and imported", Class: "code-on-load",
			Why:        "`org/repo--file.Class` makes transformers download file.py from org/repo at its latest revision. That code is not in this artifact: no digest covers it, and it can change tomorrow.",
			Reproduce:  byHand + "Two hyphens separate repository and class.",
			Do:         "Refuse it, or ask the producer to ship the code in the artifact.",
			References: []string{"transformers: dynamic_module_utils, `if \"--\" in class_reference`", "CVE-2025-66448"}},
		{ID: "MC-CONFIG-TRUST", Title: "the artifact itself asks for trust_remote_code", Class: "code-on-load",
			Why:        "The flag is the user's to give. Where a loader passes configuration values on, an artifact that sets it trusts itself (CVE-2026-5241).",
			Reproduce:  byHand,
			Do:         "Remove the key, or use a loader in which it has no effect (transformers from 5.5.0 on).",
			References: []string{"CVE-2026-5241"}},
		{ID: "MC-CONFIG-KERNEL", Title: "an implementation with a slash is downloaded from a hub and imported", Class: "code-on-load",
			Why:        "transformers 4.56 to 5.2 with the package kernels installed fetches and imports `org/kernel`, whatever trust_remote_code says.",
			Reproduce:  byHand + "Keys that end in `_implementation`, with or without a leading underscore.",
			Do:         "Refuse it, or require transformers 5.3.0 and run without network.",
			References: []string{"GHSA-29pf-2h5f-8g72 (CVE-2026-4372)"}},
		{ID: "MC-CONFIG-MODEL-FILE", Title: "model_file names a Python file that mlx-lm imports", Class: "code-on-load",
			Why:        "mlx-lm imported it without any flag, and so did runners that embed it.",
			Reproduce:  byHand,
			Do:         reviewCode,
			References: []string{"CVE-2026-5843"}},
		{ID: "MC-CONFIG-TARGET", Title: "_target_ names a callable that Hydra calls", Class: "code-on-load",
			Why:        "hydra.utils.instantiate imports and calls whatever the string names, with the other keys as arguments; NeMo did so on load.",
			Reproduce:  byHand,
			Do:         "Allow it only where every target is a class of the framework that you run.",
			References: []string{"CVE-2025-23304"}},
		{ID: "MC-CONFIG-PIPELINE", Title: "custom_pipelines names code that transformers imports", Class: "code-on-load",
			Why:       "pipeline(…, trust_remote_code=True) imports the class named in `impl`.",
			Reproduce: byHand, Do: reviewCode},
	}
}

// libraryConfigRules are about the configurations of libraries beside
// transformers.
func libraryConfigRules() []Rule {
	return []Rule{
		{ID: "MC-CONFIG-SENTENCE-MODULE", Title: "modules.json names a class outside sentence-transformers", Class: "code-on-load",
			Why:       "sentence-transformers imports the class of every module; one outside its own package is code of the artifact or of whatever is installed under that name.",
			Reproduce: "`python3 -m json.tool modules.json`; look at `type`.", Do: reviewCode},
		{ID: "MC-CONFIG-DIFFUSERS-MODULE", Title: "model_index.json names a component in a module of the artifact", Class: "code-on-load",
			Why:       "diffusers resolves a library that is not installed to a file of the repository and imports it.",
			Reproduce: "`python3 -m json.tool model_index.json`; the first item of each pair is the library.", Do: reviewCode},
		{ID: "MC-CONFIG-PARENT-LIBRARY", Title: "auto_mapping.parent_library names a module that PEFT imports", Class: "code-on-load",
			Why:       "PEFT calls importlib.import_module on it and takes the class from there.",
			Reproduce: "`python3 -m json.tool adapter_config.json`.", Do: "Allow only the libraries that you install.", References: []string{"peft/auto.py"}},
		{ID: "MC-CONFIG-LOADER-MODULE", Title: "loader_module names a module that MLflow imports", Class: "code-on-load",
			Why:       "mlflow.pyfunc imports the module from the artifact's code folder and calls its loader.",
			Reproduce: byHand, Do: reviewCode},
		{ID: "MC-CONFIG-BASE-MODEL", Title: "the adapter makes its loader fetch a base model", Class: "egress",
			Why:       "PEFT resolves base_model_name_or_path on the hub, unless it is a folder: what is loaded is more than what was verified here.",
			Reproduce: "`python3 -m json.tool adapter_config.json`.",
			Do:        "Verify the base model as an artifact of its own and give the loader its folder; set HF_HUB_OFFLINE=1."},
		{ID: "MC-CONFIG-URL", Title: "a field that a loader reads holds a network address", Class: "egress",
			Why:       "Loaders that accept a path usually accept a URL in its place and fetch it (for example StringLookup's vocabulary in Keras, CVE-2025-12058).",
			Reproduce: byHand, Do: "Ship the file in the artifact, or run without network.", References: []string{"CVE-2025-12058"}},
		{ID: "MC-CONFIG-TEMPLATE-NAME", Title: "a template's name holds a path", Class: "file-read",
			Why:       "transformers up to 5.8 used the name as a file name when it saved a tokenizer, and wrote outside of the target folder.",
			Reproduce: "`python3 -m json.tool tokenizer_config.json`; look at `chat_template[].name`.",
			Do:        "Refuse it; no honest template needs a separator in its name.", References: []string{"CVE-2026-9856"}},
		{ID: "MC-CONFIG-YAML-TAG", Title: "a YAML tag makes an unsafe loader construct Python objects", Class: "code-on-load",
			Why:       "yaml.unsafe_load and yaml.full_load of older PyYAML call what the tag names.",
			Reproduce: "`grep -n '!!python\\|tag:yaml.org,2002:python' FILE`.", Do: "Refuse it; configurations need plain values only.", References: []string{"CVE-2020-14343"}},
		{ID: "MC-CONFIG-LIMIT", Title: "more values that loaders act on than are listed",
			Why:       "A report lists a bounded number of findings for one file.",
			Reproduce: byHand, Do: "Look at the file itself."},
		{ID: "MC-KERAS-CODE", Title: "the Keras model holds code or names what Keras imports", Class: "code-on-load",
			Why:        "A Lambda layer is marshalled bytecode; `module` with `class_name` outside Keras is imported; some classes switch the safe mode off.",
			Reproduce:  "`unzip -p MODEL.keras config.json | python3 -m json.tool`; look for Lambda, `module`, enable_unsafe_deserialization.",
			Do:         "Ask for a model of built-in layers, and load with Keras 3.13.2 or newer and safe_mode=True.",
			References: []string{"CVE-2024-3660", "CVE-2025-1550", "CVE-2025-8747", "CVE-2025-9906", "CVE-2025-49655"}},
		{ID: "MC-KERAS-FILE", Title: "the Keras model names a file or address that a layer reads", Class: "file-read",
			Why:        "StringLookup, IntegerLookup and TextVectorization read `vocabulary` when it is a path, from anywhere the process may read, and fetch URLs; get_file downloads.",
			Reproduce:  "`unzip -p MODEL.keras config.json | python3 -m json.tool`; look at `vocabulary`.",
			Do:         "Require Keras 3.12 or newer, and vocabularies as lists.",
			References: []string{"CVE-2025-12058"}},
	}
}
