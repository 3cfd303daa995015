package disclose

import (
	"fmt"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
)

var (
	cutoff     = compile(`(?i)\b(?:knowledge|training data|pre-?training data|data) cut-?off(?: date)?(?:,)?(?: is| was| of| in|:| -)*(?: the end of)? (?:in |of )?(` + months + ` (?:[0-9]{1,2}, )?[0-9]{4}|[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)\b`)
	namedMonth = compile(`(?i)^([a-z]+)\.? (?:([0-9]{1,2}), )?([0-9]{4})$`)
)

const months = `(?:January|February|March|April|May|June|July|August|September|October|November|December)`

// cutoffSentence reads an explicit knowledge or data cutoff.
func (c *collector) cutoffSentence(k *card, s sentence) {
	if !s.has("cutoff", "cut-off") {
		return
	}
	m := cutoff.FindStringSubmatch(s.plain)
	if m == nil || k.others(s.plain) || elsewhereSize.MatchString(s.plain) {
		return
	}
	c.saySentence(k, s, "td.cutoff", statedDate(m[1]))
}

// statedDate writes "July 2024" as 2024-07.
func statedDate(s string) []byte {
	m := namedMonth.FindStringSubmatch(s)
	if m == nil {
		return dateValue(s)
	}
	names := strings.Split(strings.Trim(months, "(?:)"), "|")
	for i, name := range names {
		if !strings.EqualFold(name, m[1]) {
			continue
		}
		iso := fmt.Sprintf("%s-%02d", m[3], i+1)
		if len(m[2]) == 1 {
			iso += "-0" + m[2]
		} else if m[2] != "" {
			iso += "-" + m[2]
		}
		return dateValue(iso)
	}
	return nil
}

// cardField is an item of the Hub's model card template: "- **License:** MIT".
var cardField = compile(`(?i)^(developed by|hardware type|hours used|model license|code license|license|finetuned from model(?: \[optional\])?|finetuned from)\s?: (.+)$`)

// plainNumber is an amount and nothing else, with or without a suffix of scale.
var plainNumber = compile(`^([0-9]{1,7}(?:\.[0-9]{1,4})?) ?(T|B|M|K|)$`)

// fieldSentence reads an item of the template. What was not filled in, and
// answers in whole sentences, are left alone.
func (c *collector) fieldSentence(k *card, s sentence) {
	if !s.bullet || len(s.plain) > maxStatement {
		return
	}
	m := cardField.FindStringSubmatch(s.plain)
	if m == nil || strings.Contains(m[2], "More Information Needed") || conditional.MatchString(m[2]) {
		return
	}
	answer := strings.TrimRight(strings.TrimSpace(m[2]), ".")
	switch key := strings.ToLower(m[1]); key {
	case "developed by":
		c.saySentence(k, s, "origin.organization", textValue(answer))
	case "hardware type":
		c.saySentence(k, s, "compute.hardware", textValue(answer))
	case "hours used":
		if n := plainNumber.FindStringSubmatch(answer); n != nil {
			c.sayCount(k, s, "compute.time", n[1], n[2], "", "hours")
		}
	case "license", "model license", "code license":
		id, ok := license.FromName(answer)
		if !ok {
			id, ok = license.FromHub(answer)
		}
		claim := "license.weights"
		if key == "code license" {
			claim = "license.code"
		}
		if ok && k.model {
			c.saySentence(k, s, claim, textValue(id))
		}
	default:
		if looksLikeModel(answer) {
			c.saySentence(k, s, "lineage.base", listValue([]string{answer}))
		}
	}
}
