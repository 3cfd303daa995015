package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const (
	bundleType  = "application/vnd.dev.sigstore.bundle.v0.3+json"
	intotoType  = "application/vnd.in-toto+json"
	cosignType  = "https://sigstore.dev/cosign/sign/v1"
	generation1 = 1
)

// A Request says what to sign and what to leave out. Subject is required;
// without Identity the bundle is signed with Key and carries no certificate.
type Request struct {
	Subject       artifact.Digest
	PredicateType string // of the statement; default: what "cosign sign" signs
	Statement     []byte // instead of a statement about Subject
	PayloadType   string // default: in-toto
	Message       bool   // a message signature over Subject instead of a statement

	Key              crypto.Signer // default: a fresh key on P-256
	Identity         string        // alternative name: an e-mail address, or a URI
	MoreIdentities   []string
	Issuer           string
	SourceRepository string
	Certificates     []*x509.Certificate // of Key, by another authority: the leaf, then what is above it

	IssuedAt  time.Time // of the certificate, which is valid for ten minutes
	LoggedAt  time.Time // default: a minute later
	StampedAt time.Time // default: a minute later

	Rekor2           bool // log of the second generation, which vouches for no time
	WithoutSCT       bool
	WithoutLog       bool
	WithoutPromise   bool // no signed entry timestamp
	WithoutTimestamp bool
}

// Bundle signs and returns a Sigstore bundle, version 0.3, as JSON.
func (l *Lab) Bundle(r Request) ([]byte, error) {
	if err := r.complete(); err != nil {
		return nil, err
	}
	b := &protobundle.Bundle{MediaType: bundleType, VerificationMaterial: &protobundle.VerificationMaterial{}}
	e, err := r.sign(b)
	if err != nil {
		return nil, err
	}
	if err := l.verifier(r, b.VerificationMaterial, &e); err != nil {
		return nil, err
	}
	if !r.WithoutLog {
		generation := generation1
		if r.Rekor2 {
			generation++
		}
		entry, err := l.entry(generation, e, r.LoggedAt, !r.WithoutPromise)
		if err != nil {
			return nil, err
		}
		b.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{entry}
	}
	if !r.WithoutTimestamp {
		stamp, err := l.stamp(e.signature, r.StampedAt)
		if err != nil {
			return nil, err
		}
		b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
		}
	}
	return protojson.Marshal(b)
}

func (r *Request) complete() error {
	if r.Key == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		r.Key = k
	}
	if r.LoggedAt.IsZero() {
		r.LoggedAt = r.IssuedAt.Add(time.Minute)
	}
	if r.StampedAt.IsZero() {
		r.StampedAt = r.IssuedAt.Add(time.Minute)
	}
	if r.PayloadType == "" {
		r.PayloadType = intotoType
	}
	if r.PredicateType == "" {
		r.PredicateType = cosignType
	}
	if r.Statement == nil {
		r.Statement = fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{%q:%q}}],"predicateType":%q,"predicate":{}}`,
			r.Subject.Algorithm(), r.Subject.Hex(), r.PredicateType)
	}
	return nil
}

// sign signs what is asked for and puts it into b.
func (r *Request) sign(b *protobundle.Bundle) (logged, error) {
	var e logged
	if r.Message {
		sig, err := r.Key.Sign(rand.Reader, r.Subject.Sum(), crypto.SHA256)
		if err != nil {
			return e, err
		}
		b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: r.Subject.Sum()}, Signature: sig,
		}}
		return logged{digest: r.Subject.Sum(), signature: sig}, nil
	}
	message := dsse.PAE(r.PayloadType, r.Statement)
	sum := sha256.Sum256(message)
	sig, err := signMessage(r.Key, message)
	if err != nil {
		return e, err
	}
	b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
		Payload: r.Statement, PayloadType: r.PayloadType, Signatures: []*protodsse.Signature{{Sig: sig}},
	}}
	return logged{payload: r.Statement, digest: sum[:], signature: sig}, nil
}

// signMessage hashes with SHA-256, except for Ed25519 and where a key on
// another curve wants its own hash.
func signMessage(key crypto.Signer, message []byte) ([]byte, error) {
	hash := crypto.SHA256
	switch pub := key.Public().(type) {
	case ed25519.PublicKey:
		return key.Sign(rand.Reader, message, crypto.Hash(0))
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P384():
			hash = crypto.SHA384
		case elliptic.P521():
			hash = crypto.SHA512
		}
	}
	h := hash.New()
	h.Write(message)
	return key.Sign(rand.Reader, h.Sum(nil), hash)
}

// verifier puts the certificate or the key's hint into m and into the entry.
func (l *Lab) verifier(r Request, m *protobundle.VerificationMaterial, e *logged) error {
	if len(r.Certificates) > 0 {
		e.certificate = true
		e.verifierDER, e.verifierPEM = r.Certificates[0].Raw, PEM(r.Certificates[0])
		m.Content = chainOf(r.Certificates)
		return nil
	}
	if r.Identity == "" {
		der, err := x509.MarshalPKIXPublicKey(r.Key.Public())
		if err != nil {
			return err
		}
		id, err := keyID(r.Key.Public())
		if err != nil {
			return err
		}
		e.verifierDER, e.verifierPEM = der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		m.Content = &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(id)}}
		return nil
	}
	leaf, err := l.leaf(r, r.Key.Public())
	if err != nil {
		return err
	}
	e.certificate = true
	e.verifierDER, e.verifierPEM = leaf.Raw, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	m.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}}
	return nil
}

// chainOf is how bundles of signers without Sigstore's services carry
// certificates.
func chainOf(certs []*x509.Certificate) *protobundle.VerificationMaterial_X509CertificateChain {
	chain := &protocommon.X509CertificateChain{}
	for _, c := range certs {
		chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: c.Raw})
	}
	return &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: chain}
}
