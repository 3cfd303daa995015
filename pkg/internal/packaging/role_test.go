package packaging

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func TestRoleOf(t *testing.T) {
	for _, tt := range []struct {
		path, format string
		want         artifact.Role
	}{
		{"model-00001-of-00002.safetensors", "safetensors", artifact.RoleWeights},
		{"model", "gguf", artifact.RoleWeights},
		{"pytorch_model.bin", "torch-zip", artifact.RoleWeights},
		{"README.md", "pickle", artifact.RoleWeights}, // content before name
		{"README.md", "python", artifact.RoleCode},
		{"config.json", "elf", artifact.RoleCode},
		{"model.safetensors", "text", artifact.RoleDocument}, // never weights by name
		{"model.safetensors", "", artifact.RoleWeights},
		{"models/model.safetensors.index.json", "json", artifact.RoleIndex},
		{"config.json", "json", artifact.RoleConfig},
		{"tokenizer.json", "json", artifact.RoleTokenizer},
		{"tokenizer_config.json", "json", artifact.RoleTokenizer},
		{"tokenizer.model", "", artifact.RoleTokenizer},
		{"merges.txt", "text", artifact.RoleTokenizer},
		{"chat_template.jinja", "jinja", artifact.RoleTemplate},
		{"template", "text", artifact.RoleTemplate},
		{"README.md", "text", artifact.RoleCard},
		{"README_WEIGHTS.md", "text", artifact.RoleCard},
		{"LICENSE", "text", artifact.RoleLicense},
		{"LICENSE-MODEL", "text", artifact.RoleLicense},
		{"license-2", "text", artifact.RoleLicense},
		{"DeepSeek-LICENSE.txt", "text", artifact.RoleLicense},
		{"USAGE_POLICY", "text", artifact.RoleLicense},
		{"figures/benchmark.png", "image", artifact.RoleDocument},
		{"inference/run.sh", "text", artifact.RoleCode},
		{"requirements.txt", "text", artifact.RoleDocument},
		{"model.sig", "json", artifact.RoleSignature},
		{"data/train.parquet", "", artifact.RoleDataset},
		{"params", "json", artifact.RoleConfig},
		{"blob", "", artifact.RoleUnknown},
		{"x.xyz", "tar", artifact.RoleUnknown},
	} {
		if got := RoleOf(tt.path, tt.format); got != tt.want {
			t.Errorf("%s (%s): %v, want %v", tt.path, tt.format, got, tt.want)
		}
	}
}
