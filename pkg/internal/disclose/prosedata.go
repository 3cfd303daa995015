package disclose

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// trainedOn is a statement of what this model was trained on. The data stands
// in the last group, to the end of the sentence.
var trainedOn = compile(`(?i)^(.{0,60}?)\b(?:pre-?trained|fine-?tuned|trained) (?:(it|them|the model|our models?|` + modelName + `) )?(?:on|using|with) (.+)$`)

// unsure makes a statement of data one about something else, or about part of
// it: how it was tested, what others do, what might be.
var unsure = compile(`(?i)\b(?:additional|although|another|benchmark(?:s|ed)?|but|can|compared|could|either|evaluat(?:e|ed|ion)|except|however|if|may|might|not|or|rather|should|tested|than|unless|unlike|validat(?:e|ed|ion)|will|would)\b`)

// dataSentence reads what the model was trained on: datasets, where the data
// comes from and how it was made. A rule wants the words themselves; "internet
// data" or "a large corpus" names no source.
func (c *collector) dataSentence(k *card, s sentence) {
	if !k.model || len(s.plain) > maxStatement || !s.has("train", "tuned", "data") {
		return
	}
	c.denialSentence(k, s)
	c.freshness(k, s)
	if unsure.MatchString(s.plain) {
		return
	}
	c.trainerSentence(k, s)
	m := trainedOn.FindStringSubmatchIndex(s.plain)
	if m == nil || !k.aboutThis(s.plain[:m[3]], submatch(s.plain, m, 2)) {
		return
	}
	data := s.plain[m[6]:]
	if otherTraining.MatchString(data) {
		return
	}
	if made := syntheticData.FindStringSubmatch(data); made != nil {
		c.sayData(k, s, "td.synthetic.used", marshal("yes"))
		if maker := strings.TrimRight(made[1], "."); looksLikeModel(maker) && !k.is(maker) {
			c.sayData(k, s, "td.synthetic.models", listValue([]string{maker}))
		}
	}
	names, rest := datasetLinks(s, m[6])
	if k.others(rest) {
		return
	}
	if len(names) > 0 {
		c.sayData(k, s, "td.sources.publicDatasets", listValue(names))
	}
	if crawledData.MatchString(data) {
		c.sayData(k, s, "td.crawl.used", marshal("yes"))
	}
	if licensedData.MatchString(data) {
		c.sayOnce(k, s, "td.sources.licensed")
	}
	if m := dataIn.FindStringSubmatch(data); m != nil {
		c.sayData(k, s, "td.languages", allLanguages(m[1]))
	}
	if m := dataUntil.FindStringSubmatch(data); m != nil {
		c.sayData(k, s, "td.cutoff", statedDate(m[1]))
	}
}

var (
	syntheticData = compile(`(?i)^(?:(?:about|and|entirely|high-quality|large|mainly|more|mostly|of|only|over|purely|real|the|[0-9][0-9.,]{0,12}[kMB]?|thousand|million|billion|tokens) ){0,6}synthetic(?:ally generated)? (?:data(?:sets?)?|text|images?|examples|samples|dialogues|conversations)(?: (?:generated|created|produced|made) (?:by|with|using) (` + modelName + `))?(?:[.,;]|$| )`)
	crawledData   = compile(`(?i)\b(?:(?:data|text|pages|documents|images) (?:crawled|scraped) from the (?:web|internet)|web-?crawled (?:data|text|pages|documents)|(?:the |a )?common crawl\b)`)
	licensedData  = compile(`(?i)\b(?:(?:commercially )?licensed (?:third-party )?(?:data|datasets|content|images|text)|(?:data|datasets|content|images|text) licensed (?:from|by))\b`)
	dataIn        = compile(`(?i)\b(?:data|text|texts|corpora|corpus|documents|tokens) in ([A-Z][a-z]+(?:, [A-Z][a-z]+)*(?:,? and [A-Z][a-z]+)?)\.?$`)
	dataUntil     = compile(`(?i)\bdata (?:collected |crawled |gathered )?(?:up to|until|through) (?:the end of )?(` + months + ` (?:[0-9]{1,2}, )?[0-9]{4})\.?$`)
	hubDataset    = compile(`^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/datasets/([A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?)/?$`)
)

