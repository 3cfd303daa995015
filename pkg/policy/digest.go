package policy

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// What effectiveDigest hashes: everything that can change a verdict.
type effective struct {
	APIVersion     string             `json:"apiVersion"`
	Signers        []effectiveSigner  `json:"signers"`
	Roots          []effectiveRoot    `json:"trustedRoots"`
	Need           need               `json:"need"`
	Attestations   []effectiveDemand  `json:"attestations"`
	PredicateTypes []string           `json:"predicateTypes"`
	Schemes        []string           `json:"schemes"`
	Thresholds     Thresholds         `json:"thresholds"`
	AllowUnsigned  bool               `json:"allowUnsigned"`
	Findings       map[string]Outcome `json:"findings"`
	Reviews        *effectiveReviews  `json:"reviews,omitempty"`
	Rules          []effectiveRule    `json:"rules,omitempty"`
	Summaries      *effectiveSummary  `json:"summaries,omitempty"`
	Scopes         []effectiveScope   `json:"scopes,omitempty"`
	Expires        string             `json:"expires,omitempty"`
	Extends        artifact.Digest    `json:"extends,omitzero"`
}

type effectiveSigner struct {
	Name           string            `json:"name"`
	Relation       string            `json:"relation"`
	Key            string            `json:"key,omitempty"`
	Issuer         string            `json:"issuer,omitempty"`
	IssuerPattern  string            `json:"issuerPattern,omitempty"`
	Subject        string            `json:"subject,omitempty"`
	SubjectPattern string            `json:"subjectPattern,omitempty"`
	TrustedRoot    string            `json:"trustedRoot,omitempty"`
	Extensions     map[string]string `json:"extensions,omitempty"`
	Chain          []string          `json:"chain,omitempty"`
	Demands        []string          `json:"demands"`
}

type effectiveRoot struct {
	Name    string          `json:"name"`
	Digest  artifact.Digest `json:"digest"`
	MaxAge  string          `json:"maxAge"`
	WarnAge string          `json:"warnAge"`
}

type effectiveDemand struct {
	Name          string `json:"name"`
	PredicateType string `json:"predicateType"`
	SignedBy      need   `json:"signedBy"`
}

type effectiveRule struct {
	Name       string `json:"name"`
	Require    string `json:"require"`
	Effect     string `json:"effect"`
	Message    string `json:"message"`
	LegalBasis string `json:"legalBasis,omitempty"`
	Docs       string `json:"docs,omitempty"`
}

type effectiveScope struct {
	Name          string            `json:"name"`
	Exact         string            `json:"exact,omitempty"`
	Prefix        string            `json:"prefix,omitempty"`
	Pattern       string            `json:"pattern,omitempty"`
	Settled       bool              `json:"settled"`
	AllowUnsigned bool              `json:"allowUnsigned"`
	Need          need              `json:"need"`
	Attestations  []effectiveDemand `json:"attestations"`
	Rules         []effectiveRule   `json:"rules"`
}

func effectiveScopes(scopes []scope) []effectiveScope {
	var out []effectiveScope
	for _, s := range scopes {
		out = append(out, effectiveScope{s.name, s.exact, s.prefix, s.source, s.settled, s.allowUnsigned, s.need, effectiveDemands(s.attestations), effectiveRules(s.rules)})
	}
	return out
}

func effectiveDemands(demands []demand) []effectiveDemand {
	var out []effectiveDemand
	for _, d := range demands {
		out = append(out, effectiveDemand{d.name, d.predicateType, d.by})
	}
	return out
}

func effectiveRules(rules []rule) []effectiveRule {
	var out []effectiveRule
	for _, r := range rules {
		out = append(out, effectiveRule{r.name, r.require.Source(), r.effect.String(), r.message.String(), r.legalBasis, r.docs})
	}
	return out
}

type effectiveSummary struct {
	SignedBy need              `json:"signedBy"`
	MaxAge   string            `json:"maxAge"`
	Stated   bool              `json:"stated"`
	Policies []artifact.Digest `json:"policies"`
	Verifier string            `json:"verifier"`
}

func (p *Policy) effectiveDigest() (artifact.Digest, error) {
	e := effective{
		APIVersion: APIVersion, Need: p.need, PredicateTypes: p.types, Schemes: p.schemes,
		Thresholds: p.thresholds, AllowUnsigned: p.allowUnsigned, Findings: p.effects, Reviews: p.reviews.effective(), Rules: effectiveRules(p.rules),
		Scopes: effectiveScopes(p.scopes), Attestations: effectiveDemands(p.attestations), Extends: p.baseDigest,
	}
	for _, s := range p.signers {
		e.Signers = append(e.Signers, s.effective(p.thresholds))
	}
	for _, r := range p.roots {
		e.Roots = append(e.Roots, effectiveRoot{r.name, artifact.SumSHA256(r.json), r.maxAge.String(), r.warnAge.String()})
	}
	if !p.expires.IsZero() {
		e.Expires = p.expires.Format(time.RFC3339)
	}
	if r := p.summaries; r != nil {
		e.Summaries = &effectiveSummary{r.by, r.maxAge.String(), r.stated, r.policies, r.verifier}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return artifact.Digest{}, fmt.Errorf("computing the policy's digest: %w", err)
	}
	value := jsontext.Value(b)
	if err := value.Canonicalize(); err != nil {
		return artifact.Digest{}, fmt.Errorf("computing the policy's digest: %w", err)
	}
	return artifact.SumSHA256(value), nil
}

func (s signer) effective(t Thresholds) effectiveSigner {
	es := effectiveSigner{Name: s.name, Relation: s.relation.String(), Demands: s.demands(t)}
	if s.key != nil {
		es.Key = s.key.fingerprint
	}
	if k := s.keyless; k != nil {
		es.Issuer, es.IssuerPattern = k.issuer.exact, k.issuer.source
		es.Subject, es.SubjectPattern = k.subject.exact, k.subject.source
		es.TrustedRoot, es.Extensions = k.root, k.spelled()
	}
	if c := s.certificate; c != nil {
		es.Issuer, es.Chain = c.issuer(), c.prints
		es.Subject, es.SubjectPattern = c.subject.exact, c.subject.source
	}
	return es
}
