package tensor

import "fmt"

// A Sameness says how far two models hold the same weights.
type Sameness struct {
	Same     bool     `json:"same"` // the same names, types, shapes and contents
	Equal    int      `json:"equal"`
	Differ   []string `json:"differ,omitempty"` // names that both have, with other content
	Reshaped []string `json:"reshaped,omitempty"`
	OnlyA    []string `json:"onlyA,omitempty"`
	OnlyB    []string `json:"onlyB,omitempty"`
	More     int      `json:"more,omitempty"` // names that are not listed

	// Of A's bytes, how many are in B under whatever name. All of them means
	// that A is made of B's tensors; none says nothing, for a fine-tune can
	// change every tensor.
	SharedBytes uint64 `json:"sharedBytes"`
	BytesA      uint64 `json:"bytesA"`
	BytesB      uint64 `json:"bytesB"`
	RootA       Sum    `json:"rootA"`
	RootB       Sum    `json:"rootB"`
}

// maxNames bounds each list of a Sameness.
const maxNames = 1000

// Same compares two models by their tensors' names and contents. Two models
// without tensors are not the same: nothing was compared.
func Same(a, b []Digest) Sameness {
	s := Sameness{RootA: Root(a), RootB: Root(b)}
	byName := make(map[string]Digest, len(b))
	content := make(map[string]bool, len(b))
	for _, d := range b {
		byName[d.Name] = d
		content[d.content()] = true
		s.BytesB += d.Bytes
	}
	have := make(map[string]bool, len(a))
	for _, d := range Sorted(a) {
		have[d.Name] = true
		s.BytesA += d.Bytes
		if content[d.content()] {
			s.SharedBytes += d.Bytes
		}
		other, ok := byName[d.Name]
		switch {
		case !ok:
			s.list(&s.OnlyA, d.Name)
		case d.content() == other.content():
			s.Equal++
		case d.Sum == other.Sum && d.Bytes == other.Bytes:
			s.list(&s.Reshaped, d.Name)
		default:
			s.list(&s.Differ, d.Name)
		}
	}
	for _, d := range Sorted(b) {
		if !have[d.Name] {
			s.list(&s.OnlyB, d.Name)
		}
	}
	s.Same = len(a) > 0 && s.RootA == s.RootB
	return s
}

// content is a tensor without its name.
func (d Digest) content() string { return fmt.Sprint(DTypeOf(d.DType), d.Shape, d.Sum) }

func (s *Sameness) list(into *[]string, name string) {
	if len(*into) == maxNames {
		s.More++
		return
	}
	*into = append(*into, name)
}
