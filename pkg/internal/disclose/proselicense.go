package disclose

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
)

// licensed splits "X is licensed under Y".
var licensed = compile(`(?i)^(.+?) (?:is|are) (?:hereby |also |both |all )?(?:(?:licensed|released|distributed|made available|provided|open-sourced|available|published)(?: to the public)? (?:under|with)|subject to|governed by|covered by) (.+)$`)

// conditional words make a statement one about some things, times or persons
// and not others. "All our models, except for the 3B and 72B variants, are
// licensed under Apache 2.0" says nothing about the model at hand.
var conditional = compile(`(?i)\b(?:all|any|are both|except(?:ions?|ing)?|excluding|either|depending|formerly|if|may|most|originally|other than|parts?|portions?|previously|respective(?:ly)?|some|third[- ]party|unless|unlike|until|used to|variants?|was|were|when|whereas|will|would)\b`)

// assets are the things that a licence statement can be about, by the claim.
var assets = map[string]string{
	"code repository": "license.code", "repository": "license.code", "repo": "license.code", "code": "license.code",
	"source code": "license.code", "inference code": "license.code", "training code": "license.code", "codebase": "license.code",
	"project": "license.code", "software": "license.code", "code base": "license.code", "code in this repository": "license.code",
	"model": "license.weights", "models": "license.weights", "weights": "license.weights", "model weights": "license.weights",
	"checkpoints": "license.weights", "model checkpoints": "license.weights", "model parameters": "license.weights",
	"pretrained weights": "license.weights", "pre trained weights": "license.weights", "trained weights": "license.weights",
	"documentation": "license.docs", "docs": "license.docs",
}

var determiner = compile(`(?i)^(?:both |the |this |these |our |its |all of the )+`)

// maxStatement bounds in bytes what is read as a statement: the
// longest that the rules were measured with has 180.
const maxStatement = 400

// licenseSentence reads a statement of the licence of the code, the weights or
// the documentation.
func (c *collector) licenseSentence(k *card, s sentence) {
	if len(s.plain) > maxStatement || !s.has("licens", "subject to", "governed by", "covered by", "released under") {
		return
	}
	m := licensed.FindStringSubmatchIndex(s.plain)
	if m == nil || conditional.MatchString(s.plain) {
		return
	}
	claims := k.assets(s.plain[m[2]:m[3]])
	if claims == nil {
		return
	}
	value := c.licenseTail(k, s, m[4])
	if value == "" {
		return
	}
	for _, claim := range claims {
		c.saySentence(k, s, claim, textValue(value))
	}
}

// assets returns the claims that a statement's subject is about, or nil where
// any part of the subject is not understood.
func (k *card) assets(subject string) []string {
	for _, words := range []string{"the use of ", "use of "} {
		if len(subject) >= len(words) && strings.EqualFold(subject[:len(words)], words) {
			subject = subject[len(words):]
			break
		}
	}
	var claims []string
	for part := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(subject, " & ", " and "), ", ", " and "), " and ") {
		part = determiner.ReplaceAllString(strings.TrimSpace(part), "")
		claim, ok := assets[normal(part)]
		if !ok && k.namesWeights(part) {
			claim, ok = "license.weights", true
		}
		if !ok {
			return nil
		}
		if !slices.Contains(claims, claim) {
			claims = append(claims, claim)
		}
	}
	return claims
}

// namesWeights says whether a name stands for this model's weights. A bare
// name, without "models" or the like, can be a program's: it counts only in a
// card whose front matter says that it is a model's.
func (k *card) namesWeights(name string) bool {
	return k.model && k.isOrPart(name) && (k.fronted || !k.is(name))
}

// ending is what may follow a licence's name without changing what was said.
var ending = compile(`(?i)^(?:\s*\((?:see )?(?:the )?licen[sc]e[^)]*\))?(?:[,;]?\s*(?:-\s*)?(?:please )?(?:see|which can be found|as found|found in|included in)\b.*)?\s*[.!]?\s*$`)

// article is what may stand before it.
var article = compile(`(?i)^(?:(?:the )?terms (?:and conditions )?of )?(?:the |an? )?(?:permissive |open[- ]source |following )?`)

// licenseTail understands what stands after "licensed under", from byte at on:
// a name that is known, or a link to a text in the artifact, or a name in
// capitals that nobody knows. Everything up to the end of the sentence must be
// accounted for; "MIT, for research only" is not MIT.
func (c *collector) licenseTail(k *card, s sentence, at int) string {
	at += len(article.FindString(s.plain[at:]))
	name, target := "", ""
	for _, l := range s.links {
		if l.start >= at-4 && l.start <= at && ending.MatchString(s.plain[l.end:]) {
			name, target = s.plain[l.start:l.end], l.target
		}
	}
	if name == "" {
		name = knownPrefix(s.plain[at:])
		if name == "" {
			name = strings.TrimRight(s.plain[at:], ".! ")
		}
	}
	if id, ok := license.FromName(name); ok {
		return id
	}
	if t, ok := c.linked(k.dir, target); ok {
		return t.value()
	}
	name = strings.TrimSpace(article.ReplaceAllString(name, ""))
	if ownName.MatchString(name) && !strings.HasPrefix(target, "#") {
		return license.NamedRef(name)
	}
	return ""
}

// ownName is the name of a licence that nobody knows: words in capitals, the
// last of which says that it is one.
var ownName = compile(`^(?:[A-Z0-9][\w.+-]*[ -]){1,6}(?i:licen[sc]e|agreement|terms|terms of use)(?: (?i:agreement|v?[0-9.]+))?$`)

// knownPrefix finds the longest beginning that is a licence's name and after
// which nothing comes that would change the statement.
func knownPrefix(tail string) string {
	for end := len(tail); end > 0; end-- {
		if end < len(tail) && strings.IndexByte(" .,;()!", tail[end]) < 0 {
			continue
		}
		if !ending.MatchString(tail[end:]) {
			continue
		}
		if _, ok := license.FromName(tail[:end]); ok {
			return tail[:end]
		}
	}
	return ""
}
