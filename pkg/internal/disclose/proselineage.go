package disclose

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
)

var (
	madeFrom  = compile(`(?i)^(.+?) (?:is|are|was|were) (?:further |post-|continually )?(?:trained|fine-?tuned|initiali[sz]ed|built|derived|developed|distilled) (?:based on|from|on top of|upon) (?:the )?(` + modelName + `)( model)?([.,;]?(?: |$).*|$)`)
	versionOf = compile(`(?i)^this (?:model|repository|repo)(?: is| contains) (?:a|an|the) (fine-?tuned|quantized|quantised|merged|adapted|converted|gguf|awq|gptq)(?: and [a-z]+)? versions? of (?:the )?(.+)$`)
	distilled = compile(`(?i)\bknowledge distillation from (` + modelName + `)\s*$`)
)

// lineageSentence reads which model this one was made from.
func (c *collector) lineageSentence(k *card, s sentence) {
	if !s.has(" from ", " of ", "based on", "on top of", " upon ") || len(s.plain) > maxStatement {
		return
	}
	if m := versionOf.FindStringSubmatchIndex(s.plain); m != nil {
		for _, l := range s.links {
			if l.start == m[4] && looksLikeModel(s.plain[l.start:l.end]) {
				c.saySentence(k, s, "lineage.base", listValue([]string{s.plain[l.start:l.end]}))
			}
		}
		return
	}
	if c.licensedBase(k, s) {
		return
	}
	m := madeFrom.FindStringSubmatch(s.plain)
	if m == nil || !k.amongSubjects(m[1]) || conditional.MatchString(m[4]) {
		return
	}
	base := strings.TrimRight(m[2], ".")
	if !looksLikeModel(base) || k.is(base) {
		return
	}
	claim := "lineage.base"
	if isDistilled.MatchString(s.plain) {
		claim = "lineage.teachers"
	}
	c.saySentence(k, s, claim, listValue([]string{base}))
}

// fromLicensed is "X is derived from Y and is originally licensed under Z".
var fromLicensed = compile(`(?i)^(.+?) (?:is|are) (?:derived|fine-?tuned) from (?:the )?(` + modelName + `(?: series)?)(?:,? and|, which) (?:is|are) (?:originally )?(?:licensed|released) under (?:the )?`)

// licensedBase reads a statement of a base model with its licence. The base is
// written as a table of the card writes it, where both mean the same.
func (c *collector) licensedBase(k *card, s sentence) bool {
	m := fromLicensed.FindStringSubmatchIndex(s.plain)
	if m == nil || !k.amongSubjects(s.plain[m[2]:m[3]]) {
		return false
	}
	id := ""
	for _, l := range s.links {
		if l.start == m[1] {
			id, _ = license.FromName(s.plain[l.start:l.end])
		}
	}
	if id == "" {
		name, _, _ := strings.Cut(s.plain[m[1]:], ",")
		id, _ = license.FromName(strings.TrimRight(name, ". "))
	}
	base := s.plain[m[4]:m[5]]
	if id == "" {
		return false
	}
	c.stated = append(c.stated, statedBase{name: base, license: id, source: k.source(s.first, s.last, s.raw)})
	if k.base != "" && sameModel(base, k.base) {
		base = k.base
	}
	if looksLikeModel(base) && (k.base == "" || base == k.base) {
		c.saySentence(k, s, "lineage.base", listValue([]string{base}))
	}
	return true
}

var bySamples = compile(`(?i)^(.+?) (?:is|are) fine-?tuned\b.*\busing samples (?:generated|curated) (?:by|with) (` + modelName + `)\.?$`)

// teacherSentence reads whose samples this model was trained on.
func (c *collector) teacherSentence(k *card, s sentence) {
	if !s.has("samples") || len(s.plain) > maxStatement {
		return
	}
	m := bySamples.FindStringSubmatch(s.plain)
	if m == nil {
		return
	}
	teacher := strings.TrimRight(m[2], ".")
	series := strings.TrimSuffix(normal(m[1]), " models")
	if !looksLikeModel(teacher) || k.is(teacher) || !k.amongSubjects(m[1]) &&
		(series == normal(m[1]) || k.member == "" || !strings.HasPrefix(normal(k.member), series+" ")) {
		return
	}
	c.saySentence(k, s, "lineage.teachers", listValue([]string{teacher}))
}

var isDistilled = compile(`(?i) (?:is|are|was|were) distilled from `)

// looksLikeModel wants a digit or a hyphen in a name, or a family's name: "the
// base model" names none.
func looksLikeModel(name string) bool {
	return !strings.Contains(name, " ") && (strings.ContainsAny(name, "-0123456789") || families.MatchString(name))
}

// amongSubjects says whether one of the subjects of a sentence is this model
// by its own name, or the sentence says so: "this model".
func (k *card) amongSubjects(subject string) bool {
	subject = strings.ReplaceAll(strings.ReplaceAll(subject, " & ", " and "), ", ", " and ")
	return slices.ContainsFunc(strings.Split(subject, " and "), func(part string) bool {
		part = strings.TrimSpace(part)
		return k.is(part) || strings.EqualFold(part, "this model") || strings.EqualFold(part, "our model")
	})
}

// teacherHeading reads a heading such as "Post-Training: Knowledge
// Distillation from DeepSeek-R1".
func (c *collector) teacherHeading(k *card, h heading) {
	m := distilled.FindStringSubmatch(h.plain)
	if m == nil || !looksLikeModel(m[1]) || k.is(m[1]) {
		return
	}
	c.say("lineage.teachers", declared(listValue([]string{m[1]}), methodProse, k.span(h.line, h.line)))
}
