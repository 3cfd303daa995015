package disclose

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

var (
	commercial   = compile(`(?i)^(.+?) supports? commercial use\b|\bcommercial (?:use|usage) is (permitted|allowed|prohibited|not permitted|not allowed|forbidden)\b`)
	contactUs    = compile(`(?i)\b(?:contact|reach|email|write to) (?:us|the authors|the team)(?: by e-?mail)? (?:at|via|through) ([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,120}\.[A-Za-z]{2,12})\b`)
	contextUpTo  = compile(`(?i)^context (?:length|window)(?: support)?(?: is| of|:)? ?(up to )?` + number + `(?: tokens)?\b`)
	contextOf    = compile(`(?i)\b(?:context (?:length|window) of|supports? a context (?:length|window) of) (up to )?` + number + ` tokens\b`)
	multilingual = compile(`(?i)^multilingual support for (?:over |more than )?[0-9]{1,3} languages, including (.+)$`)
	forLanguages = compile(`(?i)^(?:supported languages|languages? supported|language\(s\)(?: \(nlp\))?) ?: (.+)$`)
	newsDate     = compile(`^\[?([0-9]{4})[.\-/]([0-9]{2})[.\-/]([0-9]{2})\]?: (.+)$`)
	releasedIt   = compile(`(?i)^(?:we (?:have )?released? (?:the )?(` + modelName + `)|(` + modelName + `) is (?:now )?released)( series| models?)?(?:[.,!]|$| )`)
)

// languageNames are the English names of the languages that cards list, with
// their ISO 639-1 codes.
var languageNames = map[string]string{
	"arabic": "ar", "bengali": "bn", "bulgarian": "bg", "chinese": "zh", "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl",
	"english": "en", "estonian": "et", "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi",
	"hungarian": "hu", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "latvian": "lv", "lithuanian": "lt",
	"malay": "ms", "norwegian": "no", "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru",
	"slovak": "sk", "slovenian": "sl", "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr",
	"ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}

// statementSentence reads single statements about use and origin.
func (c *collector) statementSentence(k *card, s sentence) {
	if len(s.plain) > maxStatement || !k.model {
		return
	}
	c.commercialSentence(k, s)
	if s.has("@") {
		if m := contactUs.FindStringSubmatch(s.plain); m != nil {
			c.saySentence(k, s, "origin.contact", textValue(m[1]))
		}
	}
	if s.has("context") && !k.others(s.plain) && !elsewhereSize.MatchString(s.plain) {
		m := contextUpTo.FindStringSubmatch(s.plain)
		if m == nil {
			m = contextOf.FindStringSubmatch(s.plain)
		}
		if m != nil {
			c.sayCount(k, s, "model.context.stated", m[2], m[3], bound(strings.TrimSpace(m[1])), "")
		}
	}
	if s.has("multilingual") {
		if m := multilingual.FindStringSubmatch(s.plain); m != nil {
			codes, _ := languagesIn(m[1])
			c.saySentence(k, s, "use.languages", listValue(codes))
		}
	}
	if m := forLanguages.FindStringSubmatch(s.plain); m != nil {
		c.saySentence(k, s, "use.languages", allLanguages(m[1]))
	}
	if m := newsDate.FindStringSubmatch(s.plain); m != nil {
		if r := releasedIt.FindStringSubmatch(m[4]); r != nil && k.isOrPart(r[1]+r[2]) {
			c.saySentence(k, s, "model.releaseDate", dateValue(m[1]+"-"+m[2]+"-"+m[3]))
		}
	}
}

// languagesIn reads a list of languages up to the first word that is none, and
// says whether that was its end.
func languagesIn(words string) (codes []string, all bool) {
	for part := range strings.SplitSeq(strings.ReplaceAll(words, " and ", ", "), ",") {
		name := strings.Trim(strings.TrimSpace(part), ".")
		if name == "" {
			continue
		}
		code, ok := languageNames[strings.ToLower(name)]
		if !ok {
			return codes, false
		}
		codes = append(codes, code)
	}
	return codes, true
}

// allLanguages is the value of a list that holds nothing but languages.
func allLanguages(words string) provenance.Value {
	if codes, all := languagesIn(words); all {
		return listValue(codes)
	}
	return nil
}

// commercialSentence reads whether commercial use is said to be allowed.
func (c *collector) commercialSentence(k *card, s sentence) {
	if !s.has("commercial") {
		return
	}
	m := commercial.FindStringSubmatch(s.plain)
	if m == nil || k.others(s.plain) {
		return
	}
	subject, _, _ := strings.Cut(m[1], " (")
	answer := "yes"
	switch {
	case m[1] != "" && !k.isOrPart(strings.TrimSuffix(subject, " series")) && !slices.Contains([]string{"this model", "the model"}, strings.ToLower(subject)):
		return
	case m[2] != "" && !slices.Contains([]string{"permitted", "allowed"}, strings.ToLower(m[2])):
		answer = "no"
	case conditionalUse.MatchString(notLimited.ReplaceAllString(s.plain, "")):
		return
	}
	c.saySentence(k, s, "license.commercialUse", marshal(answer))
}

var notLimited = compile(`(?i)\b(?:but )?not limited to\b`)

var conditionalUse = compile(`(?i)\b(?:not|if|unless|except|only|separate|request|until|may)\b`)

// citation finds what a BibTeX entry says about where a paper is.
var (
	bibTitle  = compile(`(?i)^\s*title\s*=\s*[{"]+(.+?)[}"]+,?\s*$`)
	bibEprint = compile(`(?i)^\s*eprint\s*=\s*[{"]+([0-9]{4}\.[0-9]{4,5})(?:v[0-9]+)?[}"]+,?\s*$`)
	bibArxiv  = compile(`(?i)^\s*journal\s*=\s*[{"]+arXiv preprint arXiv:([0-9]{4}\.[0-9]{4,5})(?:v[0-9]+)?[}"]+,?\s*$`)
	bibEntry  = compile(`^\s*@[A-Za-z]+\{`)
)

// citations reads the BibTeX entries of a card whose title begins with this
// model's name: they are the papers about it, and not those it builds on.
func (c *collector) citations(k *card) {
	if k.series && k.member == "" {
		return // about which of them?
	}
	ours := false
	for i, line := range k.lines {
		if len(line) > maxStatement {
			continue
		}
		if bibEntry.MatchString(line) {
			ours = false
		}
		if m := bibTitle.FindStringSubmatch(line); m != nil {
			name, _, _ := strings.Cut(strings.NewReplacer("{", "", "}", "").Replace(m[1]), ":")
			name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(name), " Technical Report"), " technical report")
			ours = k.isOrPart(name)
		}
		m := bibEprint.FindStringSubmatch(line)
		if m == nil {
			m = bibArxiv.FindStringSubmatch(line)
		}
		if ours && m != nil {
			c.say("origin.papers", declared(listValue([]string{"arXiv:" + m[1]}), methodCitation, k.span(i+1, i+1)))
		}
	}
}

