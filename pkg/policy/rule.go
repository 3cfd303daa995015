package policy

import (
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A rule says what must hold of the record. It is met where its expression is
// true, and by nothing else: one that is false, that fails or that yields
// nothing counts against the model.
type rule struct {
	name       string
	require    *expression.Expression
	effect     Outcome // of a rule that is not met; Allow warns
	message    template
	legalBasis string
	docs       string
}

// failing is the effect of a rule that could not be evaluated: what was not
// looked at cannot merely be worth a warning.
func (r rule) failing() Outcome {
	if r.effect == Deny {
		return Deny
	}
	return Hold
}

// judge gives the reason against the model, false where the rule is met.
func (r rule) judge(record *expression.Record) (Reason, bool) {
	out := Reason{Subject: r.name, LegalBasis: r.legalBasis, Docs: r.docs}
	held, err := r.require.Holds(record)
	switch {
	case err != nil:
		out.Code, out.Effect = provenance.CodeRuleFailed, r.failing()
		out.Message = "rule " + quoted(r.name) + " could not be evaluated: " + printed(err.Error())
	case held:
		return Reason{}, false
	case r.effect == Allow:
		out.Code, out.Effect, out.Message = provenance.CodeRuleWarned, Allow, r.message.write(record)
	default:
		out.Code, out.Effect, out.Message = provenance.CodeRuleNotMet, r.effect, r.message.write(record)
	}
	return out, true
}

// judgeRules gives a reason for every rule that is not met. Rules know nothing
// of each other, so their order decides nothing.
func (p *Policy) judgeRules(record *expression.Record) []Reason {
	var out []Reason
	for _, r := range p.rules {
		if reason, against := r.judge(record); against {
			out = append(out, reason)
		}
	}
	return out
}

// facts are what rules are judged by. Signatures and attestations are those
// that count, under the policy's names; the names that the record gives them
// are not looked at.
func (p *Policy) facts(c Case) expression.Facts {
	out := expression.Facts{Manifest: c.Manifest, At: c.At, Attests: p.attests(c.Manifest)}
	for _, g := range c.Manifest.Signatures {
		if !p.accepts(g.PredicateType) {
			continue
		}
		for _, h := range p.holders(g.Scheme, g.Identity, g.Evidence) {
			g.Signer, g.Relation = h.signer, p.relation(h.signer)
			out.Signatures = append(out.Signatures, g)
		}
	}
	for _, a := range c.Manifest.Attestations {
		for _, h := range p.holders(a.Scheme, a.Identity, a.Evidence) {
			a.Signer, a.Relation = h.signer, p.relation(h.signer)
			out.Attestations = append(out.Attestations, a)
		}
	}
	return out
}

// attests says which signers of the record this policy names as the producer:
// only what they say is attested, whatever policy the record was made under. A
// name of the record under which anybody else signed or attested, too, stands
// for more people than the producer, and attests nothing.
func (p *Policy) attests(m *provenance.Manifest) func(signer string) bool {
	producers, others := map[string]bool{}, map[string]bool{}
	take := func(name string, held []holder, counts bool) {
		ours := slices.ContainsFunc(held, func(h holder) bool {
			// Of joint policies, another name is another policy's, and may stand
			// for more people.
			return p.relation(h.signer) == provenance.Producer && (!p.joint || h.signer == name)
		})
		producers[name] = producers[name] || ours && counts
		others[name] = others[name] || !ours
	}
	for _, g := range m.Signatures {
		take(g.Signer, p.holders(g.Scheme, g.Identity, g.Evidence), p.accepts(g.PredicateType))
	}
	for _, a := range m.Attestations {
		take(a.Signer, p.holders(a.Scheme, a.Identity, a.Evidence), false)
	}
	return func(signer string) bool { return producers[signer] && !others[signer] }
}

func (p *Policy) relation(signer string) provenance.Relation {
	for _, s := range p.signers {
		if s.name == signer {
			return s.relation
		}
	}
	return provenance.UnknownRelation
}

// A template is a message with expressions in braces.
type template []part

// A part is text, or an expression in whose place its value stands.
type part struct {
	text  string
	value *expression.Expression
}

func (t template) write(record *expression.Record) string {
	var out strings.Builder
	for _, p := range t {
		if p.value == nil {
			out.WriteString(p.text)
		} else {
			out.WriteString(printed(p.value.Write(record)))
		}
	}
	return out.String()
}

// String is the template as it was written.
func (t template) String() string {
	var out strings.Builder
	for _, p := range t {
		if p.value == nil {
			out.WriteString(strings.ReplaceAll(p.text, "{", "{{"))
		} else {
			out.WriteString("{" + p.value.Source() + "}")
		}
	}
	return out.String()
}

// maxPrinted bounds what a message takes from the record, in bytes.
const maxPrinted = 400

// printed makes text from the record fit for a message: of one line, and of no
// more than that.
func printed(s string) string {
	if len(s) > maxPrinted {
		s = strings.ToValidUTF8(s[:maxPrinted], "") + "…"
	}
	if strings.ContainsFunc(s, invisible) {
		return quoted(s)
	}
	return s
}
