package attest

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// payloadType is the DSSE payload type of in-toto statements (in-toto
// attestation framework, spec/v1/envelope.md).
const payloadType = "application/vnd.in-toto+json"

// olderStatementType is what "cosign attest" still writes at v3.1.3 (in-toto
// attestation framework, spec/v0.1.0). Its fields that are read here have the
// same names and meanings. It counts for attestations only, never as a
// signature.
const olderStatementType = "https://in-toto.io/Statement/v0.1"

// A statement is the head of an in-toto Statement; the predicate is not read
// here.
type statement struct {
	Type          string            `json:"_type"`
	PredicateType string            `json:"predicateType"`
	Subject       []statementTarget `json:"subject"`

	raw []byte
}

type statementTarget struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

func parseStatement(payload []byte) (statement, error) {
	var s statement
	if err := strictjson.Decode(payload, &s); err != nil {
		return statement{}, refuse(provenance.CodeSignatureMalformed, "its statement is %v", err)
	}
	if s.Type != provenance.StatementType && s.Type != olderStatementType {
		return statement{}, refuse(provenance.CodeSignatureMalformed, "its statement is of type %q, want %q", s.Type, provenance.StatementType)
	}
	if s.PredicateType == "" {
		return statement{}, refuse(provenance.CodeSignatureMalformed, "its statement has no predicate type")
	}
	if len(s.Subject) == 0 {
		return statement{}, refuse(provenance.CodeSignatureMalformed, "its statement names no subject")
	}
	if n := len(s.Subject); n > MaxSubjects {
		return statement{}, refuse(provenance.CodeLimitExceeded, "its statement names %d subjects, over the limit of %d", n, MaxSubjects)
	}
	for _, t := range s.Subject {
		if len(t.Digest) == 0 {
			return statement{}, refuse(provenance.CodeSignatureMalformed, "a subject of its statement has no digest")
		}
		if n := len(t.Digest); n > MaxDigests {
			return statement{}, refuse(provenance.CodeLimitExceeded, "a subject of its statement has %d digests, over the limit of %d", n, MaxDigests)
		}
	}
	s.raw = payload
	return s, nil
}

// about says whether the statement is about the artifact: one of its subjects
// has exactly its digest, under the algorithm that names the artifact, and no
// subject of the same name (or, like it, of none) has another. Digests under
// other algorithms prove nothing and are not looked at.
func (s statement) about(want artifact.Digest) error {
	alg := want.Algorithm().String()
	names := map[string]bool{}
	for _, t := range s.Subject {
		if t.Digest[alg] == want.Hex() {
			names[t.Name] = true
		}
	}
	if len(names) == 0 {
		return refuse(provenance.CodeSignatureWrongSubject, "its statement is about %s, not about this artifact", s.firstSubject(alg))
	}
	for _, t := range s.Subject {
		for a, hex := range t.Digest {
			if names[t.Name] && strings.EqualFold(a, alg) && hex != want.Hex() {
				return refuse(provenance.CodeSignatureWrongSubject, "its statement contradicts itself: it names this artifact and, for the same subject, %q", a+":"+hex)
			}
		}
	}
	return nil
}

func (s statement) firstSubject(alg string) string {
	for _, t := range s.Subject {
		if d, ok := t.Digest[alg]; ok {
			return oneLine(alg + ":" + d)
		}
	}
	return "something without a " + alg + " digest"
}
