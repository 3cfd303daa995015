package inspect

import (
	"path"
	"slices"
	"strings"
)

// A trigger is a value in a configuration that makes a loader run code or ask
// a network.
type trigger struct {
	rule       string // of the catalogue
	key        string // the member that loaders act on
	value      string
	pointer    string
	loader     string
	class      Class
	file       string // code in the artifact, as named
	repository string // code elsewhere
	place      string // pointer of the member that holds it
	start, end int    // bytes, from that member's name on
}

// codeRules holds one function per key that loaders act on (model-files §3.6
// names sources and advisories). Each looks at one scalar of the file with the
// given base name.
var codeRules = [...]func(base string, s scalar) (trigger, bool){
	autoMap, trustRemoteCode, kernelFromHub, modelFile, hydraTarget,
	customPipeline, sentenceModule, diffusersModule, parentLibrary, loaderModule, baseModel, templateName, address,
}

// triggersIn returns what s triggers in a file called name.
func triggersIn(name string, s scalar) []trigger {
	var out []trigger
	for _, rule := range codeRules {
		t, ok := rule(path.Base(name), s)
		if !ok {
			continue
		}
		depth := max(slices.IndexFunc(s.path, func(f frame) bool { return f.object && f.name == t.key }), 0)
		if len(s.path) > 0 {
			t.place, t.pointer, t.start = s.pointer(depth), s.pointer(len(s.path)-1), s.path[depth].start
		}
		t.start, t.end = max(t.start, 0), s.end
		if t.value == "" {
			t.value = s.text
		}
		out = append(out, t)
	}
	return out
}

// autoMap: "file.Class" is code in the same repository, "org/repo--file.Class"
// in another one (transformers, dynamic_module_utils.get_class_from_dynamic_module).
func autoMap(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.below("auto_map") < 0 {
		return trigger{}, false
	}
	t := trigger{rule: "MC-CONFIG-AUTO-MAP", key: "auto_map", loader: "transformers", class: ClassCodeOnLoad}
	if t.repository, t.file = codeReference(s.text); t.repository != "" {
		t.rule = "MC-CONFIG-AUTO-MAP-REMOTE"
	}
	return t, true
}

func codeReference(ref string) (repository, file string) {
	if repo, rest, ok := strings.Cut(ref, "--"); ok {
		repository, ref = repo, rest
	}
	module := ref
	if i := strings.LastIndexByte(ref, '.'); i >= 0 {
		module = ref[:i]
	}
	return repository, strings.ReplaceAll(module, ".", "/") + ".py"
}

// trustRemoteCode: an artifact that asks to be trusted (CVE-2026-5241).
func trustRemoteCode(_ string, s scalar) (trigger, bool) {
	if s.key() != "trust_remote_code" || s.kind == 'f' || s.kind == 'n' {
		return trigger{}, false
	}
	t := trigger{rule: "MC-CONFIG-TRUST", key: "trust_remote_code", loader: "transformers", class: ClassCodeOnLoad, value: "true"}
	if s.kind == '"' {
		t.value = s.text
	}
	return t, true
}

// kernelFromHub: an implementation with a slash is downloaded and imported,
// whatever trust_remote_code says (CVE-2026-4372, transformers before 5.3.0).
func kernelFromHub(_ string, s scalar) (trigger, bool) {
	i := slices.IndexFunc(s.path, func(f frame) bool {
		return f.object && (strings.HasSuffix(f.name, "_implementation") || strings.Contains(f.name, "_implementation_") || strings.Contains(f.name, "attn_implementation"))
	})
	if i < 0 || s.kind != '"' || !strings.Contains(s.text, "/") {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-KERNEL", key: s.path[i].name, loader: "transformers with kernels", class: ClassCodeOnLoad, repository: s.text}, true
}

// modelFile: mlx-lm imports the file without asking (CVE-2026-5843).
func modelFile(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "model_file" || s.text == "" {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-MODEL-FILE", key: "model_file", loader: "mlx-lm", class: ClassCodeOnLoad, file: s.text}, true
}

// hydraTarget: any importable callable is called (CVE-2025-23304).
func hydraTarget(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "_target_" {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-TARGET", key: "_target_", loader: "hydra, NeMo", class: ClassCodeOnLoad}, true
}

func customPipeline(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "impl" || s.below("custom_pipelines") < 0 {
		return trigger{}, false
	}
	t := trigger{rule: "MC-CONFIG-PIPELINE", key: "custom_pipelines", loader: "transformers", class: ClassCodeOnLoad}
	t.repository, t.file = codeReference(s.text)
	return t, true
}

// sentenceModule: sentence-transformers imports the class that modules.json
// names; its own are inert.
func sentenceModule(base string, s scalar) (trigger, bool) {
	if base != "modules.json" || s.kind != '"' || s.key() != "type" || strings.HasPrefix(s.text, "sentence_transformers.") {
		return trigger{}, false
	}
	_, file := codeReference(s.text)
	return trigger{rule: "MC-CONFIG-SENTENCE-MODULE", key: "type", loader: "sentence-transformers", class: ClassCodeOnLoad, file: file}, true
}

// diffusersModule: in model_index.json every component is [library, class]; a
// library that is not installed is a module of the repository.
func diffusersModule(base string, s scalar) (trigger, bool) {
	if base != "model_index.json" || s.kind != '"' || len(s.path) != 2 {
		return trigger{}, false
	}
	outer, inner := s.path[0], s.path[1]
	if !outer.object || inner.object || inner.index != 0 || strings.HasPrefix(outer.name, "_") {
		return trigger{}, false
	}
	switch s.text {
	case "diffusers", "transformers", "onnxruntime", "flax", "stable_diffusion", "k_diffusion":
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-DIFFUSERS-MODULE", key: outer.name, loader: "diffusers", class: ClassCodeOnLoad, file: s.text + ".py"}, true
}

// parentLibrary: PEFT imports the module that the adapter names (peft/auto.py).
func parentLibrary(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "parent_library" {
		return trigger{}, false
	}
	root, _, _ := strings.Cut(s.text, ".")
	switch root {
	case "transformers", "peft", "diffusers", "sentence_transformers", "timm":
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-PARENT-LIBRARY", key: "parent_library", loader: "peft", class: ClassCodeOnLoad}, true
}

func loaderModule(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "loader_module" {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-LOADER-MODULE", key: "loader_module", loader: "mlflow", class: ClassCodeOnLoad}, true
}

// baseModel: an adapter makes PEFT fetch its base model from the hub, unless
// the value is a folder.
func baseModel(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "base_model_name_or_path" || s.text == "" ||
		strings.HasPrefix(s.text, "/") || strings.HasPrefix(s.text, ".") {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-BASE-MODEL", key: "base_model_name_or_path", loader: "peft", class: ClassEgress, repository: s.text}, true
}
