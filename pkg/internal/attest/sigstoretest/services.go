package sigstoretest

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"time"

	"github.com/digitorus/timestamp"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// Certify returns what the certificate authority answers to somebody who proved
// to be an identity and to have a key: his certificate, and its issuer's.
func (l *Lab) Certify(r Request, pub crypto.PublicKey) ([]*x509.Certificate, error) {
	leaf, err := l.leaf(r, pub)
	return []*x509.Certificate{leaf, l.authority}, err
}

// Timestamp answers a question for a time: an RFC 3161 response over the
// SHA-256 of something.
func (l *Lab) Timestamp(sum []byte, at time.Time) ([]byte, error) {
	t := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256,
		HashedMessage: sum,
		Time:          at,
		Policy:        asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
	}
	return t.CreateResponseWithOpts(l.stamper, l.stamperKey, crypto.SHA256)
}

// A Record is what a signer has logged. Payload is of an envelope, Digest the
// SHA-256 of what was signed; the verifier is a certificate or a public key.
type Record struct {
	Payload     []byte
	Digest      []byte
	Signature   []byte
	VerifierDER []byte
	VerifierPEM []byte
	Certificate bool
}

// Log enters a record into a log of the given generation (1 or 2) and returns
// the proof.
func (l *Lab) Log(generation int, r Record, at time.Time) (*protorekor.TransparencyLogEntry, error) {
	return l.entry(generation, logged{
		payload: r.Payload, digest: r.Digest, signature: r.Signature,
		verifierDER: r.VerifierDER, verifierPEM: r.VerifierPEM, certificate: r.Certificate,
	}, at, true)
}
