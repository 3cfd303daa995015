package disclose

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	typeModelPack = "application/vnd.cncf.model.config.v1+json"
	typeKitOps    = "application/vnd.kitops.modelkit.config.v1+json"
	typeDockerAI  = "application/vnd.docker.ai.model.config.v0.1+json"
	typeImage     = "application/vnd.oci.image.config.v1+json"
	typeDocker    = "application/vnd.docker.container.image.v1+json"
)

func configOf(mediaType, body string) Input {
	return Input{Configs: []Config{{MediaType: mediaType, Digest: artifact.SumSHA256([]byte(body)), Body: []byte(body)}}}
}

func TestOCIConfigs(t *testing.T) {
	says := func(claim, value string) seen { return seen{claim, value, PathConfig, 0} }
	for name, c := range map[string]struct {
		mediaType, body string
		want            []seen
	}{
		"ModelPack": {typeModelPack, `{"descriptor":{"createdAt":"2026-11-23T13:08:53Z","authors":["A","B"],"vendor":"Org","family":"f","name":"foo",
			"version":"1.1","sourceURL":"https://x/y","datasetsURL":["https://d/2","https://d/1"],"revision":"abc","licenses":["apache-2.0"]},
			"config":{"architecture":"transformer","paramSize":"12.29K","precision":"bfloat16","quantization":"awq",
			"capabilities":{"inputTypes":["text","image"],"outputTypes":["text"],"knowledgeCutoff":"2024-07-31T00:00:00Z","languages":["zh","en"]}},
			"modelfs":{"type":"layers","diffIds":[]}}`, []seen{
			says("origin.contact", `"A, B"`), says("origin.organization", `"Org"`), says("identity.name", `"foo"`), says("identity.version", `"1.1"`),
			says("origin.sourceURL", `"https://x/y"`), says("td.sources.publicDatasets", `["https://d/1","https://d/2"]`), says("origin.revision", `"abc"`),
			says("license.weights", `"Apache-2.0"`), says("model.architecture", `"transformer"`), says("model.parameters.total", `{"count":12290,"text":"12.29K"}`),
			says("model.precision.configured", `"bfloat16"`), says("model.quantization", `"awq"`), says("model.modalities.in", `["image","text"]`),
			says("model.modalities.out", `["text"]`), says("td.cutoff", `"2024-07-31"`), says("use.languages", `["en","zh"]`)}},
		"ModelPack of modctl": {typeModelPack, `{"descriptor":{"name":"model","family":"f"},"config":{},"modelfs":{}}`, nil},
		"ModelPack, several licences": {typeModelPack, `{"descriptor":{"licenses":["MIT","ISC OR MIT"]}}`,
			[]seen{says("license.weights", mit), says("license.weights", `"ISC OR MIT"`)}},
		"ModelPack, other types": {typeModelPack, `{"descriptor":{"name":7,"licenses":"MIT","authors":[1],"datasetsURL":{}},"config":{"paramSize":7,"capabilities":[]}}`,
			[]seen{says("license.weights", mit)}},
		"ModelPack, bad numbers and dates": {typeModelPack, `{"config":{"paramSize":"99999999T","capabilities":{"knowledgeCutoff":"last summer"}}}`, nil},
		"Kitfile": {typeKitOps, `{"manifestVersion":"1.0.0","package":{"name":"toy","version":"1.0.0","license":"MIT","authors":["o"]},
			"model":{"license":"Apache-2.0","parameters":{"base_model":"x"}},"code":[{"path":"a","license":"ISC"},{"path":"b"}],
			"datasets":[{"name":"d","license":"cc-by-4.0"}],"docs":[{"path":"README.md"}]}`, []seen{
			says("identity.name", `"toy"`), says("identity.version", `"1.0.0"`), says("origin.contact", `"o"`), says("license.weights", `"Apache-2.0"`),
			says("license.code", `"ISC"`), says("license.data", `"CC-BY-4.0"`)}},
		"Kitfile, package licence": {typeKitOps, `{"package":{"license":"MIT"},"model":{}}`, []seen{says("license.weights", mit)}},
		"Docker AI": {typeDockerAI, `{"config":{"format":"gguf","quantization":"MOSTLY_F32","parameters":"7B","architecture":"llama",
			"gguf":{"general.license":"mit","general.name":"toy","general.organization":"Org"}}}`, []seen{
			says("model.parameters.total", `{"count":7000000000,"text":"7B"}`), says("model.architecture", `"llama"`), says("license.weights", mit),
			says("identity.name", `"toy"`), says("origin.organization", `"Org"`)}},
		"Docker AI, other": {typeDockerAI, `{"config":{"gguf":{"general.license":"other","general.license.name":"gemma"}}}`,
			[]seen{says("license.weights", `"LicenseRef-modelcheck-gemma"`)}},
		"image labels": {typeImage, `{"architecture":"amd64","os":"linux","config":{"Labels":{"org.opencontainers.image.licenses":"MIT","vendor":"Base","version":"9"}}}`,
			[]seen{says("license.weights", mit)}},
		"Ollama":     {typeDocker, `{"model_format":"gguf","model_family":"llama","model_type":"7B","architecture":"amd64"}`, []seen{says("model.architecture", `"llama"`), says("model.parameters.total", `{"count":7000000000,"text":"7B"}`)}},
		"empty":      {"application/vnd.oci.empty.v1+json", `{}`, nil},
		"list":       {typeModelPack, `[]`, nil},
		"null":       {typeModelPack, `null`, nil},
		"other type": {"application/vnd.example+json", `{"descriptor":{"licenses":["MIT"]}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := extract(t, configOf(c.mediaType, c.body))
			expect(t, seenIn(r), c.want)
			if len(r.Findings) > 0 {
				t.Errorf("findings %v", r.Findings)
			}
			for _, o := range r.Observations {
				if o.Source.Kind != provenance.SourceConfig || o.Source.Pointer == "" || !strings.Contains(c.body, o.Source.Quote) {
					t.Errorf("%s: source %+v", o.Claim, o.Source)
				}
			}
		})
	}
}

// TestMalformedConfigs: one that readers could read differently is reported,
// says nothing and was not searched.
func TestMalformedConfigs(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":         `license: MIT`,
		"empty":           ``,
		"truncated":       `{"model_type":"x"`,
		"two values":      `{"model_type":"x"}{}`,
		"duplicate names": `{"model_type":"x","model_type":"y"}`,
		"byte order mark": "\ufeff" + `{"model_type":"x"}`,
		"invalid UTF-8":   "{\"model_type\":\"\xff\"}",
		"too deep":        `{"model_type":"x","a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			in := configOf(typeModelPack, strings.ReplaceAll(body, `"model_type"`, `"descriptor"`))
			in.Documents = []Document{document("config.json", body), document("README.md", "# x\n")}
			r := extract(t, in)
			if len(r.Observations) > 0 || len(r.Findings) != 2 || len(r.Searched) != 1 || r.Searched[0].Path != "README.md" {
				t.Fatalf("%+v", r)
			}
			for _, f := range r.Findings {
				if f.ID != provenance.CodeConfigMalformed || f.Digest.IsZero() || f.Subject != "config.json" && f.Subject != PathConfig {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestModelConfig(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		want       []seen
	}{
		"as it is": {"config.json", "{\n \"model_type\": \"x\",\n \"dtype\": \"float16\",\n \"max_position_embeddings\": 4096\n}",
			[]seen{{"model.architecture", `"x"`, "config.json", 2}, {"model.precision.configured", `"float16"`, "config.json", 3}, {"model.context", `{"count":4096,"text":"4096"}`, "config.json", 4}}},
		"other types":      {"config.json", `{"model_type":["x"],"torch_dtype":{},"max_position_embeddings":"4096","quantization_config":"fp8"}`, nil},
		"bad numbers":      {"config.json", `{"max_position_embeddings":-1}`, nil},
		"fractions":        {"config.json", `{"max_position_embeddings":0.5}`, nil},
		"huge numbers":     {"config.json", `{"max_position_embeddings":1e300}`, nil},
		"below the root":   {"unet/config.json", `{"model_type":"x"}`, nil},
		"not the model's":  {"tokenizer_config.json", `{"model_type":"x"}`, nil},
		"escaped names":    {"config.json", `{"model\u005ftype":"x"}`, []seen{{"model.architecture", `"x"`, "config.json", 1}}},
		"nested same name": {"config.json", `{"a":{"model_type":"y"},"model_type":"x"}`, []seen{{"model.architecture", `"x"`, "config.json", 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, seenIn(extract(t, Input{Documents: []Document{document(c.path, c.body)}})), c.want)
		})
	}
}

func TestAnnotations(t *testing.T) {
	digest := artifact.SumSHA256([]byte("manifest"))
	in := Input{Annotations: []Annotations{{Digest: digest, Values: map[string]string{
		"org.opencontainers.image.title": "foo", "org.opencontainers.image.version": "1", "org.opencontainers.image.vendor": "Org",
		"org.opencontainers.image.authors": "a@b", "org.opencontainers.image.source": "https://x", "org.opencontainers.image.revision": "r",
		"org.opencontainers.image.licenses": "mit OR apache-2.0", "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
		"org.opencontainers.image.url": "https://u", "license": "ISC", "com.example": "x",
	}}, {Digest: artifact.SumSHA256([]byte("other")), Values: map[string]string{"org.opencontainers.image.title": "  "}}}}
	r := extract(t, in)
	says := func(claim, value string) seen { return seen{claim, value, PathAnnotations, 0} }
	expect(t, seenIn(r), []seen{
		says("identity.name", `"foo"`), says("identity.version", `"1"`), says("origin.organization", `"Org"`), says("origin.contact", `"a@b"`),
		says("origin.sourceURL", `"https://x"`), says("origin.revision", `"r"`), says("license.weights", `"Apache-2.0 OR MIT"`)})
	for _, o := range r.Observations {
		if o.Source.Kind != provenance.SourceAnnotation || o.Source.Digest != digest || !strings.HasPrefix(o.Source.Pointer, "org.opencontainers.image.") || o.Source.Quote == "" {
			t.Errorf("%+v", o.Source)
		}
	}
	if len(r.Searched) != 2 {
		t.Errorf("searched %v", r.Searched)
	}
}

func TestWanted(t *testing.T) {
	for _, p := range []string{
		"README.md", "readme", "models/README.md", "README_WEIGHTS.md", "README-zh.md", "README.rst", "model_card.md", "MODEL-CARD.md", "modelcard.md",
		"LICENSE", "license.txt", "LICENCE", "LICENSE-MODEL", "LICENSE.md", "MODEL_LICENSE", "LICENSE-LLAMA-3.1", "COPYING", "UNLICENSE",
		"config.json", "a/generation_config.json", "tokenizer_config.json",
	} {
		if !Wanted(p) {
			t.Errorf("%s is not wanted", p)
		}
	}
	for _, p := range []string{
		"", "/", ".", "README.py", "README.pdf", "readme.json", "LICENSE.py", "LICENSE.pdf", "license_test.go", "tokenizer.json", "model.safetensors",
		"licenses.csv", "license-data.bin", "config.yaml", "CONFIG.JSON", "relicense_everything.sh", "a/README.md/x",
	} {
		if Wanted(p) {
			t.Errorf("%s is wanted", p)
		}
	}
}

// TestSearched: what was not read is never among what was searched.
func TestSearched(t *testing.T) {
	in := cardOf("# Foo\n")
	in.Documents = append(in.Documents, document("notes.md", "This model is licensed under the MIT License."), document("main.py", "x"))
	in.Unread = []provenance.Document{{Path: "LICENSE", Digest: artifact.SumSHA256([]byte("big"))}}
	r := extract(t, in)
	if want := []provenance.Document{{Path: "README.md", Digest: in.Documents[0].Digest}}; !slices.Equal(r.Searched, want) || len(r.Observations) > 0 {
		t.Errorf("%+v", r)
	}
	if r := Extract(Input{}); len(r.Observations)+len(r.Searched)+len(r.Findings) != 0 {
		t.Errorf("out of nothing: %+v", r)
	}
}

func TestCatalog(t *testing.T) {
	types := Catalog()
	if len(types) < 60 || CatalogDigest().IsZero() {
		t.Fatalf("%d claims", len(types))
	}
	sets := map[string]bool{}
	for _, s := range CriteriaSets() {
		sets[s.ID] = true
	}
	asked := 0
	for i, c := range types {
		if i > 0 && types[i-1].ID >= c.ID {
			t.Errorf("%s stands before %s", types[i-1].ID, c.ID)
		}
		if c.Title == "" || c.Kind == provenance.NoKind || c.Ceiling == provenance.NoGrade || !slices.IsSorted(c.Criteria) {
			t.Errorf("%+v", c)
		}
		for _, set := range c.Criteria {
			asked++
			if !sets[set] {
				t.Errorf("%s: criteria %q", c.ID, set)
			}
		}
		if strings.HasPrefix(c.ID, "td.") && c.Ceiling != provenance.Attested {
			t.Errorf("%s: nothing about training data can be more than attested", c.ID)
		}
	}
	if asked < 100 {
		t.Errorf("criteria ask only %d times", asked)
	}
	types[0].ID = "changed"
	if Catalog()[0].ID == "changed" {
		t.Error("the catalogue is shared with its readers")
	}
}
