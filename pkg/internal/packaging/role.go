package packaging

import (
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// RoleOf says what a file is for. format is what its bytes are, in the words
// of package inspect, "" or "unknown" where nobody could tell. The bytes
// decide first: a script called README.md is code, and a text called
// model.safetensors is no weights. Media types have no say.
func RoleOf(name, format string) artifact.Role {
	base := strings.ToLower(path.Base(name))
	switch format {
	case "safetensors", "gguf", "pickle", "torch-zip", "onnx", "hdf5", "npy":
		return artifact.RoleWeights
	case "python", "elf", "pe", "macho", "shebang":
		return artifact.RoleCode
	case "jinja":
		return artifact.RoleTemplate
	case "pdf", "image":
		return artifact.RoleDocument
	case "parquet", "arrow":
		return artifact.RoleDataset
	case "json", "yaml":
		return roleOfStructure(base)
	case "text":
		return roleOfText(base)
	}
	return roleOfName(base)
}

// roleOfStructure is for JSON and YAML.
func roleOfStructure(base string) artifact.Role {
	switch {
	case strings.HasSuffix(base, ".index.json"):
		return artifact.RoleIndex
	case tokenizerFile(base):
		return artifact.RoleTokenizer
	case base == "chat_template.json":
		return artifact.RoleTemplate
	case strings.HasSuffix(base, ".ipynb"):
		return artifact.RoleCode
	case strings.HasSuffix(base, ".jsonl"):
		return artifact.RoleDataset
	case signatureFile(base):
		return artifact.RoleSignature
	case isCard(base):
		return artifact.RoleCard
	}
	return artifact.RoleConfig
}

// roleOfText is for text that is of no other known format.
func roleOfText(base string) artifact.Role {
	ext := path.Ext(base)
	switch {
	case isCard(base):
		return artifact.RoleCard
	case isLicense(base):
		return artifact.RoleLicense
	case tokenizerFile(base):
		return artifact.RoleTokenizer
	case base == "template" || base == "system" || base == "prompt": // Ollama
		return artifact.RoleTemplate
	case signatureFile(base):
		return artifact.RoleSignature
	case base == ".gitattributes" || base == ".gitignore" || base == "params":
		return artifact.RoleConfig
	}
	switch ext {
	case ".sh", ".js", ".ts", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".go", ".rs", ".java", ".lua", ".pl", ".rb", ".ps1", ".bat", ".pyx":
		return artifact.RoleCode
	case ".toml", ".ini", ".cfg", ".conf", ".json", ".yaml", ".yml":
		return artifact.RoleConfig
	case ".jinja", ".jinja2", ".j2":
		return artifact.RoleTemplate
	case ".csv", ".tsv", ".jsonl":
		return artifact.RoleDataset
	}
	return artifact.RoleDocument
}

// roleOfName is for bytes that nobody recognised.
func roleOfName(base string) artifact.Role {
	if tokenizerFile(base) {
		return artifact.RoleTokenizer
	}
	if signatureFile(base) {
		return artifact.RoleSignature
	}
	switch path.Ext(base) {
	case ".safetensors", ".gguf", ".ggml", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".hdf5", ".keras",
		".msgpack", ".tflite", ".npz", ".npy", ".weight", ".dduf", ".pb":
		return artifact.RoleWeights
	case ".parquet", ".arrow", ".csv", ".tsv", ".jsonl":
		return artifact.RoleDataset
	case ".py", ".pyc", ".so", ".dll", ".dylib", ".exe", ".sh", ".whl", ".jar", ".wasm":
		return artifact.RoleCode
	}
	return artifact.RoleUnknown
}

func tokenizerFile(base string) bool {
	switch base {
	case "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json", "special_tokens_map.json",
		"spiece.model", "sentencepiece.bpe.model", "tekken.json", "bpe.codes":
		return true
	}
	return strings.HasPrefix(base, "tokenizer") && (strings.HasSuffix(base, ".json") || strings.HasSuffix(base, ".model")) ||
		strings.HasSuffix(base, ".tiktoken") || strings.HasPrefix(base, "sentencepiece")
}

func isCard(base string) bool {
	return strings.HasPrefix(base, "readme") || strings.HasPrefix(base, "model_card") ||
		strings.HasPrefix(base, "modelcard") || strings.HasPrefix(base, "model-card")
}

func isLicense(base string) bool {
	for _, word := range []string{"license", "licence", "copying", "notice", "use_policy", "usage_policy", "terms_of_use", "unlicense"} {
		if strings.HasPrefix(base, word) || strings.HasSuffix(strings.TrimSuffix(base, path.Ext(base)), word) {
			return true
		}
	}
	return false
}

// signatureFile: OpenSSF Model Signing's default name, Sigstore bundles and
// detached signatures.
func signatureFile(base string) bool {
	return base == "model.sig" || strings.HasSuffix(base, ".sigstore.json") || strings.HasSuffix(base, ".sigstore") ||
		strings.HasSuffix(base, ".sig") || strings.HasSuffix(base, ".asc")
}
