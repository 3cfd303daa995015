package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A decision is the file in which a reviewer writes down what they decide.
type decision struct {
	Role         string               `yaml:"role"`
	Decision     string               `yaml:"decision"`
	Organization string               `yaml:"organization,omitempty"`
	Independence string               `yaml:"independence,omitempty"`
	Criteria     []decisionCriterion  `yaml:"criteria"`
	Scope        decisionScope        `yaml:"scope,omitempty"`
	Conditions   []decisionCondition  `yaml:"conditions,omitempty"`
	Waivers      []decisionWaiver     `yaml:"waivers,omitempty"`
	Resolutions  []decisionResolution `yaml:"resolutions,omitempty"`
	Evidence     []decisionEvidence   `yaml:"evidence,omitempty"`
	Expires      string               `yaml:"expires"`
	Statement    string               `yaml:"statement,omitempty"`
	KeepOnPolicy bool                 `yaml:"keepWhenPolicyChanges,omitempty"`
}

type decisionCriterion struct {
	ID     string `yaml:"id"`
	Result string `yaml:"result"`
	Waiver string `yaml:"waiver,omitempty"`
	Note   string `yaml:"note,omitempty"`
}

type decisionScope struct {
	Environments []string `yaml:"environments,omitempty"`
	Uses         []string `yaml:"uses,omitempty"`
	Excludes     []string `yaml:"excludes,omitempty"`
}

type decisionCondition struct {
	ID   string `yaml:"id"`
	Text string `yaml:"text"`
	Rule string `yaml:"rule,omitempty"`
}

type decisionWaiver struct {
	ID            string   `yaml:"id"`
	Rule          string   `yaml:"rule"`
	Justification string   `yaml:"justification"`
	Owner         string   `yaml:"owner"`
	Statement     string   `yaml:"statement"`
	Controls      []string `yaml:"controls,omitempty"`
	Expires       string   `yaml:"expires"`
}

type decisionResolution struct {
	Claim         string   `yaml:"claim"`
	Concluded     string   `yaml:"concluded"`
	Justification string   `yaml:"justification"`
	Basis         []string `yaml:"basis,omitempty"`
	Statement     string   `yaml:"statement"`
}

type decisionEvidence struct {
	Name   string `yaml:"name"`
	Digest string `yaml:"digest"`
	URI    string `yaml:"uri,omitempty"`
}

// readDecision reads what a reviewer wrote. Keys that nobody knows are
// mistakes, and mistakes are not signed.
func readDecision(data []byte) (decision, error) {
	var d decision
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return decision{}, usageError{fmt.Errorf("reading the decision: %w", err)}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return decision{}, usageError{errors.New("reading the decision: more than one document")}
	}
	return d, nil
}