// otherTraining stands where the data of another training is told: "trained on
// top of Y, which was trained on …".
var otherTraining = compile(`(?i)\b(?:pre-?)?train(?:ed|ing|s)?\b|\bfine-?tun(?:ed|ing)\b`)

// datasetLinks returns the datasets of the Hub that links at or after byte from
// lead to, and the sentence without the words of those links.
func datasetLinks(s sentence, from int) (names []string, rest string) {
	end := 0
	for _, l := range s.links {
		if m := hubDataset.FindStringSubmatch(l.target); m != nil && l.start >= max(from, end) {
			names = append(names, m[1])
			rest += s.plain[end:l.start]
			end = l.end
		}
	}
	return names, rest + s.plain[end:]
}

// trainerVersion is the first sentence of the card that the Transformers
// trainer writes: "This model is a fine-tuned version of X on the Y dataset."
// Where it was told no name it writes "an unknown dataset" or "None".
var trainerVersion = compile(`(?i)^this model is a fine-?tuned version of \S+ on the ([A-Za-z0-9][\w./-]{0,95}) dataset\.?$`)

func (c *collector) trainerSentence(k *card, s sentence) {
	m := trainerVersion.FindStringSubmatch(s.plain)
	if m == nil || slices.Contains([]string{"none", "unknown", "generator", "custom", "following", "same", "given", "private"}, strings.ToLower(m[1])) {
		return
	}
	c.sayData(k, s, "td.sources.publicDatasets", listValue([]string{m[1]}))
}

// A denial says that something is not in the training data.
var denials = []struct {
	claim string
	words *pattern
}{
	{"td.userData.interactions", compile(`(?i)^(?:no (?:user|customer) (?:data|conversations|prompts|interactions) (?:was|were) used (?:to train (?:this model|the model|it)|for training|in training)|(?:this model|the model|it) (?:was|is) not trained on (?:user|customer) (?:data|conversations|prompts|interactions))\.?$`)},
	{"td.userData.services", compile(`(?i)^neither the pre-?training nor the fine-?tuning (?:data|datasets) include (?:[A-Z]\w{1,30} )?user data\.?$`)},
	{"td.synthetic.used", compile(`(?i)^(?:no synthetic data (?:was|is|were) used (?:to train (?:this model|the model|it)|for training|in training)|the training data (?:does not (?:contain|include)|contains no|includes no) (?:any )?synthetic data)\.?$`)},
	{"td.personalInfo", compile(`(?i)^the training data (?:does not (?:contain|include)|contains no|includes no) (?:any )?personal (?:data|information)\.?$`)},
	{"td.crawl.used", compile(`(?i)^the training data (?:does not (?:contain|include)|contains no|includes no) (?:any )?(?:web-?)?crawled data\.?$`)},
}

// denialSentence reads a sentence that is a denial from end to end.
func (c *collector) denialSentence(k *card, s sentence) {
	for _, d := range denials {
		if d.words.MatchString(s.plain) {
			c.sayData(k, s, d.claim, marshal("no"))
		}
	}
}

// freshData is how Llama's cards tell the date: "The pretraining data has a
// cutoff of December 2023." A sentence that goes on says something else: "but
// some tuning data is more recent".
var freshData = compile(`(?i)^(?:data freshness:? )?the (?:pre-?)?training data has a cut-?off (?:date )?of (` + months + ` (?:[0-9]{1,2}, )?[0-9]{4})\.?$`)

func (c *collector) freshness(k *card, s sentence) {
	if m := freshData.FindStringSubmatch(s.plain); m != nil {
		c.sayData(k, s, "td.cutoff", statedDate(m[1]))
	}
}

func (c *collector) sayData(k *card, s sentence, claim string, value []byte) {
	c.say(claim, declared(value, methodData, k.source(s.first, s.last, s.raw)))
}

// sayOnce observes a claim whose value is the sentence itself, where the card
// has not answered it yet: two sentences in other words do not contradict.
func (c *collector) sayOnce(k *card, s sentence, claim string) {
	if c.spoken[spoken{claim: claim, path: k.path, digest: k.digest}] == 0 {
		c.saySentence(k, s, claim, textValue(cut(s.plain, provenance.MaxQuote)))
	}
}

// submatch returns a group of a match by places, "" where it is none.
func submatch(text string, m []int, group int) string {
	if m[2*group] < 0 {
		return ""
	}
	return text[m[2*group]:m[2*group+1]]
}
