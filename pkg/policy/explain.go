package policy

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
)

// An Explanation is one rule over one record, with its parts.
type Explanation struct {
	Rule    string  `json:"rule"`
	Require string  `json:"require"`
	Effect  Outcome `json:"effect"` // of the rule, where it is not met; Allow warns
	Met     bool    `json:"met"`
	Code    string  `json:"code,omitempty"` // of the reason, where it is not met
	Message string  `json:"message,omitempty"`
	// Steps are the parts of the expression with their values, from the outside
	// in.
	Steps []Step `json:"steps"`
}

// A Step is a part of an expression and its value.
type Step = expression.Step

// Explain gives every rule that is for the case, with the values that its
// parts have. Without a record there is nothing to explain.
func (p *Policy) Explain(c Case) []Explanation {
	return p.explain(c, func(r rule, record *expression.Record) []Step { return r.require.Trace(record) })
}

// explain gives every rule with the steps that trace finds.
func (p *Policy) explain(c Case, trace func(rule, *expression.Record) []Step) []Explanation {
	if p == nil || c.Manifest == nil {
		return nil
	}
	var out []Explanation
	for _, level := range p.For(c.Reference).levels() {
		out = append(out, level.explainOwn(c, trace)...)
	}
	return out
}

func (p *Policy) explainOwn(c Case, trace func(rule, *expression.Record) []Step) []Explanation {
	facts := p.facts(c)
	if p.reviews != nil {
		facts.Reviews = p.judgeReviews(c).approvals()
	}
	record := expression.NewRecord(facts)
	var out []Explanation
	for _, r := range p.rules {
		reason, against := r.judge(record)
		x := Explanation{Rule: r.name, Require: strings.Join(strings.Fields(r.require.Source()), " "), Effect: r.effect, Met: !against, Steps: trace(r, record)}
		if against {
			x.Code, x.Message = reason.Code, reason.Message
		}
		out = append(out, x)
	}
	return out
}

// Rules names the rules that the policy has, those of its scopes and of the
// policies that it extends too.
func (p *Policy) Rules() []string {
	var out []string
	for _, level := range p.levels() {
		for _, r := range level.rules {
			out = append(out, r.name)
		}
		for _, s := range level.scopes {
			for _, r := range s.rules {
				out = append(out, s.name+": "+r.name)
			}
		}
	}
	return out
}
