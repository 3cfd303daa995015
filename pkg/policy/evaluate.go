package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Case is what is to be judged.
type Case struct {
	// Manifest is the record; nil where the artifact was not examined to its
	// end.
	Manifest *provenance.Manifest
	// Candidates explain why a signature is missing from the record. They
	// never count as one.
	Candidates []provenance.Candidate
	// Faults are what made the examination end: the artifact is not what it
	// should be. They always deny.
	Faults []provenance.Finding
	// At is the time of the judgement. Nothing in this version depends on it.
	At time.Time
}

// Evaluate judges c, and gives all reasons, not the first: what denies before
// what holds. It depends on nothing but p and c and not on the order in c.
//
// Allow needs a record with a file and, in it, the signatures that the policy
// requires, matched again here by key, identity and issuer whatever name the
// record gives them; or AllowUnsigned, which leaves its own reason. A policy
// that trusts nobody holds. Without a record there is no verdict, unless a
// fault denies.
func (p *Policy) Evaluate(c Case) Verdict {
	if p == nil || p.digest.IsZero() {
		return combine([]Reason{{
			Code: provenance.CodePolicyInvalid, Effect: Undecided,
			Message: "there is no policy, or its keys and roots were not read",
		}}, artifact.Digest{})
	}
	var reasons []Reason
	for _, f := range c.Faults {
		reasons = append(reasons, Reason{Code: f.ID, Effect: Deny, Message: f.Detail, Subject: f.Subject})
	}
	switch {
	case c.Manifest != nil:
		reasons = append(reasons, judgeRecord(c.Manifest)...)
		reasons = append(reasons, p.judgeSignatures(c)...)
		reasons = append(reasons, p.judgeFindings(c.Manifest.Findings)...)
	case len(c.Faults) == 0:
		reasons = append(reasons, Reason{
			Code: provenance.CodeNotDecided, Effect: Undecided,
			Message: "the artifact was not examined to its end",
		})
	}
	return combine(reasons, p.digest)
}

// judgeRecord wants a record that is sound and is about something.
func judgeRecord(m *provenance.Manifest) []Reason {
	var out []Reason
	if err := provenance.Validate(m); err != nil {
		out = append(out, Reason{Code: provenance.CodeRecordInvalid, Effect: Deny, Message: err.Error()})
	}
	own := func(f provenance.File) bool { return f.Role != artifact.RoleSystem }
	if !slices.ContainsFunc(m.Files, own) {
		out = append(out, Reason{
			Code: provenance.CodeEmptyArtifact, Effect: Deny,
			Message: "the artifact holds no file of a model",
		})
	}
	return out
}

// judgeSignatures always gives at least one reason: silence here would let a
// relaxed finding be the only word spoken, and allow.
func (p *Policy) judgeSignatures(c Case) []Reason {
	if len(p.signers) == 0 && !p.allowUnsigned {
		return []Reason{{
			Code: provenance.CodeNoTrust, Effect: Hold,
			Message: "the policy names no signer: nobody said whom to trust",
		}}
	}
	var out []Reason
	held := p.holders(c.Manifest.Signatures)
	for _, h := range held {
		out = append(out, Reason{
			Code: provenance.CodeSignatureVerified, Effect: Allow, Subject: h.signer,
			Message: fmt.Sprintf("signed by %q: %s", h.signer, describe(h.identity)),
		})
	}
	required := p.need.Count
	if p.allowUnsigned {
		if len(held) == 0 {
			out = append(out, Reason{
				Code: provenance.CodeUnsignedAllowed, Effect: Allow,
				Message: "no signature of a named signer, and the policy allows that",
			})
		}
		return out
	}
	if met := pairs(held, p.need.Of); required < 1 || met < required {
		out = append(out, p.missing(c.Candidates, met)...)
	}
	return out
}

// missing says why too few signatures count, from the candidates that do not.
func (p *Policy) missing(candidates []provenance.Candidate, met int) []Reason {
	var out []Reason
	for _, c := range candidates {
		if len(p.Match(c)) > 0 {
			continue
		}
		code, detail := p.refusal(c)
		subject := ""
		if !c.Digest.IsZero() {
			subject = c.Digest.String()
		}
		out = append(out, Reason{Code: code, Effect: Deny, Message: detail, Subject: subject})
	}
	if len(out) == 0 || met > 0 {
		out = append(out, Reason{
			Code: provenance.CodeSignatureMissing, Effect: Deny,
			Message: fmt.Sprintf("%d of %d required signatures", met, p.need.Count),
		})
	}
	return out
}

// refusal gives the most telling code of a candidate that does not count.
func (p *Policy) refusal(c provenance.Candidate) (code, detail string) {
	if c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified {
		code, detail = c.Code, c.Detail
		if code == "" || code == provenance.CodeSignatureVerified {
			code = provenance.CodeSignatureBad
		}
		if detail == "" {
			detail = "a signature was refused"
		}
		return code, detail
	}
	who := describe(c.Identity)
	switch {
	case !slices.Contains(p.types, c.PredicateType):
		return provenance.CodeNotASignature, fmt.Sprintf("a statement of type %q by %s", c.PredicateType, who)
	case c.Identity.KeyFingerprint != "":
		return provenance.CodeSignatureWrongKey, "signed by " + who + ", which the policy does not name"
	case p.knowsSubject(c.Identity.Subject):
		return provenance.CodeSignatureWrongIssuer, "signed by " + who + "; the policy names this identity from another issuer, or with other properties"
	default:
		return provenance.CodeSignatureWrongIdentity, "signed by " + who + ", whom the policy does not name"
	}
}

func (p *Policy) knowsSubject(subject string) bool {
	return slices.ContainsFunc(p.signers, func(s signer) bool {
		return s.keyless != nil && s.keyless.subject.matches(subject)
	})
}

// describe names an identity for people; what came from outside is quoted.
func describe(i provenance.Identity) string {
	if i.KeyFingerprint != "" {
		return fmt.Sprintf("key %q", i.KeyFingerprint)
	}
	return fmt.Sprintf("%q by issuer %q", i.Subject, i.Issuer)
}
