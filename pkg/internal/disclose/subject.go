package disclose

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
)

// modelName is what a model's name looks like in a sentence: words of letters,
// digits and dots joined by hyphens, with a digit or a hyphen in it.
const modelName = `[A-Za-z][A-Za-z0-9.]*(?:[-/][A-Za-z0-9.]+)*`

// families begin the names of published models. A sentence about training or
// size that names one of them which is not this model is left alone.
var families = compile(`(?i)\b(?:` + strings.Join([]string{
	"alpaca", "aya", "baichuan", "bert", "bloom", "chatglm", "claude", "codellama", "cohere", "command-r", "dbrx", "deepseek",
	"distilbert", "doubao", "ernie", "falcon", "flux", "gemini", "gemma", "glm", "gopher", "gpt", "granite", "grok", "hunyuan",
	"internlm", "internvl", "jamba", "janus", "kimi", "llama", "llava", "minicpm", "minimax", "mistral", "mixtral", "mpt",
	"nemotron", "o1", "o3", "olmo", "palm", "phi", "pythia", "qwen", "qwq", "roberta", "siglip", "smollm", "sora", "stablelm",
	"starcoder", "t5", "vicuna", "whisper", "wizardlm", "yi", "zephyr",
}, "|") + `)(?:[- ]?v?[0-9][A-Za-z0-9.]*)?(?:-[A-Za-z0-9.]+)*`)

// introduced finds the name in "We present DeepSeek-V3, a strong …".
var introduced = compile(`^(?:[A-Za-z ,]{0,60}\b)?[Ww]e (?:present|introduce|release|propose|are excited to (?:release|introduce)) (` + modelName + `)\b`)

// nameTails are words after a model's name that do not make it another model.
var nameTails = []string{"model", "models", "series", "family", "weights", "base", "chat", "instruct"}

func normal(s string) string { return string(license.Normalize([]byte(s))) }

// titleName takes a model's name out of a title: what stands before a colon or
// dash, without "Model Card for" and the like. It must look like a name.
func titleName(title string) string {
	title = strings.TrimSpace(title)
	for _, lead := range []string{"Model Card for ", "Model card for ", "Model Card: ", "Model card: "} {
		title = strings.TrimPrefix(title, lead)
	}
	for _, mark := range []string{":", " - ", " – ", " — ", "(", "|"} {
		title, _, _ = strings.Cut(title, mark)
	}
	words := strings.Fields(normal(title))
	for len(words) > 1 && slices.Contains([]string{"series", "family", "model", "card", "models"}, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 || len(words) > 6 {
		return ""
	}
	return strings.Join(words, " ")
}

// know works out which model the card is about and whether it is about one.
// Where other documents name the artifact, and a table of the card lists that
// name among several models, the card is about a series, and only what it says
// by that name is about this model.
func (k *card) know(text prose, artifact []string) {
	add := func(name string) {
		if name = normal(name); name != "" && !slices.Contains(k.names, name) {
			k.names = append(k.names, name)
		}
	}
	add(scalar(k.front.fields["model_name"]))
	if len(text.titles) > 0 {
		add(titleName(text.titles[0]))
		k.series = seriesTitle.MatchString(text.titles[0])
	}
	for i, s := range text.sentences {
		if m := introduced.FindStringSubmatch(s.plain); m != nil && i < maxIntroduction && strings.ContainsAny(m[1], "-0123456789") {
			add(m[1])
			break
		}
	}
	if own := listedAmong(text, artifact); own != "" && !k.is(own) {
		k.names, k.member = []string{normal(own)}, own
	}
	for _, field := range []string{"license", "pipeline_tag", "library_name", "base_model", "model-index", "model_name"} {
		k.fronted = k.fronted || k.front.fields[field] != nil
	}
	k.model = k.fronted
	for _, s := range text.sentences {
		k.model = k.model || aboutModel.MatchString(s.plain)
	}
}

var seriesTitle = compile(`(?i)\b(?:series|family)\b`)

// listedAmong returns the one of the names that stands in the first column of
// a table of models.
func listedAmong(text prose, names []string) string {
	for _, t := range text.tables {
		if len(t.header) < 2 || !strings.EqualFold(t.header[0], "model") || len(t.rows) < 2 {
			continue
		}
		for _, row := range t.rows {
			for _, name := range names {
				if name = name[strings.LastIndexByte(name, '/')+1:]; len(row.cells) > 0 && normal(row.cells[0]) == normal(name) && normal(name) != "" {
					return name
				}
			}
		}
	}
	return ""
}

// maxIntroduction is how many sentences deep a card still introduces its model.
const maxIntroduction = 60

// aboutModel tells the README of a model from one of a library.
var aboutModel = compile(`(?i)\b(?:model weights|language models? with|(?:model|released|training|pre-?trained) checkpoints?|pre-?trained on|our models?|the model is|parameters? with)\b`)

// is says whether name is the card's model itself.
func (k *card) is(name string) bool { return slices.Contains(k.names, normal(name)) }

// isOrPart also takes the model's base, chat and instruction-tuned forms.
func (k *card) isOrPart(name string) bool {
	words := strings.Fields(normal(name))
	for len(words) > 0 {
		if slices.Contains(k.names, strings.Join(words, " ")) {
			return true
		}
		if !slices.Contains(nameTails, words[len(words)-1]) {
			return false
		}
		words = words[:len(words)-1]
	}
	return false
}

// others says whether a sentence names a model that is not the card's.
func (k *card) others(plain string) bool {
	for _, name := range families.FindAllString(plain, -1) {
		if !k.isOrPart(name) && !k.isOrPart(strings.TrimSuffix(name, "-Base")) && !k.partOfName(name) {
			return true
		}
	}
	return false
}

// partOfName lets "DeepSeek" stand for nothing where the model is DeepSeek-V3:
// the family's bare name is as a rule the organisation's.
func (k *card) partOfName(name string) bool {
	norm := normal(name)
	return slices.ContainsFunc(k.names, func(own string) bool {
		return strings.HasPrefix(own, norm+" ") && !strings.ContainsAny(norm, "0123456789")
	})
}
