package inspect

import (
	"bytes"
	"slices"
	"strings"
)

// templateName: transformers saved additional templates under the name that
// the list gives them (CVE-2026-9856).
func templateName(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || s.key() != "name" || s.below("chat_template") < 0 || !strings.ContainsAny(s.text, `/\`) && s.text != ".." {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-TEMPLATE-NAME", key: "chat_template", loader: "transformers", class: ClassFileRead}, true
}

// schemes begin addresses that some loader fetches from.
var schemes = []string{"http://", "https://", "ftp://", "gs://", "s3://", "hf://", "hdfs://", "abfs://", "az://", "r2://", "oci://"}

// address: a field that loaders take for a file can be an address in its
// place. Fields that only tell people where something is are left alone.
func address(_ string, s scalar) (trigger, bool) {
	if s.kind != '"' || !slices.ContainsFunc(schemes, func(p string) bool { return strings.HasPrefix(strings.ToLower(s.text), p) }) {
		return trigger{}, false
	}
	key := strings.ToLower(s.key())
	last := key[strings.LastIndexByte(key, '_')+1:]
	read := slices.Contains([]string{"path", "file", "filename", "weights", "checkpoint", "ckpt", "vocabulary", "vocab", "uri", "model", "tokenizer", "adapter", "init", "init_from", "pretrained"}, last) ||
		last == "url" && s.below("pretrained_cfg") >= 0
	if !read || key == "base_model_name_or_path" {
		return trigger{}, false
	}
	return trigger{rule: "MC-CONFIG-URL", key: s.key(), loader: "a loader of this field", class: ClassEgress}, true
}

// isKeras knows a saved Keras model's description of itself.
func isKeras(text []byte) bool {
	return bytes.Contains(text, []byte(`"class_name"`)) &&
		(bytes.Contains(text, []byte("keras")) || bytes.Contains(text, []byte(`"registered_name"`)) || bytes.Contains(text, []byte(`"Sequential"`)) || bytes.Contains(text, []byte(`"Functional"`)))
}

// isSkops knows the schema.json of skops, which names the classes that it
// constructs.
func isSkops(text []byte) bool {
	return bytes.Contains(text, []byte(`"__loader__"`)) && bytes.Contains(text, []byte(`"__module__"`))
}

// kerasTriggers looks at one scalar of a Keras model (keras/src/saving,
// serialization_lib.deserialize_keras_object).
func kerasTriggers(s scalar) []trigger {
	t := trigger{key: s.key(), value: s.text, loader: "keras", rule: "MC-KERAS-CODE", class: ClassCodeOnLoad, start: s.start, end: s.end}
	if len(s.path) > 0 {
		t.pointer = s.pointer(len(s.path) - 1)
		t.place = t.pointer
	}
	switch {
	case s.kind != '"' || len(s.path) == 0 || !s.path[len(s.path)-1].object:
		return nil
	case s.key() == "class_name" && slices.Contains(kerasCode, s.text):
	case s.key() == "module" && !kerasModule(s.text):
	case s.key() == "vocabulary" || s.key() == "idf_weights":
		t.rule, t.class = "MC-KERAS-FILE", ClassFileRead
	default:
		return nil
	}
	return []trigger{t}
}

// kerasCode are classes that hold code, load other models, or switch the safe
// mode off.
var kerasCode = []string{
	"Lambda", "__lambda__", "function", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer",
	"enable_unsafe_deserialization", "get_file", "load_model", "run_script",
}

// kerasModule says whether a module holds nothing but Keras's own layers,
// optimisers and the like. Its utilities are functions that download and
// switch modes (CVE-2025-8747).
func kerasModule(m string) bool {
	rest, ok := m, false
	for _, root := range []string{"keras.src.", "keras.", "tf_keras.src.", "tf_keras.", "tensorflow.keras.", "keras_hub.", "keras_nlp."} {
		if rest, ok = strings.CutPrefix(m, root); ok {
			break
		}
	}
	if !ok {
		return m == "keras"
	}
	first, _, _ := strings.Cut(rest, ".")
	return slices.Contains([]string{"layers", "models", "activations", "initializers", "regularizers", "constraints", "optimizers", "losses", "metrics", "dtype_policies", "engine", "applications", "backend", "random"}, first)
}
