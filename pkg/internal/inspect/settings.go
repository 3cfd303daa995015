package inspect

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// settings are the members at the top of a configuration that say how large a
// model is, and where they stand.
type settings map[string]string

// maxSettings bounds them; DeepSeek-V3's config.json has some 50.
const maxSettings = 256

// setting keeps a number or word of a configuration for the comparison with
// the tensors.
func (f *Facts) setting(s scalar) {
	name := ""
	switch {
	case len(s.path) == 1 && s.path[0].object:
		name = s.path[0].name
	case len(s.path) == 2 && (s.path[0].name == "text_config" || s.path[0].name == "language_config") && s.path[1].object:
		name = textPart + s.path[1].name
	case len(s.path) == 2 && s.path[0].name == "quantization_config" && s.path[1].object:
		name = "quantization_config." + s.path[1].name
	case len(s.path) == 3 && s.path[0].name == "quantization_config" && s.path[1].name == "weight_block_size" && !s.path[2].object:
		name = "weight_block_size." + strconv.Itoa(s.path[2].index)
	default:
		return
	}
	if len(name) > 64 || len(s.text) > 64 || len(f.set) == maxSettings {
		return
	}
	if f.set == nil {
		f.set = settings{}
	}
	switch s.kind {
	case jsontext.Kind('t'):
		f.set[name] = "true"
	case jsontext.Kind('f'):
		f.set[name] = "false"
	case jsontext.Kind('n'):
	default:
		f.set[name] = s.text
	}
}

// textPart begins the settings of the language model that a multimodal one
// holds.
const textPart = "text."

// ofText returns the settings of the language model: the model's own, or where
// it holds one, of that.
func (s settings) ofText() settings {
	if s[textPart+"model_type"] == "" || s["hidden_size"] != "" {
		return s
	}
	out := settings{}
	for name, value := range s {
		if rest, ok := strings.CutPrefix(name, textPart); ok {
			out[rest] = value
		} else if _, ok := s[textPart+name]; !ok {
			out[name] = value
		}
	}
	return out
}

// number returns a setting that is a whole number.
func (s settings) number(name string) (uint64, bool) {
	n, err := strconv.ParseUint(s[name], 10, 40)
	return n, err == nil
}
