// Package tensor names tensors by their content, so that two artifacts can be
// held against each other whatever their files, order or container.
//
// It reads no format: who knows one says where the tensors lie.
package tensor

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// A Digest is one tensor: its name, type and shape, and the SHA-256 of its
// data as stored (little-endian, row-major).
type Digest struct {
	Name  string   `json:"name"`
	DType string   `json:"dtype"` // the container's own word; Same compares them by DTypeOf
	Shape []uint64 `json:"shape"`
	Bytes uint64   `json:"bytes"`
	Sum   Sum      `json:"sha256"`
}

// A Sum is a SHA-256.
type Sum [sha256.Size]byte

// String is the sum in hexadecimal.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText writes String.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads String and refuses all else.
func (s *Sum) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(s) || hex.EncodeToString(raw) != string(b) {
		return fmt.Errorf("malformed SHA-256 %q", b)
	}
	copy(s[:], raw)
	return nil
}

// leafDomain begins every leaf, so that it can be nothing else.
const leafDomain = "mc-tensor-v1"

// leaf is H(0x00 ‖ domain ‖ name ‖ dtype ‖ shape ‖ sha256(data)), every text and
// list behind its length in 8 bytes, big-endian.
func (d Digest) leaf() Sum {
	b := append([]byte{0x00}, leafDomain...)
	text := func(s string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(d.Name)
	text(DTypeOf(d.DType))
	b = binary.BigEndian.AppendUint64(b, uint64(len(d.Shape)))
	for _, n := range d.Shape {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return sha256.Sum256(append(b, d.Sum[:]...))
}

// DTypeOf gives types that are the same under several names one name.
func DTypeOf(dtype string) string {
	switch dtype {
	case "FP32", "float32":
		return "F32"
	case "FP16", "float16":
		return "F16"
	case "bfloat16":
		return "BF16"
	}
	return dtype
}

// Root is the hash of a whole model: the root of the tree over all leaves in
// order of name, type, shape and content, with the domain separation and shape
// of RFC 6962, §2.1 (0x00 before leaves, 0x01 before nodes; the left subtree
// is the largest full one). It does not depend on files or their order.
func Root(all []Digest) Sum {
	sorted := Sorted(all)
	leaves := make([]Sum, len(sorted))
	for i, d := range sorted {
		leaves[i] = d.leaf()
	}
	return tree(leaves)
}

func tree(leaves []Sum) Sum {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := tree(leaves[:k]), tree(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{0x01}, left[:], right[:]))
}

// Sorted returns the digests in the order of Root.
func Sorted(all []Digest) []Digest {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b Digest) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(DTypeOf(a.DType), DTypeOf(b.DType)), slices.Compare(a.Shape, b.Shape), bytes.Compare(a.Sum[:], b.Sum[:]))
	})
	return out
}
