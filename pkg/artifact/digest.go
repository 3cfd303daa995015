package artifact

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// ErrBadDigest is wrapped by every error about a malformed or unsupported digest.
var ErrBadDigest = errors.New("invalid digest")

// An Algorithm names a hash function. The zero value names none.
type Algorithm uint8

// The algorithms that the OCI image-spec registers and that are considered
// collision resistant (image-spec 1.1, descriptor.md §Registered Algorithms).
const (
	NoAlgorithm Algorithm = iota
	SHA256
	SHA512
)

// String returns the name that stands before the colon of a digest.
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return "sha256"
	case SHA512:
		return "sha512"
	default:
		return "none"
	}
}

// Size returns the length of a sum in bytes, 0 for no algorithm.
func (a Algorithm) Size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	default:
		return 0
	}
}

// New returns a fresh hash. It panics for NoAlgorithm: nothing can be hashed
// with no algorithm, and a quiet substitute would be a check not made.
func (a Algorithm) New() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	default:
		panic("artifact: hash of no algorithm")
	}
}

// A Digest is the result of hashing some bytes. It is comparable. The zero
// value is no digest and equals the digest of nothing.
type Digest struct {
	alg Algorithm
	sum [sha512.Size]byte
}

// ParseDigest reads "sha256:" and 64, or "sha512:" and 128, lower-case
// hexadecimal digits. Every other spelling is refused with ErrBadDigest.
func ParseDigest(s string) (Digest, error) {
	name, enc, ok := strings.Cut(s, ":")
	if !ok {
		return Digest{}, fmt.Errorf("%w %q: no algorithm before a colon", ErrBadDigest, s)
	}
	var d Digest
	switch name {
	case "sha256":
		d.alg = SHA256
	case "sha512":
		d.alg = SHA512
	default:
		return Digest{}, fmt.Errorf("%w %q: unsupported algorithm %q", ErrBadDigest, s, name)
	}
	if want := hex.EncodedLen(d.alg.Size()); len(enc) != want {
		return Digest{}, fmt.Errorf("%w %q: %d hexadecimal digits, want %d", ErrBadDigest, s, len(enc), want)
	}
	if strings.ToLower(enc) != enc {
		return Digest{}, fmt.Errorf("%w %q: upper-case digits", ErrBadDigest, s)
	}
	if _, err := hex.Decode(d.sum[:], []byte(enc)); err != nil {
		return Digest{}, fmt.Errorf("%w %q: not hexadecimal", ErrBadDigest, s)
	}
	return d, nil
}

// SumSHA256 returns the SHA-256 digest of b.
func SumSHA256(b []byte) Digest {
	sum := sha256.Sum256(b)
	return DigestOf(SHA256, sum[:])
}

// DigestOf wraps a finished sum. It panics if sum does not have a's size.
func DigestOf(a Algorithm, sum []byte) Digest {
	if a.Size() == 0 || len(sum) != a.Size() {
		panic("artifact: sum and algorithm differ in size")
	}
	d := Digest{alg: a}
	copy(d.sum[:], sum)
	return d
}

// Algorithm returns the hash function, NoAlgorithm for the zero value.
func (d Digest) Algorithm() Algorithm { return d.alg }

// IsZero says whether d is no digest at all.
func (d Digest) IsZero() bool { return d.alg == NoAlgorithm }

// Sum returns a copy of the raw bytes: 32 for SHA-256, 64 for SHA-512.
func (d Digest) Sum() []byte { return append([]byte(nil), d.sum[:d.alg.Size()]...) }

// Hex returns the sum in lower-case hexadecimal.
func (d Digest) Hex() string { return hex.EncodeToString(d.sum[:d.alg.Size()]) }

// String returns "sha256:…" or "sha512:…", and "" for the zero value.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.alg.String() + ":" + d.Hex()
}

// MarshalText fails for the zero value: no document may hold an absent digest
// that reads like a present one.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, fmt.Errorf("%w: none", ErrBadDigest)
	}
	return []byte(d.String()), nil
}

// UnmarshalText is ParseDigest.
func (d *Digest) UnmarshalText(b []byte) error {
	p, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = p
	return nil
}

// Compare orders digests by their text form; for sorted, reproducible lists.
func (d Digest) Compare(e Digest) int {
	// The constants are in the order of the names, and hexadecimal digits in
	// that of the bytes.
	return cmp.Or(cmp.Compare(d.alg, e.alg), bytes.Compare(d.sum[:], e.sum[:]))
}
