package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
)

// Verifiers take no other RSA keys; attest has the same bounds.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// A Key makes signatures. Only this package makes them.
type Key struct {
	public  crypto.PublicKey
	pem     []byte
	sum     []byte // SHA-256 of the PKIX DER
	details keyDetails
	// sign returns the signature over message. Fresh asks for one that nobody
	// has seen before, where the kind of key allows it.
	sign func(ctx context.Context, message []byte, fresh bool) ([]byte, error)
}

// keyDetails say how verifiers expect a kind of key to be used by default.
type keyDetails struct {
	algorithm string // as Fulcio names it
	hash      crypto.Hash
	protoHash protocommon.HashAlgorithm
	details   protocommon.PublicKeyDetails
}

// PublicPEM returns the public half (PKIX).
func (k *Key) PublicPEM() []byte { return append([]byte(nil), k.pem...) }

// Fingerprint returns "sha256:" and the hash of the public half's PKIX DER.
func (k *Key) Fingerprint() string { return "sha256:" + hex.EncodeToString(k.sum) }

// newKey takes a key in memory.
func newKey(signer crypto.Signer) (*Key, error) {
	k, err := publicKey(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	_, ecdsaInMemory := signer.(*ecdsa.PrivateKey)
	k.sign = func(_ context.Context, message []byte, fresh bool) ([]byte, error) {
		random := io.Reader(rand.Reader)
		if ecdsaInMemory && !fresh {
			random = nil // crypto/ecdsa: deterministic, RFC 6979: signing again changes nothing
		}
		return signer.Sign(random, k.digest(message), k.details.hash)
	}
	return k, nil
}

// newEphemeral makes the key of one keyless signature.
func newEphemeral() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

// publicKey fills everything but sign.
func publicKey(public crypto.PublicKey) (*Key, error) {
	details, err := detailsOf(public)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return &Key{
		public:  public,
		pem:     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		sum:     sum[:],
		details: details,
	}, nil
}

func detailsOf(public crypto.PublicKey) (keyDetails, error) {
	switch pub := public.(type) {
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P256():
			return keyDetails{"ECDSA", crypto.SHA256, protocommon.HashAlgorithm_SHA2_256, protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256}, nil
		case elliptic.P384():
			return keyDetails{"ECDSA", crypto.SHA384, protocommon.HashAlgorithm_SHA2_384, protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384}, nil
		case elliptic.P521():
			return keyDetails{"ECDSA", crypto.SHA512, protocommon.HashAlgorithm_SHA2_512, protocommon.PublicKeyDetails_PKIX_ECDSA_P521_SHA_512}, nil
		default:
			return keyDetails{}, fmt.Errorf("unsupported curve %q", pub.Params().Name)
		}
	case ed25519.PublicKey:
		return keyDetails{"ED25519", 0, protocommon.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED, protocommon.PublicKeyDetails_PKIX_ED25519}, nil
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n < minRSABits || n > maxRSABits {
			return keyDetails{}, fmt.Errorf("RSA key of %d bits, want %d to %d", n, minRSABits, maxRSABits)
		}
		return keyDetails{"RSA", crypto.SHA256, protocommon.HashAlgorithm_SHA2_256, protocommon.PublicKeyDetails_PUBLIC_KEY_DETAILS_UNSPECIFIED}, nil
	default:
		return keyDetails{}, fmt.Errorf("unsupported kind of key %T", public)
	}
}

// digest returns what the key signs for a message: Ed25519 hashes by itself.
func (k *Key) digest(message []byte) []byte {
	if k.details.hash == 0 {
		return message
	}
	h := k.details.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// A Hint says how a bundle names the key that made it. Hints help to find a
// key and prove nothing.
type Hint uint8

// The ways of naming a key.
const (
	CosignHint Hint = iota // base64 of the SHA-256 of the PKIX DER
	OMSHint                // the same in hexadecimal (OpenSSF Model Signing)
)

func (k *Key) hint(h Hint) string {
	if h == OMSHint {
		return hex.EncodeToString(k.sum)
	}
	return base64.StdEncoding.EncodeToString(k.sum)
}

// A keypair is a Key as sigstore-go's sign package wants to see it.
type keypair struct {
	*Key
	naming Hint
	fresh  bool
}

// GetHashAlgorithm implements sign.Keypair.
func (k keypair) GetHashAlgorithm() protocommon.HashAlgorithm { return k.details.protoHash }

// GetSigningAlgorithm implements sign.Keypair.
func (k keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails { return k.details.details }

// GetHint implements sign.Keypair.
func (k keypair) GetHint() []byte { return []byte(k.hint(k.naming)) }

// GetKeyAlgorithm implements sign.Keypair.
func (k keypair) GetKeyAlgorithm() string { return k.details.algorithm }

// GetPublicKey implements sign.Keypair.
func (k keypair) GetPublicKey() crypto.PublicKey { return k.public }

// GetPublicKeyPem implements sign.Keypair.
func (k keypair) GetPublicKeyPem() (string, error) { return string(k.pem), nil }

// SignData implements sign.Keypair.
func (k keypair) SignData(ctx context.Context, message []byte) (sig, digest []byte, err error) {
	sig, err = k.sign(ctx, message, k.fresh)
	return sig, k.digest(message), err
}
