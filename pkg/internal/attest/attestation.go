package attest

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// An Attestation is an in-toto statement that holds and is about the artifact.
type Attestation struct {
	Index         int    // of its candidate, which says whose it is
	PredicateType string // also the candidate's
	Predicate     []byte // JSON, verified with the statement; nil where Omitted
	Omitted       string // why the predicate is not handed on; "" if it is
	// Statement is the SHA-256 of the statement's bytes, as they were signed.
	Statement artifact.Digest
}

// newAttestation hands the predicate of s on, within bounds: a thousand
// attestations are judged, and need not all be kept.
func newAttestation(s *signed, keep bool) *Attestation {
	a := &Attestation{PredicateType: s.statement.PredicateType, Statement: artifact.SumSHA256(s.statement.raw)}
	var body struct {
		Predicate jsontext.Value `json:"predicate"`
	}
	switch err := strictjson.Decode(s.statement.raw, &body); {
	case err != nil:
		a.Omitted = "it is " + oneLine(err.Error())
	case !keep:
		a.Omitted = "the attestations before it have used up the space for predicates"
	case len(body.Predicate) > MaxPredicate:
		a.Omitted = "it is larger than the limit for predicates"
	default:
		a.Predicate = append([]byte(nil), body.Predicate...)
	}
	return a
}
