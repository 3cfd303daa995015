package policy

import (
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// judgeSignatures always gives at least one reason, this policy or the one that
// it extends: silence here would let a relaxed finding be the only word spoken,
// and allow.
func (p *Policy) judgeSignatures(c Case) []Reason {
	if p.unmatched {
		return []Reason{unmatchedReason()}
	}
	if p.base != nil && p.need.Count == 0 {
		return nil // the policy that it extends says who must sign
	}
	if len(p.signers) == 0 && !p.allowUnsigned {
		return []Reason{{
			Code: provenance.CodeNoTrust, Effect: Hold,
			Message: "the policy names no signer: nobody said whom to trust",
		}}
	}
	var out []Reason
	held := p.signed(c.Manifest.Signatures)
	for _, h := range held {
		out = append(out, Reason{
			Code: provenance.CodeSignatureVerified, Effect: Allow, Subject: h.signer,
			Message: fmt.Sprintf("signed by %q: %s", h.signer, describe(h.identity)),
		})
	}
	if p.allowUnsigned {
		if len(held) == 0 {
			out = append(out, Reason{
				Code: provenance.CodeUnsignedAllowed, Effect: Allow,
				Message: "no signature of a named signer, and the policy allows that",
			})
		}
		return out
	}
	if met := p.need.met(held); p.need.Count < 1 || met < p.need.Count {
		out = append(out, p.missing(c.Candidates, held, met)...)
	}
	return out
}

// missing says why too few signatures count, from the candidates that do not.
func (p *Policy) missing(candidates []provenance.Candidate, held []holder, met int) []Reason {
	var out []Reason
	for _, c := range candidates {
		if len(p.match(c)) > 0 || len(p.required(c)) > 0 {
			continue
		}
		code, detail := p.refusal(c)
		subject := ""
		if !c.Digest.IsZero() {
			subject = c.Digest.String()
		}
		out = append(out, Reason{Code: code, Effect: Deny, Message: detail, Subject: subject})
	}
	if len(out) == 0 || len(held) > 0 {
		out = append(out, Reason{Code: provenance.CodeSignatureMissing, Effect: Deny, Message: p.need.shortfall(held, met) + " signatures"})
	}
	return out
}

// shortfall says how much of n is there, and what is not.
func (n need) shortfall(held []holder, met int) string {
	why := "one identity counts once: "
	if gap := n.unmet(held); gap != "" {
		why = "not by " + gap + ": "
	}
	return fmt.Sprintf("%s%d of %d required", why, met, n.Count)
}

// refusal gives the most telling code of a candidate that does not count.
func (p *Policy) refusal(c provenance.Candidate) (code, detail string) {
	who := describe(c.Identity)
	attestation := c.Code == provenance.CodeAttestationVerified
	switch {
	case c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified && !attestation:
		code, detail = c.Code, c.Detail
		if code == "" || code == provenance.CodeSignatureVerified || attestation {
			code = provenance.CodeSignatureBad
		}
		if detail == "" {
			detail = "a signature was refused"
		}
		return code, detail
	case attestation || !slices.Contains(p.types, c.PredicateType):
		return provenance.CodeNotASignature, fmt.Sprintf("a statement of type %q by %s", c.PredicateType, who)
	case kindOf(c.Scheme) == noKind || !slices.Contains(p.schemes, c.Scheme):
		return provenance.CodeSignatureWrongScheme, fmt.Sprintf("signed by %s under scheme %q, which the policy does not accept", who, c.Scheme)
	}
	for _, s := range p.signers {
		if !p.by(s, c.Scheme, c.Identity) {
			continue
		}
		if code, detail := s.lacks(c, p.thresholds); code != "" {
			return code, fmt.Sprintf("signed by %q: %s; %s", s.name, who, detail)
		}
	}
	switch {
	case c.Identity.KeyFingerprint != "":
		return provenance.CodeSignatureWrongKey, "signed by " + who + ", which the policy does not name"
	case slices.ContainsFunc(p.signers, func(s signer) bool { return s.names(c.Identity.Subject) }):
		return provenance.CodeSignatureWrongIssuer, "signed by " + who + "; the policy names this identity from another issuer, or with other properties"
	default:
		return provenance.CodeSignatureWrongIdentity, "signed by " + who + ", whom the policy does not name"
	}
}

// A demand is an attestation that must be there. It is met by verified
// statements of exactly this type, and by nothing else.
type demand struct {
	name          string
	predicateType string
	by            need
}

// judgeAttestations gives one reason for each attestation that is demanded.
func (p *Policy) judgeAttestations(c Case) []Reason {
	var out []Reason
	for _, d := range p.attestations {
		held := p.attested(c.Manifest.Attestations, d.predicateType)
		held = slices.DeleteFunc(held, func(h holder) bool { return !slices.Contains(d.by.names(), h.signer) })
		if met := d.by.met(held); d.by.Count < 1 || met < d.by.Count {
			out = append(out, Reason{
				Code: provenance.CodeAttestationMissing, Effect: Deny, Subject: d.name,
				Message: fmt.Sprintf("no attestation %q of type %q: %s%s", d.name, d.predicateType, d.by.shortfall(held, met), p.others(d, c.Candidates)),
			})
			continue
		}
		var by []string
		for _, h := range held {
			by = append(by, fmt.Sprintf("%q", h.signer))
		}
		out = append(out, Reason{
			Code: provenance.CodeAttestationVerified, Effect: Allow, Subject: d.name,
			Message: fmt.Sprintf("attestation %q of type %q by %s", d.name, d.predicateType, listed(slices.Compact(by))),
		})
	}
	return out
}

// others says of the attestations of the demanded type that do not count
// why they do not.
func (p *Policy) others(d demand, candidates []provenance.Candidate) string {
	var out []string
	for _, c := range candidates {
		switch {
		case c.PredicateType != d.predicateType:
		case c.Verdict != provenance.Proven:
			out = append(out, "one does not hold: "+c.Detail)
		case c.Code == provenance.CodeAttestationVerified && !p.asked(d, c):
			out = append(out, "one is by "+describe(c.Identity))
		}
	}
	slices.Sort(out)
	text := ""
	for _, s := range slices.Compact(out) {
		text += "; " + s
	}
	return text
}

func (p *Policy) asked(d demand, c provenance.Candidate) bool {
	return slices.ContainsFunc(p.required(c), func(a provenance.Attestation) bool { return slices.Contains(d.by.names(), a.Signer) })
}
