package provenance

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// ErrNotCanonical is wrapped by Decode's error about a document that says
// nothing wrong and is not written as Encode writes it. Its digest would not
// be the record's digest.
var ErrNotCanonical = errors.New("not in canonical form")

// A statement is an in-toto Statement v1 (spec/v1/statement.md) around T.
type statement[T any] struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     T         `json:"predicate"`
}

// A subject has a digest and nothing else: names are what a registry makes
// of them, and the record must not change with them.
type subject struct {
	Digest map[string]string `json:"digest"`
}

// Encode writes m as an in-toto Statement v1 in canonical JSON (RFC 8785),
// its lists in the order of Sort. It refuses, by ErrDishonest, a manifest that
// claims more than it shows; see Validate. The same manifest in any order
// gives the same bytes.
func Encode(m *Manifest) ([]byte, error) {
	b, err := form(m)
	if err == nil {
		err = checkForm(b)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding provenance manifest: %w", err)
	}
	return b, nil
}

// form is what Encode writes, before it is known that it can be read.
func form(m *Manifest) ([]byte, error) {
	sorted, err := sound(m)
	if err != nil {
		return nil, err
	}
	return canonicalForm(statementOf(sorted.Subject, *sorted))
}

// Digest is the SHA-256 of what Encode writes.
func Digest(m *Manifest) (artifact.Digest, error) {
	b, err := Encode(m)
	if err != nil {
		return artifact.Digest{}, err
	}
	return artifact.SumSHA256(b), nil
}

// SubstanceDigest is the SHA-256 of what Encode would write without the
// generator: it stays the same when another version of the tool sees the same,
// and is what reviews bind to.
func SubstanceDigest(m *Manifest) (artifact.Digest, error) {
	b, err := Encode(m)
	if err == nil {
		b, err = withoutGenerator(b)
	}
	if err != nil {
		return artifact.Digest{}, fmt.Errorf("computing substance digest: %w", err)
	}
	return artifact.SumSHA256(b), nil
}

// A Record is a manifest as it was written: what Encode, SubstanceDigest and
// Decode give, with less work.
type Record struct {
	Manifest  *Manifest // as whoever reads Bytes gets it
	Bytes     []byte
	Digest    artifact.Digest // of Bytes
	Substance artifact.Digest
}

// Write writes m and reads what it wrote, on one processor, while another
// checks it.
func Write(m *Manifest) (*Record, error) {
	b, err := form(m)
	if err != nil {
		return nil, fmt.Errorf("encoding provenance manifest: %w", err)
	}
	var r *Record
	var again *Manifest
	var unread error
	together(func() { again, unread = decode(b) }, func() { r, err = checked(b) })
	if err != nil {
		return nil, err
	}
	if unread != nil {
		return nil, fmt.Errorf("decoding provenance manifest: %w", unread)
	}
	r.Manifest = again
	return r, nil
}

// together calls both at once. A panic of either is the caller's.
func together(other, own func()) {
	var thrown any
	var group sync.WaitGroup
	group.Go(func() {
		defer func() { thrown = recover() }()
		other()
	})
	own()
	group.Wait()
	if thrown != nil {
		panic(thrown)
	}
}

// checked is Write without reading.
func checked(b []byte) (*Record, error) {
	if err := checkForm(b); err != nil {
		return nil, fmt.Errorf("encoding provenance manifest: %w", err)
	}
	rest, err := withoutGenerator(b)
	if err != nil {
		return nil, fmt.Errorf("computing substance digest: %w", err)
	}
	return &Record{Bytes: b, Digest: artifact.SumSHA256(b), Substance: artifact.SumSHA256(rest)}, nil
}

// Prepare looks at the types that a record is made of, which Write and Decode
// otherwise do the first time: some milliseconds, while others wait.
func Prepare() {
	for _, v := range []any{
		new(statement[Manifest]), new(Artifact), new(Generator), new(Catalog), new(Member), new(Identity), new(File), new(Claim), new(Observation), new(Speaker), new(Source),
		new(Document), new(Loading), new(Loader), new(Weights), new(Signature), new(Licensing), new(Finding), new(Coverage),
	} {
		_ = json.Unmarshal([]byte("{}"), v)
		_, _ = json.Marshal(v) // of some the zero value cannot be written
	}
}

