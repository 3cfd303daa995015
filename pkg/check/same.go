package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
)

// SameVersion is the version of the JSON of a SameReport, described by
// schemas/same-v1.json.
const SameVersion = "1"

// ErrNotCompared is wrapped by errors that say why two artifacts could not be
// held against each other. It is never the same as "same".
var ErrNotCompared = errors.New("not compared")

// A CodedError is an error with its reason code.
type CodedError struct {
	Code string
	Err  error
}

func (e *CodedError) Error() string { return e.Err.Error() }
func (e *CodedError) Unwrap() error { return e.Err }

// The results of a SameReport.
const (
	ResultSame   = "same"
	ResultDiffer = "differ"
)

// A SameReport says whether two artifacts hold the same weights. Its zero value
// says nothing.
type SameReport struct {
	SchemaVersion string   `json:"schemaVersion"`
	Tool          Tool     `json:"tool"`
	Result        string   `json:"result"` // "same" or "differ"; "" where nothing was compared
	A             SameSide `json:"a"`
	B             SameSide `json:"b"`
	Equal         int      `json:"equal"` // tensors of A that B has under the same name
	// Names that both have, with other content, with another number format, and
	// with the same bytes in another shape; then those that one of them has.
	Differ   []string `json:"differ,omitempty"`
	DType    []string `json:"dtype,omitempty"`
	Shape    []string `json:"shape,omitempty"`
	OnlyA    []string `json:"onlyA,omitempty"`
	OnlyB    []string `json:"onlyB,omitempty"`
	Unlisted int      `json:"unlisted,omitzero"` // names beyond the 1,000 of each list
	Error    *Failure `json:"error,omitempty"`
}

// A SameSide is one of the two.
type SameSide struct {
	Name    string          `json:"name"` // reference or file
	Subject artifact.Digest `json:"subject,omitzero"`
	// Hashed says that the bytes were read and matched their digests. Else the
	// list of tensors is the word of the file that it comes from.
	Hashed bool `json:"hashed"`
	Tensors
	// What of this side the other one has too, by content and under any name.
	SharedTensors int    `json:"sharedTensors"`
	SharedBytes   uint64 `json:"sharedBytes"`
}

// Tensors hashes every byte of an artifact and lists its tensors. Signatures
// are not asked for. The error says where a byte does not match.
func (c *Checker) Tensors(ctx context.Context, ref artifact.Reference) (*TensorManifest, error) {
	e := c.begin(ref)
	e.report.Inspected, e.full, e.tensors, e.unsigned = true, true, true, true
	report, err := e.finish(e.run(ctx))
	switch {
	case err != nil:
		return nil, &CodedError{report.Error.Code, err}
	case len(report.Verdict.Reasons) > 0:
		r := report.Verdict.Reasons[0]
		return nil, &CodedError{r.Code, fmt.Errorf("%w: %s", ErrNotCompared, r.Message)}
	case report.tensors == nil:
		return nil, fmt.Errorf("%w: no tensors were listed", ErrNotCompared)
	}
	return report.tensors, nil
}

// Compare holds two lists of tensors against each other. The report is never
// nil; where there is an error, nothing was compared.
func Compare(a, b *TensorManifest, version string) (*SameReport, error) {
	r := &SameReport{SchemaVersion: SameVersion, Tool: Tool{Name: toolName, Version: version}}
	for _, s := range []struct {
		side *SameSide
		list *TensorManifest
		what string
	}{{&r.A, a, "the first"}, {&r.B, b, "the second"}} {
		if s.list == nil {
			return r, fmt.Errorf("%w: %s has no list of tensors", ErrNotCompared, s.what)
		}
		s.side.Subject, s.side.Tensors = s.list.Subject, s.list.Tensors
	}
	if err := errors.Join(comparable("the first", a), comparable("the second", b)); err != nil {
		return r, err
	}
	x, err := a.digests()
	y, err2 := b.digests()
	if err := errors.Join(err, err2); err != nil {
		return r, err
	}
	s := tensor.Same(x, y)
	r.Equal, r.Unlisted = s.Equal, s.More
	r.Differ, r.DType, r.Shape, r.OnlyA, r.OnlyB = s.Differ, s.Retyped, s.Reshaped, s.OnlyA, s.OnlyB
	r.A.SharedTensors, r.A.SharedBytes = s.SharedA.Tensors, s.SharedA.Bytes
	r.B.SharedTensors, r.B.SharedBytes = s.SharedB.Tensors, s.SharedB.Bytes
	r.Result = ResultDiffer
	if s.Same && a.Root == b.Root {
		r.Result = ResultSame
	}
	return r, nil
}

// comparable wants all weights of an artifact, and some.
func comparable(what string, t *TensorManifest) error {
	switch {
	case len(t.Missing) > 0:
		m := t.Missing[0]
		return fmt.Errorf("%w: the tensors of %d files of %s are not told apart, such as %q: %s", ErrNotCompared, len(t.Missing), what, m.Path, m.Reason)
	case t.Count == 0 || t.Bytes == 0 || t.Root == "":
		return fmt.Errorf("%w: %s holds no tensors", ErrNotCompared, what)
	}
	return nil
}

func compareTensors(a, b Tensor) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.DType, b.DType), slices.Compare(a.Shape, b.Shape), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.File, b.File), cmp.Compare(a.Bytes, b.Bytes))
}
