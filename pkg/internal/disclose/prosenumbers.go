package disclose

import "strings"

// number is a stated amount: digits and a suffix or word of scale.
const number = `([0-9]{1,4}(?:\.[0-9]{1,4})?) ?(T|B|M|K|trillion|billion|million)`

var (
	// trained is a statement that this model was trained on so many tokens.
	// Between the amount and "tokens" adjectives may stand.
	trained = compile(`(?i)^(.*?)\b(?:pre-?train(?:ed|ing)?|trained) (?:of (` + modelName + `) )?(?:(it|them|the model|our models?|` + modelName + `) )?on (.*?)(?:(up to|at most|over|more than|at least) )?\b` + number + ` (?:[a-z-]+ |and |, ){0,6}tokens\b`)
	// selfLead is what may stand before the verb for the sentence to be about
	// this model: we, it, the model, or nothing.
	selfLead = compile(`(?i)(?:^|[ ,])(?:we(?: have| further| then| first)?|it (?:is|was|has been)|(?:the|this|our) models? (?:is|are|was|were|has been|have been)|we complete the|we completed the)\s*$`)
	nameLead = compile(`^(` + modelName + `(?: [A-Z0-9][A-Za-z0-9.]*)?) (?:is|was|has been|were|are)\s*$`)
	// elsewhere is what makes a statement of size one about something else.
	elsewhere = compile(`(?i)\b(?:additional|another|compared|continued?|continually|draft|each|further(?:more)? trained|instead of|per|previous|than|unlike|until|while|whereas|would)\b`)
)

// maxBetween bounds in bytes what may stand between "trained on" and the
// amount: "our latest large-scale dataset, encompassing".
const maxBetween = 80

// sizeSentence reads how many tokens the model was trained on.
func (c *collector) sizeSentence(k *card, s sentence) {
	if !s.has("token") || !s.has("train") {
		return
	}
	m := trained.FindStringSubmatch(s.plain)
	if m == nil || len(m[4]) > maxBetween || !k.aboutThis(m[1], m[2], m[3]) || k.others(s.plain) || elsewhere.MatchString(s.plain) {
		return
	}
	c.sayCount(k, s, "td.size.text", m[6], m[7], bound(m[5]), "")
}

// aboutThis says whether the words before a verb, and the names after it, make
// it a statement about the card's own model.
func (k *card) aboutThis(lead string, names ...string) bool {
	for _, name := range names {
		switch strings.ToLower(name) {
		case "", "it", "them", "the model", "our model", "our models":
		default:
			if !k.isOrPart(name) {
				return false
			}
		}
	}
	if strings.TrimSpace(lead) == "" || selfLead.MatchString(lead) {
		return true
	}
	m := nameLead.FindStringSubmatch(lead)
	return m != nil && k.isOrPart(m[1])
}

func bound(words string) string {
	switch strings.ToLower(words) {
	case "up to", "at most":
		return "at-most"
	case "over", "more than", "at least":
		return "at-least"
	default:
		return ""
	}
}

func (c *collector) sayCount(k *card, s sentence, claim, digits, suffix, bound, unit string) {
	n, ok := parseCount(digits, suffix)
	if !ok {
		return
	}
	text := digits + suffix
	if len(suffix) > 1 {
		text = digits + " " + suffix
	}
	c.saySentence(k, s, claim, marshal(count{Count: n, Text: text, Bound: bound, Unit: unit}))
}

var (
	totalParameters  = compile(`(?i)\b` + number + ` (?:total parameters|parameters in total)\b|\btotal of ` + number + ` parameters\b`)
	activeParameters = compile(`(?i)\b` + number + ` (?:activated|active)(?: parameters)?(?: (?:for|per) (?:each )?token)?\b|\bactivat(?:es|ing) ` + number + ` parameters\b`)
	parameterItem    = compile(`(?i)^(total|activation|activated|active) parameters: ` + number + `\b`)
	mainModel        = compile(`(?i)\b(?:main model|model (?:overview|summary|details|specifications?))\b`)
)

// parameterSentence reads parameter counts: in a sentence that names this
// model and no other, or in a list below a heading on the main model.
func (c *collector) parameterSentence(k *card, s sentence) {
	if !s.has("param", "activat") {
		return
	}
	if m := parameterItem.FindStringSubmatch(s.plain); m != nil {
		claim := "model.parameters.active"
		if strings.EqualFold(m[1], "total") {
			claim = "model.parameters.total"
		}
		if s.bullet && mainModel.MatchString(s.heading) {
			c.sayCount(k, s, claim, m[2], m[3], "", "")
		}
		return
	}
	if !k.named(s.plain) || k.others(s.plain) || elsewhereSize.MatchString(s.plain) {
		return
	}
	if m := totalParameters.FindStringSubmatch(s.plain); m != nil {
		c.sayCount(k, s, "model.parameters.total", m[1]+m[3], m[2]+m[4], "", "")
	}
	if m := activeParameters.FindStringSubmatch(s.plain); m != nil {
		c.sayCount(k, s, "model.parameters.active", m[1]+m[3], m[2]+m[4], "", "")
	}
}

// elsewhereSize makes a statement of size one about more than this model.
var elsewhereSize = compile(`(?i)\b(?:compared|instead of|larger than|outperforms?|smaller than|than|unlike|versus|vs)\b`)

// named says whether the sentence names the card's model.
func (k *card) named(plain string) bool {
	norm := " " + normal(plain) + " "
	for _, name := range k.names {
		if strings.Contains(norm, " "+name+" ") {
			return true
		}
	}
	return false
}

var (
	trainingTime = compile(`(?i)\b` + number + ` ([A-Z][A-Za-z0-9-]{1,12} )?GPU[- ]hours? for (?:its|the) (?:full|entire|complete|total) training\b`)
)

// computeSentence reads the time that the whole training took.
func (c *collector) computeSentence(k *card, s sentence) {
	if !s.has("gpu") {
		return
	}
	m := trainingTime.FindStringSubmatch(s.plain)
	if m == nil || k.others(s.plain) {
		return
	}
	c.sayCount(k, s, "compute.time", m[1], m[2], "", strings.TrimSpace(m[3]+"GPU hours"))
	if m[3] != "" {
		c.saySentence(k, s, "compute.hardware", textValue(m[3]+"GPU"))
	}
}