// withoutGenerator cuts one member of the predicate out of what Encode wrote,
// with the comma behind it: of what may not be missing, "signatures" follows.
func withoutGenerator(written []byte) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(written))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("no generator: %w", err)
		}
		if token.Kind() != '"' || token.String() != "generator" || dec.StackPointer() != "/predicate/generator" {
			continue
		}
		start := dec.InputOffset() - int64(len(`"generator"`))
		if err := dec.SkipValue(); err != nil {
			return nil, err
		}
		end := dec.InputOffset() + int64(len(","))
		return slices.Concat(written[:start], written[end:]), nil
	}
}

// Decode reads what Encode wrote, and nothing else: one statement about one
// subject, no unknown member, nothing dishonest, in canonical form. So the
// digest of data is the Digest of the result.
func Decode(data []byte) (*Manifest, error) {
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decoding provenance manifest: %w", err)
	}
	again, err := Encode(m)
	if err != nil {
		return nil, fmt.Errorf("decoding provenance manifest: %w", err)
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("decoding provenance manifest: %w (RFC 8785, sorted lists): it was edited or reformatted", ErrNotCanonical)
	}
	return m, nil
}

func decode(data []byte) (*Manifest, error) {
	if err := strictjson.Check(data); err != nil {
		return nil, err
	}
	// The envelope first: a stranger's statement should be called by its name,
	// not by the first member that this predicate does not know.
	var envelope statement[jsontext.Value]
	if err := json.Unmarshal(data, &envelope, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("not an in-toto statement about one artifact: %w", err)
	}
	if envelope.Type != StatementType {
		return nil, fmt.Errorf("statement type %q, want %q", envelope.Type, StatementType)
	}
	if envelope.PredicateType != PredicateType {
		return nil, fmt.Errorf("predicate type %q, want %q", envelope.PredicateType, PredicateType)
	}
	m := new(Manifest)
	if err := json.Unmarshal(envelope.Predicate, m, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("predicate: %w", err)
	}
	var err error
	m.Subject, err = subjectOf(envelope.Subject)
	return m, err
}

func statementOf[T any](about artifact.Digest, predicate T) statement[T] {
	return stated(about, PredicateType, predicate)
}

// stated is a statement of any type.
func stated[T any](about artifact.Digest, predicateType string, predicate T) statement[T] {
	return statement[T]{
		Type:          StatementType,
		Subject:       []subject{{Digest: map[string]string{about.Algorithm().String(): about.Hex()}}},
		PredicateType: predicateType,
		Predicate:     predicate,
	}
}

func subjectOf(list []subject) (artifact.Digest, error) {
	if len(list) != 1 || len(list[0].Digest) != 1 {
		return artifact.Digest{}, errors.New("want exactly one subject with exactly one digest")
	}
	var about artifact.Digest
	var err error
	for algorithm, hex := range list[0].Digest {
		about, err = artifact.ParseDigest(algorithm + ":" + hex)
	}
	return about, err
}

// sound returns a sorted copy of m, or the reason why it may not be written.
func sound(m *Manifest) (*Manifest, error) {
	if m == nil {
		return nil, fmt.Errorf("%w: there is none", ErrDishonest)
	}
	sorted := Sort(m)
	if err := validate(sorted); err != nil {
		return nil, err
	}
	return sorted, nil
}

func canonical(v any) ([]byte, error) {
	b, err := canonicalForm(v)
	if err != nil {
		return nil, err
	}
	return b, checkForm(b)
}

func canonicalForm(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(b)
	return value, value.Canonicalize()
}

// checkForm sees to it that what was written can be read: its depth, its
// integers.
func checkForm(written []byte) error {
	if err := strictjson.Check(written); err != nil {
		return err
	}
	return checkNumbers(written)
}

// maxInteger is the largest integer that every JSON reader keeps (RFC 8785
// §3.2.2.3, RFC 7493 §2.2): 2⁵³ − 1.
const maxInteger = 1<<53 - 1

// checkNumbers refuses integers that canonical JSON would change: all beyond
// maxInteger end up beyond it, since rounding keeps the order.
func checkNumbers(value jsontext.Value) error {
	dec := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return nil // the end: the value was just written
		}
		if token.Kind() != '0' {
			continue
		}
		text := token.String()
		if bytes.ContainsAny([]byte(text), ".eE") {
			continue
		}
		if f, err := token.Float(); err != nil || f > maxInteger || f < -maxInteger {
			return fmt.Errorf("integer %s at %s is beyond 2^53-1, which JSON cannot hold exactly", text, dec.StackPointer())
		}
	}
}