// review makes of a decision what is to be signed, at a time and under the
// policy's criteria.
func (d decision) review(kind provenance.ReviewKind, criteria map[string]artifact.Digest, at time.Time) (provenance.Review, error) {
	r := provenance.Review{
		Kind: kind, Statement: strings.TrimSpace(d.Statement),
		Reviewer: provenance.Reviewer{Role: d.Role, Organization: d.Organization, Independence: d.Independence},
		Scope:    provenance.Scope{Environments: d.Scope.Environments, Uses: d.Scope.Uses, Excludes: d.Scope.Excludes},
	}
	if err := r.Decision.UnmarshalText([]byte(d.Decision)); err != nil {
		return r, usageError{hintError{err, "one of approve, approve-with-conditions, reject, abstain"}}
	}
	if r.Decision == provenance.Reject && kind == provenance.Approval {
		r.Kind = provenance.Rejection
	}
	if !d.KeepOnPolicy {
		r.Validity.InvalidatedBy = []string{provenance.EventPolicy}
	}
	var err error
	r.Validity.NotBefore = at.UTC().Truncate(time.Second)
	if r.Validity.ExpiresAt, err = until(d.Expires, at); err != nil {
		return r, err
	}
	for _, c := range d.Criteria {
		digest, known := criteria[c.ID]
		if !known {
			return r, usageError{hintError{fmt.Errorf("criterion %q is not one of the policy", c.ID), "the policy's are: " + strings.Join(sortedIDs(criteria), ", ")}}
		}
		result := provenance.CriterionResult{ID: c.ID, Digest: digest, Waiver: c.Waiver, Note: c.Note}
		if err := result.Result.UnmarshalText([]byte(c.Result)); err != nil {
			return r, usageError{hintError{fmt.Errorf("criterion %q: %w", c.ID, err), "one of met, not-met, not-assessed"}}
		}
		r.Criteria = append(r.Criteria, result)
	}
	for _, w := range d.Waivers {
		out := provenance.Waiver{ID: w.ID, Rule: w.Rule, Justification: w.Justification, Owner: w.Owner, Statement: w.Statement, Controls: w.Controls}
		if out.ExpiresAt, err = until(w.Expires, at); err != nil {
			return r, fmt.Errorf("waiver %q: %w", w.ID, err)
		}
		r.Waivers = append(r.Waivers, out)
	}
	for _, c := range d.Conditions {
		if c.Rule != "" {
			if _, err := policy.ParseFilter(c.Rule); err != nil {
				return r, usageError{fmt.Errorf("condition %q: %w", c.ID, err)}
			}
		}
		r.Conditions = append(r.Conditions, provenance.Condition(c))
	}
	for _, x := range d.Resolutions {
		r.Resolutions = append(r.Resolutions, provenance.Resolution(x))
	}
	for _, e := range d.Evidence {
		digest, err := artifact.ParseDigest(e.Digest)
		if err != nil {
			return r, usageError{fmt.Errorf("evidence %q: %w", e.Name, err)}
		}
		r.Reviewed.Evidence = append(r.Reviewed.Evidence, provenance.EvidenceRef{Name: e.Name, Digest: digest, URI: e.URI})
	}
	return r, nil
}

// until reads a number of days, 180d, or a date, 2027-05-01.
func until(s string, at time.Time) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day, nil
	}
	var age time.Duration
	if err := (ageFlag{&age}).Set(s); err != nil || age == 0 {
		return time.Time{}, usageError{hintError{fmt.Errorf("%q is no end of a validity", s), "a number of days such as 180d, or a date such as 2027-05-01"}}
	}
	return at.UTC().Add(age).Truncate(time.Second), nil
}

func sortedIDs(criteria map[string]artifact.Digest) []string {
	out := make([]string, 0, len(criteria))
	for id := range criteria {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// decisionTemplate writes the file that a reviewer fills in. Nothing is decided in it:
// no decision, and no criterion assessed.
func decisionTemplate(criteria []policy.Criterion, subject artifact.Digest, code string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Review of %v, report code %s.\n", subject, code)
	b.WriteString(`# Fill in, then: modelcheck review sign REFERENCE --policy POLICY --decision-file THIS --code CODE
role: ""             # one that the policy gives you
decision: ""         # approve, approve-with-conditions, reject or abstain
expires: 180d        # days, or a date; at most 366 days
scope: {}            # {environments: [prod], uses: [customer-facing], excludes: []}; empty: everything
criteria:
`)
	for _, c := range criteria {
		for line := range strings.Lines(c.Text) {
			fmt.Fprintf(&b, "  # %s\n", strings.TrimRight(line, "\n"))
		}
		fmt.Fprintf(&b, "  - {id: %q, result: not-assessed}   # met, not-met (with waiver: ID to accept that) or not-assessed\n", c.ID)
	}
	b.WriteString(`# conditions:          # with approve-with-conditions
#   - {id: c1, text: "…", rule: 'an expression of the policy language, where it can be checked'}
# waivers:             # of a criterion that is not met, or of a rule of the policy
#   - {id: w1, rule: ID, justification: compensating-control, owner: "…", statement: "…", expires: 90d}
# resolutions:         # what you conclude where the record conflicts or is silent
#   - {claim: license.weights, concluded: "…", justification: license-text-overrides-metadata, statement: "…"}
# evidence:            # what else you looked at
#   - {name: "…", digest: "sha256:…", uri: "https://…"}
# statement: "…"       # a sentence of your own, before the certification
`)
	return []byte(b.String())
}
