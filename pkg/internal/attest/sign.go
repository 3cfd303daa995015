package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// BundleType is the media type of the bundles that are written here: version
// 0.3, which cosign v3 writes and reads.
const BundleType = bundleType + ".v0.3+json"

// SignKey signs the statement that subject is signed, as "cosign sign" does
// with a key and no services, and returns the Sigstore bundle. With ECDSA keys
// in memory, Ed25519 and RSA keys the same input gives the same bytes
// (RFC 6979, RFC 8032, PKCS #1 v1.5).
func SignKey(subject artifact.Digest, key crypto.Signer) ([]byte, error) {
	payload, err := signStatement(subject)
	if err != nil {
		return nil, fmt.Errorf("signing %v: %w", subject, err)
	}
	sum, err := keySum(key.Public())
	if err != nil {
		return nil, fmt.Errorf("signing %v: %w", subject, err)
	}
	sig, err := signMessage(key, pae(payloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("signing %v: %w", subject, err)
	}
	var b keyBundle
	b.MediaType = BundleType
	b.Material.PublicKey.Hint = base64.StdEncoding.EncodeToString(sum)
	b.Envelope = envelope{Payload: payload, PayloadType: payloadType, Signatures: []envelopeSignature{{Sig: sig}}}
	return json.Marshal(b)
}

// A keyBundle is the part of a Sigstore bundle that a key without services
// fills.
type keyBundle struct {
	MediaType string `json:"mediaType"`
	Material  struct {
		PublicKey struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope envelope `json:"dsseEnvelope"`
}

type envelope struct {
	Payload     []byte              `json:"payload"`
	PayloadType string              `json:"payloadType"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	Sig []byte `json:"sig"`
}

// signStatement returns the statement that "cosign sign" writes.
func signStatement(subject artifact.Digest) ([]byte, error) {
	if subject.IsZero() {
		return nil, artifact.ErrBadDigest
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
		PredicateType: SignType,
	})
}

// pae is what a DSSE signature signs (DSSE protocol.md, §Signature Definition).
func pae(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// signMessage signs as verifiers expect it by default of the kind of key.
func signMessage(key crypto.Signer, message []byte) ([]byte, error) {
	var hash crypto.Hash
	random := io.Reader(rand.Reader)
	switch pub := key.Public().(type) {
	case *ecdsa.PublicKey:
		switch pub.Curve.Params().BitSize {
		case 256:
			hash = crypto.SHA256
		case 384:
			hash = crypto.SHA384
		case 521:
			hash = crypto.SHA512
		default:
			return nil, fmt.Errorf("unsupported curve %q", pub.Curve.Params().Name)
		}
		if _, ok := key.(*ecdsa.PrivateKey); ok {
			random = nil // crypto/ecdsa: deterministic, RFC 6979
		}
	case ed25519.PublicKey:
		return key.Sign(random, message, crypto.Hash(0))
	case *rsa.PublicKey:
		hash = crypto.SHA256
	default:
		return nil, fmt.Errorf("unsupported kind of key %T", pub)
	}
	h := hash.New()
	h.Write(message)
	return key.Sign(random, h.Sum(nil), hash)
}
