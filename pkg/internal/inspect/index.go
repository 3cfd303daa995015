package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Limits on what is kept of one index.
const (
	// maxShards bounds its files; DeepSeek-V3 has 163.
	maxShards = 10_000
	// maxEntries bounds its tensors; DeepSeek-V3 has 91,991.
	maxEntries = 1 << 17
	// maxNamed is the longest index, in bytes, of which the names are kept for
	// messages: that of a model with 10,000 tensors has some 800 kB.
	maxNamed = 1 << 20
)

// An index says in which file each tensor lies.
type index struct {
	total   uint64
	hasSize bool
	shards  []string
	byShard map[string]int
	entries []indexEntry
	named   bool // entries have names
}

type indexEntry struct {
	hash  [16]byte
	shard uint32
	name  string
}

// indexFacts reads an index: {"metadata": {"total_size": n}, "weight_map":
// {tensor: file}}.
func indexFacts(name string, text []byte) Facts {
	f := Facts{Class: ClassInert}
	x, err := parseIndex(text)
	if err != nil {
		f.Class = ClassUnknown
		f.Findings = append(f.Findings, newFinding("MC-INDEX-MALFORMED", provenance.CodeConfigMalformed, name, err.Error(), nil))
		return f
	}
	f.index = x
	var bad []string
	for _, shard := range x.shards {
		if !localName(shard) || strings.Contains(shard, "/") {
			bad = append(bad, shard)
		}
	}
	if len(bad) > 0 {
		f.Class = ClassFileRead
		f.Findings = append(f.Findings, newFinding("MC-INDEX-PATH", codeFileRead, name, "the index makes its loader open "+quoted(clipAll(bad)),
			map[string]string{"paths": listNames(bad), "loader": "transformers, diffusers"}))
	}
	return f
}

func parseIndex(text []byte) (*index, error) {
	if err := strictjson.Check(text); err != nil {
		return nil, err
	}
	x := &index{byShard: map[string]int{}, named: len(text) <= maxNamed}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	found := false
	err := members(dec, func(key string) error {
		switch key {
		case "weight_map":
			found = true
			return members(dec, func(tensor string) error { return x.entry(dec, tensor) })
		case "metadata":
			return members(dec, func(key string) error {
				v, err := dec.ReadValue()
				if key == "total_size" && err == nil {
					x.total, err = wholeNumber(v)
					x.hasSize = true
				}
				return err
			})
		}
		return dec.SkipValue()
	})
	if err == nil && !found {
		err = errors.New("no weight_map")
	}
	return x, err
}

// members calls visit with every name of the object that is next; visit reads
// the value.
func members(dec *jsontext.Decoder, visit func(name string) error) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != '{' {
		return fmt.Errorf("%v where an object is due", t.Kind())
	}
	for dec.PeekKind() != '}' {
		t, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := visit(t.String()); err != nil {
			return err
		}
	}
	_, err = dec.ReadToken()
	return err
}

func (x *index) entry(dec *jsontext.Decoder, tensor string) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != '"' {
		return fmt.Errorf("the file of %q is no text", clip(tensor))
	}
	shard := t.String()
	i, ok := x.byShard[shard]
	if !ok {
		if len(x.shards) == maxShards {
			return fmt.Errorf("more than %d files", maxShards)
		}
		i = len(x.shards)
		x.shards, x.byShard[shard] = append(x.shards, shard), i
	}
	if len(x.entries) == maxEntries {
		return fmt.Errorf("more than %d tensors", maxEntries)
	}
	e := indexEntry{hash: nameHash(tensor), shard: uint32(i)}
	if x.named {
		e.name = clip(tensor)
	}
	x.entries = append(x.entries, e)
	return nil
}

// wholeNumber reads a number that some writers give as a float.
func wholeNumber(v jsontext.Value) (uint64, error) {
	text := strings.TrimSuffix(string(v), ".0")
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("total_size %s is no whole number", clip(string(v)))
	}
	return n, nil
}
