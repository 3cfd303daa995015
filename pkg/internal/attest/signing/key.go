package signing

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// maxKey bounds a key file in bytes: the largest RSA key that verifiers take
// has 6 kB.
const maxKey = 64 << 10

// The PEM types of encrypted keys: RFC 5958 §3, and cosign's own, whose
// content is scrypt and NaCl's secretbox in JSON.
const (
	typeEncrypted       = "ENCRYPTED PRIVATE KEY"
	typeEncryptedCosign = "ENCRYPTED COSIGN PRIVATE KEY"
	typeEncryptedSig    = "ENCRYPTED SIGSTORE PRIVATE KEY"
)

// A Password gives the password of an encrypted key.
type Password func() ([]byte, error)

// ParseKey reads one private key in PEM: PKCS #8, SEC 1 or PKCS #1 in the
// clear, encrypted PKCS #8, or encrypted as cosign does it. The password is
// asked for only where the key is encrypted; nil stands for the empty one.
// Errors wrap ErrKey, and ErrPassword where the password does not fit.
func ParseKey(data []byte, password Password) (*Key, error) {
	signer, err := parsePrivate(data, password)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newKey(signer)
}

func parsePrivate(data []byte, password Password) (crypto.Signer, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	encrypted := block.Type == typeEncrypted || block.Type == typeEncryptedCosign || block.Type == typeEncryptedSig
	if !encrypted {
		if err := checkType(block); err != nil {
			return nil, err
		}
	}
	secret := []byte{}
	if encrypted && password != nil {
		given, err := password()
		if err != nil {
			return nil, fmt.Errorf("asking for the password: %w", err)
		}
		secret = append(secret, given...) // never nil, which would mean "in the clear" to the library
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), func(bool) ([]byte, error) { return secret, nil })
	switch {
	case err != nil && encrypted && block.Type != typeEncrypted && strings.Contains(err.Error(), "decrypt"):
		return nil, ErrPassword
	case err != nil && block.Type == typeEncrypted:
		// The library tells a wrong password from a damaged file only by
		// whether what came out is a key.
		return nil, fmt.Errorf("%w, or the file is damaged: %w", ErrPassword, err)
	case err != nil:
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T does not sign", key)
	}
	return signer, nil
}

// onlyBlock wants one PEM block: a file with two keys is not silently one key.
// openssl writes a block of parameters before the key, which is left aside.
func onlyBlock(data []byte) (*pem.Block, error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, errors.New("it is empty")
	case len(data) > maxKey:
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(data), maxKey)
	case !bytes.HasPrefix(data, []byte("-----BEGIN ")):
		return nil, errors.New("not a PEM file")
	}
	block, rest := pem.Decode(data)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("malformed PEM block")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("more after the PEM block of the key")
	}
	return block, nil
}

func checkType(block *pem.Block) error {
	if block.Headers["DEK-Info"] != "" { // RFC 1421 §4.6.1.3
		return errors.New("it is encrypted as RFC 1423 has it, which is broken; openssl pkcs8 -topk8 converts it")
	}
	switch block.Type {
	case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
		return nil
	case "PUBLIC KEY", "RSA PUBLIC KEY":
		return errors.New("it is a public key; the private key is wanted")
	case "OPENSSH PRIVATE KEY":
		return errors.New("it is in OpenSSH's own format; ssh-keygen -p -m PKCS8 converts it")
	default:
		return fmt.Errorf("PEM block of type %q, want a private key", block.Type)
	}
}
