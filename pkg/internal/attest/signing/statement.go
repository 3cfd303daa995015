package signing

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// payloadType is the DSSE payload type of in-toto statements (in-toto
// attestation framework, spec/v1/envelope.md).
const payloadType = "application/vnd.in-toto+json"

// Statement returns the in-toto statement that subject is signed, as "cosign
// sign" writes it (cosign v3, specs/BUNDLE_SPEC.md): no name, no annotations,
// an empty predicate.
func Statement(subject artifact.Digest) ([]byte, error) {
	if subject.IsZero() {
		return nil, fmt.Errorf("stating that something is signed: %w", artifact.ErrBadDigest)
	}
	type target struct {
		Digest      map[string]string `json:"digest"`
		Annotations struct{}          `json:"annotations"`
	}
	return json.Marshal(struct {
		Type          string   `json:"_type"`
		Subject       []target `json:"subject"`
		PredicateType string   `json:"predicateType"`
		Predicate     struct{} `json:"predicate"`
	}{
		Type:          provenance.StatementType,
		Subject:       []target{{Digest: map[string]string{subject.Algorithm().String(): subject.Hex()}}},
		PredicateType: attest.SignType,
	})
}