// sections are headings of the Hub's model card template and their kin, whose
// first sentence answers the claim.
var sections = map[string]string{
	"intended use": "use.intended", "intended uses": "use.intended", "direct use": "use.intended",
	"primary intended use": "use.intended", "primary intended uses": "use.intended", "primary use cases": "use.intended",
	"out of scope use": "use.limitations", "out of scope uses": "use.limitations", "out of scope use cases": "use.limitations",
	"limitations": "use.limitations", "known limitations": "use.limitations", "limitations and bias": "use.limitations",
	"limitations and biases": "use.limitations", "bias risks and limitations": "use.limitations",
	"ethical considerations and limitations": "use.limitations", "acceptable use policy": "use.aup",
	"preprocessing": "td.processing", "preprocessing optional": "td.processing", "data preprocessing": "td.processing",
}

// sectionSentence reads the first sentence below such a heading.
func (c *collector) sectionSentence(k *card, s sentence, seen map[string]bool) {
	claim, ok := sections[normal(s.heading)]
	if !ok || seen[s.heading] || !k.model || len(s.plain) < 20 || strings.Contains(s.plain, "More Information Needed") {
		return
	}
	seen[s.heading] = true
	c.sayOnce(k, s, claim)
}

// aboutNetwork are whole sentences about what running needs and tells.
var aboutNetwork = []struct {
	claim string
	words *pattern
}{
	{"runtime.networkRequired", compile(`(?i)^(?:this model|the model|it|(` + modelName + `)) (?:(?:runs|works|can (?:be )?run|operates) (?:entirely |completely |fully |100% )*(?:offline|locally without (?:an )?internet(?: connection)?|without (?:an )?internet(?: connection)?)|(?:does not|doesn't) (?:need|require) (?:an |any )?(?:internet|network) (?:connection|access))[.!]?$`)},
	{"runtime.networkRequired", compile(`(?i)^no (?:internet|network) (?:connection|access) (?:is )?(?:needed|required)[.!]?$`)},
	{"runtime.telemetry", compile(`(?i)^(?:this model|the model|it|(` + modelName + `)) (?:sends no telemetry|collects no telemetry|does not (?:send|collect) (?:any )?telemetry)[.!]?$`)},
	{"runtime.telemetry", compile(`(?i)^(?:your|no) (?:data|prompts|inputs) (?:never )?leaves? your (?:computer|device|machine)[.!]?$`)},
}

// offlineSentence reads a claim that running needs no network or tells nobody.
// "Privacy-first" claims nothing that a rule could write down.
func (c *collector) offlineSentence(k *card, s sentence) {
	if len(s.plain) > maxStatement || !k.model || !s.has("offline", "internet", "network", "telemetry", "leave") {
		return
	}
	for _, a := range aboutNetwork {
		if m := a.words.FindStringSubmatch(s.plain); m != nil && (len(m) == 1 || m[1] == "" || k.isOrPart(m[1])) {
			c.saySentence(k, s, a.claim, marshal("no"))
		}
	}
}
