package rule

// graphRules are about graphs: ONNX, TensorFlow.
func graphRules() []Rule {
	return []Rule{
		{ID: "MC-ONNX-EXTERNAL", Title: "the graph makes its loader read a file outside the artifact", Class: "file-read",
			Why:        "external_data.location is opened as a path. `..`, an absolute path, a drive letter or a URL leads out of the model's folder.",
			Reproduce:  "`strings -n 3 FILE | grep -A1 location`, or `onnx.load(FILE, load_external_data=False)` and each initializer's external_data.",
			Do:         "Refuse it; require onnx 1.21.0 or newer where it is loaded.",
			References: []string{"CVE-2022-25882", "CVE-2024-27318", "CVE-2024-5187", "CVE-2025-51480", "CVE-2026-27489", "CVE-2026-34446", "CVE-2026-34447"}},
		{ID: "MC-ONNX-EXTERNAL-MISSING", Title: "the graph names a data file that is not in the artifact", Class: "file-read",
			Why:       "The loader reads whatever lies there under that name.",
			Reproduce: "Compare the finding's location with the list of files.",
			Do:        "Ask the producer for a complete artifact."},
		{ID: "MC-ONNX-DOMAIN", Title: "the graph needs operators of a custom domain", Class: "unknown",
			Why:       "They come from a library that the host registers. What they do is not in the artifact.",
			Reproduce: "`onnx.load(FILE, load_external_data=False).opset_import`.",
			Do:        "Find out which library implements the domain, and treat it as native code."},
		{ID: "MC-TF-CODE", Title: "the TensorFlow graph calls Python", Class: "code-on-load",
			Why:       "PyFunc and its kin call a function of the process by token.",
			Reproduce: "`saved_model_cli show --dir DIR --all` in a sandbox, or `strings saved_model.pb | sort -u`.",
			Do:        "Refuse it."},
		{ID: "MC-TF-FILE", Title: "the TensorFlow graph reads or writes files", Class: "file-read",
			Why:       "ReadFile, WriteFile, MatchingFiles and their kin touch the host's files when the graph runs; the paths can be constants of the graph.",
			Reproduce: "`strings saved_model.pb | sort -u`; look for the listed operators.",
			Do:        "Run it only where the process can reach no other files. Save and restore operators alone are usual in saved models."},
		{ID: "MC-TF-NETWORK", Title: "the TensorFlow graph opens connections", Class: "egress",
			Why:       "Data service, RPC and debug operators connect to addresses in the graph.",
			Reproduce: "`strings saved_model.pb | sort -u`; look for the listed operators.",
			Do:        "Run it without network."},
		{ID: "MC-TF-UNLISTED", Title: "the TensorFlow graph uses operators that are not known to be inert", Class: "unknown",
			Why:       "Only operators on a list of arithmetic and data movement are taken for inert.",
			Reproduce: "`strings saved_model.pb | sort -u`.",
			Do:        "Look the operators up; report inert ones so that the list grows."},
	}
}
