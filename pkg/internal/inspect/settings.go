package inspect

import (
	"strconv"

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

// number returns a setting that is a whole number.
func (s settings) number(name string) (uint64, bool) {
	n, err := strconv.ParseUint(s[name], 10, 40)
	return n, err == nil
}
