package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/signature"
)

const (
	minRSABits = 2048 // NIST SP 800-57 part 1, table 2: 112 bits of strength
	maxRSABits = 8192 // verifying takes time that grows with the square
)

// A trustedKey is a configured key with every way in which tools sign with one
// of its kind.
type trustedKey struct {
	name        string
	fingerprint string // "sha256:" + hex of the PKIX DER
	hints       []string
	verifiers   []signature.Verifier
	notBefore   time.Time // zero: no bound
	notAfter    time.Time // zero: no bound
}

// hinted says whether a bundle's key hint names k. Hints are not signed: they
// choose words for a refusal, never a key.
func (k trustedKey) hinted(hint string) bool {
	for _, h := range k.hints {
		if hint == h {
			return true
		}
	}
	return false
}

func parseKey(k Key) (trustedKey, error) {
	pub, err := parsePublicKey(k.PEM)
	if err != nil {
		return trustedKey{}, err
	}
	if !k.NotAfter.IsZero() && k.NotAfter.Before(k.NotBefore) {
		return trustedKey{}, fmt.Errorf("it is valid from %s and only until %s", rfc3339(k.NotBefore), rfc3339(k.NotAfter))
	}
	verifiers, err := keyVerifiers(pub)
	if err != nil {
		return trustedKey{}, err
	}
	sum, err := keySum(pub)
	if err != nil {
		return trustedKey{}, err
	}
	enc := hex.EncodeToString(sum)
	return trustedKey{
		name:        k.Name,
		fingerprint: "sha256:" + enc,
		hints:       append(hints(pub), base64.StdEncoding.EncodeToString(sum), enc, "sha256:"+enc), // the first of them is cosign's
		verifiers:   verifiers,
		notBefore:   k.NotBefore,
		notAfter:    k.NotAfter,
	}, nil
}

// hints returns what OpenSSF Model Signing calls a key in hexadecimal: the
// SHA-256 of its PEM (model_signing 1.1, sign_ec_key.py).
func hints(pub crypto.PublicKey) []string {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return []string{hex.EncodeToString(sum[:])}
}

// keySum returns the SHA-256 of the key's PKIX DER.
func keySum(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding the key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

// parsePublicKey wants exactly one PEM block: a file with two keys is not
// silently one key.
func parsePublicKey(data []byte) (crypto.PublicKey, error) {
	blocks, err := pemBlocks(data, 1)
	if err != nil {
		return nil, err
	}
	block := blocks[0]
	if len(block.Headers) > 0 {
		return nil, errors.New("PEM block with headers")
	}
	switch {
	case block.Type == "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("it is a private key; the public key is wanted")
	default:
		return nil, fmt.Errorf("PEM block of type %q, want \"PUBLIC KEY\"", block.Type)
	}
}

// keyVerifiers returns a verifier for each way of signing with the kind of
// pub: with P-384 and P-521 older clients hashed with SHA-256; Ed25519 signs
// either the message or, prehashed, a digest.
func keyVerifiers(pub crypto.PublicKey) ([]signature.Verifier, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		return ecdsaVerifiers(k)
	case ed25519.PublicKey:
		pure, err := signature.LoadED25519Verifier(k)
		if err != nil {
			return nil, err
		}
		prehashed, err := signature.LoadED25519phVerifier(k)
		if err != nil {
			return nil, err
		}
		return []signature.Verifier{pure, prehashed}, nil
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return nil, fmt.Errorf("RSA key of %d bits, want %d to %d", n, minRSABits, maxRSABits)
		}
		v, err := signature.LoadRSAPKCS1v15Verifier(k, crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return []signature.Verifier{v}, nil
	default:
		return nil, fmt.Errorf("unsupported kind of key %T", pub)
	}
}

func ecdsaVerifiers(k *ecdsa.PublicKey) ([]signature.Verifier, error) {
	var hashes []crypto.Hash
	switch k.Curve {
	case elliptic.P256():
		hashes = []crypto.Hash{crypto.SHA256}
	case elliptic.P384():
		hashes = []crypto.Hash{crypto.SHA384, crypto.SHA256}
	case elliptic.P521():
		hashes = []crypto.Hash{crypto.SHA512, crypto.SHA256}
	default:
		return nil, fmt.Errorf("unsupported curve %q", k.Params().Name)
	}
	var out []signature.Verifier
	for _, h := range hashes {
		v, err := signature.LoadECDSAVerifier(k, h)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// keyMaterial is trust in one key, whatever hint a bundle gives.
func keyMaterial(v signature.Verifier) root.TrustedMaterial {
	key := root.NewExpiringKey(v, time.Time{}, time.Time{})
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil })
}
