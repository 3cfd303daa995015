package disclose

import (
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// modelConfigs reads the configuration files at the root of the model. What
// they ask a loader for is declared; what the weights are is inspect's to say.
func (c *collector) modelConfigs() {
	for _, file := range c.docs {
		dir, in := place(c.root, file.Path)
		if !isModelConfigName(file.Path) || !in || dir != "" {
			continue
		}
		read, method := (*collector).modelConfig, methodModelConfig
		switch path.Base(file.Path) {
		case "tokenizer_config.json":
			read, method = (*collector).tokenizerConfig, methodTokenizer
		case "generation_config.json":
			read, method = (*collector).generationConfig, methodGeneration
		}
		if d := (jsonDoc{kind: provenance.SourceFile, method: method, path: file.Path, digest: file.Digest, text: file.Text}); c.open(d) {
			read(c, d)
		}
	}
}

func (c *collector) modelConfig(d jsonDoc) {
	c.sayText(d, "/model_type", "model.architecture")
	c.sayNumber(d, "/max_position_embeddings", "model.context")
	c.sayNumber(d, "/vocab_size", "model.vocabulary")
	c.sayText(d, "/quantization_config/quant_method", "model.quantization")
	// Transformers renamed torch_dtype to dtype (4.56); a file with both
	// says so twice.
	c.sayText(d, "/torch_dtype", "model.precision.configured")
	c.sayText(d, "/dtype", "model.precision.configured")
}

// tokenizerConfig reads where the tokenizer cuts. Transformers writes 1e30 for
// "nowhere", which is no number of tokens. Templates and code are inspect's.
func (c *collector) tokenizerConfig(d jsonDoc) {
	c.sayNumber(d, "/model_max_length", "model.context.tokenizer")
}

// generationKeys are the settings that decide what a model answers when nobody
// sets others (transformers, GenerationConfig).
var generationKeys = []string{
	"do_sample", "max_length", "max_new_tokens", "min_p", "num_beams", "repetition_penalty", "temperature", "top_k", "top_p",
}

// generationConfig reads those of them that are numbers or booleans, as one
// value that is quoted from the first to the last.
func (c *collector) generationConfig(d jsonDoc) {
	settings := map[string]jsontext.Value{}
	all := member{start: len(d.text)}
	for _, key := range generationKeys {
		m, ok := d.at("/" + key)
		if !ok || m.value.Kind() != '0' && m.value.Kind() != 't' && m.value.Kind() != 'f' {
			continue
		}
		settings[key] = m.value
		all.start, all.end = min(all.start, m.start), max(all.end, m.end)
	}
	if len(settings) > 0 {
		c.say("use.generation", d.observe(all, marshal(settings)))
	}
}

// ociConfig reads the config blob of a manifest, by its media type.
func (c *collector) ociConfig(config Config) {
	read := func(method string, extract func(jsonDoc)) {
		d := jsonDoc{kind: provenance.SourceConfig, method: method, path: PathConfig, digest: config.Digest, text: config.Body}
		if c.open(d) {
			extract(d)
		}
	}
	switch mediaType, _, _ := strings.Cut(config.MediaType, ";"); {
	case strings.HasPrefix(mediaType, "application/vnd.cncf.model.config."),
		strings.HasPrefix(mediaType, "application/vnd.cnai.model.config."):
		read(methodModelPack, c.modelPack)
	case strings.HasPrefix(mediaType, "application/vnd.kitops.modelkit.config."):
		read(methodKitOps, c.kitOps)
	case strings.HasPrefix(mediaType, "application/vnd.docker.ai.model.config."):
		read(methodDockerAI, c.dockerAI)
	case mediaType == "application/vnd.oci.image.config.v1+json", mediaType == "application/vnd.docker.container.image.v1+json":
		read(methodImageConfig, c.imageConfig)
	case mediaType == "application/vnd.oci.empty.v1+json":
		read(methodImageConfig, func(jsonDoc) {})
	}
}

// modelPack reads the config of the CNCF ModelPack specification (v0.0.7,
// config.md). "model" is the name that modctl writes when nobody gave one.
func (c *collector) modelPack(d jsonDoc) {
	if s, m, ok := d.string("/descriptor/name"); ok && s != "model" {
		c.say("identity.name", d.observe(m, textValue(s)))
	}
	c.sayText(d, "/descriptor/version", "identity.version")
	c.sayText(d, "/descriptor/vendor", "origin.organization")
	c.sayText(d, "/descriptor/sourceURL", "origin.sourceURL")
	c.sayText(d, "/descriptor/revision", "origin.revision")
	c.sayLicenses(d, "/descriptor/licenses", "license.weights")
	c.sayList(d, "/descriptor/datasetsURL", "td.sources.publicDatasets")
	c.sayAuthors(d, "/descriptor/authors")
	c.sayText(d, "/config/architecture", "model.architecture")
	c.sayText(d, "/config/precision", "model.precision.configured")
	c.sayText(d, "/config/quantization", "model.quantization")
	c.sayQuantity(d, "/config/paramSize", "model.parameters.total")
	c.sayList(d, "/config/capabilities/inputTypes", "model.modalities.in")
	c.sayList(d, "/config/capabilities/outputTypes", "model.modalities.out")
	c.sayList(d, "/config/capabilities/languages", "use.languages")
	if s, m, ok := d.string("/config/capabilities/knowledgeCutoff"); ok {
		c.say("td.cutoff", d.observe(m, dateValue(s)))
	}
}

// kitOps reads a Kitfile (manifestVersion 1.0.0) as JSON. The licence of the
// package stands for the weights' only where the model has none of its own.
// Datasets that travel in the kit need not be what it was trained on.
func (c *collector) kitOps(d jsonDoc) {
	c.sayText(d, "/package/name", "identity.name")
	c.sayText(d, "/package/version", "identity.version")
	c.sayAuthors(d, "/package/authors")
	if !c.sayLicenses(d, "/model/license", "license.weights") {
		c.sayLicenses(d, "/package/license", "license.weights")
	}
	for list, claim := range map[string]string{"/code": "license.code", "/docs": "license.docs", "/datasets": "license.data"} {
		c.sayElementLicenses(d, list, claim)
	}
}

// dockerAI reads the config of Docker's model artifacts (v0.1 and v0.2), which
// repeats the GGUF metadata (ggml docs/gguf.md, general.*) as strings.
func (c *collector) dockerAI(d jsonDoc) {
	c.sayQuantity(d, "/config/parameters", "model.parameters.total")
	c.sayText(d, "/config/architecture", "model.architecture")
	c.sayText(d, "/config/gguf/general.name", "identity.name")
	c.sayText(d, "/config/gguf/general.version", "identity.version")
	c.sayText(d, "/config/gguf/general.organization", "origin.organization")
	c.sayText(d, "/config/gguf/general.source.url", "origin.sourceURL")
	id, m, ok := d.string("/config/gguf/general.license")
	name, n, named := d.string("/config/gguf/general.license.name")
	if ok && !strings.EqualFold(id, "unknown") && (!strings.EqualFold(id, "other") || !named) {
		c.say("license.weights", d.observe(m, textValue(hubLicense(id))))
	}
	if named {
		c.say("license.weights", d.observe(n, textValue(hubLicense(name))))
	}
}

// imageConfig reads the config of an image that carries a model, and Ollama's,
// which has the same media type and fields of its own. Of the labels only the
// licence is taken: the others are as a rule the base image's.
func (c *collector) imageConfig(d jsonDoc) {
	c.sayLicenses(d, "/config/Labels/org.opencontainers.image.licenses", "license.weights")
	if _, _, ok := d.string("/model_format"); ok {
		c.sayText(d, "/model_family", "model.architecture")
		c.sayQuantity(d, "/model_type", "model.parameters.total")
	}
}

func (c *collector) sayAuthors(d jsonDoc, pointer string) {
	if list, m, ok := d.strings(pointer); ok {
		c.say("origin.contact", d.observe(m, textValue(strings.Join(list, ", "))))
	}
}

var quantity = compile(`^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMBTkmbt]?)$`)

// sayQuantity reads a number written as text: "7B", "12.29K", "32".
func (c *collector) sayQuantity(d jsonDoc, pointer, claim string) {
	s, m, ok := d.string(pointer)
	if !ok {
		return
	}
	if f := quantity.FindStringSubmatch(strings.TrimSpace(s)); f != nil {
		if n, ok := parseCount(f[1], f[2]); ok {
			c.say(claim, d.observe(m, marshal(count{Count: n, Text: f[0]})))
		}
	}
}

var isoDate = compile(`^([0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?)(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?$`)

// dateValue reads an ISO 8601 date or the date of an RFC 3339 time.
func dateValue(s string) provenance.Value {
	if m := isoDate.FindStringSubmatch(strings.TrimSpace(s)); m != nil {
		return marshal(m[1])
	}
	return nil
}

// annotations reads the keys that the OCI image-spec defines for a manifest
// (annotations.md, "Pre-Defined Annotation Keys") and that are about content.
// created is when somebody packed it, which is no claim about the model.
func (c *collector) annotations(a Annotations) {
	c.searched(PathAnnotations, a.Digest)
	const prefix = "org.opencontainers.image."
	for _, k := range []struct{ key, claim string }{
		{"title", "identity.name"},
		{"version", "identity.version"},
		{"vendor", "origin.organization"},
		{"authors", "origin.contact"},
		{"source", "origin.sourceURL"},
		{"revision", "origin.revision"},
	} {
		c.annotation(a, prefix+k.key, k.claim, textValue(a.Values[prefix+k.key]))
	}
	if id := strings.TrimSpace(a.Values[prefix+"licenses"]); id != "" {
		c.annotation(a, prefix+"licenses", "license.weights", textValue(hubLicense(id)))
	}
}

func (c *collector) annotation(a Annotations, key, claim string, v provenance.Value) {
	c.say(claim, declared(v, methodAnnotation, provenance.Source{
		Kind: provenance.SourceAnnotation, Path: PathAnnotations, Digest: a.Digest, Pointer: key, Quote: quote(a.Values[key]),
	}))
}
