package oms

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"
)

// An Algorithm hashes resources. The zero value is none.
type Algorithm uint8

// The algorithms of the registry (algorithm-registry.md, §File Hashing
// Algorithms).
const (
	NoAlgorithm Algorithm = iota
	SHA256                // "sha256", 256 bits
	BLAKE2b               // "blake2b", 512 bits, unkeyed (RFC 7693)
	BLAKE3                // "blake3", 256 bits
)

// String returns the identifier of the registry, "none" for the zero value.
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return "sha256"
	case BLAKE2b:
		return "blake2b"
	case BLAKE3:
		return "blake3"
	default:
		return "none"
	}
}

// size returns the length of a digest in bytes, 0 for no algorithm.
func (a Algorithm) size() int {
	switch a {
	case SHA256, BLAKE3:
		return 32
	case BLAKE2b:
		return blake2b.Size
	default:
		return 0
	}
}

// hash returns a fresh hash. It panics for no algorithm: a quiet substitute
// would be a check not made.
func (a Algorithm) hash() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case BLAKE2b:
		h, err := blake2b.New512(nil)
		if err != nil {
			panic("oms: blake2b without a key: " + err.Error())
		}
		return h
	case BLAKE3:
		return blake3.New()
	default:
		panic("oms: hash of no algorithm")
	}
}

// algorithmOf reads an identifier of the registry; NoAlgorithm for any other.
func algorithmOf(name string) Algorithm {
	for _, a := range []Algorithm{SHA256, BLAKE2b, BLAKE3} {
		if a.String() == name {
			return a
		}
	}
	return NoAlgorithm
}

// digest reads a digest in lower-case hexadecimal (§6.3.1 step 3).
func (a Algorithm) digest(enc string) ([]byte, error) {
	if len(enc) != hex.EncodedLen(a.size()) {
		return nil, refuse(ErrAlgorithm, "%d hexadecimal digits for %v, want %d", len(enc), a, hex.EncodedLen(a.size()))
	}
	sum := make([]byte, a.size())
	if _, err := hex.Decode(sum, []byte(enc)); err != nil || hex.EncodeToString(sum) != enc {
		return nil, refuse(ErrAlgorithm, "%s is not lower-case hexadecimal", quoted(enc))
	}
	return sum, nil
}

// A Method is how files are made into resources. The zero value is none.
type Method uint8

// The methods (§6.3).
const (
	NoMethod Method = iota
	Files           // one resource for each file
	Shards          // one resource for each range of ShardSize bytes
)

// String returns the method's word in a statement, "none" for the zero value.
func (m Method) String() string {
	switch m {
	case Files:
		return "files"
	case Shards:
		return "shards"
	default:
		return "none"
	}
}

func methodOf(name string) Method {
	for _, m := range []Method{Files, Shards} {
		if m.String() == name {
			return m
		}
	}
	return NoMethod
}
