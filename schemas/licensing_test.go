package schemas_test

import (
	"encoding/json"
	"testing"
)

// blocks adds what a record says of licences and lineage to the golden one.
const blocks = `{
 "licensing": [
  {"asset":"weights","basis":"text","license":"MIT","text":{"path":"LICENSE","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","normalized":"sha256:0000000000000000000000000000000000000000000000000000000000000000","match":{"id":"MIT","method":"license-digest/1","coverage":1,"uncoveredBytes":0}},
   "terms":[{"id":"governing-law","value":["X"],"source":{"kind":"artifact-file","path":"LICENSE","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","lines":[1,1]}}],
   "obligations":[{"id":"keep-notice","from":"MIT","check":"met","detail":"the text is there"}]},
  {"asset":"weights","basis":"base","license":"X","of":"Llama"}],
 "lineage": [{"relation":"base","name":"Llama","license":"X","licenseMethod":"base-license/1","claim":"lineage.base","grade":"declared","source":{"kind":"rule"}}]
}`

func TestManifestSchemaOfLicences(t *testing.T) {
	s := compile(t, "manifest-v1.json")
	const declared = "td.size.text"
	entry := func(d object, i int) object { return d["predicate"].(object)["licensing"].([]any)[i].(object) }
	match := func(d object) object { return entry(d, 0)["text"].(object)["match"].(object) }
	lineage := func(d object) object { return d["predicate"].(object)["lineage"].([]any)[0].(object) }
	elsewhere := func(d object) object { return claim(d, declared)["elsewhere"].([]any)[0].(object) }
	for name, change := range map[string]func(object){
		"":                  func(object) {},
		"words left over":   func(d object) { match(d)["uncoveredBytes"] = json.Number("7") },
		"half covered":      func(d object) { match(d)["coverage"] = json.Number("0.5") },
		"modified, and MIT": func(d object) { match(d)["near"], match(d)["modified"] = "MIT", true },
		"text without text": func(d object) { delete(entry(d, 0), "text") },
		"named with a text": func(d object) { entry(d, 0)["basis"] = "named" },
		"no licence's text, called MIT": func(d object) {
			delete(match(d), "id")
			match(d)["coverage"], match(d)["uncoveredBytes"] = json.Number("0.5"), json.Number("7")
		},
		"MIT's text, called nothing": func(d object) { delete(entry(d, 0), "license") },
		"modified, from nothing": func(d object) {
			delete(match(d), "id")
			delete(entry(d, 0), "license")
			match(d)["coverage"], match(d)["modified"] = json.Number("0.5"), true
		},
		"named, and no name":     func(d object) { delete(entry(d, 1), "license") },
		"terms of no text":       func(d object) { entry(d, 1)["terms"] = entry(d, 0)["terms"] },
		"a text's model":         func(d object) { entry(d, 0)["of"] = "Llama" },
		"a method of no licence": func(d object) { delete(lineage(d), "license") },
		"whose base":             func(d object) { delete(entry(d, 1), "of") },
		"term without lines":     func(d object) { delete(entry(d, 0)["terms"].([]any)[0].(object)["source"].(object), "lines") },
		"met, compared nothing":  func(d object) { delete(entry(d, 0)["obligations"].([]any)[0].(object), "detail") },
		"a verdict":              func(d object) { entry(d, 0)["compliant"] = true },
		"licence from nowhere":   func(d object) { delete(lineage(d), "licenseMethod") },
		"unknown relation":       func(d object) { lineage(d)["relation"] = "cousin" },
		"elsewhere, verified":    func(d object) { elsewhere(d)["grade"] = "verified" },
		"elsewhere, in a file":   func(d object) { elsewhere(d)["source"].(object)["kind"] = "oci-config" },
		"elsewhere, no address":  func(d object) { delete(elsewhere(d)["source"].(object), "uri") },
		"external document here": func(d object) { claim(d, declared)["observations"] = claim(d, declared)["elsewhere"] },
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, golden(t))
			for key, value := range document(t, []byte(blocks)) {
				doc["predicate"].(object)[key] = value
			}
			c := claim(doc, declared)
			c["elsewhere"] = []any{object{
				"grade": "declared", "value": c["value"], "method": "profile/x@1", "speaker": object{"relation": "unknown"},
				"source": object{"kind": "external-document", "uri": "https://example.org", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "quote": "q"},
			}}
			change(doc)
			if err := s.Validate(doc); (err == nil) != (name == "") {
				t.Errorf("%v", err)
			}
		})
	}
}
