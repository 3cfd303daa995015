package disclose

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The rules. A policy that accepts what they say names them.
const (
	ruleCountry   = "country-of-governing-law/1" // of the licence of the weights
	ruleEntity    = "licensor-of-text/1"         // whom the licence of the weights names as licensor
	ruleNamespace = "namespace-of-source/1"      // the first part of the path of a repository's address
	ruleFLOP      = "flop-6nd/1"                 // 6 × active parameters × tokens (Kaplan et al. 2020, Hoffmann et al. 2022)
)

// infer adds what follows from other claims by a named rule, where nobody says
// anything on the claim. What is inferred is never more than that.
func (c *collector) infer(all []provenance.ClaimObservation) {
	said := map[string]bool{}
	for _, o := range all {
		said[o.Claim] = true
	}
	add := func(claim string, o provenance.Observation) {
		if !said[claim] {
			c.say(claim, o)
		}
	}
	for _, t := range c.licenses {
		if c.speaks[t.Path] != weightsClaim || t.match.ID == "" {
			continue
		}
		for _, s := range license.Terms(t.match.ID, t.Text) {
			c.termClaims(t, s, add)
		}
	}
	for _, o := range all {
		if o.Claim == "origin.sourceURL" {
			if ns := namespaceOf(o.Value); ns != "" {
				add("origin.publisherNamespace", inferred(textValue(ns), ruleNamespace, o.Source, "origin.sourceURL"))
			}
		}
	}
	if o, ok := flop(all); ok {
		add("compute.flops", o)
	}
}

// termClaims makes claims of the terms of a text that speaks on the weights:
// what it states is declared, what follows from it is inferred.
func (c *collector) termClaims(t licenseText, s license.Statement, add func(string, provenance.Observation)) {
	source := t.source(s.Lines)
	first := ""
	if len(s.Values) > 0 {
		first = s.Values[0]
	}
	switch s.ID {
	case "governing-law":
		c.say("license.governingLaw", declared(textValue(first), methodTerms, source))
		country, _, _ := strings.Cut(first, "-")
		add("origin.country", inferred(textValue(country), ruleCountry, source, "license.governingLaw"))
	case "venue":
		c.say("license.venue", declared(textValue(first), methodTerms, source))
	case "use-restrictions":
		c.say("license.useRestrictions", declared(listValue(s.Values), methodTerms, source))
	case "legal-entities":
		add("origin.legalEntity", inferred(textValue(strings.Join(s.Values, "; ")), ruleEntity, source, "license.text"))
	}
}

// inferred makes an observation by a rule; the place is that of its input.
func inferred(v provenance.Value, rule string, place provenance.Source, inputs ...string) provenance.Observation {
	place.Kind = provenance.SourceRule
	return provenance.Observation{Grade: provenance.Inferred, Value: v, Method: rule, Source: place, Inputs: inputs}
}

// namespaceOf reads the owner out of the address of a repository at a host
// whose paths begin with one.
func namespaceOf(v provenance.Value) string {
	var address string
	if json.Unmarshal(v, &address) != nil {
		return ""
	}
	for _, host := range []string{"https://huggingface.co/", "https://github.com/", "https://www.modelscope.cn/models/", "https://modelscope.cn/models/"} {
		if rest, ok := strings.CutPrefix(address, host); ok {
			owner, repo, _ := strings.Cut(rest, "/")
			if owner != "" && repo != "" && !slices.Contains([]string{"datasets", "spaces", "collections", "models", "docs"}, owner) {
				return owner
			}
		}
	}
	return ""
}

// flop multiplies where both numbers are stated once, or more often and the
// same: 6 floating point operations for each active parameter and token.
func flop(all []provenance.ClaimObservation) (provenance.Observation, bool) {
	n, okN := oneCount(all, "model.parameters.active")
	d, okD := oneCount(all, "td.size.text")
	if !okN || !okD || n.Bound != "" || d.Unit != "" {
		return provenance.Observation{}, false
	}
	text := strconv.FormatFloat(6*float64(n.Count)*float64(d.Count), 'e', 1, 64)
	value := `{"count":` + text + `,"text":` + string(marshal(text))
	if d.Bound != "" {
		value += `,"bound":` + string(marshal(d.Bound))
	}
	o := inferred(provenance.Value(value+"}"), ruleFLOP, provenance.Source{}, "model.parameters.active", "td.size.text")
	return o, true
}

// oneCount is the count that all statements of a claim agree on: the one with
// the fewest digits, which the others are not contradicted by.
func oneCount(all []provenance.ClaimObservation, claim string) (count, bool) {
	var found []count
	for _, o := range all {
		var n count
		if o.Claim == claim && json.Unmarshal(o.Value, &n) == nil && n.Count > 0 {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return count{}, false
	}
	for _, n := range found {
		if ratio := float64(n.Count) / float64(found[0].Count); ratio < 0.95 || ratio > 1.05 || n.Bound != found[0].Bound {
			return count{}, false
		}
	}
	return found[0], true
}
