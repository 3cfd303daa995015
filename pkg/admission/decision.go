package admission

import (
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// DecisionVersion is the version of a Decision's JSON.
const DecisionVersion = "1"

// A Decision is everything that came of a Request. Its JSON is a line of the
// decision log, and holds what Replay needs: not the object, which may hold
// secrets, but what was found in it. The zero value denies.
type Decision struct {
	SchemaVersion string    `json:"schemaVersion"`
	At            time.Time `json:"at"`
	Version       string    `json:"version,omitempty"` // of the tool

	UID         string          `json:"uid,omitempty"`
	Operation   string          `json:"operation"`
	Resource    string          `json:"resource,omitempty"`
	SubResource string          `json:"subResource,omitempty"`
	APIVersion  string          `json:"apiVersion,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	Namespace   string          `json:"namespace,omitempty"`
	Name        string          `json:"name,omitempty"`
	User        string          `json:"user,omitempty"`
	DryRun      bool            `json:"dryRun,omitempty"`
	Pins        bool            `json:"pins,omitempty"`
	Object      artifact.Digest `json:"object,omitzero"` // SHA-256 of its JSON

	Policy    artifact.Digest `json:"policy,omitzero"`    // what is demanded of models
	Admission artifact.Digest `json:"admission,omitzero"` // the policy's section admission
	Mode      policy.Mode     `json:"mode"`               // of the namespace
	For       policy.Use      `json:"for,omitzero"`       // what models are wanted for there

	// Outcome is the policy's word, whatever the mode: the gravest of Reasons and
	// Judgements. In a namespace that does not enforce, a denial is let in.
	Outcome    policy.Outcome  `json:"outcome"`
	Response   Response        `json:"response"`
	Reasons    []policy.Reason `json:"reasons,omitempty"` // about the object itself
	Judgements []Judgement     `json:"judgements,omitempty"`
	// Images counts container images that no scope of the policy calls a model.
	// They were not judged. Unchanged counts references that stood in the old
	// object already.
	Images    int `json:"images"`
	Unchanged int `json:"unchanged"`
	// Warnings are for whoever brought the object, each below 256 bytes.
	Warnings []string `json:"warnings,omitempty"`
	// Audit are the audit annotations, by keys without a prefix.
	Audit map[string]string `json:"audit,omitempty"`
}

// A Judgement is what became of one reference. The zero value keeps it out.
type Judgement struct {
	Pointer   string          `json:"pointer"` // JSON Pointer into the object
	Text      string          `json:"text"`    // as written; untrusted
	Kind      Kind            `json:"kind"`
	Reference string          `json:"reference,omitempty"` // canonical, "" where it is none
	Digest    artifact.Digest `json:"digest,omitzero"`     // that was judged
	Outcome   policy.Outcome  `json:"outcome"`             // of the policy, before an exemption
	Reasons   []policy.Reason `json:"reasons"`             // what denies first
	// Admitted says that it is let in: allowed, or by an exemption.
	Admitted  bool              `json:"admitted"`
	Exemption *policy.Exemption `json:"exemption,omitempty"`
	Command   string            `json:"command,omitempty"` // what to run, where it is not admitted
	// Pin is what to write in place of Text, so that what was judged is what runs;
	// "" where it is not admitted, or says its digest already.
	Pin string `json:"pin,omitempty"`
}

// outcome is what the judgement does to the decision.
func (j Judgement) outcome() policy.Outcome {
	switch {
	case j.Admitted:
		return policy.Allow
	case j.Outcome == policy.Allow: // allowed and not admitted: nobody knows why
		return policy.Deny
	default:
		return j.Outcome
	}
}

// rank orders outcomes by how grave they are at a cluster's door.
func rank(o policy.Outcome) int {
	switch o {
	case policy.Allow:
		return 0
	case policy.Hold:
		return 1
	case policy.Undecided:
		return 2
	default:
		return 3
	}
}

// gravest is the outcome of all reasons and judgements. Where there is none,
// the object was looked at and names no model.
func (d *Decision) gravest() policy.Outcome {
	worst := policy.Allow
	for _, r := range d.Reasons {
		if rank(r.Effect) > rank(worst) {
			worst = r.Effect
		}
	}
	for _, j := range d.Judgements {
		if o := j.outcome(); rank(o) > rank(worst) {
			worst = o
		}
	}
	return worst
}
