// Package disclose reads what a model's documents say about the model: model
// cards, licence texts, configurations, annotations and the signed statements
// of those whom the policy names become observations,
// each with its value, its place and a quotation.
//
// It judges nothing, asks nobody and guesses nothing: what no rule matches is
// left unsaid, because a wrong claim is worse than a missed one. It reads no
// files either; the texts are handed in.
//
// Values are JSON of the kind that the claim catalogue names:
//
//	text      "deepseek_v3"
//	spdx      "MIT", "Apache-2.0 OR MIT", "LicenseRef-modelcheck-deepseek-1.0";
//	          "LicenseRef-named-…" for a licence that a document names and no catalogue knows,
//	          "LicenseRef-unknown-…" for a licence text that no catalogue knows,
//	          else the words of the document ("cc", "gpl": families of licences)
//	count     {"count":14800000000000,"text":"14.8T"}, with "bound":"at-most" or
//	          "at-least" where the document says so, and "unit" where it is not
//	          the claim's own
//	date      "2024-07"
//	list      ["en","zh"], sorted and distinct
//	object    license.text: [{"path":…,"digest":…,"normalized":…,"id":…,"name":…}]
//
// Every extractor has a method id with a version, which changes when its
// results do.
package disclose

// The methods.
const (
	methodFrontMatter = "card-front-matter/1"
	methodProse       = "card-prose/1"
	methodData        = "card-data/1"
	methodCitation    = "card-citation/1"
	methodTable       = "card-table/1"
	methodLicenseText = "license-text/1"
	methodTerms       = "license-terms/1"
	methodModelConfig = "model-config/1"
	methodTokenizer   = "tokenizer-config/1"
	methodGeneration  = "generation-config/1"
	methodAnnotation  = "oci-annotations/1"
	methodModelPack   = "modelpack-config/1"
	methodKitOps      = "kitops-config/1"
	methodDockerAI    = "docker-ai-config/1"
	methodImageConfig = "image-config/1"
)
