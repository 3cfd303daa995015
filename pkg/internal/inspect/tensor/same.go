package tensor

import (
	"slices"
	"strings"
)

// A Sameness says how far two models hold the same weights.
type Sameness struct {
	Same     bool     // the same names, types, shapes and contents, and some bytes
	Equal    int      // tensors of A that B has under the same name
	Differ   []string // names that both have, with other content
	Retyped  []string // with another number format
	Reshaped []string // with the same bytes in another shape
	OnlyA    []string
	OnlyB    []string
	More     int // names that are not listed

	// What of A is in B under whatever name, and the other way round. All of A
	// means that A is made of B's tensors; none says nothing, for a fine-tune
	// can change every tensor.
	SharedA, SharedB Share
}

// A Share is the tensors of one model that the other has too, by content, and
// all of its tensors.
type Share struct {
	Tensors, OfTensors int
	Bytes, OfBytes     uint64
}

// maxNames bounds each list of a Sameness.
const maxNames = 1000

// Same compares two models by their tensors' names and contents. Two models
// without a byte of tensors are not the same: nothing was compared.
func Same(a, b []Digest) Sameness {
	var s Sameness
	s.SharedA, s.SharedB = share(a, b), share(b, a)
	leaves := make(map[Sum]bool, len(b))
	for _, d := range b {
		leaves[d.leaf()] = true
	}
	for _, d := range a {
		if leaves[d.leaf()] {
			s.Equal++
		}
	}
	inA, inB := byName(a), byName(b)
	for _, name := range names(a) {
		if _, ok := inB[name]; !ok {
			s.list(&s.OnlyA, name)
		}
	}
	for _, name := range names(b) {
		mine, ok := inA[name]
		if !ok {
			s.list(&s.OnlyB, name)
			continue
		}
		s.differ(name, mine, inB[name])
	}
	s.Same = s.SharedA.OfBytes > 0 && Root(a) == Root(b)
	return s
}

// differ files a name that both have, unless all under it is equal.
func (s *Sameness) differ(name string, a, b []Digest) {
	if Root(a) == Root(b) {
		return
	}
	x, y := a[0], b[0]
	switch {
	case len(a) > 1 || len(b) > 1:
		s.list(&s.Differ, name)
	case DTypeOf(x.DType) != DTypeOf(y.DType):
		s.list(&s.Retyped, name)
	case x.Sum == y.Sum && x.Bytes == y.Bytes:
		s.list(&s.Reshaped, name)
	default:
		s.list(&s.Differ, name)
	}
}

func share(a, b []Digest) Share {
	have := make(map[string]bool, len(b))
	for _, d := range b {
		have[d.content()] = true
	}
	var s Share
	for _, d := range a {
		s.OfTensors++
		s.OfBytes += d.Bytes
		if have[d.content()] {
			s.Tensors++
			s.Bytes += d.Bytes
		}
	}
	return s
}

func byName(all []Digest) map[string][]Digest {
	out := make(map[string][]Digest, len(all))
	for _, d := range all {
		out[d.Name] = append(out[d.Name], d)
	}
	return out
}

func names(all []Digest) []string {
	out := make([]string, len(all))
	for i, d := range all {
		out[i] = d.Name
	}
	slices.SortFunc(out, strings.Compare)
	return slices.Compact(out)
}

func (s *Sameness) list(into *[]string, name string) {
	if len(*into) == maxNames {
		s.More++
		return
	}
	*into = append(*into, name)
}
