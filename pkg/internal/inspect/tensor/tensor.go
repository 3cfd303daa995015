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

// Algorithm names how roots are made, for documents that hold one.
const Algorithm = "mc-tensor-v1"

// The domains begin every leaf, so that it can be nothing else.
const (
	leafDomain    = "mc-tensor-v1"
	contentDomain = "mc-tensor-content-v1"
)

// leaf is H(0x00 ‖ domain ‖ name ‖ dtype ‖ shape ‖ sha256(data)), every text and
// list behind its length in 8 bytes, big-endian.
func (d Digest) leaf() Sum {
	return sha256.Sum256(d.encode(appendText([]byte("\x00"+leafDomain), d.Name)))
}

// content is the leaf without the name.
func (d Digest) content() string {
	sum := sha256.Sum256(d.encode([]byte("\x00" + contentDomain)))
	return string(sum[:])
}

func (d Digest) encode(b []byte) []byte {
	b = appendText(b, DTypeOf(d.DType))
	b = binary.BigEndian.AppendUint64(b, uint64(len(d.Shape)))
	for _, n := range d.Shape {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, d.Sum[:]...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
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
// is the largest full one). It does not depend on files or their order, and a
// tensor that stands twice, in two containers of one model, counts once.
func Root(all []Digest) Sum {
	sorted := Sorted(all)
	leaves := make([]Sum, len(sorted))
	for i, d := range sorted {
		leaves[i] = d.leaf()
	}
	return tree(slices.Compact(leaves))
}

// ContentRoot is Root without the names: of the set of contents, in their
// order. It is the same where tensors were only renamed.
func ContentRoot(all []Digest) Sum {
	leaves := make([]Sum, len(all))
	for i, d := range all {
		leaves[i] = Sum([]byte(d.content()))
	}
	slices.SortFunc(leaves, func(a, b Sum) int { return bytes.Compare(a[:], b[:]) })
	return tree(slices.Compact(leaves))
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
