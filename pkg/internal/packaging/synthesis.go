package packaging

import (
	"fmt"
	"path"
	"strings"
)

// A synthesis makes the names that two formats leave out, by the formats' own
// conventions, so that unnamed layers of these kinds are nothing unusual.
type synthesis struct {
	seen  map[string]int
	total map[string]int // layers by media type
}

func newSynthesis(m *Image) *synthesis {
	s := &synthesis{seen: map[string]int{}, total: map[string]int{}}
	for _, l := range m.Layers {
		s.total[l.MediaType]++
	}
	return s
}

// ollama names a layer after its media type: "model", "license", and
// "license-2" for the second of a kind.
func (s *synthesis) ollama(l *Layer) string {
	kind, ok := strings.CutPrefix(l.MediaType, prefixOllama)
	if !ok || kind == "" {
		return ""
	}
	return s.numbered(kind)
}

// docker names a layer as Docker Model Runner does when it unpacks artifacts
// of builders that wrote no file paths.
func (s *synthesis) docker(l *Layer) string {
	switch strings.TrimPrefix(l.MediaType, prefixDockerAI) {
	case "gguf.v3":
		return s.shard(l.MediaType, ".gguf")
	case "safetensors":
		return s.shard(l.MediaType, ".safetensors")
	case "gguf.v3.lora":
		return s.numbered("adapter.gguf")
	case "mmproj", "gguf.v3.mmproj":
		return s.numbered("model.mmproj")
	case "dduf":
		return s.numbered("model.dduf")
	case "chat.template.jinja":
		return s.numbered("template.jinja")
	case "license":
		return s.numbered("LICENSE")
	default:
		return ""
	}
}

func (s *synthesis) shard(mediaType, ext string) string {
	if s.total[mediaType] == 1 {
		return "model" + ext
	}
	s.seen[mediaType]++
	return fmt.Sprintf("model-%05d-of-%05d%s", s.seen[mediaType], s.total[mediaType], ext)
}

func (s *synthesis) numbered(name string) string {
	if s.seen[name]++; s.seen[name] == 1 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), s.seen[name], ext)
}
