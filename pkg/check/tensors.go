package check

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/tensor"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TensorsVersion is the version of the tensor manifest's JSON, described by
// schemas/tensors-v1.json.
const TensorsVersion = "1"

// MaxTensorManifest bounds a tensor manifest in bytes that is read from a file.
// That of DeepSeek-V3 has some 20 MB.
const MaxTensorManifest = 256 << 20

// ErrTensorManifest is wrapped by errors about a file that is no sound tensor
// manifest.
var ErrTensorManifest = errors.New("no sound tensor manifest")

// Tensors sums up a tensor manifest for the report. It does not stand in the
// record: a record is the same whatever one asks for beside it.
type Tensors struct {
	Algorithm string `json:"algorithm"`
	// Root names all tensors by name, type, shape and content, whatever files
	// they lie in; ContentRoot does the same without their names. Both are
	// absent where tensors were left out: of a part nothing is claimed.
	Root        string         `json:"root,omitempty"`
	ContentRoot string         `json:"contentRoot,omitempty"`
	Count       int            `json:"count"`
	Bytes       uint64         `json:"bytes"`
	Missing     []TensorlessOf `json:"missing,omitempty"`
}

// TensorlessOf is a file that holds weights, or may, whose tensors were not
// told apart.
type TensorlessOf struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// A TensorManifest lists the tensors of one artifact. It is a pure function of
// the artifact's bytes.
type TensorManifest struct {
	SchemaVersion string          `json:"schemaVersion"`
	Subject       artifact.Digest `json:"subject"` // as in the provenance manifest
	Tensors
	List []Tensor `json:"tensors"` // sorted by name, type, shape, content and file
}

// A Tensor is one tensor and the file that it lies in. SHA256 is over its data
// as stored: little-endian, the last dimension varying fastest.
type Tensor struct {
	Name   string   `json:"name"`
	DType  string   `json:"dtype"`
	Shape  []uint64 `json:"shape"`
	Bytes  uint64   `json:"bytes"`
	SHA256 string   `json:"sha256"`
	File   string   `json:"file"`
}

// noteTensors lists the tensors of every file of the model, once the bytes of
// all of them are proved.
func (e *examination) noteTensors(m *provenance.Manifest) {
	if !e.cfg.Tensors && !e.tensors {
		return
	}
	t := &TensorManifest{SchemaVersion: TensorsVersion, Subject: m.Subject, Tensors: Tensors{Algorithm: tensor.Algorithm}, List: []Tensor{}}
	for _, f := range m.Files {
		if f.Role == artifact.RoleSystem {
			continue
		}
		w := e.gallery.seen(f.Layer, f.Path)
		if w == nil {
			t.Missing = append(t.Missing, TensorlessOf{f.Path, "the file was not looked into"})
			continue
		}
		if w.tensorErr != nil {
			if !errors.Is(w.tensorErr, inspect.ErrNoTensors) || f.Role == artifact.RoleWeights || inspect.MayHoldTensors(f.Path, f.Format) || f.Role == artifact.RoleUnknown && f.Format == "" {
				t.Missing = append(t.Missing, TensorlessOf{f.Path, w.tensorErr.Error()})
			}
			continue
		}
		for _, d := range w.tensors {
			t.List = append(t.List, Tensor{d.Name, d.DType, emptyNotNil(d.Shape), d.Bytes, d.Sum.String(), f.Path})
		}
	}
	t.finish()
	e.report.Tensors, e.report.tensors = &t.Tensors, t
}

func emptyNotNil(s []uint64) []uint64 {
	if s == nil {
		return []uint64{}
	}
	return s
}

// finish sorts the list and computes what follows from it.
func (t *TensorManifest) finish() {
	slices.SortFunc(t.List, compareTensors)
	digests, err := t.digests()
	t.Count, t.Bytes = len(t.List), 0
	for _, d := range digests {
		t.Bytes += d.Bytes
	}
	t.Root, t.ContentRoot = "", ""
	if err == nil && len(t.Missing) == 0 && len(digests) > 0 {
		t.Root, t.ContentRoot = tensor.Root(digests).String(), tensor.ContentRoot(digests).String()
	}
}

func (t *TensorManifest) digests() ([]tensor.Digest, error) {
	out := make([]tensor.Digest, len(t.List))
	for i, x := range t.List {
		out[i] = tensor.Digest{Name: x.Name, DType: x.DType, Shape: x.Shape, Bytes: x.Bytes}
		if err := out[i].Sum.UnmarshalText([]byte(x.SHA256)); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrTensorManifest, x.Name, err)
		}
	}
	return out, nil
}

// TensorManifest returns the list of tensors, nil where Config.Tensors did not
// ask for it or not every byte was hashed.
func (r *Report) TensorManifest() *TensorManifest { return r.tensors }

// Encode returns the manifest as JSON.
func (t *TensorManifest) Encode() ([]byte, error) {
	b, err := json.Marshal(t, json.Deterministic(true), jsontext.WithIndent(" "))
	return append(b, '\n'), err
}

// ParseTensorManifest reads what Encode wrote. Sums and roots must be those of
// the list; errors wrap ErrTensorManifest. Nothing says that the list is true:
// that is the word of whoever gave the file.
func ParseTensorManifest(b []byte) (*TensorManifest, error) {
	t := new(TensorManifest)
	err := strictjson.Check(b)
	if err == nil {
		err = json.Unmarshal(b, t, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTensorManifest, err)
	}
	switch {
	case t.SchemaVersion != TensorsVersion:
		return nil, fmt.Errorf("%w: schema version %q, want %q", ErrTensorManifest, t.SchemaVersion, TensorsVersion)
	case t.Algorithm != tensor.Algorithm:
		return nil, fmt.Errorf("%w: algorithm %q, want %q", ErrTensorManifest, t.Algorithm, tensor.Algorithm)
	case t.Subject.IsZero() || t.List == nil:
		return nil, fmt.Errorf("%w: no subject or no list", ErrTensorManifest)
	case !slices.IsSortedFunc(t.List, compareTensors):
		return nil, fmt.Errorf("%w: the tensors are not sorted", ErrTensorManifest)
	}
	if _, err := t.digests(); err != nil {
		return nil, err
	}
	said := t.Tensors
	t.finish()
	if said.Root != t.Root || said.ContentRoot != t.ContentRoot || said.Count != t.Count || said.Bytes != t.Bytes {
		return nil, fmt.Errorf("%w: its root, count or bytes are not those of its list", ErrTensorManifest)
	}
	return t, nil
}
