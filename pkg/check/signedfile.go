package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxSignedFile bounds a policy that lies in a registry; files may have as much.
const maxSignedFile = 1 << 20

// ErrNotSignedFile is wrapped where a reference is no artifact of one small
// file, or not pinned to a digest.
var ErrNotSignedFile = errors.New("not an artifact of one file")

// SignedFile fetches an artifact of exactly one file, of at most 1 MiB, such as
// a policy, by its digest, and returns the bytes where the signatures that the
// policy of c requires hold. No record is made. Its errors are *CodedError;
// where nobody whom the policy names signed, the code is CodeTrustMaterial.
func (c *Checker) SignedFile(ctx context.Context, ref artifact.Reference) ([]byte, error) {
	e := c.begin(ref)
	data, err := e.signedFile(ctx)
	if err == nil {
		return data, nil
	}
	var coded *CodedError
	if errors.As(err, &coded) {
		return nil, err
	}
	code, _ := classify(err)
	return nil, &CodedError{code, err}
}

func (e *examination) signedFile(ctx context.Context) (data []byte, err error) {
	refuse := func(format string, args ...any) error {
		return &CodedError{provenance.CodeTrustMaterial, fmt.Errorf("%v: %w", e.ref, fmt.Errorf(format, args...))}
	}
	if e.ref.Digest().IsZero() {
		return nil, refuse("%w: it has no digest", ErrNotSignedFile)
	}
	if err := e.cfg.CheckRootAges(e.report.StartedAt); err != nil {
		return nil, err
	}
	if e.store, err = e.client.Open(e.ref); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.store.Close()) }()
	if err := e.resolve(ctx); err != nil {
		return nil, err
	}
	if err := e.collect(ctx); err != nil {
		return nil, err
	}
	if v := e.cfg.Policy.Signed(e.report.Signatures); !v.Allowed() {
		why := "nobody is named who has to sign it"
		if len(v.Reasons) > 0 {
			why = v.Reasons[0].Message
		}
		return nil, refuse("it is not signed as it has to be: %s", why)
	}
	doc, err := packaging.Parse(e.subject.Body, e.subject.Descriptor)
	if err != nil {
		return nil, err
	}
	if doc.Image == nil || len(doc.Image.Layers) != 1 {
		return nil, refuse("%w: it must have one layer", ErrNotSignedFile)
	}
	layer := doc.Image.Layers[0]
	if layer.Encoding != packaging.Raw || layer.Size > maxSignedFile {
		return nil, refuse("%w: its layer is an archive, or larger than %d bytes", ErrNotSignedFile, maxSignedFile)
	}
	return e.store.Bytes(ctx, layer.Descriptor, maxSignedFile)
}
