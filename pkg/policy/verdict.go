package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// An Outcome is what a policy makes of a case. The zero value is no decision
// and allows nothing, and so does every value without a name.
type Outcome uint8

// The outcomes.
const (
	Undecided Outcome = iota // there is no verdict
	Allow
	Hold // a person has to look
	Deny
)

var outcomeNames = [...]string{"undecided", "allow", "hold", "deny"}

// String returns the word used in reports; a value without a name denies.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return outcomeNames[Deny]
}

// MarshalText writes the word of String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown outcome %q", b)
	}
	*o = Outcome(i)
	return nil
}

// rank orders outcomes by what they do to the others: Deny wins over Hold,
// Hold over Undecided, and Allow over nothing.
func (o Outcome) rank() int {
	switch o {
	case Allow:
		return 0
	case Undecided:
		return 1
	case Hold:
		return 2
	case Deny:
		return 3
	default: // no such outcome: it denies
		return 3
	}
}

// A Reason is one thing that speaks for or against the artifact.
type Reason struct {
	Code    string  `json:"code"`              // of docs/errors.md
	Effect  Outcome `json:"effect"`            // what this reason alone leads to
	Message string  `json:"message"`           // one sentence; quotes what came from outside
	Subject string  `json:"subject,omitempty"` // a path, a digest, a signer's or a rule's name
	// Of a rule: the law or contract that asks for it, and a link to what it
	// is about.
	LegalBasis string `json:"legalBasis,omitempty"`
	Docs       string `json:"docs,omitempty"`
}

// A Verdict is the outcome with all its reasons, sorted: what denies first.
type Verdict struct {
	Outcome Outcome         `json:"outcome"`
	Reasons []Reason        `json:"reasons"`
	Policy  artifact.Digest `json:"policy,omitzero"` // of the effective policy
}

// Allowed is the one question that opens a door. It is false for the zero
// Verdict.
func (v Verdict) Allowed() bool {
	switch v.Outcome {
	case Allow:
		return true
	case Undecided, Hold, Deny:
		return false
	default:
		return false
	}
}

// combine sorts the reasons, drops repetitions, and lets the gravest decide.
// Only where something positively allows is the outcome Allow.
func combine(reasons []Reason, policy artifact.Digest) Verdict {
	slices.SortFunc(reasons, func(a, b Reason) int {
		return cmp.Or(
			cmp.Compare(b.Effect.rank(), a.Effect.rank()),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.Effect, b.Effect),
		)
	})
	v := Verdict{Reasons: slices.Compact(reasons), Policy: policy}
	if len(v.Reasons) == 0 {
		return v
	}
	switch gravest := v.Reasons[0].Effect; gravest {
	case Undecided, Allow, Hold:
		v.Outcome = gravest
	default:
		v.Outcome = Deny
	}
	return v
}
