package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Tensor is one entry of the header. Begin and End count bytes from the
// start of the data.
type Tensor struct {
	Name       string
	DType      string
	Shape      []uint64
	Begin, End uint64
	Elements   uint64
}

// maxRank bounds the number of dimensions. Tensors in the wild have at most 6;
// numpy's own limit is 64.
const maxRank = 64

// entry is one member of the header: a tensor, or the metadata.
type entry struct {
	tensor   Tensor
	metadata map[string]string
}

// parseMember reads one `"name": value` strictly: no duplicate names, valid
// UTF-8, no field that the format does not have. The reference reader ignores
// unknown fields, which would leave room to hide data.
func (p *Parser) parseMember(member []byte) (entry, error) {
	dec := p.dec
	dec.Reset(io.MultiReader(strings.NewReader("{"), bytes.NewReader(member), strings.NewReader("}")))
	if _, err := dec.ReadToken(); err != nil { // our own brace
		return entry{}, err
	}
	name, err := text(dec, "name")
	if err != nil {
		return entry{}, err
	}
	var e entry
	if name == "__metadata__" {
		if e.metadata, err = parseMetadata(dec); err != nil {
			return entry{}, fmt.Errorf("__metadata__: %w", err)
		}
	} else if e.tensor, err = parseTensor(dec, name); err != nil {
		return entry{}, fmt.Errorf("tensor %q: %w", clip(name), err)
	}
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '}' {
		return entry{}, errors.Join(errors.New("more than one value in an entry"), err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return entry{}, errors.New("more after an entry")
	}
	return e, nil
}

func parseMetadata(dec *jsontext.Decoder) (map[string]string, error) {
	if err := want(dec, '{', "object"); err != nil {
		return nil, err
	}
	m := map[string]string{}
	for dec.PeekKind() != '}' {
		key, err := text(dec, "key")
		if err != nil {
			return nil, err
		}
		if m[key], err = text(dec, "value of "+strconv.Quote(clip(key))); err != nil {
			return nil, err
		}
	}
	return m, want(dec, '}', "end of object")
}

func parseTensor(dec *jsontext.Decoder, name string) (Tensor, error) {
	t := Tensor{Name: name}
	if err := want(dec, '{', "object"); err != nil {
		return t, err
	}
	var offsets []uint64
	seen := 0
	for dec.PeekKind() != '}' {
		key, err := text(dec, "key")
		if err != nil {
			return t, err
		}
		switch key {
		case "dtype":
			t.DType, err = text(dec, "dtype")
		case "shape":
			t.Shape, err = numbers(dec, maxRank)
		case "data_offsets":
			offsets, err = numbers(dec, 2)
		default:
			err = errors.New("unknown field")
		}
		if err != nil {
			return t, fmt.Errorf("%q: %w", clip(key), err)
		}
		seen++
	}
	if err := want(dec, '}', "end of object"); err != nil {
		return t, err
	}
	if seen != 3 || len(offsets) != 2 {
		return t, errors.New("needs dtype, shape and two data_offsets")
	}
	t.Begin, t.End = offsets[0], offsets[1]
	return t, t.check()
}

// check holds what Metadata::validate of the reference holds for one tensor:
// checked products, whole bytes, and offsets that span exactly the data.
func (t *Tensor) check() error {
	width, ok := bitsOf(t.DType)
	if !ok {
		return fmt.Errorf("unknown dtype %q", clip(t.DType))
	}
	n := uint64(1)
	for _, d := range t.Shape {
		hi, lo := bits.Mul64(n, d)
		if hi != 0 {
			return errors.New("number of elements overflows 64 bits")
		}
		n = lo
	}
	hi, size := bits.Mul64(n, width)
	switch {
	case hi != 0:
		return errors.New("number of bits overflows 64 bits")
	case size%8 != 0:
		return fmt.Errorf("%d elements of %s do not fill whole bytes", n, t.DType)
	case t.End < t.Begin:
		return fmt.Errorf("data ends at %d before it begins at %d", t.End, t.Begin)
	case t.End-t.Begin != size/8:
		return fmt.Errorf("data_offsets span %d bytes, dtype and shape need %d", t.End-t.Begin, size/8)
	}
	t.Elements = n
	return nil
}

func text(dec *jsontext.Decoder, what string) (string, error) {
	t, err := dec.ReadToken()
	if err != nil {
		return "", err
	}
	if t.Kind() != '"' {
		return "", fmt.Errorf("%s is not a string", what)
	}
	return t.String(), nil
}

func numbers(dec *jsontext.Decoder, limit int) ([]uint64, error) {
	if err := want(dec, '[', "array"); err != nil {
		return nil, err
	}
	out := []uint64{}
	for dec.PeekKind() != ']' {
		t, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		if t.Kind() != '0' {
			return nil, errors.New("an item is not a number")
		}
		n, err := strconv.ParseUint(t.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number of 64 bits", clip(t.String()))
		}
		if len(out) == limit {
			return nil, fmt.Errorf("more than %d items", limit)
		}
		out = append(out, n)
	}
	return out, want(dec, ']', "end of array")
}

func want(dec *jsontext.Decoder, kind jsontext.Kind, what string) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != kind {
		return fmt.Errorf("%v where an %s is due", t.Kind(), what)
	}
	return nil
}

// clip keeps a stranger's name short enough for a sentence.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "…"
	}
	return s
}
